"""HTTP itself: methods, negotiation, limits, request ids, connections, problems."""

import json
import re

import pytest

from http_client import PROBLEM, Client, path_of
from raw_http import RawConnection, exchange
from support import unique_email

ID = "01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d"
ALLOWED = {
    "/customers": {"GET", "HEAD", "POST", "OPTIONS"},
    "/customers/" + ID: {"GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"},
    "/customers/lookup": {"POST", "OPTIONS"},
}
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW", "get", "PROPFIND", "LINK"]


def allow(answer):
    return {m.strip() for m in (answer.header("Allow") or "").split(",")}


@pytest.mark.parametrize("path", list(ALLOWED))
@pytest.mark.parametrize("method", METHODS)
def test_methods(client, path, method):
    if method in ALLOWED[path] and method != "OPTIONS":
        assert client.request(method, path).status not in (405, 204)
        return
    answer = client.request(method, path)
    if method == "OPTIONS":
        answer.expect(204)
    else:
        answer.problem(405, "method-not-allowed")
    assert allow(answer) == ALLOWED[path], str(answer)


def test_options_star(client):
    assert "GET" in allow(client.request("OPTIONS", "*").expect(204))


@pytest.mark.parametrize("path", ["/", "/customer", "/customers/", "/Customers", "/customers/" + ID + "/", "/customers/" + ID + "/x",
                                  "/favicon.ico", "/livez", "/readyz", "/version", "/metrics", "//customers", "/./customers",
                                  "/x/../customers", "/%63ustomers", "/customers%2f" + ID, "/customers;a=b"])
def test_other_paths_are_404(client, path):
    client.get(path).problem(404, "not-found")
    client.post(path, {"name": "A"}).problem(404, "not-found")


@pytest.mark.parametrize("name", ["x", "1", ID[:-1], ID + "0", ID.replace("-", ""), "{" + ID + "}", "urn:uuid:" + ID, "..", ".", "*",
                                  "%2e%2e%2f", "%00", "%0d%0a", "%c0%ae", "%5c", "a%2fb", "%252e", ID[:-1] + "%64", ID.replace("7747", "4747"),
                                  ID.replace("-9c", "-cc"), "-" * 36, "%" + ID[1:], "c" * 3500, "lookup%00", "LOOKUP"])
def test_ids_that_are_none_are_404(client, name):
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        client.request(method, "/customers/" + name, {"name": "A", "balance": 0} if method[0] == "P" else None) \
            .problem(404, "not-found")


