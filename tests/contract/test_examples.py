"""Each example of the contract, from the running service: the request is sent, and the answer comes back as it is written.

What the service makes (ids, times, cursors, counters) is compared by its form, all else by its value."""

import contextlib
import re
import threading
import time
import uuid

import pytest

import contract
from http_client import Client, path_of, wait_until
from local_cluster import ports
from s3_proxy import S3Proxy
from token_issuer import TokenIssuer, bearer

# What nothing makes on purpose.
NOT_HERE = {("InternalError", "internal"), ("WriteInternalError", "internal")}
MADE_BY_SERVER = {"id", "created_at", "updated_at", "request_id", "next_cursor", "customer_id", "last_seen_at", "idle_expires_at",
                  "expires_at", "token"}
UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
MOMENT = re.compile(r"\b1[78]\d{11}\b")  # milliseconds since 1970
ABSENT = "/customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4d"


def declared_examples():
    """(owner, example) -> (status, media type, value); the owner is a shared response, or an operation."""
    found = {}
    for operation in [None, *contract.operations()]:
        declared = contract.document()["x-every-answer"] if operation is None else operation.declared
        for status, response in declared["responses"].items():
            owner = response["$ref"].rsplit("/", 1)[1] if "$ref" in response else operation.id if operation else "any"
            for kind, content in contract.resolved(response).get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    found[owner, name] = (int(status), kind, example["value"])
    return found


EXAMPLES = declared_examples()
SCENARIOS = {}


def scenario(owner, example):
    def add(function):
        SCENARIOS[owner, example] = function
        return function
    return add


def request_example(operation_id, name):
    """The body of the contract's example of a request."""
    operation = next(o for o in contract.operations() if o.id == operation_id)
    return next(iter(operation.declared["requestBody"]["content"].values()))["examples"][name]["value"]


class World:
    """The running service, and what a scenario makes in it; all of it is gone afterwards."""

    def __init__(self, cluster):
        self.cluster, self.ends = cluster, contextlib.ExitStack()
        self.client = self.ends.enter_context(Client(cluster.url))
        self.admin = self.ends.enter_context(Client(cluster.admin_url, listener="admin"))

    def create(self, example):
        return path_of(self.client.create(request_example("createCustomer", example)))

    def ada(self, version=1):
        """The path of Ada, in this version."""
        path = self.create("ada")
        for _ in range(version - 1):
            self.client.patch(path, {"balance": 1000}).expect(200)
        return path

    def instance(self, wait=True, **env):
        started = self.cluster.start_instance(env=env, wait=wait)
        self.ends.callback(started.stop)
        return self.ends.enter_context(Client(started.url)), self.ends.enter_context(Client(started.admin_url, listener="admin"))

    def node_of(self, path):
        customer_id = path.rsplit("/", 1)[1]
        return self.cluster.primary_of_slot(64 * int(customer_id[15:17], 16) + 32)

    def record_of(self, path):
        """The node and the key that hold a customer (src/customers/README.md)."""
        node = self.node_of(path)
        (key,) = node.command("KEYS", "{???}c" + path.rsplit("/", 1)[1].replace("-", ""))
        return node, key

    def end(self):
        self.ends.close()
        with Client(self.cluster.url) as client:
            cursor = ""
            while cursor is not None:
                page = client.get("/customers?limit=100" + cursor).expect(200).json()
                for item in page["items"]:
                    client.delete(path_of(item)).expect(204)
                cursor = page["next_cursor"] and "&cursor=" + page["next_cursor"]


@pytest.fixture
def world(cluster):
    made = World(cluster)
    yield made
    made.end()


def form(text):
    """Without ids, and without the moments that carts count from."""
    return MOMENT.sub("(moment)", UUID.sub("(id)", text))


