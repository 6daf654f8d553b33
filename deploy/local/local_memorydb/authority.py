"""The IAM authority: hands out temporary credentials and tells every node which tokens are valid.

    python3 -m local_memorydb.authority HOME [HOME...]

The credentials are the first home's. Each home's cluster has tokens of its own, which no other takes.

GET /v1/credentials  the container providers' form, as EKS Pod Identity serves it
GET /health          whether every node knows the valid tokens
POST /test/mode      {"mode": "ok|error|hang|garbage", "for_s": N}: what the first answers; only where the cluster was
                     started with test_control
"""

import hmac
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from .cluster import Cluster
from .enforcer import Enforcer
from .home import Home
from .node import APPLICATION
from .tokens import Signer
from .validity import Generations, Validity

CREDENTIALS_PATH = "/v1/credentials"
MODES = ("ok", "error", "hang", "garbage")


class Authority:
    """Ties the valid tokens to the nodes."""

    def __init__(self, homes):
        state, now_s = homes[0].state(), int(time.time())
        self.generations, self.validities, self.enforcers = None, [], []
        if state["auth"] == "iam":
            self.generations = Generations(state["credential_ttl"], homes[0].secrets / "generations.json", now_s)
        for home in homes:
            self._add(home, home.state(), now_s)

    def _add(self, home, state, now_s):
        validity = None
        if self.generations is not None:
            signer = Signer(state["resource"], APPLICATION, state["service"], state["region"], state["token_ttl"])
            validity = Validity(signer, self.generations, now_s)
            self.validities.append(validity)
        self.enforcers += [Enforcer(node, validity, state["connection_ttl"]) for node in Cluster(home).nodes]

    def run(self):
        # The first credentials come before the nodes are told anything: a node that knows something then knows their tokens.
        self._second(int(time.time()))
        for enforcer in self.enforcers:
            enforcer.start()
        while True:
            time.sleep(1.0 - time.time() % 1.0)
            self._second(int(time.time()))

    def _second(self, now_s):
        if self.generations is None:
            return
        self.generations.forget_expired(now_s)
        new = self.generations.next(now_s)
        for validity in self.validities:
            validity.tick(now_s)
        if new is not None:
            self._wait_until_known()
            self.generations.published = new

    def _wait_until_known(self):
        # A node that is down learns it when it is back, before it learns anything else.
        deadline = time.monotonic() + 3
        while time.monotonic() < deadline:
            if all(e.applied_version in (-1, e.validity.current[0]) for e in self.enforcers):
                return
            time.sleep(0.01)

    def health(self):
        nodes = {e.node.name: e.validity is None or e.applied_version >= 0 for e in self.enforcers}
        published = self.generations is None or self.generations.published is not None
        return {"ready": published and all(nodes.values()), "nodes": nodes}


class Mode:
    """How the credential endpoint answers for a while."""

    def __init__(self):
        self._mode, self._until = "ok", 0.0

    def set(self, mode, for_s):
        self._mode, self._until = mode, time.monotonic() + for_s

    @property
    def now(self):
        return self._mode if time.monotonic() < self._until else "ok"


class Handler(BaseHTTPRequestHandler):
    """One request; `server` carries authority, mode, token and test_control."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format, *args):  # pylint: disable=redefined-builtin
        print(time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), format % args, flush=True)

    def do_GET(self):  # pylint: disable=invalid-name
        if self.path == "/health":
            health = self.server.authority.health()
            return self._answer(200 if health["ready"] else 503, health)
        if self.path != CREDENTIALS_PATH:
            return self._answer(404, {"message": "not found"})
        if not hmac.compare_digest(self.headers.get("Authorization", "").encode(), self.server.token.encode()):
            return self._answer(401, {"message": "the Authorization token is wrong"})
        return self._credentials()

    def _credentials(self):
        mode = self.server.mode.now
        if mode == "error":
            return self._answer(500, {"message": "the test wants an error"})
        if mode == "garbage":
            return self._send(200, b"<html>\x00\xff not credentials", "text/html")
        while mode == "hang":
            if self.server.mode.now != "hang":
                self.close_connection = True
                return None
            time.sleep(0.1)
        generations = self.server.authority.generations
        if generations is None or generations.published is None:
            return self._answer(503, {"message": "no credentials"})
        return self._answer(200, generations.published.document())

    def do_POST(self):  # pylint: disable=invalid-name
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.server.test_control or self.path != "/test/mode":
            return self._answer(404, {"message": "not found"})
        try:
            wish = json.loads(body)
            if wish["mode"] not in MODES:
                raise ValueError(f"mode is one of {', '.join(MODES)}")
            self.server.mode.set(wish["mode"], float(wish.get("for_s", 3600)))
        except (ValueError, KeyError, TypeError) as error:
            return self._answer(400, {"message": str(error)})
        return self._answer(200, {"mode": wish["mode"]})

    def _answer(self, status, document):
        self._send(status, json.dumps(document).encode(), "application/json")

    def _send(self, status, body, content_type):
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(ThreadingHTTPServer):
    """On the loopback alone."""

    daemon_threads = True

    def __init__(self, home, authority):
        super().__init__(("127.0.0.1", home.state()["authority_port"]), Handler)
        self.authority, self.mode = authority, Mode()
        self.token, self.test_control = home.secret("credentials-token"), home.state()["test_control"]


def main():
    homes = [Home(path) for path in sys.argv[1:]]
    authority = Authority(homes)
    server = Server(homes[0], authority)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    authority.run()


if __name__ == "__main__":
    main()
