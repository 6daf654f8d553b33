"""Malformed JSON: refused with line, column and byte offset; never half-read."""

import pytest

from http_client import path_of

# body, and the byte range in which the trouble stands (None: anywhere)
MALFORMED = [
    ("empty", b"", None),
    ("white space", b" \n ", None),
    ("a lone brace", b"{", None),
    ("an unfinished string", b'{"name":"Ada', None),
    ("an unfinished object", b'{"name":"Ada"', None),
    ("a missing value", b'{"name":}', (8, 9)),
    ("a missing colon", b'{"name" "Ada"}', (8, 13)),
    ("a trailing comma", b'{"name":"Ada",}', (13, 15)),
    ("a comma too many", b'{"name":"Ada",,"phone":"123"}', (14, 15)),
    ("single quotes", b"{'name':'Ada'}", (1, 2)),
    ("bare words", b'{"name":Ada}', (8, 11)),
    ("a comment", b'{"name":"Ada" /* x */}', (14, 16)),
    ("NaN", b'{"name":"Ada","balance":NaN}', (24, 27)),
    ("Infinity", b'{"name":"Ada","balance":Infinity}', (24, 32)),
    ("-Infinity", b'{"name":"Ada","balance":-Infinity}', (24, 33)),
    ("a leading zero", b'{"name":"Ada","balance":01}', (24, 26)),
    ("a leading plus", b'{"name":"Ada","balance":+1}', (24, 26)),
    ("a bare fraction", b'{"name":"Ada","balance":.5}', (24, 26)),
    ("a trailing point", b'{"name":"Ada","balance":1.}', (24, 27)),
    ("hexadecimal", b'{"name":"Ada","balance":0x10}', (24, 28)),
    ("something behind", b'{"name":"Ada"} x', (15, 16)),
    ("a second document", b'{"name":"Ada"}{"name":"Bob"}', (14, 15)),
    ("a raw line break in a string", b'{"name":"A\nda"}', (8, 12)),
    ("a raw NUL", b'{"name":"A\x00da"}', (8, 12)),
    ("a NUL behind", b'{"name":"Ada"}\x00', (14, 15)),
    ("an unknown escape", b'{"name":"A\\xda"}', (8, 15)),
    ("a short unicode escape", b'{"name":"A\\u12"}', (8, 16)),
    ("a lone high surrogate", b'{"name":"A\\ud800"}', (8, 18)),
    ("a lone low surrogate", b'{"name":"A\\udc00"}', (8, 18)),
    ("a high surrogate and a letter", b'{"name":"A\\ud800x"}', (8, 19)),
    ("a byte order mark", b'\xef\xbb\xbf{"name":"Ada"}', (0, 3)),
    ("UTF-16", '{"name":"Ada"}'.encode("utf-16"), (0, 3)),
    ("a stray continuation byte", b'{"name":"A\x80"}', (8, 12)),
    ("a truncated sequence", b'{"name":"A\xe2\x82"}', (8, 14)),
    ("an overlong slash", b'{"name":"A\xc0\xaf"}', (8, 13)),
    ("an encoded surrogate", b'{"name":"A\xed\xa0\x80"}', (8, 14)),
    ("beyond U+10FFFF", b'{"name":"A\xf4\x90\x80\x80"}', (8, 15)),
    ("bad UTF-8 in a member's name", b'{"na\xffme":"A"}', (1, 10)),
]

DUPLICATES = [
    ("at the top", b'{"name":"Ada","name":"Bob"}'),
    ("with the same value", b'{"name":"Ada","balance":1,"balance":1}'),
    ("in metadata", b'{"name":"Ada","metadata":{"k":1,"k":2}}'),
    ("written with an escape", b'{"name":"Ada","na\\u006de":"Bob"}'),
    ("of an unknown member", b'{"name":"Ada","zz":1,"zz":2}'),
    ("with null", b'{"name":"Ada","phone":null,"phone":"12345"}'),
]


def check_position(answer, body, where):
    document = answer.problem(400, "malformed-json")
    line, column, offset = document.get("line"), document.get("column"), document.get("offset")
    for number in (line, column, offset):
        assert type(number) is int, f"line, column and offset are missing in\n{answer}"
    assert line >= 1 and column >= 0 and 0 <= offset <= len(body), str(answer)
    if where:
        assert where[0] <= offset <= where[1], f"the trouble stands at {where}, not at {offset}:\n{answer}"
        assert line == body[:where[0]].count(b"\n") + 1, str(answer)
    return document


@pytest.mark.parametrize("body,where", [pytest.param(b, w, id=i) for i, b, w in MALFORMED])
def test_malformed(client, body, where):
    check_position(client.post("/customers", body=body), body, where)
    made = client.create()
    check_position(client.put(path_of(made), body=body), body, where)
    check_position(client.patch(path_of(made), body=body), body, where)
    check_position(client.post("/customers/lookup", body=body), body, where)
    assert client.get(path_of(made)).json() == made


def test_the_line_is_the_troubles_line(client):
    body = b'{\n  "name": "Ada",\n  "phone": oops,\n  "balance": 1\n}'
    document = check_position(client.post("/customers", body=body), body, (28, 33))
    assert document["line"] == 3
    start = body.index(b'  "phone"')
    assert abs(start + document["column"] - 1 - document["offset"]) <= 1, document


def test_positions_count_bytes_beyond_multibyte_text(client):
    body = '{"name":"ŁŁŁŁ😀😀", oops}'.encode()
    at = body.index(b"oops")
    check_position(client.post("/customers", body=body), body, (at, at + 4))


@pytest.mark.parametrize("body", [pytest.param(b, id=i) for i, b in DUPLICATES])
def test_duplicate_members_are_refused(client, body):
    document = check_position(client.post("/customers", body=body), body, None)
    assert "duplicate" in document["detail"].lower()
    made = client.create()
    check_position(client.patch(path_of(made), body=body), body, None)
    check_position(client.put(path_of(made), body=body), body, None)
    assert client.get(path_of(made)).json() == made


def test_depth_is_bounded(client):
    deep = b'{"name":"Ada","metadata":' + b"[" * 5000 + b"]" * 5000 + b"}"
    check_position(client.post("/customers", body=deep), deep, None)
    unfinished = b"[" * 60000
    check_position(client.post("/customers", body=unfinished), unfinished, None)
    objects = b'{"a":' * 20000
    check_position(client.post("/customers", body=objects), objects, None)
    shallow = b'{"name":"Ada","metadata":' + b"[" * 20 + b"]" * 20 + b"}"
    assert list(client.post("/customers", body=shallow).findings()) == ["/metadata"]


def test_no_value_is_echoed(client):
    body = b'{"name":"Ada","email":"SECRET@example.net","phone":SECRETWORD}'
    answer = client.post("/customers", body=body)
    answer.problem(400, "malformed-json")
    assert b"SECRET" not in answer.body


def test_every_truncation_of_a_body_is_malformed(client):
    body = '{"name":"Łu","metadata":{"k":[1,-2.5e3,true,null,"\\u0041"]}}'.encode()
    for cut in range(len(body)):
        check_position(client.post("/customers", body=body[:cut]), body, None)


def test_wide_documents_are_answered(client):
    members = b",".join(b'"k%d":%d' % (i, i) for i in range(7000))
    client.post("/customers", body=b'{"name":"Ada","metadata":{' + members + b"}}").expect(422)
    client.post("/customers", body=b'{"name":"Ada","metadata":[' + b"1," * 60000 + b"1]}").expect(422)


def test_white_space_around_is_fine(client):
    client.post("/customers", body=b' \r\n\t{ "name" : "Ada" }\r\n ').expect(201)
