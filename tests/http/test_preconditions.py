"""If-Match, If-None-Match and the mode that demands If-Match (RFC 9110 section 13)."""

import pytest

from http_client import Client, path_of
from support import together

ABSENT = "/customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d"
MATCH = ['"2"', '"1", "2"', '"2","9"', '  "7" ,"2" ', '*', '"abc", "2"', 'W/"1", "2"', ', "2"']
MISMATCH = ['"1"', '"3"', '"02"', '"abc"', '""', 'W/"2"', '"1", "3"', 'W/"2", "3"', '"*"', '"99999999999999999999999"']
MALFORMED = ['2', '"2', '2"', "'2'", 'w/"2"', '"2" "3"', '*, "2"', '"a\tb"x', 'W/2', '"2";']


def version_two(client):
    made = client.create(name="One", balance=1)
    return client.patch(path_of(made), {"name": "Two"}).expect(200).json()


def writes(client, path, **headers):
    """PUT, PATCH and DELETE with these headers; DELETE last."""
    yield client.put(path, {"name": "Put", "balance": 0}, **headers)
    yield client.patch(path, {"name": "Patched"}, **headers)
    yield client.delete(path, **headers)


@pytest.mark.parametrize("value", MATCH)
def test_if_match_lets_through(client, value):
    for write in (lambda p: client.put(p, {"name": "Put", "balance": 0}, if_match=value),
                  lambda p: client.patch(p, {"name": "Patched"}, if_match=value)):
        made = version_two(client)
        assert write(path_of(made)).expect(200).etag == '"3"'
    made = version_two(client)
    client.delete(path_of(made), if_match=value).expect(204)


@pytest.mark.parametrize("value", MISMATCH)
def test_if_match_stops(client, value):
    made = version_two(client)
    for answer in writes(client, path_of(made), if_match=value):
        answer.problem(412, "precondition-failed")
        assert answer.etag == '"2"', f"412 holds the current tag:\n{answer}"
    assert client.get(path_of(made)).json() == made


@pytest.mark.parametrize("value", MALFORMED)
def test_a_malformed_tag_is_an_error_and_no_guess(client, value):
    made = version_two(client)
    for answer in writes(client, path_of(made), if_match=value):
        answer.problem(400, "bad-request")
    assert client.get(path_of(made)).json() == made


def test_existence_is_judged_first(client):
    for headers in ({"if_match": '"1"'}, {"if_match": "*"}, {"if_none_match": "*"}):
        for answer in writes(client, ABSENT, **headers):
            answer.problem(404, "not-found")
    made = client.create()
    client.delete(path_of(made)).expect(204)
    for answer in writes(client, path_of(made), if_match='"1"'):
        answer.problem(404, "not-found")


def test_a_bad_body_is_told_before_the_precondition_fails(client):
    made = version_two(client)
    client.put(path_of(made), {"name": ""}, if_match='"9"').expect(412, 422)
    assert client.get(path_of(made)).json() == made


@pytest.mark.parametrize("value,status", [('"2"', 304), ('W/"2"', 304), ('"1", W/"2"', 304), ("*", 304), ('"1"', 200),
                                          ('W/"1"', 200), ('"abc"', 200), ('"2x"', 200)])
def test_if_none_match_on_get_and_head(client, value, status):
    made = version_two(client)
    for answer in (client.get(path_of(made), if_none_match=value), client.head(path_of(made), if_none_match=value)):
        answer.expect(status)
        assert answer.etag == '"2"' and answer.header("Cache-Control") == "private, no-cache"


def test_if_none_match_on_an_absent_customer_is_404(client):
    client.get(ABSENT, if_none_match="*").problem(404, "not-found")


def test_if_none_match_stops_writes(client):
    made = version_two(client)
    for value in ("*", '"2"', 'W/"2"'):
        for answer in writes(client, path_of(made), if_none_match=value):
            answer.problem(412, "precondition-failed")
    assert client.get(path_of(made)).json() == made
    client.patch(path_of(made), {"name": "Three"}, if_none_match='"1"').expect(200)


def test_if_match_on_get(client):
    made = version_two(client)
    client.get(path_of(made), if_match='"2"').expect(200)


def test_if_match_on_post_of_a_new_customer(client, email):
    address = email()
    client.post("/customers", {"name": "A", "email": address}, if_match='"1"').problem(412, "precondition-failed")
    assert client.find(address) is None


def test_the_strict_mode_demands_if_match(client, strict):
    with Client(strict.url) as c:
        made = version_two(client)
        for answer in writes(c, path_of(made)):
            answer.problem(428, "precondition-required")
        for answer in writes(c, path_of(made), if_match='"1"'):
            answer.problem(412, "precondition-failed")
        assert c.get(path_of(made)).json() == made
        c.put(path_of(made), {"name": "A", "balance": 0}, if_match='"2"').expect(200)
        c.patch(path_of(made), {"name": "B"}, if_match="*").expect(200)
        c.delete(path_of(made), if_match='"4"').expect(204)
        c.post("/customers/lookup", {"email": "a@example.net"}).expect(200)


@pytest.mark.concurrent
def test_no_update_is_lost_under_if_match(cluster, second):
    """Eight clients on two instances count one balance up, each by read, add and conditional write."""
    each = 10
    with Client(cluster.url) as c:
        made = c.create(balance=0)

    def count(url):
        with Client(url) as mine:
            for _ in range(each):
                while True:
                    got = mine.get(path_of(made)).expect(200)
                    answer = mine.patch(path_of(made), {"balance": got.json()["balance"] + 1}, if_match=got.etag)
                    if answer.expect(200, 412).status == 200:
                        break

    together([lambda u=u: count(u) for u in [cluster.url, second.url] * 4])
    with Client(cluster.url) as c:
        got = c.get(path_of(made)).json()
    assert (got["balance"], got["version"]) == (8 * each, 8 * each + 1)


@pytest.mark.concurrent
def test_one_of_many_conditional_writes_wins(cluster, second):
    with Client(cluster.url) as c:
        for _ in range(5):
            made = c.create()

            def write(url, i):
                with Client(url) as mine:
                    return mine.patch(path_of(made), {"balance": i}, if_match='"1"').expect(200, 412).status

            statuses = together([lambda u=u, i=i: write(u, i) for i, u in enumerate([cluster.url, second.url] * 4)])
            assert sorted(statuses) == [200] + [412] * 7
            assert c.get(path_of(made)).json()["version"] == 2
