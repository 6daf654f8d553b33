"""Idempotency-Key: a request that is sent again has one effect and one answer."""

import pytest

from http_client import Client, path_of
from support import together

REPLAYED = "Idempotency-Replayed"
KEPT = ("ETag", "Location", "Content-Type", "Cache-Control")


def assert_replay(again, first):
    again.expect(first.status)
    assert again.header(REPLAYED) == "true", f"not marked as a replay:\n{again}"
    assert again.body == first.body, f"another answer than\n{first}\nnamely\n{again}"
    for name in KEPT:
        assert again.header(name) == first.header(name), f"{name} differs from\n{first}\nin\n{again}"


def test_the_same_post_answers_the_same_again(client, other, email, key):
    k, value = key(), {"name": "Ada", "email": email(), "balance": 5}
    first = client.post("/customers", value, idempotency_key=k).expect(201)
    assert first.header(REPLAYED) is None
    for c in (client, other, client):
        assert_replay(c.post("/customers", value, idempotency_key=k), first)
    assert client.find(value["email"]) == first.json()


def test_a_post_without_email_is_replayed_too(client, other, key):
    k = key()
    first = client.post("/customers", {"name": "Ada"}, idempotency_key=k).expect(201)
    assert_replay(other.post("/customers", {"name": "Ada"}, idempotency_key=k), first)


def test_quoted_and_bare_are_one_key(client, key):
    k = key()
    first = client.post("/customers", {"name": "Ada"}, idempotency_key=k).expect(201)
    assert_replay(client.post("/customers", {"name": "Ada"}, idempotency_key=f'"{k}"'), first)


def test_quoted_escapes_are_read(client, key):
    k = key()
    first = client.post("/customers", {"name": "Ada"}, idempotency_key=f'"a\\"b\\\\{k}"').expect(201)
    assert_replay(client.post("/customers", {"name": "Ada"}, idempotency_key=f'"a\\"b\\\\{k}"'), first)


def test_order_and_white_space_do_not_make_another_body(client, email, key):
    k, address = key(), email()
    first = client.post("/customers", body=f'{{"name":"Ada","email":"{address}"}}'.encode(), idempotency_key=k).expect(201)
    assert_replay(client.post("/customers", body=f'{{ "email": "{address}",\n "name": "Ada" }}'.encode(),
                              idempotency_key=k), first)


@pytest.mark.parametrize("change", [{"name": "Bob"}, {"balance": 6}, {"phone": "12345"}, {"metadata": {"a": 1}}])
def test_another_body_is_422(client, other, email, key, change):
    k, value = key(), {"name": "Ada", "email": email(), "balance": 5}
    client.post("/customers", value, idempotency_key=k).expect(201)
    for c in (client, other):
        c.post("/customers", {**value, **change}, idempotency_key=k).problem(422, "idempotency-mismatch")


def test_another_email_is_422_and_makes_nothing(client, other, email, key):
    k = key()
    client.post("/customers", {"name": "Ada", "email": email()}, idempotency_key=k).expect(201)
    for i in range(8):
        address = email()
        (client, other)[i % 2].post("/customers", {"name": "Ada", "email": address},
                                    idempotency_key=k).problem(422, "idempotency-mismatch")
        assert client.find(address) is None
    client.post("/customers", {"name": "Ada"}, idempotency_key=k).problem(422, "idempotency-mismatch")


def test_a_body_without_email_then_with_one_is_422(client, email, key):
    k, address = key(), email()
    client.post("/customers", {"name": "Ada"}, idempotency_key=k).expect(201)
    client.post("/customers", {"name": "Ada", "email": address}, idempotency_key=k).problem(422, "idempotency-mismatch")
    assert client.find(address) is None


