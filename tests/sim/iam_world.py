"""IAM as a scenario wants it: an endpoint that hands out credentials, and an authority that judges tokens.

The authority signs with botocore, AWS's own signer, and compares: minter and verifier are different code."""

import datetime
import http.server
import json
import threading
import time
import urllib.parse

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

AUTHORIZATION = "the-endpoint's-own-token"


class Iam:
    """Both together. Each request for credentials gets a generation of its own, valid for `credential_ttl_s`."""

    def __init__(self, user="app", resource="my-cluster", region="eu-west-1", service="memorydb", token_ttl_s=900,
                 credential_ttl_s=3600):
        self.user, self.resource, self.region, self.service = user, resource, region, service
        self.token_ttl_s, self.credential_ttl_s = token_ttl_s, credential_ttl_s
        self.mode = "good"          # good, garbage, hang, error
        self.generations = {}       # access key -> (Credentials, expiry)
        self.fetches = []           # times
        self.accepted = []          # (time, password)
        self.refused = []           # (time, reason)
        self._released = threading.Event()
        self._server = None
        self.port = 0
        self.come_back()

    # ---- the endpoint ----

    def go_away(self):
        """Connections to the endpoint are refused."""
        self._server.shutdown()
        self._server.server_close()
        self._server = None

    def come_back(self):
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self):
        self._released.set()
        if self._server is not None:
            self.go_away()

    def settings(self, directory):
        """What makes the service use this endpoint."""
        empty = directory / "no-profile"
        empty.write_text("")
        return {"DB_AUTH": "iam", "DB_USER": self.user, "IAM_RESOURCE": self.resource, "IAM_SERVICE": self.service,
                "IAM_TOKEN_TTL_S": self.token_ttl_s, "AWS_REGION": self.region, "AWS_CONFIG_FILE": empty,
                "AWS_SHARED_CREDENTIALS_FILE": empty, "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.port}/v1/credentials",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN": AUTHORIZATION}

    def _new_generation(self):
        number = len(self.generations)
        credentials = Credentials(f"ASIAGENERATION{number:06}", f"secret/+{number}", f"session+/={number}")
        expiry = time.time() + self.credential_ttl_s
        self.generations[credentials.access_key] = (credentials, expiry)
        stamp = datetime.datetime.fromtimestamp(expiry, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"AccessKeyId": credentials.access_key, "SecretAccessKey": credentials.secret_key,
                "Token": credentials.token, "Expiration": stamp}

    def _handler(self):
        iam = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                iam.fetches.append(time.time())
                if iam.mode == "hang":
                    iam._released.wait(60)
                    return
                good = self.headers.get("Authorization") == AUTHORIZATION and iam.mode == "good"
                body = json.dumps(iam._new_generation()).encode() if good else b"<html>\x00 not what was asked for"
                self.send_response(500 if iam.mode == "error" else 200 if good or iam.mode == "garbage" else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    # ---- the authority ----

    def authenticate(self, user, password):
        """As a node that asks IAM. Notes why it refuses."""
        reason = "wrong user" if user != self.user else self._judge(password)
        if reason:
            self.refused.append((time.time(), reason))
        else:
            self.accepted.append((time.time(), password))
        return not reason

    def revoke(self):
        """Forgets every generation that was handed out."""
        self.generations = {key: (credentials, 0) for key, (credentials, _) in self.generations.items()}

    def _judge(self, password):
        host, _, query = password.partition("/?")
        given = dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        generation = self.generations.get(given.get("X-Amz-Credential", "").split("/")[0])
        if generation is None:
            return "no such access key"
        credentials, expiry = generation
        signed_at = datetime.datetime.strptime(given["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        age_s = time.time() - signed_at.timestamp()
        if host != self.resource or given.get("User") != self.user or given.get("Action") != "connect":
            return "for something else"
        if given.get("X-Amz-Signature") != self._signature(credentials, given, signed_at):
            return "wrong signature"
        if age_s < -1 or age_s > int(given["X-Amz-Expires"]):
            return f"token is {age_s:.1f} s old"
        return "" if time.time() < expiry else "credentials expired"

    def _signature(self, credentials, given, signed_at):
        request = AWSRequest(method="GET", url=f"https://{self.resource}/", params={"Action": "connect", "User": self.user})
        request.context["timestamp"] = signed_at.strftime("%Y%m%dT%H%M%SZ")
        signer = SigV4QueryAuth(credentials, self.service, self.region, expires=int(given["X-Amz-Expires"]))
        signer._modify_request_before_signing(request)
        return signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
