"""Every provider of AWS credentials, in good times and bad, as `customerd token` uses it."""

import json
import os
import shlex
import stat
import time
import urllib.parse

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from credential_endpoint import SESSION, CredentialEndpoint
from token_command import run_token

TOKEN_ARGUMENTS = ("--resource", "my-cluster", "--user", "app")
LONG_LIVED = {"AWS_ACCESS_KEY_ID": "AKIALONG", "AWS_SECRET_ACCESS_KEY": "long/secret"}


def token(home, **environment):
    return run_token(*TOKEN_ARGUMENTS, home=home, **{"AWS_REGION": "eu-west-1", **environment})


def signed_by(outcome):
    """(access key, session token) that stand in the token."""
    query = urllib.parse.parse_qs(outcome.token.partition("?")[2])
    return query["X-Amz-Credential"][0].split("/")[0], query.get("X-Amz-Security-Token", [""])[0]


@pytest.fixture
def home(tmp_path):
    (tmp_path / ".aws").mkdir()
    return tmp_path


@pytest.fixture
def endpoint():
    with CredentialEndpoint() as endpoint:
        yield endpoint


def container(endpoint):
    return {"AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{endpoint.url}/v1/credentials"}


def imds(endpoint):
    return {"AWS_EC2_METADATA_SERVICE_ENDPOINT": endpoint.url}


def web_identity(endpoint, home):
    file = home / "web-token"
    file.write_text("header.claims.signature")
    return {"AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_ARN": "arn:aws:iam::1:role/r",
            "AWS_ENDPOINT_URL_STS": endpoint.url}


def assume_role(endpoint, home):
    (home / ".aws" / "config").write_text("[profile app]\nrole_arn = arn:aws:iam::1:role/r\nsource_profile = base\n"
                                          "external_id = an id\nrole_session_name = me\nduration_seconds = 900\n")
    (home / ".aws" / "credentials").write_text("[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = base/secret\n"
                                               "aws_session_token = base+token\n")
    return {"AWS_PROFILE": "app", "AWS_ENDPOINT_URL_STS": endpoint.url}


REMOTE = {
    "container": lambda endpoint, home: container(endpoint),
    "imds": lambda endpoint, home: imds(endpoint),
    "web-identity": web_identity,
    "assume-role": assume_role,
}


@pytest.fixture(params=sorted(REMOTE))
def remote(request, endpoint, home):
    """(the provider's name, its settings)"""
    return request.param, REMOTE[request.param](endpoint, home)


# ---- good times ----

def test_every_remote_provider_gives_keys(remote, endpoint, home):
    assert signed_by(token(home, **remote[1])) == ("ASIATEST", endpoint.token)


def test_the_environment_gives_keys(home):
    assert signed_by(token(home, **LONG_LIVED)) == ("AKIALONG", "")
    assert signed_by(token(home, **LONG_LIVED, AWS_SESSION_TOKEN="t/+=")) == ("AKIALONG", "t/+=")


def test_a_profile_gives_keys_and_region(home):
    (home / ".aws" / "config").write_text("[default]\nregion = eu-north-1\n[profile b]\nregion=ap-south-1\n")
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id=A1\naws_secret_access_key=s\n"
                                               "[b]\naws_access_key_id=B1\naws_secret_access_key=s\n")
    assert "A1%2F" in (default := token(home, AWS_REGION="").token) and "%2Feu-north-1%2F" in default
    assert "B1%2F" in (chosen := token(home, AWS_REGION="", AWS_PROFILE="b").token) and "%2Fap-south-1%2F" in chosen


def test_the_container_is_asked_with_its_token(home, endpoint):
    file = home / "pod-token"
    file.write_text("from-file")
    settings = {**container(endpoint), "AWS_CONTAINER_AUTHORIZATION_TOKEN": "from-variable"}
    token(home, **settings).token
    token(home, **settings, AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE=str(file)).token
    assert [r.headers["authorization"] for r in endpoint.requests] == ["from-variable", "from-file"]
    assert {(r.method, r.path) for r in endpoint.requests} == {("GET", "/v1/credentials")}


def test_imds_is_asked_within_a_session(home, endpoint):
    token(home, **imds(endpoint)).token
    put, role, keys = endpoint.requests
    assert (put.method, put.path) == ("PUT", "/latest/api/token")
    assert put.headers["x-aws-ec2-metadata-token-ttl-seconds"] == "21600"
    assert role.path == "/latest/meta-data/iam/security-credentials/"
    assert keys.path == "/latest/meta-data/iam/security-credentials/my-role"
    assert role.headers["x-aws-ec2-metadata-token"] == keys.headers["x-aws-ec2-metadata-token"] == SESSION


