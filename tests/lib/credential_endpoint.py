"""A scriptable endpoint for AWS credentials: the container form, IMDSv2 and STS behind one port.

An answer is chosen by name (see ANSWERS); what was asked is kept in `requests`."""

import datetime
import http.server
import json
import sys
import threading
import urllib.parse

ROLE = "my-role"
SESSION = "imds-session-token"
STS_REPLY = """<{call}Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
  <{call}Result>
    <AssumedRoleUser><Arn>arn:aws:sts::1:assumed-role/r/s</Arn></AssumedRoleUser>
    <Credentials>
      <AccessKeyId>{AccessKeyId}</AccessKeyId>
      <SecretAccessKey>{SecretAccessKey}</SecretAccessKey>
      <SessionToken>{Token}</SessionToken>
      <Expiration>{Expiration}</Expiration>
    </Credentials>
  </{call}Result>
</{call}Response>
"""


def stamp(seconds_from_now):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        """A client that hangs up is no news; anything else is printed."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class Request:
    def __init__(self, handler, body):
        self.method = handler.command
        self.path = handler.path
        self.headers = {name.lower(): value for name, value in handler.headers.items()}
        self.body = body
        self.form = dict(urllib.parse.parse_qsl(body.decode(), keep_blank_values=True))


class CredentialEndpoint:
    """`answer` is one name for every request, or a list that is used up from its front, its last name staying."""

    def __init__(self, answer="good", life_s=3600, redirect_to=None):
        self.answer, self.life_s, self.redirect_to = answer, life_s, redirect_to
        self.access_key_id, self.secret_access_key, self.token = "ASIATEST", "secret/+=key", "session/+=token"
        self.requests = []
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._server = Server(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    # ---- what is answered ----

    def document(self, life_s=None):
        return {"Code": "Success", "Type": "AWS-HMAC", "AccessKeyId": self.access_key_id,
                "SecretAccessKey": self.secret_access_key, "Token": self.token,
                "Expiration": stamp(self.life_s if life_s is None else life_s)}

    def good_body(self, request, document=None):
        document = document or self.document()
        if request.path == "/latest/api/token":
            return SESSION.encode()
        if request.path == "/latest/meta-data/iam/security-credentials/":
            return ROLE.encode()
        if request.method == "POST":
            return STS_REPLY.format(call=request.form.get("Action", "X"), **document).encode()
        return json.dumps(document).encode()

    def next_answer(self):
        with self._lock:
            if isinstance(self.answer, str):
                return self.answer
            return self.answer.pop(0) if len(self.answer) > 1 else self.answer[0]

    def _without(self, request, member):
        document = self.document()
        if request.method == "POST":
            whole = self.good_body(request, document).decode()
            name = "SessionToken" if member == "Token" else member
            return whole.replace(f"<{name}>{document[member]}</{name}>", "").encode()
        del document[member]
        return self.good_body(request, document)

    def reply(self, handler, request, answer):
        """Sends the answer of that name."""
        good = self.good_body(request)
        if answer in ("hang", "slow"):
            return self._trickle(handler, good if answer == "slow" else b"")
        if answer == "huge":
            return self._send(handler, 200, b" " * (10 << 20) + good, {})
        bodies = {
            "good": good,
            "garbage": b"\x00\xff\xfe{]",
            "html": b"<!DOCTYPE html><html><body>Sign in to the Wi-Fi</body></html>",
            "empty": b"",
            "truncated": good[: len(good) // 2],
            "past": self.good_body(request, self.document(-60)),
            "never": self.good_body(request, dict(self.document(), Expiration="never")),
            "no-key": self._without(request, "AccessKeyId"),
            "no-secret": self._without(request, "SecretAccessKey"),
            "no-token": self._without(request, "Token"),
            "no-expiration": self._without(request, "Expiration"),
            "line-break": self.good_body(request, dict(self.document(), Token="a\r\nX-Injected: b")),
        }
        if answer.isdigit():
            return self._send(handler, int(answer), b"no", {})
        if answer == "redirect":
            return self._send(handler, 302, b"", {"Location": self.redirect_to})
        if answer == "close":
            handler.close_connection = True
            return handler.connection.close()
        return self._send(handler, 200, bodies[answer], {})

    @staticmethod
    def _send(handler, status, body, headers):
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    def _trickle(self, handler, body):
        """One byte a second; nothing at all when there is no body."""
        if body:
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
        for at in range(60):
            if body:
                handler.wfile.write(body[at:at + 1])
                handler.wfile.flush()
            if self._ended.wait(1):
                return

    def _handler(self):
        endpoint = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                request = Request(self, body)
                with endpoint._lock:
                    endpoint.requests.append(request)
                try:
                    endpoint.reply(self, request, endpoint.next_answer())
                except (BrokenPipeError, ConnectionResetError, ValueError):
                    self.close_connection = True

            do_GET = do_PUT = do_POST = answer

            def log_message(self, *_):
                pass

        return Handler
