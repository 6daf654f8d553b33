"""One request of each route of customers, of a session and of an object, and what must be true after it whatever it was answered.

A scenario prepares what it needs, sends its request while an allocation fails, and then judges by other requests, to an
instance in which nothing fails: a success happened, a failure that says so did not, and nothing is half-done."""

import http.client
import json
import time
import urllib.parse
import uuid

SETTLE_S = 20
OLD, NEW = b"as it was", b"as it is now"  # an object


class Wrong(Exception):
    """What must hold does not."""


class Answer:
    """status is 0 when the connection ended without an answer."""

    def __init__(self, status=0, headers=None, body=b""):
        self.status, self.headers, self.body = status, headers or {}, body

    @property
    def outcome(self):
        if self.status == 0:
            return "no answer"
        if self.status in (500, 503) and not self.body:  # not even memory to say more
            return "internal"
        if self.status in (500, 503) and self.json().get("applied") == "unknown":
            return "outcome unknown"
        return "failed" if self.status >= 400 else "done"

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            raise Wrong(f"not JSON: {self.status} {self.body[:200]!r}") from None


def send(url, method, path, body=None, headers=None, timeout_s=15):
    """One request on a connection of its own."""
    split = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(split.hostname, split.port, timeout=timeout_s)
    sent = {"Connection": "close", **(headers or {})}
    if body is not None:
        sent.setdefault("Content-Type", "application/json")
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
    try:
        connection.request(method, path, body=body, headers=sent)
        got = connection.getresponse()
        data = got.read()
    except TimeoutError:
        raise Wrong(f"{method} {path} was not answered within {timeout_s} s") from None
    except (OSError, http.client.HTTPException):
        return Answer()
    finally:
        connection.close()
    return Answer(got.status, dict(got.getheaders()), data)


class Scenario:
    """A request that changes nothing: the right answer, or a failure that is one."""

    def __init__(self, name, method, path, expected, body=None, headers=None, admin=False):
        self.name, self.method, self.path, self.expected = name, method, path, expected
        self.body, self.headers, self.admin = body, headers, admin

    def prepare(self, world):
        """What the request needs; returns (path, body, headers)."""
        return self.path.replace("{id}", world.fixed_id), self.body, self.headers

    def check(self, world, request, answer):
        del world, request
        check_status(answer, self.expected)


def check_status(answer, *expected):
    """As expected, or a failure of the service's own, framed as all are."""
    if answer.status in (0, *expected):
        return
    if answer.status not in (500, 503):
        raise Wrong(f"answered {answer.status} instead of {expected}: {answer.body[:300]!r}")
    kind = answer.headers.get("Content-Type", "")
    # "": the library had no memory for the field itself, and went on without it.
    if answer.body and kind not in ("", "application/problem+json", "application/json", "text/html"):
        raise Wrong(f"{answer.status} as {kind!r}")


def settled(what, condition):
    deadline = time.monotonic() + SETTLE_S
    while not condition():
        if time.monotonic() > deadline:
            raise Wrong(f"not within {SETTLE_S} s: {what}")
        time.sleep(0.05)


class Write(Scenario):
    """A write with an Idempotency-Key of its own, judged by what is there afterwards, and then repeated."""

    def __init__(self, name, method, expected, keyed=True):
        super().__init__(name, method, "/customers", expected)
        self.keyed = keyed

    def key(self):
        return {"Idempotency-Key": uuid.uuid4().hex} if self.keyed else {}

    def retry(self, world, request):
        """The same again, until it is done: what was begun by the first may have to run out before."""
        path, body, headers = request
        answers = []

        def done():
            answers.append(send(world.judge_url, self.method, path, body, headers))
            return answers[-1].status not in (409, 503)

        settled(f"{self.name} repeated", done)
        return answers[-1]


