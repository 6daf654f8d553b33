"""S3 on the loopback (deploy/local/s3), and a client of it whose signatures are botocore's."""

import http.client
import json
import socket
import time
import urllib.parse
from pathlib import Path

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from . import npm, ports
from .errors import LocalError
from .home import write_private
from .processes import Process

SOURCE = Path(__file__).resolve().parents[1] / "s3"
UNRESERVED = "-._~/"
CREDENTIALS_S = 1.0


def install(target):
    """Where s3rver is then, with what starts it. LocalError when npm can't fetch it."""
    return npm.install(SOURCE, target)


class S3:
    """Its data and its port are the home's. credentials: what the server judges signatures by (server.mjs)."""

    def __init__(self, home, program, buckets, credentials, notify=None):
        self.home, self.program, self.buckets = home, Path(program), list(buckets)
        self._credentials, self._notify = credentials, notify
        self.process = Process("s3", home.run)
        self.log_path = home.log / "s3.log"
        self._settings = home.s3 / "settings.json"
        self.port = self._earlier_port() or ports.choose(1)[0]

    def _earlier_port(self):
        try:
            return json.loads(self._settings.read_text())["port"]
        except (OSError, ValueError, KeyError):
            return None

    @property
    def url(self):
        """For the path style; virtual-host style goes to s3.localhost."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self):
        return self.process.pid

    def start(self, timeout_s=20):
        if self.pid is not None:
            return
        if not ports.is_free(self.port):
            raise LocalError(f"port {self.port}, which S3 has, is taken by another program: end it")
        write_private(self._settings, json.dumps({"port": self.port, "directory": str(self.home.s3 / "data"),
                                                  "buckets": self.buckets, "notify": self._notify, **self._credentials}))
        with open(self.log_path, "ab") as log:
            self.process.start(["node", self.program / "server.mjs", self._settings], stdout=log, cwd=self.program)
        deadline = time.monotonic() + timeout_s
        while not ports.is_open(self.port):
            if self.pid is None or time.monotonic() > deadline:
                raise LocalError(f"S3 does not start: see {self.log_path}")
            time.sleep(0.02)

    def stop(self):
        self.process.stop()

    def settings(self):
        """The environment of a service that uses it."""
        return {"AWS_ENDPOINT_URL_S3": self.url, "CUSTOMERD_OBJECT_BUCKETS": ",".join(self.buckets)}


class Answer:
    """names of headers in lower case"""

    def __init__(self, response):
        self.status, self.body = response.status, response.read()
        self.headers = {name.lower(): value for name, value in response.getheaders()}


class S3Client:
    """What a program beside the service does. documents() gives credentials as the container providers' document has them."""

    def __init__(self, port, documents, region):
        self._port, self._documents, self._region = port, documents, region
        self._given, self._given_s = None, 0.0

    def _credentials(self):
        """Asked for anew after a second: they change, but not at each request."""
        if self._given is None or time.monotonic() > self._given_s + CREDENTIALS_S:
            self._given, self._given_s = self._documents(), time.monotonic()
        return self._given

    def request(self, method, bucket, key=b"", body=b"", headers=None, query=""):
        raw = key if isinstance(key, bytes) else key.encode()
        path = f"/{bucket}/" + urllib.parse.quote(raw, safe=UNRESERVED)
        url = f"http://127.0.0.1:{self._port}{path}{'?' + query if query else ''}"
        given = self._credentials()
        request = AWSRequest(method, url, headers=dict(headers or {}), data=body)
        S3SigV4Auth(Credentials(given["AccessKeyId"], given["SecretAccessKey"], given.get("Token")), "s3",
                    self._region).add_auth(request)
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)
        try:
            connection.connect()
            # http.client sends head and body apart: the second must not wait until the first is acknowledged.
            connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.request(method, f"{path}{'?' + query if query else ''}", body or None, dict(request.headers.items()))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def put(self, bucket, key, body, content_type="text/plain", **headers):
        """The ETag."""
        fields = {"Content-Type": content_type, **{name.replace("_", "-"): value for name, value in headers.items()}}
        return self._expect(200, self.request("PUT", bucket, key, body, fields)).headers["etag"]

    def get(self, bucket, key):
        """An Answer, or None where there is no such object."""
        answer = self.request("GET", bucket, key)
        return None if answer.status == 404 else self._expect(200, answer)

    def delete(self, bucket, key):
        self._expect(204, self.request("DELETE", bucket, key))

    @staticmethod
    def _expect(status, answer):
        if answer.status != status:
            raise AssertionError(f"S3 answered {answer.status}: {answer.body[:500]!r}")
        return answer
