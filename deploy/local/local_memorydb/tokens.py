"""IAM tokens and temporary credentials, signed by botocore: AWS's own signer, not the code that is being tried."""

import base64
import datetime
import hashlib
import secrets

from botocore.auth import SIGV4_TIMESTAMP, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials


class _AtInstant(SigV4QueryAuth):
    """add_auth of the base class signs for now; this is its sequence for a given second."""

    def sign(self, request, second):
        instant = datetime.datetime.fromtimestamp(second, datetime.timezone.utc)
        request.context["timestamp"] = instant.strftime(SIGV4_TIMESTAMP)
        self._modify_request_before_signing(request)
        string_to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(string_to_sign, request))
        return request.url


class Signer:
    """The tokens of one user of one cluster."""

    def __init__(self, resource, user, service, region, ttl_s):
        self._url, self._user = f"http://{resource}/", user
        self._service, self._region, self.ttl_s = service, region, ttl_s

    def token(self, generation, second):
        """What a client with these credentials sends as its password when it signs at that second."""
        request = AWSRequest("GET", self._url, params={"Action": "connect", "User": self._user})
        signer = _AtInstant(generation.credentials, self._service, self._region, self.ttl_s)
        return signer.sign(request, second).removeprefix("http://")

    def token_hash(self, generation, second):
        """As ACL SETUSER takes it."""
        return "#" + hashlib.sha256(self.token(generation, second).encode()).hexdigest()


class Generation:
    """Temporary credentials: made at one time, good until another (seconds of the real-time clock)."""

    def __init__(self, access_key_id, secret_access_key, session_token, made_s, expires_s):
        self.credentials = Credentials(access_key_id, secret_access_key, session_token)
        self.made_s, self.expires_s = made_s, expires_s

    @classmethod
    def new(cls, now_s, ttl_s):
        key = "ASIA" + base64.b32encode(secrets.token_bytes(10)).decode()
        # Standard base64, as real session tokens are: its + / = must survive the signing.
        return cls(key, base64.b64encode(secrets.token_bytes(30)).decode(),
                   base64.b64encode(secrets.token_bytes(400)).decode(), now_s, now_s + ttl_s)

    def document(self):
        """The container credential providers' JSON."""
        expires = datetime.datetime.fromtimestamp(self.expires_s, datetime.timezone.utc)
        return {"AccessKeyId": self.credentials.access_key, "SecretAccessKey": self.credentials.secret_key,
                "Token": self.credentials.token, "Expiration": expires.strftime("%Y-%m-%dT%H:%M:%SZ")}

    def as_list(self):
        return [self.credentials.access_key, self.credentials.secret_key, self.credentials.token, self.made_s,
                self.expires_s]
