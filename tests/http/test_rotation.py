"""Tokens, credentials and connections end all the time, and no request notices."""

import os
import time

import pytest

from http_client import Client, wait_until
from support import Load

DURATION_S = float(os.environ.get("CUSTOMERD_TEST_ROTATION_S", "90"))


@pytest.mark.concurrent
def test_expiring_tokens_credentials_and_connections_fail_no_request(start_cluster):
    """Tokens valid 20 s, credentials 40 s, connections cut at 60 s, for CUSTOMERD_TEST_ROTATION_S seconds."""
    cluster = start_cluster("rotation", shards=3, replicas=0, token_ttl=20, credential_ttl=40, connection_ttl=60)
    end = time.monotonic() + DURATION_S
    try:
        with Load(cluster.url, threads=3, pause_s=0.005) as load:
            while time.monotonic() < end and not load.failures:
                load.stopping.wait(0.5)
        load.assert_clean()
        assert load.count() > 10 * DURATION_S, f"only {load.count()} requests"
    finally:
        cluster.stop()


@pytest.mark.concurrent
def test_a_credential_endpoint_in_trouble_is_not_noticed(start_cluster):
    """Away for 30 s in all, with errors, hanging and garbage, while tokens live 20 s and connections 25 s.

    The credentials outlive the trouble; tokens are made of the last good ones."""
    cluster = start_cluster("outage", shards=1, replicas=0, token_ttl=20, credential_ttl=100, connection_ttl=25)
    try:
        with Load(cluster.url, threads=2, pause_s=0.01) as load:
            for mode in ("error", "hang", "garbage"):
                cluster.set_credentials_mode(mode, 10)
                end = time.monotonic() + 10
                while time.monotonic() < end and not load.failures:
                    load.stopping.wait(0.5)
            with Client(cluster.admin_url) as admin:
                wait_until(lambda: admin.get("/readyz").status == 200, 5, "ready after the trouble")
        load.assert_clean()
        assert load.count() > 300, f"only {load.count()} requests"
    finally:
        cluster.stop()
