"""An example shop: python3 -m local_memorydb.shop PORT SERVICE_URL.

It serves the pages in deploy/local/shop, and stands before customerd as an application's own server would: the browser talks to
one origin, and what needs a right of its own (opening a session, listing and ending a customer's) is asked for here. It has no
passwords: whoever names an e-mail address is let in. Never do that elsewhere."""

import http.client
import http.server
import json
import re
import sys
import urllib.parse
from pathlib import Path

PAGES = Path(__file__).resolve().parents[1] / "shop"
FILES = {"/": ("index.html", "text/html"), "/shop.js": ("shop.js", "text/javascript"), "/shop.css": ("shop.css", "text/css")}
POLICY = ("default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; "
          "form-action 'none'; frame-ancestors 'none'")
BODY_MAX_BYTES = 65536
PASSED_ON = ("Accept", "Content-Type", "Cookie", "If-Match", "If-None-Match", "Origin", "Sec-Fetch-Site", "Host")
PASSED_BACK = ("Content-Type", "Cache-Control", "ETag", "Set-Cookie", "X-Request-Id")


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def json(self):
        return json.loads(self.body)


class Refused(Exception):
    """The service's answer, which is handed on as it is."""

    def __init__(self, answer):
        super().__init__(answer.status)
        self.answer = answer


class BadBody(Exception):
    """A body that is not read."""

    def __init__(self, status, detail):
        super().__init__(detail)
        self.status = status


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "shop"

    def log_message(self, *_):
        """The service has a log of its own."""

    def do_any(self):
        try:
            self.body = self.read_body()
            self.answer(self.route())
        except BadBody as bad:
            self.close_connection = True  # what is left of the body is no request
            self.answer(Answer(bad.status, [("Content-Type", "application/json"), ("Connection", "close")],
                               json.dumps({"detail": str(bad)}).encode()))
        except Refused as refused:
            self.answer(refused.answer)
        except (OSError, http.client.HTTPException, ValueError):
            self.answer(Answer(502, [("Content-Type", "application/json")], b'{"detail":"customerd does not answer"}'))

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_any

    def route(self):
        path = urllib.parse.urlsplit(self.path).path
        if self.command in ("GET", "HEAD") and path in FILES:
            return self.file(*FILES[path])
        if path == "/session" or path.startswith("/session/"):
            return self.service(self.command, self.path, self.body, self.passed_on())
        actions = {("POST", "/sign-in"): self.sign_in, ("GET", "/my-sessions"): self.my_sessions,
                   ("DELETE", "/my-sessions"): self.end_my_sessions}
        action = actions.get((self.command, path))
        return action() if action else Answer(404, [("Content-Type", "application/json")], b'{"detail":"there is no such path"}')

    # ---- what the application does itself ----

    def sign_in(self):
        """A real shop would ask for a password here. A page of another origin must not sign its visitor in."""
        origin = self.headers.get("Origin", "")
        if re.sub(r"^https?://", "", origin) != self.headers.get("Host"):
            return Answer(403, [("Content-Type", "application/json")], b'{"detail":"from this page only"}')
        email = json.loads(self.body).get("email")
        found = self.ask("POST", "/customers/lookup", {"email": email}, 200)["items"]
        customer = found[0] if found else self.ask("POST", "/customers", {"name": str(email).partition("@")[0], "email": email}, 201)
        return self.service("POST", "/sessions", json.dumps({
            "customer_id": customer["id"], "cookie": True, "from": self.browser(), "attributes": {"name": customer["name"][:256]},
        }).encode(), {"Content-Type": "application/json"})

    def my_customer(self):
        answer = self.service("GET", "/session", b"", self.passed_on())
        if answer.status != 200:
            raise Refused(answer)
        return answer.json()["customer_id"]

    def my_sessions(self):
        return self.service("GET", f"/customers/{self.my_customer()}/sessions", b"", {})

    def end_my_sessions(self):
        if self.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            return Answer(403, [("Content-Type", "application/json")], b'{"detail":"from this page only"}')
        return self.service("DELETE", f"/customers/{self.my_customer()}/sessions", b"", {})

    def browser(self):
        agent = self.headers.get("User-Agent", "")
        names = re.findall(r"(Firefox|Edg|Chrome|HeadlessChrome|Safari)/\d+", agent)
        return f"{names[0] if names else 'a browser'} at {self.client_address[0]}"

    # ---- plumbing ----

    def read_body(self):
        """All of it, whatever comes of the request: a rest would be taken for the connection's next one."""
        lengths = self.headers.get_all("Content-Length", ["0"])
        if "Transfer-Encoding" in self.headers or len(lengths) > 1 or not re.fullmatch("[0-9]{1,9}", lengths[0]):
            raise BadBody(400, "a body needs one Content-Length")
        if int(lengths[0]) > BODY_MAX_BYTES:
            raise BadBody(413, "the body is too long")
        return self.rfile.read(int(lengths[0]))

    def passed_on(self):
        return {name: self.headers[name] for name in PASSED_ON if name in self.headers}

    def service(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self.server.service.hostname, self.server.service.port, timeout=10)
        try:
            connection.request(method, path, body=body or None, headers=headers)
            got = connection.getresponse()
            return Answer(got.status, [(k, v) for k, v in got.getheaders() if k in PASSED_BACK], got.read())
        finally:
            connection.close()

    def ask(self, method, path, value, status):
        answer = self.service(method, path, json.dumps(value).encode(), {"Content-Type": "application/json"})
        if answer.status != status:
            raise Refused(answer)
        return answer.json()

    def file(self, name, kind):
        return Answer(200, [("Content-Type", f"{kind}; charset=utf-8"), ("Content-Security-Policy", POLICY),
                            ("Referrer-Policy", "same-origin"), ("Cache-Control", "no-cache")], (PAGES / name).read_bytes())

    def answer(self, answer):
        self.send_response(answer.status)
        for name, value in answer.headers:
            self.send_header(name, value)
        self.send_header("X-Content-Type-Options", "nosniff")
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD" and answer.status not in (204, 304):
            self.wfile.write(answer.body)


class Server(http.server.ThreadingHTTPServer):
    """On the loopback alone."""

    daemon_threads = True

    def __init__(self, port, service_url):
        super().__init__(("127.0.0.1", port), Handler)
        self.service = urllib.parse.urlsplit(service_url)


def main():
    Server(int(sys.argv[1]), sys.argv[2]).serve_forever()


if __name__ == "__main__":
    main()
