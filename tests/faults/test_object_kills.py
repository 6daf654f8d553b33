"""The service killed at every step of a write of an object: nobody reads old content after an acknowledged write, nor for
longer than the fence's time after one that was not."""

import pytest

from lab import object_kills


@pytest.fixture(scope="module")
def world(tmp_path_factory, binary):
    with object_kills.World(tmp_path_factory.mktemp("object-kills"), binary) as world:
        yield world


def check(cases, least):
    # The last one was not killed.
    assert len(cases) - 1 >= least, f"only {len(cases) - 1} steps"
    object_kills.wait_for_fences(cases)
    for case in cases:
        case.check_settled()


@pytest.mark.parametrize("kind", object_kills.KINDS)
def test_killed_between_the_cache_s_commands(world, kind):
    """A fence, and a settling, at the least."""
    check(object_kills.at_cache_commands(world, kind, False) + object_kills.at_cache_commands(world, kind, True), 4)


@pytest.mark.parametrize("kind", object_kills.KINDS)
def test_killed_around_the_request_to_s3(world, kind):
    check(object_kills.at_s3_requests(world, kind, False) + object_kills.at_s3_requests(world, kind, True), 2)
