"""Who may call: bearer tokens, what they allow, and every way to get past them that is known."""

import json
import time

import pytest

from http_client import Client, path_of, wait_until
from raw_http import exchange
from support import together, unique_email
from token_issuer import AUDIENCE, ISSUER, Key, TokenIssuer, b64, b64_json, bearer

READ, WRITE, ADMIN = "customers:read", "customers:write", "admin"


@pytest.fixture(scope="module")
def issuer():
    with TokenIssuer() as made:
        yield made


@pytest.fixture(scope="module")
def guarded(cluster, issuer):
    """An instance that wants tokens."""
    return cluster.start_instance(env=issuer.settings())


@pytest.fixture
def api(guarded):
    with Client(guarded.url) as client:
        yield client


def refused(answer, challenge='Bearer realm="customerd", error="invalid_token"'):
    """401 that does not tell which check failed."""
    document = answer.problem(401, "unauthorized")
    assert answer.header("WWW-Authenticate") == challenge, str(answer)
    if "error" in challenge:
        assert document["detail"] == "The token is not valid"
    return document


@pytest.mark.parametrize("at", range(4), ids=["RS256", "PS256", "ES256", "EdDSA"])
def test_each_algorithm_is_let_in(api, issuer, at):
    headers = bearer(issuer.token(key=issuer.keys[at]))
    made = api.post("/customers", {"name": "A"}, headers=headers).expect(201).json()
    assert api.get(path_of(made), headers=headers).expect(200).json() == made


def test_without_a_token(api):
    plain = 'Bearer realm="customerd"'
    refused(api.get("/customers"), plain)
    assert api.head("/customers").expect(401).header("WWW-Authenticate") == plain
    refused(api.post("/customers", {"name": "A"}), plain)
    for value in ("Basic YTpi", "Bearer", "Token abc", "bearerabc", ""):
        refused(api.get("/customers", headers={"Authorization": value}), plain)


def test_paths_and_methods_need_no_token(api):
    api.get("/nowhere").problem(404, "not-found")
    api.delete("/customers").problem(405, "method-not-allowed")
    api.request("OPTIONS", "/customers").expect(204)


def test_a_scope_allows_what_it_names_and_admin_allows_all(api, issuer):
    read, write, admin, none = (bearer(issuer.token(scope=s)) for s in (READ, WRITE, ADMIN, "other customers:reader"))
    made = api.post("/customers", {"name": "A", "email": unique_email()}, headers=write).expect(201).json()
    path = path_of(made)
    reads = [("GET", "/customers", None), ("GET", path, None), ("HEAD", path, None),
             ("POST", "/customers/lookup", {"email": made["email"]})]
    writes = [("POST", "/customers", {"name": "B"}), ("PUT", path, {"name": "B", "balance": 1}),
              ("PATCH", path, {"name": "C"}), ("DELETE", path, None)]
    for allowed, other, scope, requests in ((read, write, READ, reads), (write, read, WRITE, writes)):
        for method, target, value in requests:
            for headers in (other, none):
                answer = api.request(method, target, value, headers=headers).expect(403)
                assert answer.header("WWW-Authenticate") == \
                    f'Bearer realm="customerd", error="insufficient_scope", scope="{scope}"'
                if method != "HEAD":
                    answer.problem(403, "forbidden")
            api.request(method, target, value, headers=allowed).expect(200, 201, 204)
    made = api.post("/customers", {"name": "A"}, headers=admin).expect(201).json()
    api.get(path_of(made), headers=admin).expect(200)
    api.delete(path_of(made), headers=admin).expect(204)


@pytest.mark.parametrize("form", [{"scope": [READ]}, {"scope": None, "scp": [READ]}, {"scope": None, "scp": READ},
                                  {"aud": ["other", AUDIENCE]}])
def test_other_forms_of_scopes_and_audience(api, issuer, form):
    api.get("/customers", headers=bearer(issuer.token(**form))).expect(200)


