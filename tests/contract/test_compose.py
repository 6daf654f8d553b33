"""The contract is put together of its files: whatever is switched off, the text is JSON, and has nothing of it."""

import itertools
import json

import pytest

import compose

BASE = """
tags: [{name: own}]
paths: {/own: &shared {get: {operationId: getOwn}}}
components: {schemas: {Own: {type: object, properties: {kind: {enum: [a]}}}}}
"""
MORE = {
    "one": "tags: [{name: one}]\npaths: {/one: *shared}\n"
           "components: {schemas: {One: {type: object}, Own: {properties: {kind: {enum: [b]}}}}}\n",
    "two": "paths: {/two: {get: {operationId: getTwo}}}\n"
           "components: {schemas: {Own: {properties: {kind: {enum: [c, d]}, two: {type: string}}}}}\n",
}


@pytest.fixture
def write(tmp_path):
    def to(**texts):
        for name, text in texts.items():
            (tmp_path / f"{name}.yaml").write_text(text)
        return tmp_path / "base.yaml", {name: tmp_path / f"{name}.yaml" for name in texts if name != "base"}
    return to


def served(tree, names):
    """What the program makes of the parts."""
    return b"".join(text for owner, text in compose.joined(compose.parts(tree)) if owner is None or owner in names)


def test_every_choice_of_resources_is_json(write):
    tree = compose.whole(*write(base=BASE, **MORE))
    for n in range(3):
        for names in itertools.combinations(MORE, n):
            text = served(tree, names)
            found = json.loads(text)
            assert found == compose.chosen(tree, names)
            assert [name for name in MORE if f"/{name}" in found["paths"]] == list(names)
            assert all((f"/{name}".encode() in text) == (name in names) for name in MORE)


def test_what_is_added_stands_where_it_belongs(write):
    found = compose.chosen(compose.whole(*write(base=BASE, **MORE)), {"one", "two"})
    assert [tag["name"] for tag in found["tags"]] == ["one", "own"]
    assert list(found["paths"]) == ["/one", "/two", "/own"]
    assert found["paths"]["/one"] == found["paths"]["/own"]
    own = found["components"]["schemas"]["Own"]["properties"]
    assert own["kind"]["enum"] == ["a", "b", "c", "d"] and list(own) == ["kind", "two"]


@pytest.mark.parametrize("text,said", [
    ("tags: own", "tags stands in the base"),
    ("components: {schemas: {Own: {type: string}}}", "components > schemas > Own > type stands in the base"),
    ("paths: {/two: {get: {}}}", "paths > /two is already another resource's"),
    ("paths: *unknown", "undefined alias"),
    ("paths: {/x: 1, /x: 2}", "stands there twice: /x"),
    ("paths: {1: x}", "the name 1 needs quotes"),
    ("paths: {/x: 2026-11-26}", "needs quotes"),
])
def test_what_does_not_fit_is_refused(write, text, said):
    with pytest.raises(ValueError, match=said):
        compose.whole(*write(base=BASE, two=MORE["two"], wrong=text))


def test_a_place_needs_something_of_the_base(write):
    with pytest.raises(ValueError, match="one must be the base's own"):
        served(compose.whole(*write(base="paths: {}", one="paths: {/x: 1}")), {"one"})
