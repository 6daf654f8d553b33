"""Every way JSON can be wrong (RFC 8259): a table with the exact place of each trouble, each single byte in each place, seeded
mutations judged by another parser, and bodies that come in tiny pieces."""

import json
import random

import pytest

from http_client import Client
from raw_http import RawConnection

pytestmark = pytest.mark.matrix

# body, line, column, offset: where it can't go on
EXACT = [
    ("a lone bracket", b"[", 1, 2, 1),
    ("a lone closing brace", b"}", 1, 1, 0),
    ("a lone comma", b",", 1, 1, 0),
    ("a lone colon", b":", 1, 1, 0),
    ("a lone quote", b'"', 1, 2, 1),
    ("a lone minus", b"-", 1, 2, 1),
    ("a word that begins well", b"tru", 1, 1, 0),
    ("a word that goes on", b"truex", 1, 5, 4),
    ("a word in capitals", b"True", 1, 1, 0),
    ("nul", b'{"name":nul}', 1, 9, 8),
    ("undefined", b'{"name":undefined}', 1, 9, 8),
    ("a brace closed by a bracket", b'{"name":"A"]', 1, 12, 11),
    ("a bracket closed by a brace", b'{"name":["A"}', 1, 13, 12),
    ("a bracket too many", b'{"name":"A"}]', 1, 13, 12),
    ("a comma before the first member", b'{,"name":"A"}', 1, 2, 1),
    ("a comma before the first element", b'{"name":[,1]}', 1, 10, 9),
    ("a comma behind the last element", b'{"name":[1,]}', 1, 12, 11),
    ("two commas in a list", b'{"name":[1,,2]}', 1, 12, 11),
    ("no comma between elements", b'{"name":[1 2]}', 1, 12, 11),
    ("no comma between members", b'{"name":"A" "phone":"1"}', 1, 13, 12),
    ("a semicolon between members", b'{"name":"A";"phone":"1"}', 1, 12, 11),
    ("two colons", b'{"name"::"A"}', 1, 9, 8),
    ("an equals sign", b'{"name"="A"}', 1, 8, 7),
    ("a name without quotes", b'{name:"A"}', 1, 2, 1),
    ("a number for a name", b'{1:"A"}', 1, 2, 1),
    ("null for a name", b'{null:"A"}', 1, 2, 1),
    ("a list for a name", b'{["a"]:"A"}', 1, 2, 1),
    ("a name alone", b'{"name"}', 1, 8, 7),
    ("a comment of one line", b'{"name":"A" // x\n}', 1, 13, 12),
    ("a comment by a number sign", b'{"name":"A" # x\n}', 1, 13, 12),
    ("a comment before all", b'/**/{"name":"A"}', 1, 1, 0),
    ("back ticks", b'{"name":`A`}', 1, 9, 8),
    ("curly quotes", '{"name":“A”}'.encode(), 1, 9, 8),
    ("a no-break space", '{"name":\u00a0"A"}'.encode(), 1, 9, 8),
    ("a vertical tab between", b'{"name":\x0b"A"}', 1, 9, 8),
    ("a form feed between", b'{"name":\x0c"A"}', 1, 9, 8),
    ("a line separator between", '{"name":\u2028"A"}'.encode(), 1, 9, 8),
    ("a byte order mark inside", b'{"name":\xef\xbb\xbf"A"}', 1, 9, 8),
    ("a NUL between", b'{"name":\0"A"}', 1, 9, 8),
    ("a NUL before all", b'\0{"name":"A"}', 1, 1, 0),
    ("the third line", b'{\n"name":"A",\n  oops}', 3, 3, 16),
    ("the third line by CR LF", b'{\r\n"name":"A",\r\n  oops}', 3, 3, 18),
    ("behind wide letters", '{"name":"ŁŁ" oops}'.encode(), 1, None, 15),
    ("a plus", b'{"balance":+1}', 1, 12, 11),
    ("two minuses", b'{"balance":--1}', 1, None, None),
    ("minus and a letter", b'{"balance":-a}', 1, None, None),
    ("minus zero one", b'{"balance":-01}', 1, None, None),
    ("two zeros", b'{"balance":00}', 1, None, None),
    ("a point without digits", b'{"balance":1.}', 1, None, None),
    ("a point and an exponent", b'{"balance":1.e5}', 1, None, None),
    ("an exponent without digits", b'{"balance":1e}', 1, None, None),
    ("an exponent of a sign", b'{"balance":1e+}', 1, None, None),
    ("an exponent with a point", b'{"balance":1e1.5}', 1, None, None),
    ("two points", b'{"balance":1.2.3}', 1, None, None),
    ("octal", b'{"balance":0o17}', 1, None, None),
    ("binary", b'{"balance":0b11}', 1, None, None),
    ("digits in groups", b'{"balance":1_000}', 1, None, None),
    ("digits with blanks", b'{"balance":1 000}', 1, None, None),
    ("a decimal comma", b'{"balance":1,5}', 1, None, None),
    ("a suffix", b'{"balance":1n}', 1, None, None),
    ("full-width digits", '{"balance":１}'.encode(), 1, None, None),
    ("nan", b'{"balance":nan}', 1, 12, 11),
    ("-NaN", b'{"balance":-NaN}', 1, None, None),
    ("an escape of a quote at the end", b'{"name":"A\\"}', 1, None, None),
    ("a backslash at the end", b'{"name":"A\\', 1, None, None),
    ("an escape of an apostrophe", b'{"name":"A\\\'"}', 1, None, None),
    ("an escape in hexadecimal", b'{"name":"\\x41"}', 1, None, None),
    ("an escape in octal", b'{"name":"\\101"}', 1, None, None),
    ("a capital U", b'{"name":"\\U0041"}', 1, None, None),
    ("an escape in braces", b'{"name":"\\u{41}"}', 1, None, None),
    ("an escape with a sign", b'{"name":"\\u+041"}', 1, None, None),
    ("an escape with a blank", b'{"name":"\\u 041"}', 1, None, None),
    ("an escape of three digits", b'{"name":"\\u041"}', 1, None, None),
    ("an escape of a letter beyond F", b'{"name":"\\u004g"}', 1, None, None),
    ("two high surrogates", b'{"name":"\\ud800\\ud800"}', 1, None, None),
    ("surrogates turned", b'{"name":"\\udc00\\ud800"}', 1, None, None),
    ("a surrogate and another escape", b'{"name":"\\ud800\\n"}', 1, None, None),
    ("a surrogate at the end", b'{"name":"\\ud83d', 1, None, None),
    ("a surrogate in a member's name", b'{"na\\ud800me":"A"}', 1, None, None),
    ("a surrogate by bytes", b'{"name":"\xed\xa0\x80\xed\xb0\x80"}', 1, None, None),
    ("an overlong NUL", b'{"name":"\xc0\x80"}', 1, None, None),
    ("an overlong letter of two", b'{"name":"\xc1\x81"}', 1, None, None),
    ("an overlong letter of three", b'{"name":"\xe0\x81\x81"}', 1, None, None),
    ("an overlong letter of four", b'{"name":"\xf0\x80\x81\x81"}', 1, None, None),
    ("an overlong quote", b'{"name":"\xc0\xa2}', 1, None, None),
    ("a sequence of five", b'{"name":"\xf8\x88\x80\x80\x80"}', 1, None, None),
    ("a sequence of six", b'{"name":"\xfc\x84\x80\x80\x80\x80"}', 1, None, None),
    ("FE FF", b'{"name":"\xfe\xff"}', 1, None, None),
    ("a head without its tail", b'{"name":"\xe2"}', 1, None, None),
    ("a head before a letter", b'{"name":"\xc3A"}', 1, None, None),
    ("a tail without its head", b'{"name":"\xbf"}', 1, None, None),
    ("a tail too many", b'{"name":"\xc3\xa4\xa4"}', 1, None, None),
    ("Latin-1", '{"name":"ä"}'.encode("latin-1"), 1, None, None),
    ("UTF-16 without a mark", '{"name":"A"}'.encode("utf-16-le"), 1, None, None),
    ("UTF-16, the other way", '{"name":"A"}'.encode("utf-16-be"), 1, None, None),
    ("UTF-32", '{"name":"A"}'.encode("utf-32-le"), 1, None, None),
    ("UTF-7", b'{+ACI-name+ACI-:1}', 1, 2, 1),
    ("two values by lines", b'{"name":"A"}\n{"name":"B"}', 2, 1, 13),
    ("a record separator", b'\x1e{"name":"A"}', 1, 1, 0),
    ("a guard of scripts", b")]}',\n{\"name\":\"A\"}", 1, 1, 0),
    ("a call", b'callback({"name":"A"})', 1, 1, 0),
    ("XML", b'<?xml version="1.0"?><name/>', 1, 1, 0),
    ("YAML", b"name: A", 1, None, None),
    ("a form", b"name=A&balance=1", 1, None, None),
]


