"""Every rule of the customer on both sides of its boundary, with the JSON pointers that findings carry."""

import json

import pytest

from http_client import path_of

MAX = 9007199254740991
LOCAL_64 = "l" * 64
DOMAIN_63 = "d" * 63


def address_of(total):
    """An e-mail address of exactly this many bytes, whose local part and labels are short enough."""
    local, domain = "l" * 60, ".".join(["a" * 60, "b" * 60, "c" * 60])
    return local + "@" + "e" * (total - len(local) - len(domain) - 2) + "." + domain


ACCEPTED = [
    ("name of one character", {"name": "A"}),
    ("name of 256 characters", {"name": "n" * 256}),
    ("name of 256 characters of four bytes", {"name": "\U0001F600" * 256}),
    ("name with spaces, quotes and HTML", {"name": " <b>\"O'Neil\"</b> \\ %n "}),
    ("name with combining marks", {"name": "e\u0301"}),
    ("email absent", {"name": "A"}),
    ("email null", {"email": None}),
    ("email local part of 64 bytes", {"email": LOCAL_64 + "@example.net"}),
    ("email of 254 bytes", {"email": address_of(254)}),
    ("email with every atext character", {"email": "!#$%&'*+-/=?^_`{|}~.a1@example.net"}),
    ("email with a label of 63", {"email": "a@" + DOMAIN_63 + ".net"}),
    ("email with an international domain", {"email": "post@b\u00fccher.example"}),
    ("email with an international local part", {"email": "p\u00f6st@example.net"}),
    ("email in upper case", {"email": "Ada.UPPER@Example.NET"}),
    ("email with a digit label", {"email": "a@1.example.net"}),
    ("phone of 3", {"phone": "123"}),
    ("phone of 32", {"phone": "1" * 32}),
    ("phone with every sign", {"phone": "+1 (23) 4-5.6"}),
    ("phone of three digits among signs", {"phone": "(1-2.3)"}),
    ("phone null", {"phone": None}),
    ("address of 1024", {"address": "a" * 1024}),
    ("address of 1024 characters of four bytes", {"address": "\U00010348" * 1024}),
    ("address with line breaks", {"address": "1 Road\nTown\r\nLand"}),
    ("address null", {"address": None}),
    ("balance at its least", {"balance": -MAX}),
    ("balance at its most", {"balance": MAX}),
    ("balance null on create", {"balance": None}),
    ("metadata empty", {"metadata": {}}),
    ("metadata null", {"metadata": None}),
    ("metadata of 50 members", {"metadata": {f"k{i}": i for i in range(50)}}),
    ("metadata key of 1", {"metadata": {"k": "v"}}),
    ("metadata key of 40", {"metadata": {"k" * 40: "v"}}),
    ("metadata key of 40 characters of four bytes", {"metadata": {"\U0001F600" * 40: "v"}}),
    ("metadata value of 500", {"metadata": {"k": "v" * 500}}),
    ("metadata value of 500 characters of four bytes", {"metadata": {"k": "\U0001F600" * 500}}),
    ("metadata value empty", {"metadata": {"k": ""}}),
    ("metadata booleans", {"metadata": {"t": True, "f": False}}),
    ("metadata integers", {"metadata": {"a": MAX, "b": -MAX, "c": 0}}),
    ("metadata of 50 members and nulls", {"metadata": {**{f"k{i}": i for i in range(50)}, "gone": None}}),
    ("server-owned members", {"id": "mine", "created_at": 7, "updated_at": None, "version": "x"}),
]

