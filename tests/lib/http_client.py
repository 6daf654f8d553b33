"""A small HTTP client for the black-box tests: nothing is retried, and every answer is checked for what all must hold, and
against the contract."""

import http.client
import json
import re
import socket
import time
import urllib.parse

import contract

PROBLEM = "urn:customerd:problem:"
REQUEST_ID_HEADER = "X-Request-Id"


class Response:
    def __init__(self, method, path, sent_headers, sent_body, status, headers, body, elapsed_s):
        self.method = method
        self.path = path
        self.sent_headers = sent_headers
        self.sent_body = sent_body
        self.status = status
        self.headers = headers  # list of (name, value)
        self.body = body
        self.elapsed_s = elapsed_s

    def all(self, name):
        return [v for k, v in self.headers if k.lower() == name.lower()]

    def header(self, name):
        values = self.all(name)
        assert len(values) <= 1, f"{name} stands {len(values)} times in\n{self}"
        return values[0] if values else None

    @property
    def etag(self):
        return self.header("ETag")

    def json(self):
        try:
            return json.loads(self.body.decode("utf-8"))
        except ValueError as e:
            raise AssertionError(f"not JSON ({e}) in\n{self}") from None

    def __str__(self):
        def cut(data):
            text = data.decode("utf-8", "backslashreplace") if isinstance(data, bytes) else str(data)
            return text if len(text) <= 1500 else f"{text[:1500]}... ({len(text)} characters)"

        sent = "".join(f"\n> {k}: {cut(v)}" for k, v in self.sent_headers.items())
        got = "".join(f"\n< {k}: {cut(v)}" for k, v in self.headers)
        body = f"\n> {cut(self.sent_body)}" if self.sent_body else ""
        return (f"> {self.method} {cut(self.path)}{sent}{body}\n"
                f"< {self.status} ({self.elapsed_s * 1000:.0f} ms){got}\n< {cut(self.body)}")

    def expect(self, *statuses):
        """The answer has one of these statuses; shows request and response when not."""
        assert self.status in statuses, f"expected {' or '.join(map(str, statuses))}:\n{self}"
        return self

    def problem(self, status, slug):
        """The answer is this problem, with every member that RFC 9457 and the service promise."""
        self.expect(status)
        assert self.header("Content-Type") == "application/problem+json", f"content type of a problem:\n{self}"
        if self.method == "HEAD":
            return {}
        document = self.json()
        path, request_id = self.path.partition("?")[0], self.header(REQUEST_ID_HEADER)
        # A path that is none of ours may hold anything, personal data too: then the request's own name stands there.
        ordinary = re.fullmatch(r"(/[A-Za-z0-9._-]+)+", path) and len(path) < 200
        wanted = {"type": PROBLEM + slug, "status": status, "request_id": request_id,
                  "instance": path if ordinary or document.get("instance") == path else f"urn:customerd:request:{request_id}"}
        got = {k: document.get(k) for k in wanted}
        assert got == wanted, f"expected {wanted} in\n{self}"
        for member in ("title", "detail"):
            assert isinstance(document.get(member), str) and document[member], f"no {member} in\n{self}"
        return document

    def findings(self):
        """pointer -> details of an invalid customer."""
        document = self.problem(422, "invalid-customer")
        assert isinstance(document.get("errors"), list) and document["errors"], f"no errors in\n{self}"
        found = {}
        for error in document["errors"]:
            assert isinstance(error.get("pointer"), str), f"a finding without pointer:\n{self}"
            assert isinstance(error.get("detail"), str) and error["detail"], f"a finding without detail:\n{self}"
            found[error["pointer"]] = "; ".join(filter(None, [found.get(error["pointer"]), error["detail"]]))
        return found


