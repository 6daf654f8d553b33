"""How much one caller, or all together, may ask: rates, connections, requests at once; and who sees it from a web page."""

import contextlib
import threading
import time

import pytest

import contract
from http_client import Client, path_of, wait_until
from raw_http import RawConnection
from support import customers_by_shard, slot_of, slow_reader, together, unique_email
from token_issuer import TokenIssuer, bearer

LONG_ANSWERS_MAX = 256 << 20  # api/task.c
ORIGIN = "https://app.example.com"


def rate_of(answer):
    """(remaining, seconds until the bucket is full)"""
    parts = dict(part.split("=") for part in answer.header("RateLimit").split(";")[1:])
    return int(parts["r"]), int(parts["t"])


@pytest.fixture(scope="module")
def issuer():
    with TokenIssuer(algs=("ES256",)) as made:
        yield made


@pytest.fixture(scope="module")
def limited(cluster, issuer):
    return cluster.start_instance(env=issuer.settings(CUSTOMERD_RATE_LIMIT="2", CUSTOMERD_RATE_BURST="5",
                                                      CUSTOMERD_CORS_ORIGINS=f"{ORIGIN},http://localhost:3000"))


def test_without_a_limit_nothing_is_said(client):
    answer = client.get("/customers?limit=1").expect(200)
    assert answer.header("RateLimit") is None and answer.header("RateLimit-Policy") is None


def test_a_caller_is_told_what_is_left_and_when_to_come_again(limited, issuer):
    caller = bearer(issuer.token(sub="fast"))
    with Client(limited.url) as api:
        left = 5
        for _ in range(40):
            answer = api.get("/customers?limit=1", headers=caller).expect(200, 429)
            assert answer.header("RateLimit-Policy") == '"default";q=5;w=3'
            assert rate_of(answer)[0] in (left - 1, left) if answer.status == 200 else rate_of(answer)[0] == 0
            left = rate_of(answer)[0]
            if answer.status == 429:
                break
        document = answer.problem(429, "rate-limited")
        assert answer.header("Retry-After") == "1" and "2 requests a second" in document["detail"]
        assert rate_of(answer)[1] in (2, 3)
        # Another caller has a bucket of his own; a new token of the same caller has not.
        api.get("/customers?limit=1", headers=bearer(issuer.token(sub="other"))).expect(200)
        api.get("/customers?limit=1", headers=bearer(issuer.token(sub="fast", jti="2"))).expect(429)

        def let_in():
            return api.get("/customers?limit=1", headers=caller).status == 200
        wait_until(let_in, 10, "let in again", pause_s=0.6)


def test_a_limit_does_not_cost_the_connection(limited, issuer):
    caller = bearer(issuer.token(sub="keeps"))
    with Client(limited.url) as api:
        for _ in range(8):
            answer = api.post("/customers", {"name": "A"}, headers=caller).expect(201, 429)
            assert answer.header("Connection") is None
        assert answer.status == 429


def test_a_write_over_the_limit_is_not_made(limited, issuer, client):
    caller = bearer(issuer.token(sub="writer"))
    emails = [unique_email("limit") for _ in range(12)]
    with Client(limited.url) as api:
        made = [api.post("/customers", {"name": "A", "email": e}, headers=caller).status for e in emails]
    assert set(made) == {201, 429}
    for email, status in zip(emails, made):
        assert (client.find(email) is not None) == (status == 201)


def test_the_operator_is_not_limited(limited):
    with Client(limited.admin_url, listener="admin") as admin:
        for _ in range(20):
            admin.get("/livez").expect(200)