def positioned(answer, body):
    document = answer.problem(400, "malformed-json")
    assert 0 <= document["offset"] <= len(body) and document["line"] >= 1 and document["column"] >= 1, str(answer)
    assert document["line"] == body[:document["offset"]].count(b"\n") + 1, str(answer)
    return document


@pytest.mark.parametrize("body,line,column,offset", [pytest.param(*rest, id=name) for name, *rest in EXACT])
def test_exactly_there(client, body, line, column, offset):
    document = positioned(client.post("/customers", body=body), body)
    got = document["line"], document["column"], document["offset"]
    wanted = tuple(g if w is None else w for w, g in zip((line, column, offset), got))
    assert got == wanted, document["detail"]
    assert positioned(client.post("/customers/lookup", body=body), body)["offset"] == document["offset"]


def refuses_duplicates(pairs):
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate")
    return found


def no_constant(word):
    raise ValueError(word)


def is_json(body):
    """By Python's parser, made as strict as RFC 8259 and RFC 7493."""
    try:
        value = json.loads(body.decode("utf-8"), object_pairs_hook=refuses_duplicates, parse_constant=no_constant)
        json.dumps(value, ensure_ascii=False).encode("utf-8")  # no lone surrogates
        return True
    except (ValueError, RecursionError):
        return False