def test_an_absolute_target_names_the_same_resource(client, cluster):
    made = client.create()
    answer = client.get(cluster.url + path_of(made))
    answer.expect(200, 400, 404)
    assert answer.status != 200 or answer.json() == made


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*", "text/html, */*;q=0.1", "application/json;q=0.5",
                                    "text/plain, application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "",
                                    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"])
def test_accept_that_includes_json(client, accept):
    made = client.create()
    client.get(path_of(made), headers={"Accept": accept}).expect(200)


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "text/*", "application/json;q=0", "*/*;q=0", "application/json;q=0, */*",
                                    "image/png, text/html;q=0.5"])
def test_accept_that_excludes_json(client, accept):
    made, address = client.create(), unique_email()
    client.get(path_of(made), headers={"Accept": accept}).problem(406, "not-acceptable")
    client.post("/customers", {"name": "A", "email": address}, headers={"Accept": accept}).problem(406, "not-acceptable")
    assert client.find(address) is None


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON",
                                  'application/json; charset="utf-8"'])
def test_content_types_that_are_taken(client, kind):
    client.post("/customers", {"name": "A"}, headers={"Content-Type": kind}).expect(201)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml",
                                  "application/json; charset=latin1", "application/jsonx", "json", "text/json", "application/json-patch+json",
                                  "application/problem+json", ""])
def test_content_types_that_are_not(client, kind):
    made = client.create()
    headers = {"Content-Type": kind}
    client.post("/customers", {"name": "A"}, headers=headers).problem(415, "unsupported-media-type")
    client.put(path_of(made), {"name": "A", "balance": 0}, headers=headers).problem(415, "unsupported-media-type")
    client.patch(path_of(made), {"name": "A"}, headers=headers).problem(415, "unsupported-media-type")
    client.post("/customers/lookup", {"email": "a@example.net"}, headers=headers).problem(415, "unsupported-media-type")


def test_a_body_without_content_type_is_415(client):
    client.post("/customers", body=b'{"name":"A"}', headers={"Content-Type": None}).problem(415, "unsupported-media-type")


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "x"])
def test_encoded_bodies_are_not_taken(client, coding):
    client.post("/customers", {"name": "A"}, headers={"Content-Encoding": coding}).problem(415, "unsupported-media-type")


def test_a_second_coding_is_seen(cluster):
    fields = b"Content-Length: 2\r\nContent-Encoding: identity\r\nContent-Encoding: gzip\r\nConnection: close\r\n\r\n"
    data = head(extra=fields) + b"{}"
    answers, _ = exchange(cluster.url, data)
    assert [a.status for a in answers] == [415], answers


def test_blanks_behind_a_field_value_are_no_part_of_it(cluster):
    data = b"GET /nowhere HTTP/1.1\r\nHost: a \t\r\nX-Request-Id: trailing \r\nConnection: close\r\n\r\n"
    answers, _ = exchange(cluster.url, data)
    assert [(a.status, a.header("X-Request-Id")) for a in answers] == [(404, "trailing")], answers


def padded(size):
    body = b'{"name":"A"}'
    return body + b" " * (size - len(body))


def test_a_body_at_the_limit_is_read_whole(client):
    client.post("/customers", body=padded(131072)).expect(201)


def chunked(body, size=8192):
    return b"".join(b"%x\r\n%s\r\n" % (len(body[i:i + size]), body[i:i + size]) for i in range(0, len(body), size)) + b"0\r\n\r\n"


@pytest.mark.parametrize("pair", ["a", "a=", "limit=1", "%41=%41"])
def test_any_number_of_parameters_has_an_answer(client, pair):
    for query in (pair + "&" + pair, "&".join([pair] * (4000 // (len(pair) + 1)))):
        client.get("/customers?" + query).problem(400, "bad-parameter")


def head(method="POST", target="/customers", extra=b"", content=b"application/json"):
    return b"%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: %s\r\n%s" % (method.encode(), target.encode(), content, extra)


def test_a_chunked_body_at_the_limit_is_read_whole(cluster):
    answers, _ = exchange(cluster.url, head(extra=b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n") + chunked(padded(131072)))
    assert [a.status for a in answers] == [201]


@pytest.mark.parametrize("size", [131073, 400000, 3000000])
def test_a_body_over_the_limit_is_413_by_its_length(cluster, size):
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Content-Length: %d\r\n\r\n" % size) + padded(min(size, 131072 + 1)))
        answer = c.response()
        assert answer.status == 413 and answer.header("Connection") == "close", answer
        assert json.loads(answer.body)["type"] == PROBLEM + "body-too-large"
        assert c.closed_within(10)


def test_413_comes_before_the_body(cluster):
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Content-Length: 900000000000\r\n\r\n"))
        answer = c.response(timeout_s=8)
        assert answer.status == 413, answer
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Expect: 100-continue\r\nContent-Length: 900000\r\n\r\n"))
        assert c.response(timeout_s=8).status == 413


@pytest.mark.parametrize("size", [131073, 400000])
def test_a_chunked_body_over_the_limit_is_413(cluster, size):
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Transfer-Encoding: chunked\r\n\r\n") + chunked(padded(size)))
        answer = c.response()
        assert answer.status == 413, answer
        assert c.closed_within(10)


def test_no_truncated_body_is_parsed(client):
    """The first 128 KiB of this body are a whole customer."""
    address = unique_email("truncated")
    body = json.dumps({"name": "A", "email": address}).encode()
    client.post("/customers", body=body + b" " * (131072 - len(body)) + b"trash").problem(413, "body-too-large")
    assert client.find(address) is None


def test_expect_100_continue(cluster):
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Expect: 100-continue\r\nContent-Length: 12\r\n\r\n"))
        assert c.readable(10)
        c.send(b'{"name":"A"}')
        assert c.response().status == 201


@pytest.mark.parametrize("length", [b"", b"Content-Length: 0\r\n"])
def test_who_expects_100_continue_for_no_body_is_answered_beside_the_next_request(cluster, length):
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Expect: 100-continue\r\n" + length + b"\r\n") + b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n")
        assert [c.response().status for _ in range(2)] == [400, 404]


def test_long_targets_are_414(client):
    client.get("/customers?cursor=" + "c" * 3500).problem(400, "bad-cursor")
    for size in (4200, 12000):
        answer = client.get("/customers?cursor=" + "c" * size)
        answer.problem(414, "uri-too-long")
        answer = client.get("/customers/" + "c" * size)
        answer.problem(414, "uri-too-long")


def test_large_headers_are_431(client):
    made = client.create()
    client.get(path_of(made), headers={"X-Large": "x" * 7000}).expect(200)
    client.get(path_of(made), headers={f"X-H{i}": "x" for i in range(50)}).expect(200)
    client.get(path_of(made), headers={"X-Large": "x" * 9000}).problem(431, "headers-too-large")
    client.get(path_of(made), headers={f"X-H{i}": "x" * 1000 for i in range(10)}).problem(431, "headers-too-large")
    client.get(path_of(made), headers={f"X-H{i}": "x" for i in range(120)}).problem(431, "headers-too-large")


@pytest.mark.parametrize("given", ["abc", "0", "A-b_c.d:e/f+g=", "r" * 128])
def test_a_sane_request_id_is_kept(client, given):
    assert client.get("/customers?limit=1", x_request_id=given).header("X-Request-Id") == given
    assert client.get("/nowhere", x_request_id=given).problem(404, "not-found")["request_id"] == given


@pytest.mark.parametrize("given", ["", "r" * 129, "a b", "a\"b", "<script>", "a,b", "\u00e9".encode(), "a\tb", "{}"])
def test_another_request_id_is_replaced(client, given):
    got = client.get("/customers?limit=1", headers={"X-Request-Id": given}).header("X-Request-Id")
    assert re.fullmatch(r"[A-Za-z0-9-]{16,64}", got), got


def test_request_ids_are_new_each_time(client):
    ids = [client.get("/customers?limit=1").header("X-Request-Id") for _ in range(20)]
    assert len(set(ids)) == 20


def test_every_kind_of_answer_has_a_request_id(client):
    made = client.create()
    answers = [client.get(path_of(made), if_none_match="*", x_request_id="i"), client.delete(path_of(made), x_request_id="i"),
               client.request("OPTIONS", "/customers", x_request_id="i"), client.head("/customers", x_request_id="i"),
               client.post("/customers", {}, x_request_id="i"), client.request("BREW", "/customers", x_request_id="i")]
    assert [a.header("X-Request-Id") for a in answers] == ["i"] * 6


def test_one_connection_serves_many_requests(client):
    client.get("/customers?limit=1")
    first = client.connection.sock
    for _ in range(50):
        made = client.create()
        client.get("/nowhere").expect(404)
        client.post("/customers", {}).expect(422)
        client.post("/customers", body=b"{").expect(400)
        client.delete(path_of(made)).expect(204)
    assert client.connection.sock is first, "the connection was closed meanwhile"


def test_connection_close_is_honoured(cluster):
    answers, closed = exchange(cluster.url, b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    assert [a.status for a in answers] == [200] and closed


def test_http_1_0_is_served_and_closed(cluster):
    answers, closed = exchange(cluster.url, b"GET /customers?limit=1 HTTP/1.0\r\n\r\n")
    assert [a.status for a in answers] == [200] and closed


def test_pipelined_requests_are_answered_in_order(cluster):
    made = []
    with Client(cluster.url) as c:
        made = [c.create() for _ in range(5)]
    request = b"".join(b"GET %s HTTP/1.1\r\nHost: a\r\n\r\n" % path_of(m).encode() for m in made)
    with RawConnection(cluster.url) as raw:
        raw.send(request)
        assert [json.loads(raw.response().body)["id"] for _ in made] == [m["id"] for m in made]


def test_upgrades_are_not_taken(cluster):
    for extra in (b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: aaaaaaaaaaaaaaaaaaaaaa==\r\n",
                  b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n"):
        answers, _ = exchange(cluster.url, b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n" + extra + b"\r\n")
        assert answers and answers[0].status in (200, 400), answers


@pytest.mark.parametrize("host,status", [(b"Host: anything.example:99\r\n", 200), (b"", 400), (b"Host: a\r\nHost: b\r\n", 400)])
def test_hosts(cluster, host, status):
    answers, _ = exchange(cluster.url, b"GET /customers?limit=1 HTTP/1.1\r\n" + host + b"\r\n")
    assert [a.status for a in answers] == [status]


def test_the_host_is_not_reflected(client):
    made = client.post("/customers", {"name": "A"}, headers={"Host": "evil.example"}).expect(201)
    assert "evil" not in str(made.headers)
    assert "evil" not in str(client.get("/customers?limit=1", headers={"Host": "evil.example"}).headers)


@pytest.mark.parametrize("name", ["Idempotency-Key", "Content-Type"])
def test_repeated_single_headers_are_400(cluster, client, name):
    address = unique_email()
    body = json.dumps({"name": "A", "email": address}).encode()
    value = {"Idempotency-Key": b"k1", "Content-Type": b"application/json"}[name]
    other = b"" if name == "Content-Type" else b"Content-Type: application/json\r\n"
    line = name.encode() + b": " + value + b"\r\n"
    request = b"POST /customers HTTP/1.1\r\nHost: a\r\n" + other + line + line + b"Content-Length: %d\r\n\r\n" % len(body) + body
    answers, _ = exchange(cluster.url, request)
    assert [a.status for a in answers][:1] in ([400], [415]), answers
    assert client.find(address) is None


def test_a_body_on_get_and_delete_is_ignored(client):
    made = client.create()
    assert client.get(path_of(made), body=b'{"name":"X"}').expect(200).json() == made
    client.delete(path_of(made), body=b"trash").expect(204)


def test_problems_name_the_path_without_the_query(client):
    answer = client.get("/customers?email=marker@example.net&limit=x")
    assert answer.expect(400).json()["instance"] == "/customers" and b"marker" not in answer.body


def test_problems_are_never_cached(client):
    for answer in (client.get("/nowhere"), client.post("/customers", {}), client.get("/customers?limit=x")):
        assert "no-store" in answer.header("Cache-Control"), str(answer)


def test_error_bodies_hold_no_personal_data(client):
    made = client.create(email=unique_email("owner"), name="Owner Name")
    answer = client.post("/customers", {"name": "B", "email": made["email"]}).expect(409)
    assert made["email"] not in answer.body.decode() and "Owner" not in answer.body.decode()


def test_a_broken_off_request_has_no_effect(cluster, client):
    addresses = [unique_email("cut") for _ in range(10)]
    for i, address in enumerate(addresses):
        body = json.dumps({"name": "A", "email": address}).encode()
        data = head(extra=b"Content-Length: %d\r\n\r\n" % len(body)) + body[:-1]
        if i % 2:
            data = head(extra=b"Transfer-Encoding: chunked\r\n\r\n") + b"%x\r\n%s\r\n" % (len(body), body)
        with RawConnection(cluster.url) as c:
            c.send(data)
    for address in addresses:
        assert client.find(address) is None


def test_a_client_that_leaves_before_the_answer_can_ask_again(cluster, client, key):
    address, k = unique_email("left"), key()
    body = json.dumps({"name": "A", "email": address}).encode()
    with RawConnection(cluster.url) as c:
        c.send(head(extra=b"Idempotency-Key: %s\r\nContent-Length: %d\r\n\r\n" % (k.encode(), len(body))) + body)
    for _ in range(100):
        answer = client.post("/customers", {"name": "A", "email": address}, idempotency_key=k)
        if answer.status != 409:
            break
    assert answer.expect(201).json() == client.find(address)