def differences(example, got, at=""):
    """Where got is not what the example says."""
    name = at.rsplit("/", 1)[-1]
    if isinstance(example, dict) and isinstance(got, dict):
        if list(example) != list(got):
            yield f"{at}: members {list(got)}, written are {list(example)}"
        for key in example.keys() & got.keys():
            yield from differences(example[key], got[key], f"{at}/{key}")
    elif isinstance(example, list) and isinstance(got, list) and len(example) == len(got):
        for i, (a, b) in enumerate(zip(example, got)):
            yield from differences(a, b, f"{at}/{i}")
    elif type(example) is not type(got):
        yield f"{at}: {got!r}, written is {example!r}"
    elif name in MADE_BY_SERVER and example is not None:
        if not got or len(form(got)) != len(form(example)):
            yield f"{at}: {got!r} has another form than {example!r}"
    elif name == "expires_in_ms":
        if not 0 < got <= example:
            yield f"{at}: {got!r} is not within {example!r}"
    elif isinstance(example, str) and name in ("instance", "owner"):
        if form(got) != form(example):
            yield f"{at}: {got!r}, written is {example!r}"
    elif form(str(got)) != form(str(example)):
        yield f"{at}: {got!r}, written is {example!r}"


@pytest.mark.parametrize("owner,name", sorted(set(EXAMPLES) - NOT_HERE), ids=lambda v: v)
def test_an_example_comes_back_as_written(world, owner, name):
    status, kind, value = EXAMPLES[owner, name]
    answer = SCENARIOS[owner, name](world).expect(status)
    assert answer.header("Content-Type") == kind
    got = answer.json()
    if owner == "getReadiness":
        value, got = report_of(value), report_of(got)
    assert list(differences(value, got)) == [], str(answer)


def report_of(value):
    """A readiness report without what differs from moment to moment."""
    value = {**value, "iam": "the report", "reasons": sorted(value["reasons"])} if "iam" in value else dict(value)
    value["database"] = {k: type(v).__name__ for k, v in value["database"].items()}
    for part in ("store", "cache", "s3"):
        value[part] = {k: type(v).__name__ for k, v in value[part].items()}
    return value


def test_every_scenario_is_an_example():
    assert set(SCENARIOS) == set(EXAMPLES) - NOT_HERE
    assert NOT_HERE <= set(EXAMPLES)


# ---- what succeeds ----

@scenario("createCustomer", "ada")
def create_ada(world):
    return world.client.post("/customers", request_example("createCustomer", "ada"))


@scenario("createCustomer", "grace")
def create_grace(world):
    return world.client.post("/customers", request_example("createCustomer", "grace"))


@scenario("getCustomer", "ada")
def get_ada(world):
    return world.client.get(world.ada())


@scenario("replaceCustomer", "replaced")
def replace_ada(world):
    return world.client.put(world.ada(), request_example("replaceCustomer", "replaced"))


@scenario("patchCustomer", "patched")
def patch_ada(world):
    return world.client.patch(world.ada(), request_example("patchCustomer", "patched"),
                              headers={"Content-Type": "application/merge-patch+json"})


@scenario("listCustomers", "first-page")
def first_page(world):
    world.ada()
    time.sleep(0.002)  # ids are in the order of milliseconds
    world.create("grace")
    return world.client.get("/customers?limit=1")


@scenario("listCustomers", "last-page")
def last_page(world):
    first = first_page(world).expect(200).json()
    return world.client.get("/customers?limit=1&cursor=" + first["next_cursor"])


@scenario("listCustomers", "nobody")
def list_nobody(world):
    return world.client.get("/customers?email=nobody%40example.net")


@scenario("lookupCustomer", "ada")
def lookup_ada(world):
    world.ada()
    return world.client.post("/customers/lookup", request_example("lookupCustomer", "ada"))


@scenario("lookupCustomer", "nobody")
def lookup_nobody(world):
    return world.client.post("/customers/lookup", request_example("lookupCustomer", "nobody"))


@scenario("getLiveness", "alive")
def livez(world):
    return world.admin.get("/livez")


