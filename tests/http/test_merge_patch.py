"""RFC 7396 through the API: what a merge patch does to a customer."""

import json
import os
import pathlib

import pytest

from http_client import path_of

FULL = {"name": "Ada", "phone": "12345", "address": "London", "balance": 7, "metadata": {"a": "b", "c": 1, "t": True}}
MERGE = {"Content-Type": "application/merge-patch+json"}

CASES = [
    ("nothing", {}, {}),
    ("a new value", {"name": "Bob"}, {"name": "Bob"}),
    ("null removes", {"phone": None}, {"phone": None}),
    ("null for what is absent", {"email": None}, {}),
    ("a member is added", {"metadata": {"n": "x"}}, {"metadata": {"a": "b", "c": 1, "t": True, "n": "x"}}),
    ("a member is changed", {"metadata": {"a": 5}}, {"metadata": {"a": 5, "c": 1, "t": True}}),
    ("a member is removed", {"metadata": {"a": None}}, {"metadata": {"c": 1, "t": True}}),
    ("an absent member is removed", {"metadata": {"zz": None}}, {}),
    ("all at once", {"metadata": {"a": None, "c": 2, "d": "new"}}, {"metadata": {"c": 2, "t": True, "d": "new"}}),
    ("metadata is emptied by null", {"metadata": None}, {"metadata": {}}),
    ("an empty patch of metadata", {"metadata": {}}, {}),
    ("several members", {"phone": None, "address": "Paris", "balance": -1}, {"phone": None, "address": "Paris", "balance": -1}),
    ("a false and a zero are values", {"balance": 0, "metadata": {"a": False}}, {"balance": 0, "metadata": {"a": False, "c": 1, "t": True}}),
    ("an empty string is a value", {"metadata": {"a": ""}}, {"metadata": {"a": "", "c": 1, "t": True}}),
]

REFUSED = [
    ("the name can't be removed", {"name": None}, ["/name"]),
    ("metadata by a list", {"metadata": [1]}, ["/metadata"]),
    ("metadata by a string", {"metadata": "x"}, ["/metadata"]),
    ("a nested object", {"metadata": {"a": {"b": 1}}}, ["/metadata/a"]),
    ("two at once", {"name": "", "metadata": {"a": 1.5}}, ["/metadata/a", "/name"]),
    ("an unknown member", {"adress": "x"}, ["/adress"]),
]


def client_side(customer):
    return {k: v for k, v in customer.items() if k not in ("id", "created_at", "updated_at", "version")}


@pytest.mark.parametrize("headers", [pytest.param(MERGE, id="merge-patch+json"), pytest.param(None, id="json")])
@pytest.mark.parametrize("patch,change", [pytest.param(p, c, id=i) for i, p, c in CASES])
def test_merged(client, headers, patch, change):
    made = client.post("/customers", FULL).expect(201).json()
    wanted = {k: v for k, v in {**FULL, **change}.items() if v is not None}
    got = client.patch(path_of(made), patch, headers=headers).expect(200).json()
    assert client_side(got) == wanted
    assert client_side(client.get(path_of(made)).json()) == wanted


@pytest.mark.parametrize("patch,pointers", [pytest.param(p, c, id=i) for i, p, c in REFUSED])
def test_the_whole_must_stay_valid(client, patch, pointers):
    made = client.post("/customers", FULL).expect(201).json()
    assert sorted(client.patch(path_of(made), patch, headers=MERGE).findings()) == pointers
    assert client.get(path_of(made)).json() == made


@pytest.mark.parametrize("patch", [b"[]", b'[{"op":"remove","path":"/name"}]', b'"x"', b"7", b"null", b"true"])
def test_a_patch_is_an_object(client, patch):
    made = client.create()
    assert list(client.patch(path_of(made), body=patch, headers=MERGE).findings()) == [""]
    assert client.get(path_of(made)).json() == made


def test_a_removed_balance_is_not_zeroed_unsaid(client):
    made = client.create(balance=99)
    assert list(client.patch(path_of(made), {"balance": None}).findings()) == ["/balance"]
    assert client.get(path_of(made)).json()["balance"] == 99


def test_json_patch_is_not_taken(client):
    made = client.create()
    for kind in ("application/json-patch+json", "text/plain", "application/x-www-form-urlencoded"):
        client.patch(path_of(made), body=b"{}", headers={"Content-Type": kind}).problem(415, "unsupported-media-type")


def test_merge_patch_is_only_for_patch(client):
    made = client.create()
    client.post("/customers", {"name": "A"}, headers=MERGE).problem(415, "unsupported-media-type")
    client.put(path_of(made), {"name": "A", "balance": 0}, headers=MERGE).problem(415, "unsupported-media-type")


def test_a_patch_keeps_integers_exact(client):
    made = client.create(balance=9007199254740991, metadata={"n": 9007199254740991, "m": -9007199254740991})
    got = client.patch(path_of(made), {"name": "B"}).expect(200)
    assert b'"balance":9007199254740991' in got.body and b'"n":9007199254740991,"m":-9007199254740991' in got.body


def test_the_count_of_members_holds_after_the_merge(client):
    made = client.create(metadata={f"k{i}": i for i in range(50)})
    assert list(client.patch(path_of(made), {"metadata": {"one": 1}}).findings()) == ["/metadata"]
    got = client.patch(path_of(made), {"metadata": {"one": 1, "k0": None}}).expect(200).json()
    assert len(got["metadata"]) == 50


def test_rfc7396_cases_hold_for_metadata(client):
    """Those cases of the RFC whose documents are flat objects, as they can stand in metadata."""
    data = pathlib.Path(os.environ.get("CUSTOMERD_TEST_DATA", pathlib.Path(__file__).resolve().parents[3] / "shared" / "data"))
    path = data / "merge-patch" / "rfc7396.json"
    if not path.exists():
        pytest.skip(f"{path} is absent (CUSTOMERD_TEST_DATA)")

    def flat(value):
        return isinstance(value, dict) and all(not isinstance(v, (dict, list)) for v in value.values())

    cases = [c for c in json.loads(path.read_text()) if flat(c["original"]) and flat(c["patch"])
             and all(v is not None for v in c["original"].values())]
    assert len(cases) >= 4
    for case in cases:
        made = client.create(metadata=case["original"])
        got = client.patch(path_of(made), {"metadata": case["patch"]}, headers=MERGE).expect(200).json()
        assert got["metadata"] == case["result"], case
