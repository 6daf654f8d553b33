"""`customerd token` equals what botocore, AWS's own signer, makes for the same instant, byte for byte."""

import datetime
import itertools
import urllib.parse

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from token_command import run_token

KEY, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TIME = "2024-02-29T23:59:58Z"
USERS = ["app", "a/b", "a+b", "a=b", "a%20b", "a b", "a&b?c#d", "~-._", "Ünï😀", "a:b;c,d@e"]
SESSIONS = ["", "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22+wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAe==", "a b%c~ü"]
FORMS = [("memorydb", False), ("elasticache", False), ("elasticache", True)]


def botocore_token(service, serverless, resource, user, region, session, time, ttl_s=900):
    """What botocore's presigner makes of the URL that AWS's examples give it."""
    query = {"Action": "connect", "User": user}
    if serverless:
        query["ResourceType"] = "ServerlessCache"
    request = AWSRequest("GET", f"https://{resource}/?{urllib.parse.urlencode(query)}")
    signer = botocore.auth.SigV4QueryAuth(Credentials(KEY, SECRET, session or None), service, region, ttl_s)
    fixed = datetime.datetime.strptime(time, "%Y-%m-%dT%H:%M:%SZ")

    class Clock(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return fixed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.auth.datetime, "datetime", Clock)
        signer.add_auth(request)
    return request.url.removeprefix("https://")


def our_token(service, serverless, resource, user, region, session, time, *more):
    flags = ["--serverless"] if serverless else []
    return run_token("--service", service, "--resource", resource, "--user", user, "--region", region, "--time", time,
                     *flags, *more, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, AWS_SESSION_TOKEN=session).token


@pytest.mark.parametrize("service, serverless", FORMS)
def test_tokens_equal_botocores(service, serverless):
    for user, session in itertools.product(USERS, SESSIONS):
        arguments = (service, serverless, "my-cluster-1", user, "eu-west-1", session, TIME)
        assert our_token(*arguments) == botocore_token(*arguments), (user, session)


@pytest.mark.parametrize("time", ["1970-01-01T00:00:00Z", "2000-02-29T12:00:00Z", "2024-12-31T23:59:59Z",
                                  "2100-03-01T00:00:00Z"])
def test_tokens_of_other_times_equal_botocores(time):
    arguments = ("memorydb", False, "c", "u", "us-gov-west-1", "", time)
    assert our_token(*arguments) == botocore_token(*arguments)


def test_a_shorter_life_equals_botocores():
    arguments = ("elasticache", False, "c", "u", "us-east-1", "t", TIME)
    assert our_token(*arguments, "--ttl", "60") == botocore_token(*arguments, ttl_s=60)


def test_an_offset_names_the_same_instant():
    arguments = ("memorydb", False, "c", "u", "eu-west-1", "")
    assert our_token(*arguments, "2024-02-29T23:59:58.999Z") == our_token(*arguments, "2024-03-01T01:59:58+02:00")


def test_the_environment_gives_what_flags_do_not():
    keys = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    by_flags = run_token("--service=elasticache", "--resource=r", "--user=u", "--region=eu-west-1", "--serverless",
                         f"--time={TIME}", "--ttl=60", **keys).token
    variables = {"CUSTOMERD_IAM_SERVICE": "elasticache", "CUSTOMERD_IAM_RESOURCE": "r", "CUSTOMERD_DB_USER": "u",
                 "CUSTOMERD_IAM_SERVERLESS": "on", "CUSTOMERD_IAM_TOKEN_TTL_S": "60", "AWS_DEFAULT_REGION": "eu-west-1"}
    assert run_token("--time", TIME, **variables, **keys).token == by_flags
    assert "%2Feu-north-1%2F" in run_token("--region", "eu-north-1", **variables, **keys).token


def test_names_are_lower_cased_as_aws_keeps_them():
    upper = our_token("memorydb", False, "My-Cluster", "u", "eu-west-1", "", TIME)
    assert upper == our_token("memorydb", False, "my-cluster", "u", "eu-west-1", "", TIME)


def test_without_a_time_it_is_now():
    before = datetime.datetime.now(datetime.timezone.utc)
    token = run_token("--resource", "c", "--user", "u", AWS_REGION="r", AWS_ACCESS_KEY_ID=KEY,
                      AWS_SECRET_ACCESS_KEY=SECRET).token
    date = urllib.parse.parse_qs(token.partition("?")[2])["X-Amz-Date"][0]
    signed = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
    assert before.replace(microsecond=0) <= signed <= datetime.datetime.now(datetime.timezone.utc)


GOOD = ("--resource", "c", "--user", "u", "--region", "eu-west-1")


@pytest.mark.parametrize("arguments, word", [
    (("--user", "u", "--region", "r"), "CUSTOMERD_IAM_RESOURCE"),
    (("--resource", "c", "--region", "r"), "CUSTOMERD_DB_USER"),
    (("--resource", "c", "--user", "u"), "AWS_REGION"),
    ((*GOOD, "--service", "s3"), "memorydb or elasticache"),
    ((*GOOD, "--resource", "c.x.memorydb.eu-west-1.amazonaws.com"), "not the endpoint"),
    ((*GOOD, "--serverless"), "serverless"),
    ((*GOOD, "--time", "yesterday"), "RFC 3339"),
    ((*GOOD, "--ttl", "901"), "900"),
    ((*GOOD, "--ttl", "1x"), "900"),
])
def test_what_is_wrong_is_said_in_one_line(arguments, word):
    assert word in run_token(*arguments, AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET).failure()


@pytest.mark.parametrize("arguments", [("--colour", "red"), ("--user",), ("word",)])
def test_unknown_arguments_are_a_usage_error(arguments):
    assert "--help" in run_token(*arguments).failure(code=2)


def test_help_names_every_option():
    outcome = run_token("--help")
    assert outcome.code == 0 and outcome.err == ""
    for option in ("--service", "--resource", "--user", "--region", "--serverless", "--ttl", "--time"):
        assert option in outcome.out