@scenario("getReadiness", "ready")
def readyz(world):
    return world.admin.get("/readyz")


@scenario("getVersion", "version")
def version(world):
    return world.admin.get("/version")


# ---- what is refused ----

@scenario("NoSuchPath", "no-such-path")
def no_such_path(world):
    return world.client.get("/nowhere")


@scenario("any", "method-not-allowed")
def method_not_allowed(world):
    return world.client.put("/customers", {})


@scenario("BadRequest", "bad-request")
def bad_precondition(world):
    return world.client.get(ABSENT, if_match="1")


@scenario("BadRequest", "bad-parameter")
def bad_parameter(world):
    return world.client.get(ABSENT + "?fields=name")


@scenario("BadListRequest", "bad-request")
def bad_list_request(world):
    return world.client.get("/customers", headers={"Transfer-Encoding": "identity"})


@scenario("BadListRequest", "bad-parameter")
def bad_limit(world):
    return world.client.get("/customers?limit=1000")


@scenario("BadListRequest", "bad-cursor")
def bad_cursor(world):
    return world.client.get("/customers?cursor=AQGi")


@scenario("BadBody", "bad-request")
def bad_key(world):
    return world.client.post("/customers", {"name": "Ada"}, idempotency_key="two words")


@scenario("BadBody", "bad-parameter")
def bad_write_parameter(world):
    return world.client.post("/customers?dry_run=true", {"name": "Ada"})


@scenario("BadBody", "malformed-json")
def malformed_json(world):
    return world.client.post("/customers", body=b'{"name":"Ada",}')


@scenario("NotFound", "not-found")
def not_found(world):
    return world.client.get(ABSENT)


@scenario("NotFoundToWrite", "not-found")
def not_found_to_write(world):
    return world.client.patch(ABSENT, {"name": "Ada"})


@scenario("DeletedSince", "not-found")
def deleted_since(world):
    key = uuid.uuid4().hex
    made = world.client.post("/customers", {"name": "Ada"}, idempotency_key=key).expect(201).json()
    world.client.delete(path_of(made)).expect(204)
    return world.client.post("/customers", {"name": "Ada"}, idempotency_key=key)


@scenario("NotAcceptable", "not-acceptable")
def not_acceptable(world):
    return world.client.get(ABSENT, headers={"Accept": "text/html"})


@scenario("Conflict", "email-taken")
def email_taken(world):
    world.ada()
    return world.client.post("/customers", {"name": "Somebody", "email": "ADA@EXAMPLE.NET"})


@scenario("Conflict", "update-in-progress")
def update_in_progress(world):
    """An e-mail change that another service has begun stands in the database, as src/customers/README.md has it."""
    path = world.ada()
    node, key = world.record_of(path)
    with node.connect(10) as connection:
        record = connection.command("GET", key)
        record = record.encode() if isinstance(record, str) else record
        number = (int.from_bytes(record[19:25], "big") + 1).to_bytes(6, "big")
        connection.command("SET", key, record[:19] + number + record[25:])
        deadline = (int(time.time() * 1000) + 1000).to_bytes(6, "big")
        intent = number + b"\x42" * 16 + deadline + b"\x01" * 8 + b"\x02" * 16
        connection.command("HSET", key[:5] + "p", uuid.UUID(path.rsplit("/", 1)[1]).bytes, intent)
    return world.client.patch(path, {"email": "ada@lovelace.example"})


@scenario("Conflict", "idempotency-in-progress")
def idempotency_in_progress(world):
    """The key's lease, without the marker that says that the request has ended."""
    key = uuid.uuid4().hex

    def markers():
        return {(node, key) for node in world.cluster.nodes for key in node.command("KEYS", "{???}k*")}

    before = markers()
    world.client.post("/customers", {"name": "Ada"}, idempotency_key=key).expect(201)
    for node, marker in markers() - before:
        node.command("DEL", marker)
    return world.client.post("/customers", {"name": "Ada"}, idempotency_key=key)


