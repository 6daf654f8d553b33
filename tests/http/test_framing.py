"""Ambiguous framing and slow clients, over bare sockets.

Each ambiguous request is followed by, or holds, a marker request that makes a customer. Whatever the server thinks of
the first, the marker must never be executed."""

import json
import time

import pytest

from http_client import Client
from raw_http import Closed, RawConnection, exchange
from support import unique_email

BODY = b'{"name":"Outer"}'
LENGTH = str(len(BODY)).encode()


def marker(address):
    body = json.dumps({"name": "Marker", "email": address}).encode()
    return (b"POST /customers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            % len(body)) + body


def outer(*lines, version=b"1.1", host=b"Host: localhost", method=b"POST"):
    top = [method + b" /customers HTTP/" + version] + ([host] if host else []) + [b"Content-Type: application/json"]
    return b"\r\n".join(top + list(lines)) + b"\r\n\r\n"


CHUNKED = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
TE = b"Transfer-Encoding: "
CL = b"Content-Length: "

# Framing that is ambiguous or malformed: 400, and the connection closes. The marker comes behind the outer body.
AMBIGUOUS = [
    ("length and chunked", outer(CL + LENGTH, TE + b"chunked") + CHUNKED),
    ("chunked and length", outer(TE + b"chunked", CL + LENGTH) + CHUNKED),
    ("length zero and chunked", outer(CL + b"0", TE + b"chunked") + CHUNKED),
    ("length and chunked, body by length", outer(CL + LENGTH, TE + b"chunked") + BODY),
    ("length and chunked, empty chunks", outer(CL + b"5", TE + b"chunked") + b"0\r\n\r\n"),
    ("length and an unknown coding", outer(CL + LENGTH, TE + b"xchunked") + BODY),
    ("length and identity", outer(CL + LENGTH, TE + b"identity") + BODY),
    ("two different lengths", outer(CL + LENGTH, CL + b"0") + BODY),
    ("two different lengths, turned", outer(CL + b"0", CL + LENGTH) + BODY),
    ("the same length twice", outer(CL + LENGTH, CL + LENGTH) + BODY),
    ("a list of lengths", outer(CL + LENGTH + b", " + LENGTH) + BODY),
    ("a list of different lengths", outer(CL + LENGTH + b",0") + BODY),
    ("a length with plus", outer(CL + b"+" + LENGTH) + BODY),
    ("a length with minus", outer(CL + b"-" + LENGTH) + BODY),
    ("a length in hexadecimal", outer(CL + b"0x10") + BODY),
    ("a length with a letter", outer(CL + LENGTH + b"a") + BODY),
    ("a length with a fraction", outer(CL + LENGTH + b".0") + BODY),
    ("a length with an exponent", outer(CL + b"1e1") + BODY),
    ("a length of blanks inside", outer(CL + b"1 6") + BODY),
    ("an empty length", outer(CL) + BODY),
    ("an unknown coding", outer(TE + b"xchunked") + CHUNKED),
    ("a coding list", outer(TE + b"gzip, chunked") + CHUNKED),
    ("chunked, identity", outer(TE + b"chunked, identity") + CHUNKED),
    ("identity", outer(TE + b"identity") + CHUNKED),
    ("identity, chunked", outer(TE + b"identity, chunked") + CHUNKED),
    ("chunked twice in a list", outer(TE + b"chunked, chunked") + CHUNKED),
    ("two coding fields", outer(TE + b"chunked", TE + b"identity") + CHUNKED),
    ("two coding fields, turned", outer(TE + b"identity", TE + b"chunked") + CHUNKED),
    ("chunked in two fields", outer(TE + b"chunked", TE + b"chunked") + CHUNKED),
    ("an empty coding", outer(TE) + CHUNKED),
    ("chunked with a vertical tab", outer(TE + b"\x0bchunked") + CHUNKED),
    ("chunked with a quote", outer(TE + b'"chunked"') + CHUNKED),
    ("chunked with a parameter", outer(TE + b"chunked;x=1") + CHUNKED),
    ("chunked on HTTP/1.0", outer(TE + b"chunked", version=b"1.0") + CHUNKED),
    ("chunked and length on HTTP/1.0", outer(TE + b"chunked", CL + LENGTH, version=b"1.0") + CHUNKED),
    ("no host", outer(CL + LENGTH, host=None) + BODY),
    ("two hosts", outer(b"Host: b", CL + LENGTH) + BODY),
    ("length and chunked on GET", outer(CL + b"0", TE + b"chunked", method=b"GET") + b"0\r\n\r\n"),
    ("two lengths on GET", outer(CL + b"0", CL + b"5", method=b"GET")),
    ("a length with plus on DELETE", outer(CL + b"+0", method=b"DELETE")),
]

# Bytes that are no HTTP, some of which the library answers by itself: refused in whatever form, the connection closes.
BROKEN = [
    ("a length beyond 64 bits", outer(CL + b"18446744073709551632") + BODY),
    ("a length that a NUL cuts", outer(CL + b"1\0" + LENGTH) + BODY),
    ("a length that a NUL cuts, before another field", outer(CL + b"1\0" + LENGTH, b"X: y") + BODY),
    ("a target that a NUL cuts", outer(CL + LENGTH).replace(b"/customers ", b"/customers\0/x ") + BODY),
    ("a query that a NUL cuts", outer(CL + LENGTH).replace(b"/customers ", b"/customers?\0x ") + BODY),
    ("a value that a NUL cuts", outer(CL + LENGTH, b"X: a\0b") + BODY),
    ("a blank before the colon of the length", outer(b"Content-Length : " + LENGTH) + BODY),
    ("a blank before the colon of the coding", outer(b"Transfer-Encoding : chunked") + CHUNKED),
    ("a tab before the colon of the coding", outer(b"Transfer-Encoding\t: chunked") + CHUNKED),
    ("a folded coding", outer(b"Transfer-Encoding:\r\n chunked") + CHUNKED),
    ("a folded length", outer(b"X: y\r\n Content-Length: 5", CL + LENGTH) + BODY),
    ("a field without a colon", outer(b"Nonsense", CL + LENGTH) + BODY),
    ("a bare CR in a value", outer(b"X: a\rContent-Length: 0", CL + LENGTH) + BODY),
    ("a control character in a value", outer(b"X: a\x01b", CL + LENGTH) + BODY),
    ("NUL in a field name", outer(b"X\0Y: a", CL + LENGTH) + BODY),
    ("a chunk size overflow", outer(TE + b"chunked") + b"10000000000000010\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a chunk size with minus", outer(TE + b"chunked") + b"-10\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a chunk size with 0x", outer(TE + b"chunked") + b"0x10\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a chunk size of letters", outer(TE + b"chunked") + b"zz\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("an empty chunk size", outer(TE + b"chunked") + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("a chunk longer than its size", outer(TE + b"chunked") + b"4\r\n" + BODY + b"\r\n0\r\n\r\n"),
    ("no version", b"POST /customers\r\nHost: a\r\n" + CL + LENGTH + b"\r\n\r\n" + BODY),
    ("version 2", outer(CL + LENGTH, version=b"2.0") + BODY),
    ("version 1.x", outer(CL + LENGTH, version=b"1.x") + BODY),
    ("a version in lower case", outer(CL + LENGTH).replace(b"HTTP/1.1", b"http/1.1") + BODY),
    ("a blank in the target", outer(CL + LENGTH).replace(b"/customers ", b"/customers x ") + BODY),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    ("a TLS hello", bytes.fromhex("16030100a5010000a1") + b"\x03" * 60 + b"\r\n\r\n"),
    ("noise", bytes(range(1, 256)) + b"\r\n\r\n"),
]


@pytest.fixture(scope="module")
def hasty(cluster):
    """An instance with short times for slow clients."""
    return cluster.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "1000", "CUSTOMERD_IDLE_TIMEOUT_S": "2"})