def test_without_names_an_address_is_a_caller(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_RATE_LIMIT": "1", "CUSTOMERD_RATE_BURST": "2"})
    with Client(instance.url) as one, Client(instance.url) as other:
        statuses = [c.get("/customers?limit=1").status for c in (one, other, one, other)]
    assert statuses == [200, 200, 429, 429]
    instance.stop()


def test_connections_of_one_address_are_bounded(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_MAX_CONNECTIONS_PER_ADDRESS": "5"})
    held = [RawConnection(instance.url) for _ in range(5)]
    try:
        for c in held:
            c.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert c.response().status == 200
        with RawConnection(instance.url) as one_more:
            assert one_more.closed_within(5)
        held.pop().close()

        def served():
            with RawConnection(instance.url) as again:
                again.send(b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n\r\n")
                try:
                    return again.response(2).status == 200
                except Exception:  # closed: the place is not free yet
                    return False
        wait_until(served, 5, "a place is free again")
    finally:
        for c in held:
            c.close()
    instance.stop()


def test_requests_at_once_are_bounded_and_the_rest_is_shed(breakable):
    """While two requests wait for shards that hang, a third is answered at once, and changes nothing."""
    instance = breakable.start_instance(env={"CUSTOMERD_MAX_REQUESTS": "2"})
    with Client(instance.url) as client:
        made = [customers[0] for customers in by_shard(breakable, client)[:2]]
        for node in breakable.nodes:
            node.pause()
        try:
            def hang(customer):
                with Client(instance.url) as mine:
                    return mine.get("/customers/" + customer["id"]).status
            threads = [threading.Thread(target=hang, args=(c,), daemon=True) for c in made]
            for thread in threads:
                thread.start()

            def both_run():
                with Client(instance.admin_url, listener="admin") as admin:
                    return b'active_requests{url_scheme="http"} 2\n' in admin.get("/metrics").body
            wait_until(both_run, 3, "two requests hang", pause_s=0.01)
            answer = client.post("/customers", {"name": "A"})
            document = answer.problem(503, "overloaded")
            assert answer.elapsed_s < 1 and answer.header("Retry-After") == "1" and document["applied"] == "no"
            for thread in threads:
                thread.join(10)
        finally:
            for node in breakable.nodes:
                node.resume()
        wait_until(lambda: client.get("/customers?limit=1").status == 200, 30, "served again")
    instance.stop()
    breakable.wait_until_whole()


def test_clients_that_do_not_read_pages_hold_no_more_than_is_allowed(cluster):
    """Answers that are made for one request alone, and that are gone with it."""
    instance = cluster.start_instance()
    page = "/customers?limit=100"
    with contextlib.ExitStack() as ends, Client(instance.url) as client:
        made = [client.create(metadata={f"m{n}": "\u20ac" * 500 for n in range(40)}) for _ in range(101)]
        whole = client.get(page).expect(200)
        length = len(whole.body)
        most = LONG_ANSWERS_MAX // length
        assert 20 < most < 100
        answers = []
        for _ in range(most + 3):
            s = ends.enter_context(slow_reader(instance, f"GET {page} HTTP/1.1\r\nHost: a\r\n\r\n"))
            answers.append(int(s.recv(200).split()[1]))
        assert set(answers[:most]) == {200} and answers[-1] == 503, answers
        refused = client.get(page)
        assert refused.problem(503, "overloaded") and whole.header("Link") and refused.header("Link") is None
        assert client.request("HEAD", page).expect(503).body == b""
        client.get(path_of(made[0])).expect(200)
        client.delete(path_of(made[0])).expect(204)
        ends.pop_all().close()
        wait_until(lambda: client.get(page).status == 200, 10, "the answers are let go of", 0.1)
        for customer in made[1:]:
            client.delete(path_of(customer)).expect(204)
    instance.stop()


class Waiting:
    """Requests that wait, each on a thread of its own; and what the service tells of them."""

    def __init__(self, instance):
        self.instance, self.answers = instance, []
        self.threads = []

    def start(self, path, n):
        def ask():
            with Client(self.instance.url) as mine:
                self.answers.append(mine.get(path))
        more = [threading.Thread(target=ask, daemon=True) for _ in range(n)]
        self.threads += more
        for thread in more:
            thread.start()

    def metric(self, name):
        with Client(self.instance.admin_url, listener="admin") as admin:
            lines = admin.get("/metrics").body.decode().splitlines()
        return {line.rsplit(" ", 1)[0]: int(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(name)}

    def running(self):
        return sum(self.metric("http_server_active_requests").values())

    def join(self):
        for thread in self.threads:
            thread.join(20)
        return self.answers


def by_shard(cluster, client):
    """One customer on each shard, in the shards' order."""
    slots = sorted(cluster.nodes[0].command("CLUSTER", "SLOTS"), key=lambda entry: entry[0])
    return customers_by_shard(client, [(first, last) for first, last, *_ in slots], 1)


def test_a_shard_that_hangs_holds_half_of_the_requests_and_the_others_are_served(breakable):
    instance = breakable.start_instance(env={"CUSTOMERD_MAX_REQUESTS": "12", "CUSTOMERD_REQUEST_TIMEOUT_MS": "8000"})
    waiting = Waiting(instance)
    with Client(instance.url) as client:
        shards = by_shard(breakable, client)
        paths = ["/customers/" + customers[0]["id"] for customers in shards]
        node = breakable.primary_of_slot(slot_of(shards[0][0]["id"]))
        node.pause()
        try:
            waiting.start(paths[0], 12)
            wait_until(lambda: waiting.running() == 6 and len(waiting.answers) == 6, 6, "half of them wait", pause_s=0.01)
            assert waiting.metric("customerd_db_shard_requests")['customerd_db_shard_requests{shard="0"}'] == 6
            for refused in waiting.answers[:]:
                refused.problem(503, "database-unavailable")
                assert refused.header("Retry-After") == "1"
            for path in paths[1:]:
                client.get(path).expect(200)
            client.get("/customers?limit=1").problem(503, "database-unavailable")
            assert waiting.running() == 6
        finally:
            node.resume()
        answers = waiting.join()
        assert [answer.status for answer in answers].count(200) == 6
    instance.stop()
    breakable.wait_until_whole()


def test_listings_that_wait_together_are_all_answered(breakable):
    """Each asks 256 buckets at once: what is bounded are the requests."""
    instance = breakable.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "20000"})
    waiting = Waiting(instance)
    wait_until(lambda: Client(instance.url).get("/customers?limit=1").status == 200, 10, "it serves")
    try:
        for node in breakable.nodes:
            node.pause()
        waiting.start("/customers?limit=1", 60)
        wait_until(lambda: waiting.running() == 60 or waiting.answers, 10, "all of them wait", pause_s=0.01)
    finally:
        for node in breakable.nodes:
            node.resume()
    assert [answer.status for answer in waiting.join()] == [200] * 60
    instance.stop()
    breakable.wait_until_whole()


@pytest.mark.concurrent
def test_a_limit_holds_among_many_connections(limited, issuer):
    caller = bearer(issuer.token(sub="many"))

    def call():
        with Client(limited.url) as mine:
            return sum(mine.get("/customers?limit=1", headers=caller).status == 200 for _ in range(5))
    start = time.monotonic()
    passed = sum(together([call] * 8))
    assert 5 <= passed <= 5 + 2 * (time.monotonic() - start) + 1


# ---- web pages ----

def test_cors_is_off_by_default(client):
    answer = client.get("/customers?limit=1", headers={"Origin": ORIGIN})
    assert not [name for name, _ in answer.headers if name.lower().startswith("access-control") or name == "Vary"]
    answer = client.request("OPTIONS", "/customers", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"})
    assert answer.header("Access-Control-Allow-Origin") is None


def test_a_page_of_a_listed_origin_may_call(limited, issuer):
    with Client(limited.url) as api:
        preflight = api.request("OPTIONS", "/customers", headers={
            "Origin": ORIGIN, "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"})
        preflight.expect(204)
        assert preflight.header("Access-Control-Allow-Origin") == ORIGIN
        assert "POST" in preflight.header("Access-Control-Allow-Methods")
        assert "Authorization" in preflight.header("Access-Control-Allow-Headers")
        for headers in (bearer(issuer.token(sub="page")), {}):  # errors, too, can be read by the page
            answer = api.get("/customers?limit=1", headers={"Origin": ORIGIN, **headers}).expect(200, 401)
            assert answer.header("Access-Control-Allow-Origin") == ORIGIN and answer.header("Vary") == "Origin"
            assert "X-Request-Id" in answer.header("Access-Control-Expose-Headers")
            assert answer.header("Access-Control-Allow-Credentials") is None
        answer = api.get("/customers?limit=1", headers={"Origin": ORIGIN + ".evil.example"})
        assert answer.header("Access-Control-Allow-Origin") is None


# What the Fetch standard lets every page send and see.
SENT_BY_ANY = {"Accept", "Accept-Language", "Content-Language"}
SEEN_BY_ANY = {"Cache-Control", "Content-Language", "Content-Length", "Content-Type", "Expires", "Last-Modified", "Pragma"}
# For the browser, which has done by then what they tell.
FOR_THE_BROWSER = {"Accept-Patch", "Access-Control-Allow-Headers", "Access-Control-Allow-Methods", "Access-Control-Max-Age", "Allow",
                   "Content-Encoding", "Content-Security-Policy", "Cross-Origin-Resource-Policy", "Referrer-Policy", "Set-Cookie"}


def test_a_page_may_send_and_see_what_the_contract_has(limited):
    """Of all resources, whichever are switched on."""
    public = [o for o in contract.operations(contract.ALL) if o.listener == "public"]
    answers = [r for o in public for r in o.declared["responses"].values()]
    answers += contract.document(contract.ALL)["x-every-answer"]["responses"].values()
    sent = {p["name"] for o in public for p in o.parameters if p["in"] == "header"} - SENT_BY_ANY
    seen = {name for r in answers for name in contract.resolved(r).get("headers", {})} - SEEN_BY_ANY - FOR_THE_BROWSER
    with Client(limited.url) as api:
        preflight = api.request("OPTIONS", "/customers", headers={"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}).expect(204)
        answer = api.get("/customers?limit=1", headers={"Origin": ORIGIN}).expect(200, 401)
    allowed = set(preflight.header("Access-Control-Allow-Headers").split(", "))
    assert allowed == sent | {"Authorization", "Content-Type", "tracestate"}
    assert set(answer.header("Access-Control-Expose-Headers").split(", ")) == seen