@scenario("PreconditionFailed", "precondition-failed")
def precondition_failed(world):
    return world.client.patch(world.ada(version=2), {"balance": 5}, if_match='"1"')


@scenario("NothingToMatch", "precondition-failed")
def nothing_to_match(world):
    return world.client.post("/customers", {"name": "Ada"}, if_match='"1"')


@scenario("BodyTooLarge", "body-too-large")
def body_too_large(world):
    return world.client.post("/customers", body=b" " * 131073)


@scenario("UriTooLong", "uri-too-long")
def uri_too_long(world):
    return world.client.get("/customers?cursor=" + "c" * 8192)


@scenario("UnsupportedMediaType", "unsupported-media-type")
def unsupported_media_type(world):
    return world.client.post("/customers", {"name": "Ada"}, headers={"Content-Type": "text/plain"})


@scenario("UnsupportedPatch", "unsupported-media-type")
def unsupported_patch(world):
    return world.client.patch(ABSENT, {"name": "Ada"}, headers={"Content-Type": "application/json-patch+json"})


@scenario("Unprocessable", "invalid-customer")
def invalid_customer(world):
    return world.client.post("/customers", {"name": "", "emial": "x", "balance": 1.5})


@scenario("Unprocessable", "idempotency-mismatch")
def idempotency_mismatch(world):
    key = uuid.uuid4().hex
    world.client.post("/customers", {"name": "Ada"}, idempotency_key=key).expect(201)
    return world.client.post("/customers", {"name": "Grace"}, idempotency_key=key)


@scenario("UnprocessableLookup", "invalid-customer")
def invalid_lookup(world):
    return world.client.post("/customers/lookup", {"mail": "ada@example.net"})


@scenario("PreconditionRequired", "precondition-required")
def precondition_required(world):
    strict, _ = world.instance(CUSTOMERD_REQUIRE_IF_MATCH="on")
    return strict.put(world.ada(), {"name": "Ada", "balance": 0})


@scenario("HeadersTooLarge", "headers-too-large")
def headers_too_large(world):
    return world.client.get("/customers", headers={"X-Large": "x" * 17000})


# ---- sessions ----

class Session:
    """An opened session, and a client that sends its token."""

    def __init__(self, world, example="full"):
        self.world, self.customer = world, world.ada()
        self.opened = world.client.post("/sessions", {**request_example("openSession", example), "customer_id": id_of(self.customer)})
        self.headers = {"Authorization": "Session " + self.opened.expect(201).json().get("token", "")}

    def request(self, method, path, value=None, **options):
        return self.world.client.request(method, path, value, headers=self.headers, **options)

    def put(self, sku, quantity=2, unit_price=1499, **options):
        return self.request("PUT", f"/session/cart/items/{sku}", {"quantity": quantity, "unit_price": unit_price}, **options)


def id_of(path):
    return path.rsplit("/", 1)[1]


@scenario("openSession", "full")
def open_session(world):
    return Session(world).opened


@scenario("openSession", "cookie")
def open_session_by_cookie(world):
    return Session(world, "cookie").opened


def with_two_items(world):
    session = Session(world)
    session.put("TEA-250").expect(200)
    session.put("POT-1", 1, 3900).expect(200)
    return session


@scenario("getSession", "visited")
def visit(world):
    return with_two_items(world).request("GET", "/session")


@scenario("patchSession", "patched")
def patch_session(world):
    return Session(world).request("PATCH", "/session", request_example("patchSession", "patched"))


@scenario("rotateSession", "rotated")
def rotate(world):
    return Session(world).request("POST", "/session/rotate")


@scenario("getCart", "filled")
def filled_cart(world):
    return with_two_items(world).request("GET", "/session/cart")


@scenario("getCart", "empty")
def empty_cart(world):
    return Session(world).request("GET", "/session/cart")


