"""Tokens, credentials and connections end all the time, and no request notices.

The two runs go on at the same time, on clusters of their own."""

import os
import time

import pytest

from http_client import Client, wait_until
from support import Load, together

DURATION_S = float(os.environ.get("CUSTOMERD_TEST_ROTATION_S", "90"))


def hold(load, seconds):
    """Lets the load run for so long, or until something failed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end and not load.failures:
        load.stopping.wait(0.2)


def rotate(cluster):
    with Load(cluster.url, threads=3, pause_s=0.005) as load:
        hold(load, DURATION_S)
    return load


def lose_credentials(cluster):
    with Load(cluster.url, threads=2, pause_s=0.01) as load:
        for mode in ("error", "hang", "garbage"):
            cluster.set_credentials_mode(mode, 10)
            hold(load, 10)
        with Client(cluster.admin_url, listener="admin") as admin:
            wait_until(lambda: admin.get("/readyz").status == 200, 5, "ready after the trouble")
    return load


@pytest.fixture(scope="module")
def loads(start_cluster):
    rotation = start_cluster("rotation", shards=3, replicas=0, token_ttl=20, credential_ttl=40, connection_ttl=60)
    outage = start_cluster("outage", shards=1, replicas=0, token_ttl=20, credential_ttl=100, connection_ttl=25)
    yield together([lambda: rotate(rotation), lambda: lose_credentials(outage)], DURATION_S + 120)
    rotation.stop()
    outage.stop()


@pytest.mark.concurrent
def test_expiring_tokens_credentials_and_connections_fail_no_request(loads):
    """Tokens valid 20 s, credentials 40 s, connections cut at 60 s, for CUSTOMERD_TEST_ROTATION_S seconds."""
    loads[0].assert_clean()
    assert loads[0].count() > 10 * DURATION_S, f"only {loads[0].count()} requests"


@pytest.mark.concurrent
def test_a_credential_endpoint_in_trouble_is_not_noticed(loads):
    """Away for 30 s in all, with errors, hanging and garbage, while tokens live 20 s and connections 25 s.

    The credentials outlive the trouble; tokens are made of the last good ones."""
    loads[1].assert_clean()
    assert loads[1].count() > 300, f"only {loads[1].count()} requests"