class Create(Write):
    def prepare(self, world):
        address = f"c.{uuid.uuid4().hex}@example.net"
        return "/customers", {"name": "Ada", "email": address, "metadata": {"a": 1}}, self.key()

    def check(self, world, request, answer):
        check_status(answer, 201)
        address = request[1]["email"]
        if answer.outcome in ("done", "failed"):
            found = world.ids_of(address)
            if answer.outcome == "failed" and found:
                raise Wrong("created, although the answer said that it was not")
            if answer.outcome == "done" and found != [answer.json()["id"]]:
                raise Wrong(f"answered 201, and {found} have the e-mail")
        if not self.keyed:
            return
        again = self.retry(world, request)
        found = world.ids_of(address)
        if again.status != 201 or found != [again.json()["id"]]:
            raise Wrong(f"repeated: {again.status}, and {found} have the e-mail: {again.body[:200]!r}")
        if answer.outcome == "done" and again.json()["id"] != answer.json()["id"]:
            raise Wrong("repeated: another customer")


class Change(Write):
    """Of one customer, who is made for it. body: what is sent, given the new e-mail."""

    def __init__(self, name, method, body, keyed=True, media=None, moves=False):
        super().__init__(name, method, 204 if method == "DELETE" else 200, keyed)
        self.change, self.media, self.moves = body, media, moves

    def prepare(self, world):
        tag = uuid.uuid4().hex
        before = {"name": "Ada", "email": f"a.{tag}@example.net", "balance": 1}
        world.before = send(world.judge_url, "POST", "/customers", before).json()
        world.old, world.new = before["email"], f"b.{tag}@example.net"
        media = {"Content-Type": self.media} if self.media else {}
        body = self.change(world) if self.change else None
        return f"/customers/{world.before['id']}", body, {**self.key(), **media, "If-Match": '"1"'}

    def check(self, world, request, answer):
        check_status(answer, self.expected)
        if answer.outcome == "done":
            self.check_state(world, True)
        elif answer.outcome == "failed":
            self.check_state(world, False)
        else:
            settled(f"{self.name} is whole", lambda: self.state(world) is not None)
        if self.keyed:
            again = self.retry(world, request)
            # Without an answer a marker is found or none; a delete has none once its customer is gone.
            if again.status != self.expected and not (self.method == "DELETE" and again.status in (404, 412)):
                raise Wrong(f"repeated: {again.status} {again.body[:200]!r}")
            self.check_state(world, True)

    def check_state(self, world, changed):
        if self.state(world) is not changed:
            raise Wrong("%s is %s as it was answered" % (self.name, "not done" if changed else "done, not refused,"))

    def state(self, world):
        """True: changed; False: as before; None: neither."""
        now = send(world.judge_url, "GET", f"/customers/{world.before['id']}")
        owners = world.ids_of(world.old), world.ids_of(world.new)
        mine = [world.before["id"]]
        if now.status == 200 and now.json() == world.before and owners == (mine, []):
            return False
        if self.method == "DELETE":
            return True if now.status == 404 and owners == ([], []) else None
        changed = now.status == 200 and now.json()["version"] == 2 and now.json()["name"] == "Grace"
        return True if changed and owners == (([], mine) if self.moves else (mine, [])) else None


class SessionStep(Scenario):
    """Of one session, which is opened for it. is_done: by the session as it is served afterwards, None when its token opens none."""

    def __init__(self, name, method, path, expected, is_done=None, body=None):
        super().__init__(name, method, path, expected, body)
        self.is_done = is_done

    def prepare(self, world):
        customer = send(world.judge_url, "POST", "/customers", {"name": "Ada"}).json()["id"]
        opened = send(world.judge_url, "POST", "/sessions", {"customer_id": customer, "attributes": {"theme": "light"}})
        return self.path, self.body, {"Authorization": "Session " + opened.json()["token"]}

    def check(self, world, request, answer):
        check_status(answer, self.expected)
        now = send(world.judge_url, "GET", "/session", headers=request[2])
        if now.status not in (200, 401):
            raise Wrong(f"{self.name}: then the session is answered {now.status}")
        if self.is_done is None or answer.outcome not in ("done", "failed"):
            return
        if self.is_done(now.json() if now.status == 200 else None) is not (answer.outcome == "done"):
            raise Wrong(f"{self.name} {answer.outcome}, as it was answered, but the session is {now.body[:300]!r}")