def test_every_write_is_replayed(client, other, email, key):
    made = client.create(email=email(), balance=1)
    path = path_of(made)
    steps = [("PATCH", {"balance": 2}), ("PATCH", {"email": email()}), ("PUT", {"name": "Bob", "balance": 3}),
             ("PUT", {"name": "Cy", "balance": 4, "email": email()}), ("PATCH", {"email": None})]
    seen = []
    for method, value in steps:
        k = key()
        first = client.request(method, path, value, idempotency_key=k).expect(200)
        assert_replay(other.request(method, path, value, idempotency_key=k), first)
        seen.append((method, value, k, first))
    assert client.get(path).json()["version"] == 1 + len(steps)
    for method, value, k, first in seen:  # later changes don't alter the first answer
        assert_replay(client.request(method, path, value, idempotency_key=k), first)
    assert client.get(path).json()["version"] == 1 + len(steps)


def test_a_replay_after_a_later_change_gives_the_first_answer(client, email, key):
    k, value = key(), {"name": "Ada", "email": email(), "balance": 5}
    first = client.post("/customers", value, idempotency_key=k).expect(201)
    client.patch(path_of(first.json()), {"balance": 6, "email": email()}).expect(200)
    assert_replay(client.post("/customers", value, idempotency_key=k), first)


def test_delete_is_replayed(client, other, key):
    made, k = client.create(), key()
    first = client.delete(path_of(made), idempotency_key=k).expect(204)
    assert_replay(other.delete(path_of(made), idempotency_key=k), first)
    client.delete(path_of(made)).problem(404, "not-found")


def test_a_replay_comes_before_the_precondition(client, key):
    made, k = client.create(balance=1), key()
    first = client.patch(path_of(made), {"balance": 2}, if_match='"1"', idempotency_key=k).expect(200)
    assert_replay(client.patch(path_of(made), {"balance": 2}, if_match='"1"', idempotency_key=k), first)


def test_another_body_on_patch_put_is_422(client, key):
    made, k, l = client.create(balance=1), key(), key()
    client.patch(path_of(made), {"balance": 2}, idempotency_key=k).expect(200)
    client.patch(path_of(made), {"balance": 3}, idempotency_key=k).problem(422, "idempotency-mismatch")
    client.put(path_of(made), {"name": "A", "balance": 2}, idempotency_key=l).expect(200)
    client.put(path_of(made), {"name": "A", "balance": 3}, idempotency_key=l).problem(422, "idempotency-mismatch")
    assert client.get(path_of(made)).json()["balance"] == 2


def test_a_key_belongs_to_its_method_and_path(client, key):
    k = key()
    one, two = client.create(balance=1), client.create(balance=1)
    client.post("/customers", {"name": "Ada"}, idempotency_key=k).expect(201)
    for made in (one, two):
        answer = client.patch(path_of(made), {"balance": 2}, idempotency_key=k).expect(200)
        assert answer.header(REPLAYED) is None
        answer = client.put(path_of(made), {"name": "B", "balance": 2}, idempotency_key=k).expect(200)
        assert answer.header(REPLAYED) is None and answer.json()["version"] == 3
        answer = client.delete(path_of(made), idempotency_key=k).expect(204)
        assert answer.header(REPLAYED) is None


def test_a_replay_after_the_delete_returns_no_personal_data(client, other, email, key):
    k, k2 = key(), key()
    value = {"name": "Augusta Personal", "email": email("personal"), "phone": "+44 555 123", "address": "Personal Road 1",
             "metadata": {"note": "personal note"}}
    first = client.post("/customers", value, idempotency_key=k).expect(201)
    path = path_of(first.json())
    client.patch(path, {"address": "Personal Road 2"}, idempotency_key=k2).expect(200)
    client.delete(path).expect(204)
    for c in (client, other):
        for again in (c.post("/customers", value, idempotency_key=k),
                      c.patch(path, {"address": "Personal Road 2"}, idempotency_key=k2)):
            assert again.status < 500, str(again)
            for personal in ("Augusta", "ersonal", "555"):
                assert personal not in again.body.decode(), f"personal data after the delete:\n{again}"
    assert client.find(value["email"]) is None, "the replay made a customer"
    client.get(path).problem(404, "not-found")


def test_the_key_is_of_no_use_to_refused_requests(client, email, key):
    """A refusal by validation is not kept: the corrected request may use the key."""
    k, address = key(), email()
    client.post("/customers", {"name": "", "email": address}, idempotency_key=k).findings()
    client.post("/customers", {"name": "Ada", "email": address}, idempotency_key=k).expect(201)


