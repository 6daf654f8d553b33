"""Every fault once, under load, from a fixed seed; then all that the campaign's checks found, each kind by itself.

CUSTOMERD_TEST_FAULTS_SEED and CUSTOMERD_TEST_FAULTS (names between commas) choose others."""

import os
import random

import pytest

from lab import blast, figures, schedule
from lab.campaign import Campaign, Options
from lab.faults import FAULTS
from lab.history import read_directory
from lab.probe import Prober
from lab.world import World, wait_until

SEED = int(os.environ.get("CUSTOMERD_TEST_FAULTS_SEED", "5"))
NAMES = [name for name in os.environ.get("CUSTOMERD_TEST_FAULTS", "").split(",") if name] or None
CHECKS = ("fault", "status", "versions", "island", "keys", "walk", "quiet", "deadline", "recovery", "invariants", "resources")


@pytest.fixture(scope="module")
def campaign(tmp_path_factory, binary):
    """(the campaign, its verdict)."""
    campaign = Campaign(tmp_path_factory.mktemp("campaign"), Options(
        seed=SEED, binary=binary, hold=0.35, pause=0.1, load={"registers": 2, "islands": 3, "operations": 80, "walk_pause_s": 4}))
    verdict = campaign.run(schedule.once_each(SEED, NAMES))
    print(verdict.text)
    return campaign, verdict


@pytest.mark.parametrize("check", CHECKS)
def test_all_faults_once(campaign, check):
    _, verdict = campaign
    found = [f"{group}: {what}" for kind, group, what in verdict.findings if kind == check]
    assert not found, f"{len(found)} findings, seed {SEED}:\n" + "\n".join(found[:5])


def test_no_other_findings(campaign):
    assert not [finding for finding in campaign[1].findings if finding[0] not in CHECKS]


def test_every_fault_was_there_and_all_was_served_again(campaign):
    """Within 20 s each; how long it took is in the figures."""
    events = {event["fault"]: event for event in campaign[0].events}
    assert set(events) == set(NAMES or FAULTS)
    assert all("recovered_s" in event for event in events.values())


def test_the_history_is_worth_checking(campaign):
    figures = campaign[1].figures
    assert figures["registers"] >= 20 and figures["islands"] >= 20 and figures["walks"] >= 3, figures
    assert figures.get("undecided", 0) == 0, figures


def test_the_figures_are_what_was_run(campaign):
    run, verdict = campaign
    found = figures.figures_of(run, verdict, 1)
    named = [event["fault"] for event in run.events]
    assert found["recorded operations"] == len(read_directory(run.directory))
    assert found["service kills"] == 4 * named.count("services-killed-in-turn") + named.count("service-killed")
    assert found["failovers"] == sum(name.startswith("failover") for name in named)
    assert found["served again after"]["of"] == found["faults"] == len(named)
    assert f"{found['recorded operations']:,}" in figures.told(found)


def test_a_seed_gives_the_same_faults_again():
    def told(planned):
        return [(str(one), one.rng.random()) for one in planned]
    assert told(schedule.once_each(7)) == told(schedule.once_each(7)) != told(schedule.once_each(8))
    first, again = schedule.endless(7), schedule.endless(7)
    assert told(next(first) for _ in range(50)) == told(next(again) for _ in range(50))


def test_a_replica_that_takes_over_serves_what_its_primary_had_given_up(tmp_path, binary):
    """Both faults draw the same shard."""
    with World(tmp_path / "world", binary, instances=1) as world:
        with FAULTS["slots-unserved"].context(world, random.Random(1)):
            owner = random.Random(1).choice(world.primaries())
            since = max(heard(node, owner.id) for node in world.nodes if node is not owner)
            wait_until(lambda: all(heard(node, owner.id) > since for node in world.nodes if node is not owner), 20,
                       "everybody has heard that the owner gave slots up")
        with FAULTS["failover-after-a-kill"].context(world, random.Random(1)):
            assert owner.pid is None
        world.settle()


def heard(node, other):
    """When the node had its last answer from another, in milliseconds."""
    return next(int(line.split()[5]) for line in node.command("CLUSTER", "NODES").splitlines() if line.startswith(other))


def test_what_a_broken_off_fault_leaves_is_mended(tmp_path, binary):
    with World(tmp_path / "world", binary, instances=2) as world:
        prober, rng = Prober(world), random.Random(1)
        FAULTS["shard-dead"].context(world, rng).__enter__()
        world.primaries()[0].pause()
        world.proxy.set("*", refuse=True)
        world.proxy.cut("*")
        world.kill(world.served[1])
        assert not prober.all_served()
        world.mend()
        prober.recovery_s(20)


def test_one_dead_shard_fails_no_request_to_the_others(tmp_path, binary):
    with World(tmp_path / "world", binary, instances=2) as world:
        result = blast.one_shard_dead(world, 3)
    print(result)
    assert result["requests"] > 100 and not result["failures"], result["failures"][:3]
