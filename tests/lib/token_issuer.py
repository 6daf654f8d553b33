"""An issuer of JWTs with its key set on the loopback, made of Debian's python3-cryptography: other code than the service's.

    with TokenIssuer() as issuer:
        cluster.start_instance(env=issuer.settings())
        headers = {"Authorization": "Bearer " + issuer.token(scope="customers:read")}
"""

import base64
import hashlib
import hmac
import http.server
import json
import threading
import time

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISSUER, AUDIENCE = "https://issuer.example", "customerd"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def b64_json(value):
    return b64(json.dumps(value, separators=(",", ":")).encode())


def _number(n, size=None):
    return b64(n.to_bytes(size or (n.bit_length() + 7) // 8, "big"))


class Key:
    """One key pair; alg is RS256, PS256, ES256 or EdDSA."""

    def __init__(self, alg, kid):
        self.alg, self.kid = alg, kid
        if alg in ("RS256", "PS256"):
            self.private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        elif alg == "ES256":
            self.private = ec.generate_private_key(ec.SECP256R1())
        else:
            self.private = ed25519.Ed25519PrivateKey.generate()

    def jwk(self):
        public = self.private.public_key()
        head = {"kid": self.kid, "use": "sig", "alg": self.alg}
        if self.alg in ("RS256", "PS256"):
            n = public.public_numbers()
            return {"kty": "RSA", "n": _number(n.n), "e": _number(n.e), **head}
        if self.alg == "ES256":
            n = public.public_numbers()
            return {"kty": "EC", "crv": "P-256", "x": _number(n.x, 32), "y": _number(n.y, 32), **head}
        raw = public.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        return {"kty": "OKP", "crv": "Ed25519", "x": b64(raw), **head}

    def sign(self, data):
        if self.alg == "RS256":
            return self.private.sign(data, padding.PKCS1v15(), hashes.SHA256())
        if self.alg == "PS256":
            return self.private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        if self.alg == "ES256":
            r, s = utils.decode_dss_signature(self.private.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
        return self.private.sign(data)

    def public_pem(self):
        return self.private.public_key().public_bytes(serialization.Encoding.PEM,
                                                      serialization.PublicFormat.SubjectPublicKeyInfo)


class TokenIssuer:
    """`mode` of its server: ok, error, garbage or hang."""

    def __init__(self, algs=("RS256", "PS256", "ES256", "EdDSA")):
        self.keys = [Key(alg, f"key-{alg}") for alg in algs]
        self.mode, self.fetches = "ok", 0
        self._ended = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/keys"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)

    def settings(self, **more):
        return {"CUSTOMERD_AUTH": "jwt", "CUSTOMERD_JWT_JWKS": self.url, "CUSTOMERD_JWT_ISSUER": ISSUER,
                "CUSTOMERD_JWT_AUDIENCE": AUDIENCE, **more}

    def key_set(self):
        return {"keys": [key.jwk() for key in self.keys]}

    def claims(self, **claims):
        now = int(time.time())
        found = {"iss": ISSUER, "aud": AUDIENCE, "sub": "service-1", "iat": now, "exp": now + 600,
                 "scope": "customers:read customers:write", **claims}
        return {name: value for name, value in found.items() if value is not None}

    def token(self, key=None, header=None, **claims):
        """A token of the first key unless another is given; header and claims over the usual ones, None leaves one out."""
        key = key or self.keys[0]
        full = {"alg": key.alg, "kid": key.kid, "typ": "JWT", **(header or {})}
        signed = f"{b64_json({n: v for n, v in full.items() if v is not None})}.{b64_json(self.claims(**claims))}"
        return f"{signed}.{b64(key.sign(signed.encode()))}"

    def sign_text(self, claims):
        """A token of the first key over claims as they stand."""
        key = self.keys[0]
        signed = f"{b64_json({'alg': key.alg, 'kid': key.kid})}.{b64(claims.encode())}"
        return f"{signed}.{b64(key.sign(signed.encode()))}"

    def hmac_token(self, secret, **claims):
        """What somebody makes who takes a public key for the secret of an HMAC."""
        signed = f"{b64_json({'alg': 'HS256', 'kid': self.keys[0].kid})}.{b64_json(self.claims(**claims))}"
        return f"{signed}.{b64(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"

    def unsigned_token(self, alg="none", **claims):
        return f"{b64_json({'alg': alg, 'kid': self.keys[0].kid})}.{b64_json(self.claims(**claims))}."

    def _handler(issuer):  # noqa: N805 (the class below has a self of its own)
        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                issuer.fetches += 1
                if issuer.mode == "hang":
                    issuer._ended.wait(30)
                body = b"<html>" if issuer.mode == "garbage" else json.dumps(issuer.key_set()).encode()
                self.send_response(500 if issuer.mode == "error" else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler


def bearer(token):
    return {"Authorization": f"Bearer {token}"}