def test_a_taken_email_stays_taken_in_the_replay(client, email, key):
    k, made = key(), client.create(email=email())
    for _ in range(2):
        problem = client.post("/customers", {"name": "B", "email": made["email"]},
                              idempotency_key=k).problem(409, "email-taken")
        assert problem["owner"].endswith(path_of(made))


@pytest.mark.parametrize("bad", ["", '""', "k" * 256, '"' + "k" * 256 + '"', "a b", '"a b"', '"open', "k\u00e9y",
                                 '"a"b"', '"a\\n"', "\x7f", "a,b c"])
def test_an_invalid_key_is_400(client, email, bad):
    address, made = email(), client.create()
    headers = {"Idempotency-Key": bad.encode("utf-8")}
    client.post("/customers", {"name": "A", "email": address}, headers=headers).problem(400, "bad-request")
    client.patch(path_of(made), {"name": "A"}, headers=headers).problem(400, "bad-request")
    client.put(path_of(made), {"name": "A", "balance": 0}, headers=headers).problem(400, "bad-request")
    client.delete(path_of(made), headers=headers).problem(400, "bad-request")
    assert client.find(address) is None
    assert client.get(path_of(made)).json() == made


def test_the_longest_key_is_fine(client, key):
    k = (key() * 8)[:255]
    first = client.post("/customers", {"name": "A"}, idempotency_key=k).expect(201)
    assert_replay(client.post("/customers", {"name": "A"}, idempotency_key=f'"{k}"'), first)


@pytest.mark.concurrent
def test_many_at_once_with_one_key_have_one_effect(cluster, second, email, key):
    for with_email in (True, False, True, False):
        k, value = key(), {"name": "Race", **({"email": email("race")} if with_email else {})}

        def post(url):
            with Client(url) as c:
                return c.post("/customers", value, idempotency_key=k)

        answers = together([lambda u=u: post(u) for u in [cluster.url, second.url] * 6])
        for answer in answers:
            answer.expect(201, 409)
            if answer.status == 409:
                answer.problem(409, "idempotency-in-progress")
                assert answer.header("Retry-After")
        made = [a for a in answers if a.status == 201]
        assert made and len({a.body for a in made}) == 1, "more than one answer"
        assert len([a for a in made if a.header(REPLAYED) is None]) <= 1, "more than one effect is claimed"
        with Client(cluster.url) as c:
            assert_replay(c.post("/customers", value, idempotency_key=k), made[0])
            if with_email:
                assert c.find(value["email"])["id"] == made[0].json()["id"]


@pytest.mark.concurrent
def test_many_at_once_with_one_key_and_different_emails_make_one(cluster, second, email, key):
    for _ in range(4):
        k, emails = key(), [email("race") for _ in range(8)]

        def post(url, address):
            with Client(url) as c:
                return c.post("/customers", {"name": "Race", "email": address}, idempotency_key=k)

        answers = together([lambda u=u, e=e: post(u, e) for u, e in zip([cluster.url, second.url] * 4, emails)])
        assert sorted(a.expect(201, 409, 422).status for a in answers).count(201) == 1
        with Client(cluster.url) as c:
            assert len([e for e in emails if c.find(e)]) == 1


@pytest.mark.concurrent
def test_many_patches_at_once_with_one_key_have_one_effect(cluster, second, email, key):
    with Client(cluster.url) as c:
        for value in ({"balance": 7}, {"email": email("moved")}):
            made, k = c.create(email=email()), key()

            def patch(url):
                with Client(url) as mine:
                    return mine.patch(path_of(made), value, idempotency_key=k)

            answers = together([lambda u=u: patch(u) for u in [cluster.url, second.url] * 4])
            for answer in answers:
                if answer.expect(200, 409).status == 409:
                    assert answer.json()["type"].rsplit(":", 1)[1] in ("idempotency-in-progress", "update-in-progress")
            assert len({a.body for a in answers if a.status == 200}) == 1
            got = c.get(path_of(made)).json()
            assert got["version"] == 2 and {**got, **value} == got