@scenario("putCartItem", "tea")
def put_tea(world):
    return Session(world).request("PUT", "/session/cart/items/TEA-250", request_example("putCartItem", "tea"))


@scenario("listSessions", "one")
def list_sessions(world):
    return world.client.get(Session(world).customer + "/sessions")


@scenario("listSessions", "none")
def list_no_sessions(world):
    return world.client.get(world.ada() + "/sessions")


@scenario("SessionEnded", "unauthorized")
def session_ended(world):
    session = Session(world)
    session.request("DELETE", "/session").expect(204)
    return session.request("GET", "/session")


@scenario("ForeignOrigin", "foreign-origin")
def foreign_origin(world):
    cookie = Session(world, "cookie").opened.header("Set-Cookie").partition(";")[0]
    return world.client.delete("/session/cart", headers={"Cookie": cookie, "Origin": "https://elsewhere.example"})


@scenario("CartChanged", "precondition-failed")
def cart_changed(world):
    session = Session(world)
    session.put("TEA-250").expect(200)
    return session.put("TEA-250", 3, if_match='"1"')


@scenario("UnsupportedSessionPatch", "unsupported-media-type")
def unsupported_session_patch(world):
    session = Session(world)
    session.headers["Content-Type"] = "application/json-patch+json"
    return session.request("PATCH", "/session", {"attributes": {}})


@scenario("InvalidRequest", "invalid-request")
def invalid_session(world):
    return world.client.post("/sessions", {"customer_id": "ada", "form": "Firefox"})


# ---- objects ----

TEA = "/objects/catalogue/tea.txt"


def set_out_tea(world, **env):
    """Nine bytes of tea in S3 and nothing in the cache; a client of a service that asks S3 by a proxy; the proxy."""
    world.ends.callback(lambda: world.client.delete(TEA).expect(204))
    world.client.put(TEA, body=b"Green tea", content_type="text/plain").expect(200)
    proxy = world.ends.enter_context(S3Proxy(world.cluster.objects.s3.port))
    public, _ = world.instance(AWS_ENDPOINT_URL_S3=proxy.url, **env)
    return public, proxy


def out_of_cache(world):
    for node in world.cluster.objects.cache.nodes:
        for key in node.command("KEYS", "{*}?:catalogue:tea.txt"):
            node.command("DEL", key)


def with_rule(world, request, kind, rule=None, **env):
    """The answer of a service whose S3 does what the rule says."""
    public, proxy = set_out_tea(world, **env)
    out_of_cache(world)
    with proxy.rule(kind, **(rule or {})):
        return request(public)


def write_tea(public, **options):
    return public.put(TEA, body=b"Black tea", content_type="text/plain", **options)


@scenario("ObjectNotFound", "not-found")
def no_object(world):
    return world.client.get(TEA)


@scenario("ObjectConflict", "update-in-progress")
def object_conflict(world):
    answer = {"status": 409, "code": "ConditionalRequestConflict"}
    return with_rule(world, lambda public: write_tea(public, if_none_match="*"), "answer", {"method": "PUT", **answer})


@scenario("ObjectChanged", "precondition-failed")
def object_changed(world):
    return set_out_tea(world)[0].get(TEA, if_match='"another"')


@scenario("RangeNotSatisfiable", "range-not-satisfiable")
def range_not_there(world):
    return set_out_tea(world)[0].get(TEA, headers={"Range": "bytes=9-"})


@scenario("InvalidEvents", "invalid-event")
def invalid_event(world):
    example = request_example("receiveObjectEvents", "eventbridge")
    return world.client.post("/objects/events", {**example, "detail": {**example["detail"], "bucket": {}}})


DENIED = {"status": 403, "code": "AccessDenied"}


@scenario("ObjectUnavailable", "s3-unavailable")
def s3_unavailable(world):
    return with_rule(world, lambda public: public.get(TEA), "answer", DENIED)