def made(instance, address):
    with Client(instance.url) as c:
        return c.find(address)


def test_the_marker_is_executed_behind_a_clean_request(hasty):
    """Shows that the other tests can fail."""
    for first in (outer(CL + LENGTH) + BODY, outer(TE + b"chunked") + CHUNKED):
        address = unique_email("marker")
        with RawConnection(hasty.url) as c:
            c.send(first + marker(address))
            assert [c.response().status, c.response().status] == [201, 201]
        assert made(hasty, address)


@pytest.mark.parametrize("data", [pytest.param(d, id=i) for i, d in AMBIGUOUS])
def test_ambiguous_framing_is_400_and_closes(hasty, data):
    address = unique_email("marker")
    with RawConnection(hasty.url) as c:
        c.send(data + marker(address))
        answers = c.responses_until_closed(12)
    assert not made(hasty, address), "the marker was executed"
    assert [a.status for a in answers] == [400], answers
    assert answers[0].header("Connection") == "close", answers


@pytest.mark.parametrize("inner", ["length", "coding"])
def test_a_marker_inside_the_body_is_never_executed(hasty, inner):
    """The marker is body by one reading of the framing and a request by the other."""
    address = unique_email("marker")
    hidden = marker(address)
    if inner == "coding":
        data = outer(CL + str(5 + len(hidden)).encode(), TE + b"chunked") + b"0\r\n\r\n" + hidden
    else:
        data = outer(CL + b"4", TE + b"chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    with RawConnection(hasty.url) as c:
        c.send(data)
        answers = c.responses_until_closed(12)
    assert not made(hasty, address)
    assert [a.status for a in answers] == [400], answers


@pytest.mark.parametrize("data", [pytest.param(d, id=i) for i, d in BROKEN])
def test_broken_requests_are_refused_and_close(hasty, data):
    address = unique_email("marker")
    with RawConnection(hasty.url) as c:
        c.send(data + marker(address))
        answers = c.responses_until_closed(12)
    assert not made(hasty, address), f"the marker was executed: {answers}"
    assert len(answers) <= 1 and all(400 <= a.status < 500 or a.status == 505 for a in answers), answers


def test_a_marker_in_trailers_and_extensions_is_never_executed(hasty):
    address = unique_email("marker")
    line = marker(address).split(b"\r\n")[0]
    for data in (outer(TE + b"chunked") + b"%x;%s\r\n%s\r\n0\r\n\r\n" % (len(BODY), b"x=y", BODY),
                 outer(TE + b"chunked") + b"%x\r\n%s\r\n0\r\nX-Trailer: a\r\n\r\n" % (len(BODY), BODY),
                 outer(TE + b"chunked") + b"%x\r\n%s\r\n0\r\nContent-Length: 99\r\n\r\n" % (len(BODY), BODY),
                 outer(TE + b"chunked") + b"%x\r\n%s\r\n0\r\n%s\r\n\r\n" % (len(BODY), BODY, line)):
        answers, _ = exchange(hasty.url, data)
        assert [a.status for a in answers] in ([201], [400], []), answers
    assert not made(hasty, address)


# What libmicrohttpd 0.9 lets pass: it cuts a line at NUL and takes an empty line or name for the end of the fields.
CUT = [
    ("an empty field name", b": x"),
    ("a lone colon", b":"),
    ("a lone NUL", b"\0"),
    ("a field name that begins with NUL", b"\0X: y"),
    ("a blank line of one space", b" "),
    ("a field name of one space", b" : x"),
    ("a line that begins with a tab", b"\tX: y"),
    ("NUL in a value", b"X: a\0b"),
    ("NUL behind a coding", b"Transfer-Encoding: xchunked\0chunked"),
]


@pytest.mark.parametrize("after", [False, True], ids=["before the length", "behind the length"])
@pytest.mark.parametrize("line", [pytest.param(d, id=i) for i, d in CUT])
def test_lines_that_are_none_free_no_marker_from_a_body(hasty, line, after):
    address = unique_email("marker")
    hidden = marker(address)
    length = CL + str(len(hidden)).encode()
    exchange(hasty.url, outer(*([length, line] if after else [line, length])) + hidden, 6)
    assert not made(hasty, address), "the marker was executed"


@pytest.mark.parametrize("request_line", [b"GET /customers?limit=1", b"POST /nowhere", b"BREW /customers", b"OPTIONS /customers",
                                          b"HEAD /nowhere", b"DELETE /customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d", b"POST /customers",
                                          b"POST /customers/lookup", b"POST /customers?" + b"x" * 9000])
@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_body_that_nobody_wants_is_not_a_request(hasty, request_line, framing):
    """Whatever the answer, the body is read over or the connection closes."""
    address = unique_email("marker")
    hidden = marker(address)
    top = request_line + b" HTTP/1.1\r\nHost: a\r\n"
    if framing == "length":
        data = top + CL + str(len(hidden)).encode() + b"\r\n\r\n" + hidden
    else:
        data = top + TE + b"chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(hidden), hidden)
    with RawConnection(hasty.url) as c:
        c.send(data + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        first = c.response(head=request_line.startswith(b"HEAD"))
        assert 200 <= first.status < 500
        try:
            assert c.response().status == 404
        except Closed:
            assert first.header("Connection") == "close", first
    assert not made(hasty, address), "the marker was executed"


def test_bare_line_feeds_never_split_a_request(hasty):
    """A field value that holds a bare LF and then a request is refused or read as two fields, never as a second request."""
    address = unique_email("marker")
    hidden = marker(address)
    data = outer(CL + str(len(hidden)).encode(), b"X: y\n" + TE + b"chunked") + hidden
    answers, _ = exchange(hasty.url, data, 12)
    assert not made(hasty, address)
    assert all(a.status in (400, 415, 422) for a in answers), answers


def test_garbage_behind_a_valid_request_closes(hasty):
    with RawConnection(hasty.url) as c:
        c.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n" + b"\x01garbage\r\n\r\n")
        answers = c.responses_until_closed(12)
    assert answers[0].status == 200 and all(a.status == 400 for a in answers[1:]), answers


def dribble(connection, data, each_s, at_most_s):
    """Sends byte by byte until the server closes or answers; returns the seconds it took, None when it never did."""
    start = time.monotonic()
    for i in range(len(data)):
        if time.monotonic() - start > at_most_s:
            return None
        if not connection.send(data[i:i + 1]) or connection.readable(each_s):
            return time.monotonic() - start
    return None


@pytest.mark.parametrize("part", ["target", "headers", "body", "chunks"])
def test_a_slow_request_is_cut(hasty, part):
    start, slow = {
        "target": (b"", b"GET /customers?cursor=" + b"c" * 200),
        "headers": (b"GET /customers HTTP/1.1\r\nHost: a\r\n", b"X-Slow: y\r\n" * 50),
        "body": (outer(CL + b"500"), b'{"name":"' + b"n" * 400),
        "chunks": (outer(TE + b"chunked"), b"1\r\nx\r\n" * 100),
    }[part]
    with RawConnection(hasty.url) as c:
        c.send(start)
        took = dribble(c, slow, 0.1, 12)
        assert took is not None, "a client that sends a byte each 0.1 s is served for ever"
        assert c.closed_within(5)


def test_an_idle_connection_is_closed(hasty):
    with RawConnection(hasty.url) as c:
        assert c.closed_within(12)
    with RawConnection(hasty.url) as c:
        c.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
        assert c.response().status == 200
        assert c.closed_within(12)


@pytest.mark.concurrent
def test_slow_clients_do_not_hold_up_others(hasty):
    slow = [RawConnection(hasty.url) for _ in range(100)]
    try:
        for i, c in enumerate(slow):
            c.send(outer(CL + b"500") + b"{" if i % 2 else b"GET /customers HT")
        with Client(hasty.url) as client:
            for _ in range(50):
                assert client.get("/customers?limit=1").expect(200).elapsed_s < 2
    finally:
        for c in slow:
            c.close()


def test_a_client_that_does_not_read_is_cut(hasty):
    """Pipelines listings without reading; the server must neither grow nor wait for ever."""
    with Client(hasty.url) as client:
        for _ in range(20):
            client.create(address="x" * 1000)
    with RawConnection(hasty.url) as c:
        request = b"GET /customers?limit=100 HTTP/1.1\r\nHost: a\r\n\r\n" * 100
        c.socket.settimeout(0.2)
        deadline = time.monotonic() + 20
        cut = False
        while not cut and time.monotonic() < deadline:
            try:
                c.socket.send(request)
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                cut = True
        assert cut, "a client that reads nothing is kept for ever"
        with Client(hasty.url) as client:
            client.get("/customers?limit=1").expect(200)