REFUSED = [
    ("name missing", {"name": None}, "/name"),
    ("name empty", {"name": ""}, "/name"),
    ("name of 257", {"name": "n" * 257}, "/name"),
    ("name of 257 characters of four bytes", {"name": "\U0001F600" * 257}, "/name"),
    ("name with NUL", {"name": "a\u0000b"}, "/name"),
    ("name with a line break", {"name": "a\nb"}, "/name"),
    ("name with a tab", {"name": "a\tb"}, "/name"),
    ("name with DEL", {"name": "a\u007fb"}, "/name"),
    ("name with a C1 control", {"name": "a\u0085b"}, "/name"),
    ("name a number", {"name": 1}, "/name"),
    ("name a list", {"name": ["A"]}, "/name"),
    ("name true", {"name": True}, "/name"),
    ("email empty", {"email": ""}, "/email"),
    ("email a number", {"email": 1}, "/email"),
    ("email without @", {"email": "ada.example.net"}, "/email"),
    ("email with two @", {"email": "a@b@example.net"}, "/email"),
    ("email without local part", {"email": "@example.net"}, "/email"),
    ("email without domain", {"email": "ada@"}, "/email"),
    ("email local part of 65", {"email": "l" * 65 + "@example.net"}, "/email"),
    ("email local part of 66 bytes in 33 characters", {"email": "\u00f6" * 33 + "@example.net"}, "/email"),
    ("email of 255 bytes", {"email": address_of(255)}, "/email"),
    ("email with a label of 64", {"email": "a@" + "d" * 64 + ".net"}, "/email"),
    ("email with a leading dot", {"email": ".a@example.net"}, "/email"),
    ("email with a trailing dot in the local part", {"email": "a.@example.net"}, "/email"),
    ("email with two dots", {"email": "a..b@example.net"}, "/email"),
    ("email with an empty label", {"email": "a@example..net"}, "/email"),
    ("email with a domain that begins with a dot", {"email": "a@.example.net"}, "/email"),
    ("email with a blank", {"email": "a b@example.net"}, "/email"),
    ("email with a blank around", {"email": " a@example.net"}, "/email"),
    ("email with a blank in the domain", {"email": "a@exa mple.net"}, "/email"),
    ("email with a quoted string", {"email": "\"a b\"@example.net"}, "/email"),
    ("email with an address literal", {"email": "a@[192.0.2.1]"}, "/email"),
    ("email with an IPv6 literal", {"email": "a@[IPv6:2001:db8::1]"}, "/email"),
    ("email with a display name", {"email": "Ada <a@example.net>"}, "/email"),
    ("email with a comment", {"email": "a(b)@example.net"}, "/email"),
    ("email with a comma", {"email": "a,b@example.net"}, "/email"),
    ("email with a control character", {"email": "a\u0001@example.net"}, "/email"),
    ("email with a line break", {"email": "a@example.net\r\nBcc: b@example.net"}, "/email"),
    ("email with NUL", {"email": "a\u0000@example.net"}, "/email"),
    ("email with an underscore in the domain", {"email": "a@exa_mple.net"}, "/email"),
    ("email with a label that begins with a hyphen", {"email": "a@-example.net"}, "/email"),
    ("email with a broken punycode label", {"email": "a@xn--\u00fc.example"}, "/email"),
    ("phone empty", {"phone": ""}, "/phone"),
    ("phone of 2", {"phone": "12"}, "/phone"),
    ("phone of 33", {"phone": "1" * 33}, "/phone"),
    ("phone of two digits", {"phone": "+1 (2) -"}, "/phone"),
    ("phone with letters", {"phone": "555-CALL-123"}, "/phone"),
    ("phone with a tab", {"phone": "123\t45"}, "/phone"),
    ("phone with digits of another script", {"phone": "\u0661\u0662\u0663\u0664"}, "/phone"),
    ("phone a number", {"phone": 5552106}, "/phone"),
    ("address of 1025", {"address": "a" * 1025}, "/address"),
    ("address with NUL", {"address": "a\u0000"}, "/address"),
    ("address with a bell", {"address": "a\u0007"}, "/address"),
    ("address an object", {"address": {"street": "x"}}, "/address"),
    ("balance over its most", {"balance": MAX + 1}, "/balance"),
    ("balance under its least", {"balance": -MAX - 1}, "/balance"),
    ("balance a string", {"balance": "10"}, "/balance"),
    ("balance true", {"balance": True}, "/balance"),
    ("balance 1.5", {"balance": 1.5}, "/balance"),
    ("metadata a list", {"metadata": []}, "/metadata"),
    ("metadata a string", {"metadata": "x"}, "/metadata"),
    ("metadata of 51 members", {"metadata": {f"k{i}": i for i in range(51)}}, "/metadata"),
    ("metadata key empty", {"metadata": {"": "v"}}, "/metadata/"),
    ("metadata key of 41", {"metadata": {"k" * 41: "v"}}, "/metadata/" + "k" * 41),
    ("metadata value of 501", {"metadata": {"k": "v" * 501}}, "/metadata/k"),
    ("metadata value nested", {"metadata": {"k": {}}}, "/metadata/k"),
    ("metadata value a list", {"metadata": {"k": [1]}}, "/metadata/k"),
    ("metadata value with a fraction", {"metadata": {"k": 1.5}}, "/metadata/k"),
    ("metadata value over the most", {"metadata": {"k": MAX + 1}}, "/metadata/k"),
    ("metadata value under the least", {"metadata": {"k": -MAX - 1}}, "/metadata/k"),
    ("a finding under a key with / and ~", {"metadata": {"a/b~c": 1.5}}, "/metadata/a~1b~0c"),
    ("an unknown member with / and ~", {"a/b~c": 1}, "/a~1b~0c"),
    ("an unknown member", {"nickname": "x"}, "/nickname"),
]