@scenario("ObjectWriteUnavailable", "s3-unavailable")
def s3_unavailable_to_write(world):
    return with_rule(world, write_tea, "answer", DENIED)


@scenario("ObjectTimedOut", "s3-timed-out")
def s3_timed_out(world):
    return with_rule(world, lambda public: public.get(TEA), "hang", CUSTOMERD_OBJECT_S3_TIMEOUT_MS="300")


@scenario("ObjectWriteUnavailable", "cache-unavailable")
def cache_unavailable(world):
    public, _ = world.instance(CUSTOMERD_CACHE_ENDPOINT=f"localhost:{ports.choose(1)[0]}")
    return write_tea(public)


@scenario("ObjectWriteUnavailable", "outcome-unknown")
def cache_does_not_answer(world):
    public, _ = set_out_tea(world)
    public.get(TEA).expect(200)
    for node in world.cluster.objects.cache.nodes:
        node.pause()
        world.ends.callback(node.resume)
    return public.post("/objects/events", request_example("receiveObjectEvents", "eventbridge"))


@scenario("ObjectUnavailable", "overloaded")
def overloaded_object(world):
    return overloaded(world).get(TEA)


@scenario("ObjectWriteUnavailable", "overloaded")
def overloaded_object_write(world):
    return write_tea(overloaded(world))


@scenario("ObjectUnavailable", "auth-unavailable")
def auth_unavailable_to_read_object(world):
    public, headers = without_keys(world)
    return public.get(TEA, headers=headers)


@scenario("ObjectWriteUnavailable", "auth-unavailable")
def auth_unavailable_to_write_object(world):
    public, headers = without_keys(world)
    return write_tea(public, headers=headers)


# ---- callers ----

def issuer_of(world, **options):
    return world.ends.enter_context(TokenIssuer(algs=("ES256",), **options))


@scenario("Unauthorized", "unauthorized")
def unauthorized(world):
    public, _ = world.instance(**issuer_of(world).settings())
    return public.get("/customers")


@scenario("Forbidden", "forbidden")
def forbidden(world):
    issuer = issuer_of(world)
    public, _ = world.instance(**issuer.settings())
    return public.post("/customers", {"name": "Ada"}, headers=bearer(issuer.token(scope="customers:read")))


@scenario("RateLimited", "rate-limited")
def rate_limited(world):
    public, _ = world.instance(CUSTOMERD_RATE_LIMIT="5", CUSTOMERD_RATE_BURST="5")
    return wait_until(lambda: (answer := public.get("/customers")).status == 429 and answer, 10, "the limit is reached", 0)


def without_keys(world):
    issuer = issuer_of(world)
    issuer.mode = "hang"
    public, _ = world.instance(wait=False, CUSTOMERD_REQUEST_TIMEOUT_MS="500", CUSTOMERD_OBJECT_S3_TIMEOUT_MS="400", **issuer.settings())
    once_it_listens(lambda: public.get("/nowhere").status == 404)
    return public, bearer(issuer.token())


@scenario("ReadUnavailable", "auth-unavailable")
def auth_unavailable(world):
    public, headers = without_keys(world)
    return public.get("/customers", headers=headers)


@scenario("WriteUnavailable", "auth-unavailable")
def auth_unavailable_to_write(world):
    public, headers = without_keys(world)
    return public.post("/customers", {"name": "Ada"}, headers=headers)


def overloaded(world):
    """Two requests wait for two shards that do not answer, and two is what may run at once."""
    paths = [world.ada()]
    while world.node_of(paths[-1]) is world.node_of(paths[0]):
        paths[1:] = [path_of(world.client.create(name="Ada"))]
    public, admin = world.instance(CUSTOMERD_MAX_REQUESTS="2")
    wait_until(lambda: all(public.get(path).status == 200 for path in paths), 10, "their shards serve")
    for node in [world.node_of(path) for path in paths]:
        pause(node, "ALL")

    def ask(path):
        with Client(public.url) as mine:
            mine.get(path)
    for path in paths:
        thread = threading.Thread(target=ask, args=(path,))
        thread.start()
        world.ends.callback(thread.join)
    wait_until(lambda: b'active_requests{url_scheme="http"} 2\n' in admin.get("/metrics").body, 10, "both run", 0.01)
    return public


