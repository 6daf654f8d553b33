"""The docs page in a real browser: a customer is created from it, by mouse, on a phone, and by keyboard alone."""

import json
import uuid

import pytest

import contract
import npm_packages


@pytest.fixture(scope="module")
def seen(cluster, tools, pictures, tmp_path_factory):
    """seen(way): what page.mjs saw; once for each way."""
    results = {}

    def look(way):
        if way not in results:
            email = f"docs.{uuid.uuid4().hex[:16]}@example.net"
            command = ["node", "page.mjs", cluster.url, way, tmp_path_factory.mktemp(f"chromium-{way}"), pictures, email]
            results[way] = {**json.loads(npm_packages.run(command, tools)), "email": email}
        return results[way]
    return look


WAYS = pytest.mark.parametrize("way", ["desktop", "phone", "keyboard"])


@WAYS
def test_a_customer_is_created_from_the_page(seen, client, way):
    result = seen(way)
    made = result["customer"]
    assert result["status"] == 201 and made["email"] == result["email"]
    assert client.get("/customers/" + made["id"]).expect(200).json() == made


@WAYS
def test_nothing_is_complained_of(seen, way):
    """No console message, no violation of the policy, no request to another origin, no failure of WCAG 2.1 AA."""
    result = seen(way)
    assert result["complaints"] == []
    assert result["checks"] > 10, "the accessibility checks did not run"


@WAYS
def test_the_page_fits_its_window(seen, way):
    assert seen(way)["width"] <= seen(way)["room"]


def test_the_page_shows_every_operation(seen):
    assert sorted(seen("desktop")["operations"]) == sorted(o.id for o in contract.operations())


def test_only_this_service_can_be_tried(seen):
    assert seen("desktop")["triable"] == {"operations": 0, "documentation": 3}


def test_the_policy_is_in_force(seen):
    assert seen("desktop")["inline"] == {"ran": False, "told": True}