WRITTEN = [
    ("balance with a fraction of zero", b'{"name":"A","balance":1.0}', "/balance"),
    ("balance with an exponent", b'{"name":"A","balance":1e3}', "/balance"),
    ("balance with an upper exponent", b'{"name":"A","balance":1E3}', "/balance"),
    ("balance of 2^63", b'{"name":"A","balance":9223372036854775808}', "/balance"),
    ("balance of -2^63-1", b'{"name":"A","balance":-9223372036854775809}', "/balance"),
    ("balance of 2^64", b'{"name":"A","balance":18446744073709551616}', "/balance"),
    ("balance of 400 digits", b'{"name":"A","balance":' + b"9" * 400 + b"}", "/balance"),
    ("balance beyond a double", b'{"name":"A","balance":1e999}', "/balance"),
    ("metadata value beyond 64 bits", b'{"name":"A","metadata":{"k":18446744073709551616}}', "/metadata/k"),
    ("metadata value with a zero fraction", b'{"name":"A","metadata":{"k":1.0}}', "/metadata/k"),
    ("a list", b"[]", ""), ("a string", b'"A"', ""), ("a number", b"1", ""), ("null", b"null", ""), ("true", b"true", ""),
]


@pytest.mark.parametrize("change", [pytest.param(c, id=i) for i, c in ACCEPTED])
def test_accepted(client, change):
    held = client.find(change["email"]) if change.get("email") else None
    if held:
        client.delete(path_of(held)).expect(204)
    made = client.post("/customers", {"name": "Ada", **change}).expect(201).json()
    for member in ("name", "email", "phone", "address"):
        assert made.get(member) == {"name": "Ada", **change}.get(member)
    assert made["balance"] == (change.get("balance") or 0)
    assert made["metadata"] == {k: v for k, v in (change.get("metadata") or {}).items() if v is not None}
    assert client.get(path_of(made)).expect(200).json() == made
    replaced = client.put(path_of(made), {"name": "Ada", "balance": 0, **{k: v for k, v in change.items()
                                          if k != "id" and (k, v) != ("balance", None)}}).expect(200).json()
    assert {**replaced, "version": 1, "updated_at": made["updated_at"]} == made
    client.delete(path_of(made)).expect(204)


@pytest.mark.parametrize("change,pointer", [pytest.param(c, p, id=i) for i, c, p in REFUSED])
def test_refused_by_post_put_and_patch(client, change, pointer):
    assert list(client.post("/customers", {"name": "Ada", **change}).findings()) == [pointer]
    made = client.create()
    assert list(client.put(path_of(made), {"name": "Ada", "balance": 0, **change}).findings()) == [pointer]
    assert list(client.patch(path_of(made), change).findings()) == [pointer]
    assert client.get(path_of(made)).json() == made


@pytest.mark.parametrize("body,pointer", [pytest.param(b, p, id=i) for i, b, p in WRITTEN])
def test_refused_as_written(client, body, pointer):
    assert list(client.post("/customers", body=body).findings()) == [pointer]
    made = client.create()
    assert pointer in client.put(path_of(made), body=body).findings()
    assert list(client.patch(path_of(made), body=body).findings()) == [pointer]
    assert client.get(path_of(made)).json() == made


def test_a_missing_name_is_found(client):
    assert list(client.post("/customers", {}).findings()) == ["/name"]
    made = client.create()
    assert list(client.put(path_of(made), {"balance": 0}).findings()) == ["/name"]


def test_all_findings_come_at_once(client):
    value = {"name": "", "email": "nobody", "phone": "x", "address": "a" * 1025, "balance": 0.5, "shoe": 1,
             "metadata": {"ok": 1, "list": [], "k" * 41: 1}}
    wanted = {"/name", "/email", "/phone", "/address", "/balance", "/shoe", "/metadata/list", "/metadata/" + "k" * 41}
    assert set(client.post("/customers", value).findings()) == wanted


