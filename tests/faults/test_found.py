"""What the lab found, each by the shortest way to it."""

import pytest

from lab.kill_steps import send
from lab.world import World, wait_until

LATE_MS = 1500


@pytest.fixture(scope="module")
def world(tmp_path_factory, binary):
    with World(tmp_path_factory.mktemp("found"), binary, instances=1) as world:
        yield world


def find(world, email):
    return send(world.served[0].port, "GET", "/customers?email=" + email.replace("@", "%40")).document["items"]


def test_a_create_that_was_refused_is_not_done_later(world):
    """The first sending of the create hangs, the second meets an e-mail that is taken, the e-mail becomes free, and the first
    arrives. A definite refusal would have been wrong."""
    port, email = world.served[0].port, "refused@example.net"
    owner = send(port, "POST", "/customers", {"name": "owner", "email": email}).document["id"]
    rule = world.proxy.add_rule("*", "late", ms=(LATE_MS, LATE_MS), limit=1, commands="writes")
    answer = send(port, "POST", "/customers", {"name": "late", "email": email})
    assert send(port, "DELETE", f"/customers/{owner}").status == 204
    wait_until(lambda: world.proxy.stats()["late"] == 1, 10, "the first sending arrives")
    assert world.proxy.remove_rule(rule) == 1
    made = wait_until(lambda: find(world, email), 5, "it is done, late")
    assert made[0]["name"] == "late"
    assert (answer.status, answer.document["type"], answer.document.get("applied")) == \
        (503, "urn:customerd:problem:outcome-unknown", "unknown"), answer
