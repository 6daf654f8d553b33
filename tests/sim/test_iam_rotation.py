"""Signing in with IAM tokens: refusals, rotation under load, and a credential endpoint in trouble.

Times are shortened; the one test with the real proportions is marked slow."""

import os
import time

import pytest

from iam_world import Iam


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


def start(world, iam, cluster, **settings):
    probe = world.probe(cluster, **iam.settings(world.directory), **settings)
    probe.wait_state(lambda state: state["slots_served"] == 16384, "the map", 14)
    return probe


def watch_time(cluster, seconds):
    started = time.monotonic()
    cluster.wait_for(lambda: time.monotonic() > started + seconds, "time to pass", seconds + 5)


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


@pytest.mark.parametrize("kind", TROUBLE)
def test_an_endpoint_in_trouble_for_longer_than_a_token_lives_is_noticed_by_no_call(world, iam_cluster, kind):
    """The credentials in hand outlive the trouble: tokens are minted from them."""
    begin, end = TROUBLE[kind]
    iam, cluster = iam_cluster(token_ttl_s=5, credential_ttl_s=60, cut_at_s=2)
    probe = start(world, iam, cluster, DB_REAUTH_S=1)
    with world.load(cluster, probe) as load:
        load.wait_done(cluster, 20)
        begin(iam)
        watch_time(cluster, 8)
        end(iam)
        watch_time(cluster, 1)
    load.check(at_least=100)
    assert not iam.refused


def test_the_probe_ends_in_time_while_the_endpoint_hangs(world, iam_cluster):
    iam, cluster = iam_cluster(token_ttl_s=5, credential_ttl_s=5)
    probe = start(world, iam, cluster)
    iam.mode = "hang"
    before = len(iam.fetches)
    cluster.wait_for(lambda: len(iam.fetches) > before, "a request that hangs")
    started = time.monotonic()
    probe.stop()
    assert time.monotonic() - started < 12


@pytest.mark.slow
def test_twenty_second_tokens_forty_second_credentials_and_a_thirty_second_outage_fail_no_call(world, iam_cluster):
    """Connections are cut at 60 s. The endpoint goes away just after it was asked, so that the credentials last."""
    iam, cluster = iam_cluster(token_ttl_s=20, credential_ttl_s=40, cut_at_s=60)
    probe = start(world, iam, cluster, DB_REAUTH_S=10)
    total_s = int(os.environ.get("CUSTOMERD_TEST_SIM_ROTATION_S", "75"))
    started = time.monotonic()
    with world.load(cluster, probe, pause_s=0.02) as load:
        fetched = len(iam.fetches)
        cluster.wait_for(lambda: len(iam.fetches) > fetched, "a renewal", 40)
        iam.go_away()
        watch_time(cluster, 30)
        iam.come_back()
        watch_time(cluster, max(5, total_s - (time.monotonic() - started)))
    load.check(at_least=1000)
    assert not iam.refused
    assert cluster.find("cut-by-age") and len({password for _, password in iam.accepted}) >= 5