@scenario("Overloaded", "overloaded")
def overloaded_docs(world):
    return overloaded(world).get("/docs")


@scenario("ReadUnavailable", "overloaded")
def overloaded_read(world):
    return overloaded(world).get("/customers")


@scenario("WriteUnavailable", "overloaded")
def overloaded_write(world):
    return overloaded(world).post("/customers", {"name": "Ada"})


# ---- what can't be done now ----

@scenario("ReadUnavailable", "record-damaged")
def damaged_record(world):
    return damaged(world, lambda path: world.client.get(path))


@scenario("WriteUnavailable", "record-damaged")
def damaged_record_to_write(world):
    return damaged(world, lambda path: world.client.patch(path, {"balance": 1}))


def damaged(world, request):
    path = world.ada()
    node, key = world.record_of(path)
    node.command("RENAME", key, key[:5] + "c" + "0" * 32)
    node.command("SET", key, "not a record")
    world.ends.callback(node.command, "RENAME", key[:5] + "c" + "0" * 32, key)
    return request(path)


def without_database(world):
    return world.instance(wait=False, CUSTOMERD_DB_ENDPOINT=f"localhost:{ports.choose(1)[0]}")


def once_it_listens(request):
    return wait_until(request, 10, "the service listens")


@scenario("ReadUnavailable", "not-ready")
def not_ready(world):
    public, _ = without_database(world)
    return once_it_listens(lambda: public.get("/customers"))


@scenario("WriteUnavailable", "not-ready")
def not_ready_to_write(world):
    public, _ = without_database(world)
    return once_it_listens(lambda: public.post("/customers", {"name": "Ada"}))


@scenario("getReadiness", "not-ready")
def readyz_not_ready(world):
    _, admin = without_database(world)
    return once_it_listens(lambda: admin.get("/readyz"))


def hurried(world):
    """A customer's path, and an instance whose requests have little time, which reads and writes this customer."""
    path = world.ada()
    public, _ = world.instance(CUSTOMERD_REQUEST_TIMEOUT_MS="300", CUSTOMERD_OBJECT_S3_TIMEOUT_MS="200")
    wait_until(lambda: public.patch(path, {"balance": 1000}).status == public.get(path).status == 200, 10, "its shard serves")
    return path, public


def pause(node, kinds):
    """The node answers nothing for a while, or nothing to writes."""
    node.command("CLIENT", "PAUSE", 1000, kinds)


@scenario("ReadUnavailable", "database-unavailable")
def database_unavailable(world):
    path, public = hurried(world)
    pause(world.node_of(path), "ALL")
    return public.get(path)


@scenario("WriteUnavailable", "database-unavailable")
def database_unavailable_to_write(world):
    """The node is gone, so the write is not even sent."""
    path, public = hurried(world)
    node = world.node_of(path)
    world.ends.callback(world.cluster.wait_until_whole)
    world.ends.callback(node.restart)
    node.kill()
    return public.patch(path, {"balance": 1})


@scenario("WriteUnavailable", "outcome-unknown")
def outcome_unknown(world):
    path, public = hurried(world)
    pause(world.node_of(path), "WRITE")
    return public.patch(path, {"balance": 1})


@scenario("WriteUnavailable", "storage-full")
def storage_full(world):
    for node in world.cluster.nodes:
        node.command("CONFIG", "SET", "maxmemory", "1mb")
        world.ends.callback(node.command, "CONFIG", "SET", "maxmemory", "0")
    return world.client.post("/customers", {"name": "Ada"})