ATTACKS = {
    "alg none": lambda i: i.unsigned_token(),
    "alg nOnE": lambda i: i.unsigned_token("nOnE"),
    "alg RS256 without signature": lambda i: i.unsigned_token("RS256"),
    "HMAC with the public key": lambda i: i.hmac_token(i.keys[0].public_pem()),
    "HMAC with the public key as JWK": lambda i: i.hmac_token(str(i.keys[0].jwk()).encode()),
    "HMAC with nothing": lambda i: i.hmac_token(b""),
    "another's key under a known kid": lambda i: i.token(key=Key("RS256", i.keys[0].kid)),
    "another's key and its address": lambda i: i.token(key=Key("RS256", i.keys[0].kid), header={"jku": i.url}),
    "another's key and its certificate's address": lambda i: i.token(key=Key("RS256", i.keys[0].kid), header={"x5u": i.url}),
    "another's key, embedded": lambda i: (lambda k: i.token(key=k, header={"jwk": k.jwk()}))(Key("ES256", i.keys[2].kid)),
    "no kid": lambda i: i.token(header={"kid": None}),
    "unknown kid": lambda i: i.token(header={"kid": "unknown"}),
    "kid as a path": lambda i: i.token(header={"kid": "../../../../dev/null"}),
    "kid of another algorithm's key": lambda i: i.token(header={"kid": i.keys[2].kid}),
    "RS256 signature called PS256": lambda i: i.token(header={"alg": "PS256"}),
    "crit": lambda i: i.token(header={"crit": ["exp"]}),
    "zip": lambda i: i.token(header={"zip": "DEF"}),
    "typ of something else": lambda i: i.token(header={"typ": "logout+jwt"}),
    "expired": lambda i: i.token(exp=int(time.time()) - 31),
    "no exp": lambda i: i.token(exp=None),
    "exp as text": lambda i: i.token(exp=str(int(time.time()) + 600)),
    "not yet": lambda i: i.token(nbf=int(time.time()) + 60),
    "issued in the future": lambda i: i.token(iat=int(time.time()) + 60),
    "another issuer": lambda i: i.token(iss=ISSUER + "/"),
    "another audience": lambda i: i.token(aud="customerd2"),
    "no audience": lambda i: i.token(aud=None),
    "no subject": lambda i: i.token(sub=None),
    "a subject with a line break": lambda i: i.token(sub="a\nb"),
    "a subject with NUL": lambda i: i.token(sub="a\0b"),
    "oversized": lambda i: i.token(padding="x" * 5300),
    "a JWE": lambda i: i.token() + ".a.b",
    "cut": lambda i: i.token()[:-4],
    "with more": lambda i: i.token() + "AAAA",
    "other claims under the signature": lambda i: (lambda t: f"{t[0]}.{b64_json(i.claims(scope=ADMIN))}.{t[2]}")(i.token().split(".")),
    "other header over the signature": lambda i: (lambda t: f"{b64_json({'alg': 'RS256', 'kid': i.keys[0].kid, 'x': 1})}.{t[1]}.{t[2]}")(i.token().split(".")),
    "a repeated claim": lambda i: i.sign_text(json.dumps(i.claims())[:-1] + ', "scope": "admin"}'),
    "not base64url": lambda i: i.token().replace("_", "/").replace("-", "+") + "=",
    "not JSON": lambda i: f"{b64(b'{alg:RS256}')}.e30.AAAA",
    "nothing": lambda i: "a.b.c",
}


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_is_refused(api, issuer, attack):
    token = ATTACKS[attack](issuer)
    refused(api.get("/customers", headers=bearer(token)))
    answer = api.post("/customers", {"name": "A"}, headers=bearer(token))
    assert answer.status == 401


def test_the_leeway_for_clocks(api, issuer):
    now = int(time.time())
    api.get("/customers", headers=bearer(issuer.token(exp=now - 20, nbf=now + 20, iat=now + 20))).expect(200)


def test_unicode_in_claims(api, issuer, guarded):
    subject = "Jürgen \u202e\U0001f600 \"\\"
    made = api.post("/customers", {"name": "A"}, headers=bearer(issuer.token(sub=subject))).expect(201).json()
    wait_until(lambda: made["id"] in guarded.log_path.read_text(), 5, "the audit's line")
    lines = [json.loads(line) for line in guarded.log_path.read_text(errors="strict").splitlines()]
    assert [line["subject"] for line in lines if line.get("event") == "audit" and line["id"] == made["id"]] == [subject]


