"""Sessions and carts, as an application uses them; and their bounds."""

import pathlib
import time
import re
import uuid

import pytest

from session_client import SessionsClient, stored
from support import together
from token_issuer import TokenIssuer, bearer


@pytest.fixture(scope="module")
def service(with_sessions):
    return with_sessions()


@pytest.fixture
def client(service):
    with SessionsClient(service.url) as c:
        yield c


def test_a_session_is_visited_and_tells_its_course(client):
    session = client.open(attributes={"theme": "dark"}, **{"from": "Firefox on Debian"})
    assert session.opened["visits"] == 0 and session.opened["expires_in_ms"] == 900_000
    first, second = session.visit(), session.visit()
    assert (first["visits"], second["visits"]) == (1, 2)
    assert second["id"] == session.id and second["customer_id"] == session.customer["id"]
    assert second["attributes"] == {"theme": "dark"} and second["from"] == "Firefox on Debian" and "token" not in second
    assert first["created_at"] == second["created_at"] == session.opened["created_at"] <= first["last_seen_at"]
    assert first["last_seen_at"] <= second["last_seen_at"] < second["idle_expires_at"] < second["expires_at"]
    assert session.client.head("/session", headers={"Authorization": "session " + session.token}).expect(200).body == b""
    assert session.visit()["visits"] == 4


def test_a_session_outlives_the_client_and_the_service(client, with_sessions):
    session = client.open()
    session.put("TEA", 2, 150).expect(200)
    another = with_sessions()
    with SessionsClient(another.url) as elsewhere:
        session.client = elsewhere
        assert session.cart()["total"] == 300
    another.stop()


def test_attributes_are_merged_one_by_one(client):
    session = client.open(attributes={"theme": "dark", "beta": True, "gone": None})
    assert session.opened["attributes"] == {"theme": "dark", "beta": True}
    answer = session.patch(beta=None, page=3, city="Zürich \"\n").expect(200).json()
    assert answer["attributes"] == {"theme": "dark", "page": 3, "city": "Zürich \"\n"} and answer["visits"] == 0
    assert list(answer["attributes"]) == ["theme", "page", "city"]
    assert session.request("PATCH", "/session", {}).expect(200).json()["attributes"] == answer["attributes"]
    found = session.request("PATCH", "/session", {"attributes": {"": 1, "x": [1], "y": 1.5}, "visits": 9})
    pointers = {e["pointer"] for e in found.problem(422, "invalid-request")["errors"]}
    assert pointers == {"/attributes/", "/attributes/x", "/attributes/y", "/visits"}
    assert session.visit()["attributes"] == answer["attributes"]


def test_attributes_are_bounded(client):
    session = client.open()
    session.patch(**{f"a{i}": i for i in range(32)}).expect(200)
    for more in ({"b": 1}, {f"c{i}": "x" for i in range(40)}):
        session.patch(**more).problem(422, "invalid-request")
    session.patch(a0=None, b=1).expect(200)
    named = {f"a{i}": None for i in range(1, 32)}
    session.patch(**named, **{f"n{i}": i for i in range(31)}, b=2, c=None).expect(200)
    session.patch(**{f"gone{i}": None for i in range(64)}).expect(200)
    for count in (65, 2000):
        answer = session.patch(**{f"gone{i}": None for i in range(count)}).problem(422, "invalid-request")
        assert answer["errors"] == [{"pointer": "/attributes", "detail": f"expected at most 64 members, got {count}"}]
    large = client.open()
    session_bytes = {f"a{i}": "x" * 256 for i in range(16)}
    large.patch(**session_bytes).problem(422, "invalid-request")
    client.post("/sessions", {"customer_id": large.customer["id"], "attributes": session_bytes}).problem(422, "invalid-request")
    large.patch(**dict(list(session_bytes.items())[:15])).expect(200)


