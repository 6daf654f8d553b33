"""Signing in with IAM tokens: refusals, rotation under load, and a credential endpoint in trouble.

Times are shortened; the one scenario with the real proportions runs beside the other tests."""

import contextlib
import time

import pytest

from iam_world import Iam
from rotation import start, watch_time


@pytest.fixture
def iam_cluster(world):
    """A maker of (iam, cluster): nodes that ask the authority."""
    def make(shards=2, cut_at_s=0, **kinds):
        iam = Iam(**kinds)
        world.later(iam.stop)
        cluster = world.cluster(shards=shards)
        cluster.authenticate = iam.authenticate
        for node in cluster.nodes:
            node.max_connection_age_s = cut_at_s
        return iam, cluster
    return make


def test_a_token_opens_every_connection(world, iam_cluster):
    iam, cluster = iam_cluster()
    probe = start(world, iam, cluster)
    probe.wait_ready()
    for node in cluster.nodes:
        assert probe.run("SET", cluster.key_on(node), "value").ok
    assert not iam.refused
    assert all(len(event.args) == 3 and event.args[1] == b"app" for event in cluster.commands("AUTH"))
    assert not any("X-Amz-Signature" in line for line in probe.log)


def test_elasticache_tokens_open_connections_too(world, iam_cluster):
    iam, cluster = iam_cluster(service="elasticache", resource="my-group")
    probe = start(world, iam, cluster)
    assert probe.run("SET", "key", "value").ok and not iam.refused


def test_credentials_that_were_revoked_are_replaced_after_one_refusal_and_no_call_fails(world, iam_cluster):
    iam, cluster = iam_cluster()
    probe = start(world, iam, cluster)
    probe.wait_ready()
    iam.revoke()
    with world.load(cluster, probe) as load:
        for node in cluster.nodes:
            node.reset_connections()
        cluster.wait_for(lambda: iam.refused and len(iam.generations) >= 2, "fresh credentials")
        load.wait_done(cluster, 40)
    load.check(at_least=40)
    probe.wait_ready()
    assert iam.refused[0][1] == "credentials expired"
    assert len(iam.refused) <= 12


def test_refusals_for_ever_lead_to_no_tight_loop(world, iam_cluster):
    iam, cluster = iam_cluster()
    cluster.authenticate = lambda user, password: False
    probe = world.probe(cluster, **iam.settings(world.directory))
    watch_time(cluster, 5)
    assert 2 <= len(cluster.commands("AUTH")) < 60
    assert len(iam.fetches) <= 8
    outcome = probe.run("SET", "key", "value", deadline_ms=400)
    assert not outcome.ok and outcome.applied == "no" and outcome.elapsed_ms < 900
    cluster.authenticate = iam.authenticate
    probe.wait_ready(timeout_s=15)


def test_without_a_first_token_nothing_is_sent_and_the_endpoint_is_asked_again(world, iam_cluster):
    iam, cluster = iam_cluster()
    iam.mode = "error"
    probe = world.probe(cluster, **iam.settings(world.directory))
    outcome = probe.run("SET", "key", "value", deadline_ms=700)
    assert not outcome.ok and outcome.applied == "no" and outcome.elapsed_ms < 1200
    assert not cluster.find("command")
    iam.mode = "good"
    probe.wait_ready(timeout_s=15)
    assert probe.run("SET", "key", "value").ok


def test_tokens_credentials_and_connections_that_end_under_load_fail_no_call(world, iam_cluster):
    iam, cluster = iam_cluster(token_ttl_s=5, credential_ttl_s=10, cut_at_s=4)
    probe = start(world, iam, cluster, DB_REAUTH_S=2)
    with world.load(cluster, probe, threads=8) as load:
        watch_time(cluster, 12)
    load.check(at_least=200)
    assert not iam.refused
    assert len({password for _, password in iam.accepted}) >= 3 and len(iam.generations) >= 2
    assert cluster.find("cut-by-age") and probe.state()["reauths"] >= 8


TROUBLE = {
    "away": (lambda iam: iam.go_away(), lambda iam: iam.come_back()),
    "garbage": (lambda iam: setattr(iam, "mode", "garbage"), lambda iam: setattr(iam, "mode", "good")),
    "error": (lambda iam: setattr(iam, "mode", "error"), lambda iam: setattr(iam, "mode", "good")),
    "hang": (lambda iam: setattr(iam, "mode", "hang"), lambda iam: setattr(iam, "mode", "good")),
}


def test_an_endpoint_in_trouble_for_longer_than_a_token_lives_is_noticed_by_no_call(world, iam_cluster):
    """Every kind at once, each in a cluster of its own. The credentials in hand outlive the trouble, so that tokens
    are minted from them."""
    runs = {}
    with contextlib.ExitStack() as loads:
        for kind in TROUBLE:
            iam, cluster = iam_cluster(token_ttl_s=10, credential_ttl_s=60, cut_at_s=2)
            probe = start(world, iam, cluster, DB_REAUTH_S=1)
            runs[kind] = iam, cluster, loads.enter_context(world.load(cluster, probe, pause_s=0.02))
        for kind, (iam, cluster, load) in runs.items():
            load.wait_done(cluster, 20)
            TROUBLE[kind][0](iam)
        begun = time.time()
        watch_time(cluster, 11)
        for kind, (iam, _, _) in runs.items():
            TROUBLE[kind][1](iam)
        watch_time(cluster, 1)
    for kind, (iam, cluster, load) in runs.items():
        load.check(at_least=100)
        assert not iam.refused, kind
        assert cluster.find("cut-by-age"), kind
        assert any(at > begun + 10.2 for at, _ in iam.accepted), f"{kind}: tokens younger than the trouble"


def test_the_probe_ends_in_time_while_the_endpoint_hangs(world, iam_cluster):
    iam, cluster = iam_cluster(token_ttl_s=5, credential_ttl_s=5)
    probe = start(world, iam, cluster)
    iam.mode = "hang"
    before = len(iam.fetches)
    cluster.wait_for(lambda: len(iam.fetches) > before, "a request that hangs")
    started = time.monotonic()
    probe.stop()
    assert time.monotonic() - started < 12


def test_twenty_second_tokens_forty_second_credentials_and_a_thirty_second_outage_fail_no_call(real_time_rotation):
    real_time_rotation.join(600)
    assert not real_time_rotation.is_alive()
    if real_time_rotation.problem:
        raise real_time_rotation.problem