def both_agree(client, body):
    answer = client.post("/customers/lookup", body=body)
    if is_json(body):
        answer.expect(200, 422)
    else:
        positioned(answer, body)


SAMPLE = '{"email":"a@b.example","n":[-1.5e3,true,null,{"ä":"\\u00e4\\n"}]}'.encode()


def test_each_byte_in_each_kind_of_place(client):
    """256 bytes, put before, for and behind a brace, a name, a colon, a string, an escape, a number, a word and the end."""
    places = [0, 1, 4, 8, 11, 22, 27, 30, 33, 36, 48, 52, 54, 57, len(SAMPLE)]
    for at in places:
        for byte in range(256):
            both_agree(client, SAMPLE[:at] + bytes([byte]) + SAMPLE[at + byte % 2:])


@pytest.mark.parametrize("seed", range(4))
def test_mutations_are_judged_as_by_another_parser(client, seed):
    rng = random.Random(seed)
    pieces = [b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"-", b"0", b"1e9", b".", b"null", b"\\u", b"\\ud83d\\ude00", b"\xc3",
              b"\xa4", b"\xf0\x9f\x98\x80", b" ", b"\n", b"\0", b'"n":1,', b"\xef\xbb\xbf", b"e", b"tru"]
    for _ in range(700):
        body = bytearray(SAMPLE)
        for _ in range(rng.randint(1, 4)):
            at, how = rng.randrange(len(body) + 1), rng.random()
            if how < 0.4:
                body[at:at] = rng.choice(pieces)
            elif how < 0.7:
                del body[at:at + rng.randint(1, 6)]
            else:
                other = rng.randrange(len(body) + 1)
                body[at:at + 3] = body[other:other + rng.randint(1, 8)]
            body = body or bytearray(b" ")
        both_agree(client, bytes(body))


@pytest.mark.parametrize("depth,status", [(1, 422), (10, 422), (2000, 400), (60000, 400)])
@pytest.mark.parametrize("kind", ["[", '{"a":', '[{"a":'])
def test_nesting(client, kind, depth, status):
    close = "".join({"[": "]", "{": "}"}[c] for c in reversed(kind) if c in "[{")
    body = ('{"name":' + kind * depth + "1" + close * depth + "}").encode()
    if len(body) > 131072:
        client.post("/customers", body=body).problem(413, "body-too-large")
    elif status == 400:
        positioned(client.post("/customers", body=body), body)
    else:
        client.post("/customers", body=body).expect(422)


@pytest.mark.parametrize("number", ["9" * 400, "-" + "9" * 30000, "1e400", "-1e400", "1e-400", "0." + "3" * 30000, "1e" + "9" * 300,
                                    "9007199254740992", "-9007199254740992", "9223372036854775808", "18446744073709551616", "1e3",
                                    "1.0", "-0.0", "0.1"])
def test_numbers_that_no_balance_can_be(client, number):
    """They are JSON, or too much of it for the parser; none is rounded and none overflows."""
    body = ('{"name":"A","balance":%s}' % number).encode()
    answer = client.post("/customers", body=body).expect(422, 400)
    assert answer.status == 400 or list(answer.findings()) == ["/balance"]


@pytest.mark.parametrize("value", ["null", "true", "0", '""', '"x"', "[]", "[{}]", '[{"name":"A"}]'])
def test_values_that_are_no_customer(client, value):
    client.post("/customers", body=value.encode()).expect(422)


def in_pieces(url, body, size):
    head = b"POST /customers/lookup HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    for chunked in (False, True):
        with RawConnection(url) as c:
            c.send(head + (b"Transfer-Encoding: chunked" if chunked else b"Content-Length: %d" % len(body)) + b"\r\n\r\n")
            for at in range(0, len(body), size):
                piece = body[at:at + size]
                c.send(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
            if chunked:
                c.send(b"0\r\n\r\n")
            yield c.response()


def test_tiny_pieces_are_one_body(cluster):
    """Also where a piece ends within a letter, an escape or a number; the place of a trouble is the body's."""
    for answer in in_pieces(cluster.url, '{"email":"ä@b.example"}'.encode(), 1):
        assert answer.status in (200, 422)
    broken = '{"email":"ä@b.example",\n oops}'.encode()
    for size in (1, 2, 3, 7):
        for answer in in_pieces(cluster.url, broken, size):
            document = json.loads(answer.body)
            assert (answer.status, document["line"], document["column"]) == (400, 2, 2)


@pytest.mark.parametrize("size,status", [(131072, 422), (131073, 413), (300000, 413)])
def test_huge_bodies(client, size, status):
    body = b'{"name":"' + b"A" * (size - 11) + b'"}'
    assert len(body) == size
    client.post("/customers", body=body).expect(status)


def test_the_service_is_well_after_all_that(cluster):
    with Client(cluster.url) as c:
        c.create()
