"""A customer's life: create, read, replace, patch, delete, and what each answer carries."""

import datetime
import re

from http_client import path_of
from support import SAMPLE

UUID7 = re.compile(r"^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
ABSENT = "/customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d"


def test_the_aws_sample_works_unchanged_and_keeps_its_types(client):
    found = client.find(SAMPLE["email"])
    if found:
        client.delete(path_of(found)).expect(204)
    made = client.post("/customers", SAMPLE).expect(201).json()
    assert {k: made[k] for k in SAMPLE} == SAMPLE
    assert type(made["balance"]) is int
    assert made["metadata"] == {} and made["version"] == 1
    assert UUID7.match(made["id"]), made["id"]
    got = client.get(path_of(made)).expect(200).json()
    assert got == made
    client.delete(path_of(made)).expect(204)


def test_create_answers_location_etag_and_the_whole_customer(client, email):
    answer = client.post("/customers", {"name": "Ada", "email": email()}).expect(201)
    made = answer.json()
    assert answer.header("Location").endswith(path_of(made))
    assert answer.etag == '"1"'
    assert set(made) == {"id", "name", "email", "balance", "metadata", "created_at", "updated_at", "version"}
    assert made["balance"] == 0
    assert TIME.match(made["created_at"]) and made["created_at"] == made["updated_at"]
    age = datetime.datetime.now(datetime.timezone.utc) - datetime.datetime.fromisoformat(made["created_at"][:-1] + "+00:00")
    assert abs(age.total_seconds()) < 60


def test_the_location_serves_the_customer(client):
    answer = client.post("/customers", {"name": "Ada"}).expect(201)
    location = answer.header("Location")
    assert client.get(location[location.index("/customers/"):]).expect(200).json() == answer.json()


def test_served_json_is_compact_utf8_in_a_fixed_order(client):
    made = client.post("/customers", {"metadata": {"z": 1, "a": True}, "phone": "123 45", "name": "Łukasz \"Ł\" 😀",
                                      "address": "a\nb\\c/d", "balance": -5}).expect(201)
    text = made.body.decode("utf-8")
    document = made.json()
    wanted = ('{"id":"%s","name":"Łukasz \\"Ł\\" 😀","phone":"123 45","address":"a\\nb\\\\c/d","balance":-5,'
              '"metadata":{"z":1,"a":true},"created_at":"%s","updated_at":"%s","version":1}'
              % (document["id"], document["created_at"], document["updated_at"]))
    assert text.strip() == wanted
    assert client.get(path_of(document)).body == made.body


def test_get_carries_the_etag_and_a_private_cache_policy(client):
    made = client.create()
    answer = client.get(path_of(made)).expect(200)
    assert answer.etag == '"1"'
    assert answer.header("Cache-Control") == "private, no-cache"
    assert answer.header("Content-Type").replace(" ", "") in ("application/json", "application/json;charset=utf-8")
    assert int(answer.header("Content-Length")) == len(answer.body)


def test_every_answer_with_a_customer_has_the_cache_policy(client):
    answers = [client.post("/customers", {"name": "Ada"}).expect(201)]
    path = path_of(answers[0].json())
    answers += [client.put(path, {"name": "B", "balance": 0}).expect(200), client.patch(path, {"name": "C"}).expect(200),
                client.get("/customers").expect(200), client.get("/customers?email=nobody@example.net").expect(200),
                client.post("/customers/lookup", {"email": "nobody@example.net"}).expect(200),
                client.get(path, if_none_match="*").expect(304)]
    for answer in answers:
        assert answer.header("Cache-Control") == "private, no-cache", str(answer)


def test_head_is_get_without_body(client):
    made = client.create(address="x" * 300)
    got, head = client.get(path_of(made)).expect(200), client.head(path_of(made)).expect(200)
    for name in ("ETag", "Content-Type", "Content-Length", "Cache-Control"):
        assert head.header(name) == got.header(name), name
    assert client.head(ABSENT).status == 404
    assert client.head("/customers?limit=1").status == 200
    assert client.head(path_of(made), if_none_match='"1"').expect(304).etag == '"1"'


def test_put_replaces_and_absent_members_become_absent(client, email):
    made = client.create(email=email(), phone="+44 20 7946", address="London", balance=7, metadata={"a": 1})
    answer = client.put(path_of(made), {"name": "Grace", "balance": 3}).expect(200)
    got = answer.json()
    assert answer.etag == '"2"'
    assert set(got) == {"id", "name", "balance", "metadata", "created_at", "updated_at", "version"}
    assert (got["id"], got["name"], got["balance"], got["metadata"], got["version"]) == (made["id"], "Grace", 3, {}, 2)
    assert got["created_at"] == made["created_at"] and got["updated_at"] >= made["updated_at"]
    assert client.get(path_of(made)).json() == got
    assert client.find(made["email"]) is None


def test_put_must_state_the_balance(client):
    made = client.create(balance=99)
    for value in ({"name": "Ada"}, {"name": "Ada", "balance": None}):
        assert "/balance" in client.put(path_of(made), value).findings()
    assert client.get(path_of(made)).json() == made


def test_put_may_repeat_what_was_served(client, email):
    made = client.create(email=email(), balance=5)
    got = client.put(path_of(made), made).expect(200).json()
    assert {**got, "version": 1, "updated_at": made["updated_at"]} == made


def test_patch_changes_only_what_it_names(client, email):
    made = client.create(email=email(), phone="12345", balance=7)
    answer = client.patch(path_of(made), {"balance": 8, "phone": None}).expect(200)
    got = answer.json()
    assert answer.etag == '"2"' and got["version"] == 2 and got["balance"] == 8
    assert "phone" not in got and got["email"] == made["email"] and got["name"] == made["name"]
    assert client.get(path_of(made)).json() == got


def test_versions_count_every_change(client):
    made = client.create()
    for version in range(2, 8):
        answer = client.patch(path_of(made), {"balance": version}).expect(200)
        assert answer.json()["version"] == version and answer.etag == f'"{version}"'


def test_delete_takes_the_customer_away(client, email):
    made = client.create(email=email())
    client.delete(path_of(made)).expect(204)
    client.get(path_of(made)).problem(404, "not-found")
    client.delete(path_of(made)).problem(404, "not-found")
    client.patch(path_of(made), {"name": "B"}).problem(404, "not-found")
    client.put(path_of(made), {"name": "B", "balance": 0}).problem(404, "not-found")
    assert client.find(made["email"]) is None
    again = client.create(email=made["email"])
    assert again["id"] != made["id"]


def test_put_and_patch_never_create(client):
    client.put(ABSENT, {"name": "A", "balance": 0}).problem(404, "not-found")
    client.patch(ABSENT, {"name": "A"}).problem(404, "not-found")
    client.delete(ABSENT).problem(404, "not-found")
    client.get(ABSENT).problem(404, "not-found")


def test_an_id_in_upper_case_is_the_same_id(client):
    made = client.create()
    answer = client.get("/customers/" + made["id"].upper())
    if answer.status == 200:
        assert answer.json() == made
    else:
        answer.problem(404, "not-found")


def test_numbers_keep_all_their_digits(client):
    for balance in (9007199254740991, -9007199254740991, 9007199254740990, 1, 0, -1):
        made = client.post("/customers", {"name": "Ada", "balance": balance, "metadata": {"n": balance}}).expect(201)
        assert b'"balance":%d,' % balance in made.body and b'"n":%d' % balance in made.body
        assert client.get(path_of(made.json())).body == made.body


def test_two_customers_without_email_are_two(client):
    one, two = client.create(name="Same"), client.create(name="Same")
    assert one["id"] != two["id"]


def test_a_conditional_get_is_304_until_the_customer_changes(client):
    made = client.create()
    answer = client.get(path_of(made), if_none_match='"1"').expect(304)
    assert answer.etag == '"1"'
    client.patch(path_of(made), {"name": "New"}).expect(200)
    assert client.get(path_of(made), if_none_match='"1"').expect(200).etag == '"2"'


def test_an_answer_is_seen_by_the_other_instance_at_once(client, other, email):
    for i in range(20):
        made = client.create(email=email())
        assert other.get(path_of(made)).expect(200).json() == made
        changed = other.patch(path_of(made), {"balance": i}).expect(200).json()
        assert client.get(path_of(made)).json() == changed
        assert client.find(made["email"]) == changed
        client.delete(path_of(made)).expect(204)
        other.get(path_of(made)).expect(404)