def test_a_cart_has_exact_totals(client):
    session = client.open()
    first = session.cart()["version"]
    assert session.cart() == {"items": [], "count": 0, "quantity": 0, "total": 0, "version": first}
    for i in range(100):
        session.put(f"SKU-{i}", 9999, 1_000_000_000).expect(200)
    cart = session.cart()
    assert cart["total"] == 100 * 9999 * 1_000_000_000 < 2 ** 53 and cart["quantity"] == 999_900 and cart["count"] == 100
    assert [item["sku"] for item in cart["items"]] == [f"SKU-{i}" for i in range(100)]
    session.put("ONE-MORE").problem(422, "invalid-request")
    session.put("SKU-7", 1, 0).expect(200)
    assert session.cart()["total"] == 99 * 9999 * 1_000_000_000
    assert session.visit()["cart"] == {k: v for k, v in session.cart().items() if k != "items"}
    session.request("DELETE", "/session/cart").expect(204)
    assert session.cart() == {"items": [], "count": 0, "quantity": 0, "total": 0, "version": first + 102}


def test_changes_of_the_cart_are_idempotent_and_conditional(client):
    session = client.open()
    empty = session.cart()["version"]
    one, two, three, four = (f'"{empty + i}"' for i in range(4))
    first = session.put("TEA", 2, 150).expect(200)
    assert first.etag == two and session.put("TEA", 2, 150).expect(200).etag == two
    assert session.put("TEA", 3, 150, if_match=one).problem(412, "precondition-failed")
    assert session.put("TEA", 3, 150, if_match=f'"7", {two}').expect(200).etag == three
    assert session.put("POT", if_none_match="*").expect(412).etag == three
    assert session.get("/session/cart", if_none_match="W/" + three).expect(304).etag == three
    session.get("/session/cart", if_none_match=two).expect(200)
    session.get("/session/cart", if_match=three).expect(200)
    assert session.get("/session/cart", if_match=two).expect(412).etag == three
    gone = session.request("DELETE", "/session/cart/items/TEA", if_match=three).expect(204)
    assert gone.etag == four == session.request("DELETE", "/session/cart/items/TEA").expect(204).etag
    assert session.request("DELETE", "/session/cart").expect(204).etag == four
    session.get("/session/cart", if_none_match=three.strip('"')).problem(400, "bad-request")


def test_no_two_sessions_give_a_cart_the_same_tag(client):
    """Both have the URL /session/cart: by the tag of the one before, a browser would show its cart."""
    before = client.open()
    tag = before.put("TEA").expect(200).etag
    before.sign_out()
    after = client.open(before.customer)
    assert after.put("POT").expect(200).etag != tag
    assert [item["sku"] for item in after.get("/session/cart", if_none_match=tag).expect(200).json()["items"]] == ["POT"]
    after.put("TEA", if_match=tag).problem(412, "precondition-failed")


@pytest.mark.parametrize("value", [
    {"quantity": 0, "unit_price": 1}, {"quantity": 10_000, "unit_price": 1}, {"quantity": 1, "unit_price": -1},
    {"quantity": 1, "unit_price": 1_000_000_001}, {"quantity": 1.5, "unit_price": 1}, {"quantity": "1", "unit_price": 1},
    {"quantity": 1}, {"unit_price": 1}, {"quantity": 1, "unit_price": 1, "sku": "x"}, {"quantity": 10 ** 30, "unit_price": 1}])
def test_an_item_has_bounds(client, value):
    session = client.open()
    before = session.cart()
    session.request("PUT", "/session/cart/items/TEA", value).problem(422, "invalid-request")
    assert session.cart() == before


def test_what_is_no_sku_is_no_path(client):
    session = client.open()
    for sku in ("-x", "a%2Fb", "a b".replace(" ", "+"), "x" * 65, "%00", "c3:a9"):
        session.put(sku).problem(404, "not-found")
    session.put("x" * 64).expect(200)
    session.put("a.b_c~d-9").expect(200)