def check_always(response):
    """What holds for every answer."""
    shown = str(response)
    assert response.status != 500, f"an internal error:\n{shown}"
    assert response.header(REQUEST_ID_HEADER), f"no request id:\n{shown}"
    stored = response.path.startswith("/objects/") and response.status in (200, 206, 304)
    assert response.path == "/docs" or stored or "html" not in (response.header("Content-Type") or ""), f"HTML:\n{shown}"
    if response.status in (204, 304) or response.method == "HEAD":
        assert response.body == b"", f"a body where none belongs:\n{shown}"
    elif response.status >= 400 and response.path != "/readyz":  # which says the same whatever its status
        assert response.header("Content-Type") == "application/problem+json", f"an error that is no problem:\n{shown}"
    if response.status == 503:
        retry_after = response.header("Retry-After")
        assert retry_after and retry_after.isdigit(), f"503 without Retry-After:\n{shown}"
        if response.method in ("PUT", "PATCH", "DELETE") or response.path == "/customers" and response.method == "POST":
            assert response.json().get("applied") in ("no", "unknown"), f"503 to a write without applied:\n{shown}"


def check_contract(response, listener, resources=None):
    try:
        contract.judge(listener, response.method, response.path, response.status, response.headers, response.body,
                       resources)
    except AssertionError as e:
        raise AssertionError(f"{e}\n{response}") from None


class Client:
    """One keep-alive connection, to the public or the admin listener. Not for two threads at once.

    resources: what the service has switched on, where that is not what the layer's services have (contract.served)."""

    def __init__(self, url, timeout_s=30.0, listener="public", proxied=False, resources=None):
        split = urllib.parse.urlsplit(url)
        self.url = url
        self.listener = listener
        self.resources = resources
        self.proxied = proxied  # through nginx, which adds its name
        self.host, self.port = split.hostname, split.port
        self.connection = http.client.HTTPConnection(self.host, self.port, timeout=timeout_s)

    def close(self):
        self.connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def request(self, method, path, value=None, body=None, headers=None, **named):
        """value is sent as JSON; body as it is. headers by dict, or named: if_match='"1"' is If-Match."""
        sent = {}
        if value is not None:
            body = json.dumps(value, ensure_ascii=False).encode("utf-8")
        if body is not None:
            sent["Content-Type"] = "application/json"
        sent.update({k.replace("_", "-").title(): v for k, v in named.items()})
        sent.update(headers or {})
        sent = {k: v for k, v in sent.items() if v is not None}
        start = time.monotonic()
        try:
            if self.connection.sock is None:
                self.connection.connect()
                self.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self.connection.request(method, path, body=body, headers=sent)
            got = self.connection.getresponse()
            data = got.read()
        except (OSError, http.client.HTTPException) as e:
            self.connection.close()
            raise ConnectionError(f"{method} {path[:200]} to {self.url} after "
                                  f"{time.monotonic() - start:.3f} s: {type(e).__name__} {e}") from e
        fields = [(k, v) for k, v in got.getheaders() if not (self.proxied and k == "Server")]
        response = Response(method, path, sent, body, got.status, fields, data, time.monotonic() - start)
        check_always(response)
        check_contract(response, self.listener, self.resources)
        return response

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def head(self, path, **options):
        return self.request("HEAD", path, **options)

    def post(self, path, value=None, **options):
        return self.request("POST", path, value, **options)

    def put(self, path, value=None, **options):
        return self.request("PUT", path, value, **options)

    def patch(self, path, value=None, **options):
        return self.request("PATCH", path, value, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def create(self, value=None, **members):
        """Makes a customer and returns it."""
        return self.post("/customers", {"name": "Ada Example", **(value or {}), **members}).expect(201).json()

    def find(self, email):
        """The customer with this e-mail, or None."""
        items = self.get("/customers?email=" + urllib.parse.quote(email, safe="")).expect(200).json()["items"]
        assert len(items) <= 1, f"{len(items)} customers with one e-mail"
        return items[0] if items else None


def path_of(customer):
    return "/customers/" + customer["id"]


def wait_until(condition, timeout_s, what, pause_s=0.05):
    """Polls until condition() is true and returns what it gave; fails with the last thing seen."""
    deadline = time.monotonic() + timeout_s
    seen = None
    while True:
        try:
            seen = condition()
            if seen:
                return seen
        except (AssertionError, ConnectionError, OSError) as e:
            seen = e
        if time.monotonic() >= deadline:
            raise AssertionError(f"not within {timeout_s} s: {what}; last seen: {seen!r}")
        time.sleep(pause_s)