class ObjectStep(Scenario):
    """Of one object, which is put into S3 for it; cached: it is read once before. after: what is there when the step is done."""

    def __init__(self, name, method, expected, cached=False, after=OLD, body=None):
        super().__init__(name, method, "/objects/catalogue/", expected, body)
        self.cached, self.after = cached, after

    def prepare(self, world):
        key = uuid.uuid4().hex
        world.cluster.s3.put("catalogue", key, OLD)
        path = self.path + key
        if self.cached:
            send(world.judge_url, "GET", path)
        return path, self.body, {"Content-Type": "text/plain"} if self.body else {}

    def check(self, world, request, answer):
        check_status(answer, self.expected)
        path = request[0]
        if answer.status == 200 and self.method == "GET" and answer.body != OLD:
            raise Wrong(f"{self.name}: another body: {answer.body[:100]!r}")
        found = world.cluster.s3.get("catalogue", path.rpartition("/")[2])
        kept = None if found is None else found.body
        held = {"done": (self.after,), "failed": (OLD,)}.get(answer.outcome, (OLD, self.after))
        if self.method != "GET" and kept not in held:
            raise Wrong(f"{self.name} {answer.outcome}, as it was answered, and S3 has {kept!r}")
        now = send(world.judge_url, "GET", path)
        if (now.body if now.status == 200 else None if now.status == 404 else now.status) != kept:
            raise Wrong(f"{self.name} {answer.outcome}: S3 has {kept!r}, served is {now.status} {now.body[:100]!r}")


def grace(world, email=None, **more):
    return {"name": "Grace", "email": email or world.old, "balance": 2, **more}


MERGE = "application/merge-patch+json"
ALL = [
    Scenario("list", "GET", "/customers?limit=3", 200),
    Scenario("list by e-mail", "GET", "/customers?email=fixed%40example.net", 200),
    Scenario("lookup", "POST", "/customers/lookup", 200, {"email": "fixed@example.net"}),
    Scenario("get", "GET", "/customers/{id}", 200, headers={"If-None-Match": 'W/"9", "8"'}),
    Scenario("head", "HEAD", "/customers/{id}", 200),
    Scenario("options", "OPTIONS", "/customers/{id}", 204),
    Scenario("no such path", "GET", "/nowhere", 404),
    Scenario("no such method", "POST", "/customers/{id}", 405, {"a": 1}),
    Scenario("bad JSON", "POST", "/customers", 400, b'{"name":'),
    Scenario("bad customer", "POST", "/customers", 422, {"nmae": "x", "metadata": {"a": [1]}, "balance": 1.5}),
    Scenario("bad parameter", "GET", "/customers?limti=1", 400),
    Scenario("contract", "GET", "/openapi.json", 200),
    Scenario("livez", "GET", "/livez", 200, admin=True),
    Scenario("readyz", "GET", "/readyz", 200, admin=True),
    Scenario("metrics", "GET", "/metrics", 200, admin=True),
    Scenario("version", "GET", "/version", 200, admin=True),
    Create("create", "POST", 201),
    Create("create without key", "POST", 201, keyed=False),
    Change("replace", "PUT", grace),
    Change("replace with another e-mail", "PUT", lambda w: grace(w, w.new), moves=True),
    Change("patch", "PATCH", lambda w: {"name": "Grace", "metadata": {"a": None}}, media=MERGE),
    Change("patch to another e-mail", "PATCH", lambda w: {"name": "Grace", "email": w.new}, media=MERGE, moves=True),
    Change("patch without key", "PATCH", lambda w: {"name": "Grace", "email": w.new}, keyed=False, moves=True),
    Change("delete", "DELETE", None),
    SessionStep("session", "GET", "/session", 200),
    SessionStep("cart", "GET", "/session/cart", 200),
    SessionStep("cart item", "PUT", "/session/cart/items/TEA", 200, lambda s: s is not None and s["cart"]["count"] == 1,
                {"quantity": 2, "unit_price": 150}),
    SessionStep("session's patch", "PATCH", "/session", 200, lambda s: s is not None and s["attributes"] == {"theme": "dark"},
                {"attributes": {"theme": "dark"}}),
    SessionStep("session's rotation", "POST", "/session/rotate", 200, lambda s: s is None),
    SessionStep("session's end", "DELETE", "/session", 204, lambda s: s is None),
    ObjectStep("object, cached", "GET", 200, cached=True),
    ObjectStep("object, from S3", "GET", 200),
    ObjectStep("object put", "PUT", 200, cached=True, after=NEW, body=NEW),
    ObjectStep("object deleted", "DELETE", 204, cached=True, after=None),
]