def test_a_customers_sessions_are_listed_and_ended(client):
    customer = client.create()
    sessions = [client.open(customer, **{"from": f"place {i}"}) for i in range(3)]
    sessions[1].visit()
    listed = client.get(sessions[0].list_path).expect(200).json()["items"]
    assert [(s["id"], s["from"], s["visits"]) for s in listed] == [
        (s.id, f"place {i}", int(i == 1)) for i, s in enumerate(sessions)]
    sessions[0].rotate()
    assert [s["id"] for s in client.get(sessions[0].list_path).json()["items"]] == [s.id for s in sessions]
    sessions[0].sign_out()
    sessions[2].rotate()
    assert [s["id"] for s in client.get(sessions[0].list_path).json()["items"]] == [sessions[1].id, sessions[2].id]
    client.delete(sessions[0].list_path).expect(204)
    for session in sessions:
        session.ended()
    assert client.get(sessions[0].list_path).json()["items"] == []
    client.delete(sessions[0].list_path).expect(204)


def test_one_session_more_than_may_be_ends_the_oldest(client):
    customer = client.create()
    sessions = [client.open(customer) for _ in range(18)]
    for session in sessions[:2]:
        session.ended()
    listed = client.get(sessions[0].list_path).json()["items"]
    assert [s["id"] for s in listed] == [s.id for s in sessions[2:]]
    sessions[5].sign_out()
    client.open(customer)
    sessions[2].visit()


def test_deleting_the_customer_ends_its_sessions(client, cluster):
    sessions = [client.open()]
    sessions.append(client.open(sessions[0].customer))
    client.delete("/customers/" + sessions[0].customer["id"]).expect(204)
    for session in sessions:
        for method, path, value in (("GET", "/session", None), ("GET", "/session/cart", None), ("DELETE", "/session", None),
                                    ("PUT", "/session/cart/items/TEA", {"quantity": 1, "unit_price": 1}),
                                    ("PATCH", "/session", {"attributes": {}}), ("POST", "/session/rotate", None)):
            session.request(method, path, value).problem(401, "unauthorized")
    client.get(sessions[0].list_path).problem(404, "not-found")
    client.delete(sessions[0].list_path).problem(404, "not-found")
    answer = client.post("/sessions", {"customer_id": sessions[0].customer["id"]}).problem(422, "invalid-request")
    assert answer["errors"] == [{"pointer": "/customer_id", "detail": "there is no customer with this id"}]
    # The first step that saw that the customer is gone has removed the session itself.
    assert not [key for session in sessions for key in stored(cluster, session, "s")]


@pytest.mark.concurrent
def test_no_visit_is_lost(client, service):
    session = client.open()

    def visits():
        with SessionsClient(service.url) as mine:
            return [mine.get("/session", headers={"Authorization": "Session " + session.token}).expect(200).json()["visits"]
                    for _ in range(25)]
    seen = [n for counts in together([visits] * 8) for n in counts]
    assert sorted(seen) == list(range(1, 201))


@pytest.mark.concurrent
def test_sessions_stay_bounded_when_all_sign_in_at_once(client, service):
    customer = client.create()

    def sign_in():
        with SessionsClient(service.url) as mine:
            return [mine.open(customer).id for _ in range(5)]
    made = {session_id for ids in together([sign_in] * 6) for session_id in ids}
    listed = [s["id"] for s in client.get(f"/customers/{customer['id']}/sessions").json()["items"]]
    assert len(made) == 30 and len(listed) == 16 == len(set(listed)) and set(listed) <= made