def test_web_identity_sends_the_tokens_file_unsigned(home, endpoint):
    token(home, **web_identity(endpoint, home), AWS_ROLE_SESSION_NAME="me").token
    (request,) = endpoint.requests
    assert request.method == "POST" and "authorization" not in request.headers
    assert request.form == {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15",
                            "RoleArn": "arn:aws:iam::1:role/r", "RoleSessionName": "me",
                            "WebIdentityToken": "header.claims.signature"}


def test_assume_role_is_signed_as_botocore_signs_it(home, endpoint):
    token(home, **assume_role(endpoint, home)).token
    (sent,) = endpoint.requests
    assert sent.form == {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": "arn:aws:iam::1:role/r",
                         "RoleSessionName": "me", "ExternalId": "an id", "DurationSeconds": "900"}
    signer = SigV4Auth(Credentials("AKIABASE", "base/secret", "base+token"), "sts", "eu-west-1")
    names = ("content-type", "host", "x-amz-date", "x-amz-security-token")
    request = AWSRequest("POST", f"{endpoint.url}/", headers={n: sent.headers[n] for n in names}, data=sent.body)
    request.context["timestamp"] = sent.headers["x-amz-date"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    assert sent.headers["authorization"].endswith(f"SignedHeaders={';'.join(names)}, Signature={signature}")
    assert sent.headers["x-amz-security-token"] == "base+token"


def test_assume_role_takes_a_named_source(home, endpoint):
    (home / ".aws" / "config").write_text("[profile app]\nrole_arn = r\ncredential_source = EcsContainer\n")
    settings = {"AWS_PROFILE": "app", "AWS_ENDPOINT_URL_STS": endpoint.url, **container(endpoint)}
    assert signed_by(token(home, **settings)) == ("ASIATEST", endpoint.token)
    assert [r.method for r in endpoint.requests] == ["GET", "POST"]


def test_the_order_is_environment_profile_web_identity_container_imds(home, endpoint):
    settings = {**imds(endpoint)}
    token(home, **settings).token
    assert endpoint.requests[-1].path.startswith("/latest/")
    settings.update(container(endpoint))
    token(home, **settings).token
    assert endpoint.requests[-1].path == "/v1/credentials"
    settings.update(web_identity(endpoint, home))
    token(home, **settings).token
    assert endpoint.requests[-1].method == "POST"
    asked = len(endpoint.requests)
    (home / ".aws" / "credentials").write_text("[default]\naws_access_key_id=A1\naws_secret_access_key=s\n")
    assert signed_by(token(home, **settings))[0] == "A1"
    assert signed_by(token(home, **settings, **LONG_LIVED))[0] == "AKIALONG"
    assert len(endpoint.requests) == asked


# ---- bad times ----

@pytest.mark.parametrize("answers", [["500", "429", "good"], ["close", "503", "good"]])
def test_passing_failures_are_ridden_out(answers, endpoint, home):
    endpoint.answer = list(answers)
    assert signed_by(token(home, **container(endpoint)))[0] == "ASIATEST"
    assert len(endpoint.requests) == 3


@pytest.mark.parametrize("answer, word", [
    ("500", "500"), ("429", "429"), ("403", "403"), ("garbage", ""), ("html", ""), ("empty", ""), ("truncated", ""),
    ("huge", ""), ("close", ""), ("no-key", "AccessKeyId"), ("no-secret", "SecretAccessKey"), ("no-token", "Token"),
    ("no-expiration", "Expiration"), ("never", "RFC 3339"), ("line-break", ""), ("past", "expired"),
])
def test_a_bad_answer_is_one_line_that_names_the_provider(remote, endpoint, home, answer, word):
    name, settings = remote
    if name == "imds":  # it has a session and a role before the keys
        endpoint.answer = ["good", "good", answer]
    else:
        endpoint.answer = answer
    outcome = token(home, **settings)
    if (name, answer) == ("imds", "past"):
        assert signed_by(outcome)[0] == "ASIATEST"  # IMDS may be late; the keys are used for a while
        return
    said = outcome.failure()
    assert name in said and word in said
    assert outcome.elapsed_s < 10
    for secret in (endpoint.secret_access_key, endpoint.token):
        assert secret not in outcome.err


@pytest.mark.parametrize("answer", ["hang", "slow"])
def test_an_endpoint_that_does_not_finish_is_given_up(remote, endpoint, home, answer):
    endpoint.answer = answer
    outcome = token(home, **remote[1])
    assert remote[0] in outcome.failure()
    assert outcome.elapsed_s < 10


def test_redirects_are_not_followed(remote, endpoint, home):
    with CredentialEndpoint() as elsewhere:
        endpoint.answer, endpoint.redirect_to = "redirect", f"{elsewhere.url}/v1/credentials"
        assert "302" in token(home, **remote[1]).failure()
        assert elsewhere.requests == []


def test_proxies_are_not_used(endpoint, home):
    with CredentialEndpoint() as proxy:
        token(home, **container(endpoint), http_proxy=proxy.url, HTTP_PROXY=proxy.url, ALL_PROXY=proxy.url).token
        assert proxy.requests == []


def test_the_first_version_of_imds_is_never_used(endpoint, home):
    for refusal in ("400", "403", "404", "405", "500"):
        endpoint.answer = refusal
        assert "imds" in token(home, **imds(endpoint)).failure()
    assert {r.method for r in endpoint.requests} == {"PUT"}


def test_imds_can_be_disabled(endpoint, home):
    assert "AWS_EC2_METADATA_DISABLED" in token(home, **imds(endpoint), AWS_EC2_METADATA_DISABLED="true").failure()
    assert endpoint.requests == []


@pytest.mark.parametrize("url", ["http://192.0.2.1/creds", "http://10.1.2.3/creds", "http://[2001:db8::1]/creds"])
def test_plain_http_goes_only_to_addresses_of_this_host(home, url):
    outcome = token(home, AWS_CONTAINER_CREDENTIALS_FULL_URI=url)
    assert "plain http" in outcome.failure()
    assert outcome.elapsed_s < 5


@pytest.mark.parametrize("settings, word", [
    ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "file:///etc/passwd"}, "http"),
    ({"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "x"}, "begin with /"),
    ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:1/", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "a\r\nb: c"},
     "line break"),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent", "AWS_ROLE_ARN": "r"}, "/nonexistent"),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/etc/hostname"}, "AWS_ROLE_ARN"),
    ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/dev/null", "AWS_ROLE_ARN": "r"}, "empty"),
    ({"AWS_PROFILE": "absent"}, "absent"),
    ({"AWS_ACCESS_KEY_ID": "A"}, "AWS_SECRET_ACCESS_KEY"),
    ({**LONG_LIVED, "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z"}, "expired"),
    ({"AWS_EC2_METADATA_DISABLED": "true"}, "no AWS credentials"),
])
def test_wrong_settings_are_named(home, settings, word):
    assert word in token(home, **settings).failure()


