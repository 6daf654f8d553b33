"""Every fault once, under load, from a fixed seed; then all that the campaign's checks found, each kind by itself.

CUSTOMERD_TEST_FAULTS_SEED and CUSTOMERD_TEST_FAULTS (names between commas) choose others."""

import os

import pytest

from lab import blast, schedule
from lab.campaign import Campaign, Options
from lab.faults import FAULTS
from lab.world import World

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


def test_a_seed_gives_the_same_faults_again():
    def told(planned):
        return [(str(one), one.rng.random()) for one in planned]
    assert told(schedule.once_each(7)) == told(schedule.once_each(7)) != told(schedule.once_each(8))
    first, again = schedule.endless(7), schedule.endless(7)
    assert told(next(first) for _ in range(50)) == told(next(again) for _ in range(50))


def test_one_dead_shard_fails_no_request_to_the_others(tmp_path, binary):
    with World(tmp_path / "world", binary, instances=2) as world:
        result = blast.one_shard_dead(world, 3)
    print(result)
    assert result["requests"] > 100 and not result["failures"], result["failures"][:3]