@pytest.mark.parametrize("notes", [0, 4], ids=["short", "long"])
def test_a_step_that_is_sent_again_changes_nothing(client, cluster, notes):
    """The cluster's client repeats a step whose answer was lost: by the same attempt it is done once."""
    session = client.open(attributes={f"note-{i}": 100 * "n" for i in range(notes)})
    ((node, key),) = stored(cluster, session, "s")
    folder = pathlib.Path(__file__).resolve().parents[2] / "src" / "sessions" / "scripts"
    script = (folder / "visit.lua").read_text()

    def send(attempt):
        reply = node.command("EVAL", script, 2, key, key[:5] + "i", attempt + (900000).to_bytes(6, "big") + bytes([1]))
        changed, was = reply if isinstance(reply, list) else (reply[:26], reply[26:])
        kept = node.command("GET", key)
        assert changed == kept[1:27] and was[33:] == kept[33:], "what changed, and the session as it was"
        return changed, kept, node.command("PEXPIRETIME", key)

    for visits, attempt in enumerate((b"attempt1", b"attempt2"), start=1):
        done = send(attempt)
        time.sleep(0.002)  # the clock goes on
        assert send(attempt) == done
        assert client.get(session.list_path).json()["items"][0]["visits"] == visits


def test_who_may_open_list_and_end(with_sessions):
    with TokenIssuer(algs=("ES256",)) as issuer:
        instance = with_sessions(**issuer.settings())
        with SessionsClient(instance.url) as client:
            def headers(scope):
                return bearer(issuer.token(scope=scope))
            customer = client.post("/customers", {"name": "Ada"}, headers=headers("customers:write")).expect(201).json()
            path, body = f"/customers/{customer['id']}/sessions", {"customer_id": customer["id"]}
            client.post("/sessions", body).problem(401, "unauthorized")
            client.post("/sessions", body, headers=headers("customers:write sessions:read")).problem(403, "forbidden")
            token = client.post("/sessions", body, headers=headers("sessions:write")).expect(201).json()["token"]
            client.get("/session", headers={"Authorization": "Session " + token}).expect(200)
            client.get("/session", headers=headers("admin")).problem(401, "unauthorized")
            client.get(path, headers={"Authorization": "Session " + token}).problem(401, "unauthorized")
            client.get(path, headers=headers("sessions:write")).problem(403, "forbidden")
            client.get(path, headers=headers("sessions:read")).expect(200)
            client.delete(path, headers=headers("sessions:read")).problem(403, "forbidden")
            client.delete(path, headers=headers("sessions:write")).expect(204)
        instance.stop()


def test_each_session_has_its_own_rate(with_sessions):
    instance = with_sessions(CUSTOMERD_RATE_LIMIT="1", CUSTOMERD_RATE_BURST="5")
    with SessionsClient(instance.url) as client:
        customer = client.create()
        sessions = [client.open(customer), client.open(customer)]
        for session in sessions:
            answers = [session.get().status for _ in range(7)]
            assert answers[:5] == [200] * 5 and 429 in answers
    instance.stop()


def test_a_token_is_told_once_so_no_key_can_repeat_it(client):
    customer = client.create()
    answer = client.post("/sessions", {"customer_id": customer["id"]}, idempotency_key=uuid.uuid4().hex)
    assert "Idempotency-Key is not taken here" in answer.problem(400, "bad-request")["detail"]
    assert client.get(f"/customers/{customer['id']}/sessions").json()["items"] == []


def test_a_new_token_is_told_once_likewise(client):
    session = client.open()
    answer = session.request("POST", "/session/rotate", idempotency_key=uuid.uuid4().hex)
    assert "Idempotency-Key is not taken here" in answer.problem(400, "bad-request")["detail"]
    session.visit()


def test_what_came_of_sessions_is_counted(client, service):
    with SessionsClient(service.admin_url, listener="admin") as admin:
        def counts():
            text = admin.get("/metrics").body.decode()
            return {k: int(v) for k, v in re.findall(r'^customerd_sessions_total\{event="(\w+)"\} (\d+)$', text, re.M)}
        before = counts()
        session = client.open()
        session.visit()
        session.rotate()
        session.sign_out()
        session.ended()
        after = counts()
        changed = {k: after[k] - before[k] for k in after if after[k] != before[k]}
        assert changed == {"opened": 1, "visited": 1, "rotated": 1, "signed_out": 1, "refused": 1}
        assert 'db_operation_name="session_visit"' in admin.get("/metrics").body.decode()