def test_sts_is_not_asked_in_plain_text_elsewhere(home, endpoint):
    settings = web_identity(endpoint, home)
    assert "https" in token(home, **{**settings, "AWS_ENDPOINT_URL_STS": "http://sts.example"}).failure()


# ---- credential_process ----

def process(home, script, arguments=""):
    program = home / "give keys"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    (home / ".aws" / "config").write_text(f"[default]\ncredential_process = {shlex.quote(str(program))} {arguments}\n")


def document(**members):
    return json.dumps({"Version": 1, "AccessKeyId": "AKIAPROC", "SecretAccessKey": "s", **members})


def test_a_process_gives_keys(home):
    process(home, f"printf %s {shlex.quote(document())}")
    assert signed_by(token(home)) == ("AKIAPROC", "")
    process(home, f"printf %s {shlex.quote(document(SessionToken='t', Expiration='2999-01-01T00:00:00Z'))}")
    assert signed_by(token(home)) == ("AKIAPROC", "t")


def test_a_process_gets_its_arguments_without_a_shell(home):
    process(home, 'printf %s "$1" | grep -qx \'a $(touch pwned); b\' || exit 9\n'
            f"printf %s {shlex.quote(document())}", "'a $(touch pwned); b'")
    assert signed_by(token(home))[0] == "AKIAPROC"
    assert not os.path.exists("pwned") and not (home / "pwned").exists()


@pytest.mark.parametrize("script, word", [
    ("echo no luck >&2; echo second line >&2; exit 3", "ended with 3: no luck"),
    ("kill -9 $$", "137"),
    ("echo nonsense", "JSON"),
    ("printf %s " + shlex.quote(document(Version=2)), "Version"),
    ("printf %s " + shlex.quote(document(SecretAccessKey=None)), "SecretAccessKey"),
    ("printf %s " + shlex.quote(document(Expiration="2020-01-01T00:00:00Z")), "expired"),
    ("yes", "too long"),
])
def test_a_process_that_fails_is_one_line(home, script, word):
    process(home, script)
    started = time.monotonic()
    said = token(home).failure()
    assert "process" in said and word in said and "second line" not in said
    assert time.monotonic() - started < 10