def test_a_repeated_authorization_is_malformed(guarded, issuer):
    good = issuer.token()
    for second in (good, "x"):
        answers, _ = exchange(guarded.url, f"GET /customers HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {good}\r\n"
                              f"Authorization: Bearer {second}\r\n\r\n".encode())
        assert answers[0].status == 400 and b"bad-request" in answers[0].body


def test_a_token_in_the_query_is_no_token(api, issuer):
    refused(api.get("/customers?access_token=" + issuer.token()), 'Bearer realm="customerd"')


def test_a_refused_body_is_not_waited_for(guarded):
    """The answer comes when the head is there; of the body nothing is taken."""
    head = b"POST /customers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n"
    answers, closed = exchange(guarded.url, head, timeout_s=2)
    assert [a.status for a in answers] == [401] and closed
    answers, closed = exchange(guarded.url, b"GET /customers HTTP/1.1\r\nHost: a\r\n\r\n" * 2, timeout_s=2)
    assert [a.status for a in answers] == [401, 401] and not closed


def test_the_owner_of_an_email_is_told_to_readers_only(api, issuer):
    email = unique_email()
    both, write = bearer(issuer.token()), bearer(issuer.token(scope=WRITE))
    made = api.post("/customers", {"name": "A", "email": email}, headers=write).expect(201).json()
    assert api.post("/customers", {"name": "B", "email": email}, headers=both).problem(409, "email-taken")["owner"] == path_of(made)
    document = api.post("/customers", {"name": "B", "email": email}, headers=write).problem(409, "email-taken")
    assert "owner" not in document and made["id"] not in str(document)


def test_idempotency_keys_belong_to_their_callers(api, issuer, key):
    name = key()
    first, second = (bearer(issuer.token(sub=s)) for s in ("caller-a", "caller-b"))
    a = api.post("/customers", {"name": "A"}, headers=first, idempotency_key=name).expect(201)
    b = api.post("/customers", {"name": "A"}, headers=second, idempotency_key=name).expect(201)
    assert a.json()["id"] != b.json()["id"] and b.header("Idempotency-Replayed") is None
    # The token is another one, the caller is the same.
    again = api.post("/customers", {"name": "A"}, headers=bearer(issuer.token(sub="caller-a", jti="2")),
                     idempotency_key=name).expect(201)
    assert again.json() == a.json() and again.header("Idempotency-Replayed") == "true"


