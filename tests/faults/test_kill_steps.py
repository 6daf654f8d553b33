"""The service killed at every step of every kind of write: nothing acknowledged is lost, nothing is half done."""

import pytest

from lab import invariants, kill_steps
from lab.database import Database
from lab.world import wait_until

KINDS = ("create", "replace", "replace-without-email", "patch", "patch-email", "delete")


@pytest.fixture(scope="module")
def world(tmp_path_factory, binary):
    with kill_steps.kill_world(tmp_path_factory.mktemp("kill-steps"), binary) as world:
        yield world
        invariants.check_at_rest(world)
        invariants.check_nothing_repaired([world.peaceful])
        invariants.check_logs(world.instances)


def check(world, cases, least):
    assert len(cases) > least, f"only {len(cases)} steps"
    print(f"{len(cases)} steps")
    for case in cases:
        case.check()
    for case in cases:
        case.free_again()
    wait_until(lambda: not invariants.broken_in(Database(world.primaries())), 20, "nothing is left to heal")


@pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_between_commands(world, kind, keyed):
    least = 4 if kind == "patch-email" else 1
    check(world, kill_steps.at_commands(world, kind, keyed, False) + kill_steps.at_commands(world, kind, keyed, True), 2 * least)


@pytest.mark.parametrize("keyed", [False, True], ids=["without a key", "with a key"])
@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_every_write_system_call(world, kind, keyed):
    check(world, kill_steps.at_system_calls(world, kind, keyed, False), 4)