def test_findings_say_what_was_expected_and_echo_no_value(client):
    secret = "SECRETVALUE"
    answer = client.post("/customers", {"name": secret * 50, "email": secret, "phone": secret,
                                        "metadata": {"k": secret * 60}})
    findings = answer.findings()
    assert set(findings) == {"/name", "/email", "/phone", "/metadata/k"}
    assert secret not in answer.body.decode()
    assert "256" in findings["/name"] and "@" in findings["/email"] and "500" in findings["/metadata/k"]


@pytest.mark.parametrize("wrong,right", [("emial", "email"), ("e-mail", "email"), ("adress", "address"), ("Name", "name"),
                                         ("metdata", "metadata"), ("balence", "balance"), ("phones", "phone")])
def test_an_unknown_member_names_the_nearest(client, wrong, right):
    findings = client.post("/customers", {"name": "Ada", wrong: 1}).findings()
    assert list(findings) == ["/" + wrong] and right in findings["/" + wrong]


def test_an_unknown_member_that_is_near_nothing_names_none(client):
    findings = client.post("/customers", {"name": "Ada", "zzqxvvwkj": 1}).findings()
    assert "did you mean" not in findings["/zzqxvvwkj"]


def test_many_findings_stay_bounded(client):
    answer = client.post("/customers", {f"unknown{i}": i for i in range(5000)}).expect(422)
    assert len(answer.body) < 65536


def test_an_id_in_the_body_must_be_the_paths(client):
    made, another = client.create(), client.create()
    for wrong in (another["id"], "x", 7):
        assert list(client.put(path_of(made), {"name": "A", "balance": 0, "id": wrong}).findings()) == ["/id"]
        assert list(client.patch(path_of(made), {"id": wrong}).findings()) == ["/id"]
    assert client.get(path_of(made)).json() == made
    client.put(path_of(made), {"name": "A", "balance": 0, "id": made["id"]}).expect(200)
    client.patch(path_of(made), {"name": "B", "id": made["id"]}).expect(200)


def test_server_owned_members_are_ignored_on_every_write(client):
    mine = {"created_at": "1970-01-01T00:00:00.000Z", "updated_at": 5, "version": 900}
    made = client.post("/customers", {"name": "A", "id": "01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d", **mine}).expect(201).json()
    assert made["id"] != "01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d" and made["version"] == 1
    put = client.put(path_of(made), {"name": "B", "balance": 0, **mine}).expect(200).json()
    patched = client.patch(path_of(made), {"name": "C", **mine}).expect(200).json()
    for got, version in ((put, 2), (patched, 3)):
        assert got["version"] == version and got["created_at"] == made["created_at"]
        assert got["updated_at"] >= made["updated_at"]


def test_a_whole_customer_is_at_most_64_kib(client):
    """As it is served, with room for a version of 20 digits."""
    metadata = {f"key{i:02}": "\U0001F600" * 330 for i in range(49)}
    base = client.post("/customers", {"name": "A", "metadata": metadata}).expect(201)
    missing = 65536 - len(base.body.strip()) - len(',"last0":""')
    assert 0 < missing < 490 * 4

    def filled(size):
        return {**metadata, "last0": "\U0001F600" * (size // 4) + "x" * (size % 4)}
    fits = client.post("/customers", {"name": "A", "metadata": filled(missing - 19)}).expect(201)
    assert len(fits.body.strip()) == 65536 - 19
    assert client.get(path_of(fits.json())).body == fits.body
    over = filled(missing + 1)
    assert list(client.post("/customers", {"name": "A", "metadata": over}).findings()) == [""]
    assert list(client.put(path_of(base.json()), {"name": "A", "balance": 0, "metadata": over}).findings()) == [""]
    assert list(client.patch(path_of(base.json()), {"metadata": {"last0": over["last0"]}}).findings()) == [""]
    assert client.get(path_of(base.json())).body == base.body


def test_escaped_and_literal_text_are_the_same(client):
    body = json.dumps({"name": "\u0141ukasz \U0001F600"}).encode()
    assert b"\\u" in body
    made = client.post("/customers", body=body).expect(201)
    assert made.json()["name"] == "\u0141ukasz \U0001F600" and b"\\u" not in made.body