def test_tokens_of_requests_on_one_connection_are_apart(guarded, issuer):
    """Also when they are sent at once, and when a token comes too late."""
    good, bad = issuer.token(), issuer.token(aud="other")
    head = b"GET /customers?limit=1 HTTP/1.1\r\nHost: a\r\n"
    pipeline = [f"Authorization: Bearer {token}\r\n".encode() if token else b"" for token in (good, bad, None, good, None)]
    answers, _ = exchange(guarded.url, b"".join(head + field + b"\r\n" for field in pipeline))
    assert [a.status for a in answers] == [200, 401, 401, 200, 401]
    body = b"1\r\n{\r\n0\r\nAuthorization: Bearer " + good.encode() + b"\r\n\r\n"
    answers, _ = exchange(guarded.url, b"POST /customers HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
                          b"Transfer-Encoding: chunked\r\n\r\n" + body)
    assert [a.status for a in answers] == [401]
    answers, _ = exchange(guarded.url, b"POST /customers HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                          b"Content-Type: application/json\r\nContent-Length: 12\r\n\r\n")
    assert [a.status for a in answers] == [401]


def test_the_last_key_can_be_withdrawn(cluster, tmp_path):
    with TokenIssuer(algs=("ES256",)) as issuer:
        path = tmp_path / "keys.json"
        path.write_text(json.dumps(issuer.key_set()))
        instance = cluster.start_instance(env=issuer.settings(CUSTOMERD_JWT_JWKS=str(path)))
        with Client(instance.url) as api, Client(instance.admin_url, listener="admin") as admin:
            headers = bearer(issuer.token())
            api.get("/customers", headers=headers).expect(200)
            path.write_text('{"keys":[]}')
            wait_until(lambda: api.get("/customers", headers=headers).status == 503, 10, "the key is withdrawn")
            api.get("/customers", headers=bearer(issuer.token(jti="2"))).problem(503, "auth-unavailable")
            assert any("withdrawn" in reason for reason in admin.get("/readyz").expect(503).json()["reasons"])
        instance.stop()


def test_settings_for_tokens_mean_tokens_on_the_loopback_too(cluster, issuer):
    settings = {name: value for name, value in issuer.settings().items() if name != "CUSTOMERD_AUTH"}
    instance = cluster.start_instance(env=settings)
    with Client(instance.url) as api:
        api.get("/customers").expect(401)
    instance.stop()


def test_a_key_that_rotates(cluster):
    """A token of a new key is let in at once; one of a key that was withdrawn is not let in any more."""
    with TokenIssuer(algs=("ES256",)) as issuer:
        instance = cluster.start_instance(env=issuer.settings())
        with Client(instance.url) as api:
            old = bearer(issuer.token(scope=READ))
            api.get("/customers", headers=old).expect(200)
            issuer.keys = [Key("EdDSA", "next")]
            new = bearer(issuer.token(scope=READ))

            def rotated():  # the key set is asked for again ten seconds after the last time at the earliest
                return api.get("/customers", headers=new).status == 200
            wait_until(rotated, 20, "the new key is known", pause_s=0.5)
            assert issuer.fetches <= 4
            refused(api.get("/customers", headers=old))
        instance.stop()


def test_an_issuer_that_is_down(cluster):
    """Not ready before there are keys; afterwards nobody notices."""
    with TokenIssuer(algs=("ES256",)) as issuer:
        issuer.mode = "error"
        instance = cluster.start_instance(env=issuer.settings(), wait=False)
        with Client(instance.url) as api, Client(instance.admin_url, listener="admin") as admin:
            wait_until(lambda: issuer.fetches > 0, 10, "the keys are asked for")
            known = bearer(issuer.token(scope=READ))
            api.get("/customers", headers=known).problem(503, "auth-unavailable")
            answer = admin.get("/readyz").expect(503)
            assert any("keys" in reason for reason in answer.json()["reasons"])
            issuer.mode = "ok"
            wait_until(lambda: admin.get("/readyz").status == 200, 20, "ready")
            api.get("/customers", headers=known).expect(200)
            for mode in ("error", "garbage", "hang"):
                issuer.mode = mode
                api.get("/customers", headers=bearer(issuer.token(scope=READ, jti=mode))).expect(200)
                assert api.get("/customers", headers=bearer(issuer.token(header={"kid": "?"}))).elapsed_s < 5
                assert admin.get("/readyz").status == 200
        instance.stop()


def test_keys_from_a_file(cluster, tmp_path):
    with TokenIssuer(algs=("PS256",)) as issuer:
        path = tmp_path / "keys.json"
        path.write_text(json.dumps(issuer.key_set()))
        instance = cluster.start_instance(env=issuer.settings(CUSTOMERD_JWT_JWKS=str(path)))
        with Client(instance.url) as api:
            api.get("/customers", headers=bearer(issuer.token())).expect(200)
            issuer.keys = [Key("RS256", "next")]
            path.write_text(json.dumps(issuer.key_set()))
            wait_until(lambda: api.get("/customers", headers=bearer(issuer.token())).status == 200, 10, "the file is read again")
        assert issuer.fetches == 0
        instance.stop()


@pytest.mark.concurrent
def test_many_tokens_at_once(guarded, issuer):
    tokens = [issuer.token(key=issuer.keys[i % 4], sub=f"s-{i}") for i in range(64)]
    bad = issuer.token(aud="other")

    def calls(mine):
        with Client(guarded.url) as client:
            for _ in range(6):
                client.get("/customers?limit=1", headers=bearer(mine)).expect(401 if mine is bad else 200)
    together([lambda t=t: calls(t) for t in [*tokens[:15], bad]])


def test_no_token_is_logged(guarded, issuer, api):
    token = issuer.token(sub="not-a-secret")
    api.get("/customers", headers=bearer(token)).expect(200)
    api.get("/customers", headers=bearer(token + "x")).expect(401)
    text = guarded.log_path.read_text()
    for part in token.split("."):
        assert part not in text
