#!/usr/bin/python3
"""compose.py OUT.c OUT.bin BASE.yaml RESOURCE.yaml...: the contract in parts, as the table that api/docs_files.h declares.

A resource's file adds members to the mappings and lists of the base, at the same places; what it adds is a part of its own,
which the program leaves out while the resource is switched off. Anchors of files that stand before may be used.

Only what JSON has too is let pass, so that readers of YAML 1.1 and 1.2 can't see different documents."""

import json
import pathlib
import sys

import yaml

HERE = pathlib.Path(__file__).resolve().parent
BASE = HERE / "customerd.yaml"
# Here a resource's items stand before the base's own: readers come for them.
FIRST = (("tags",), ("paths",))

TABLE = """/* Made by openapi/compose.py. */
#include "docs_files.h"

__asm__(".pushsection .rodata\\n\\t.hidden openapi_bytes\\n\\t.global openapi_bytes\\nopenapi_bytes:\\n\\t.incbin \\"%s\\"\\n"
        "\\t.byte 0\\n\\t.popsection");
extern const char openapi_bytes[];

const struct docs_part openapi_parts[] = {
%s    { .length = 0 },
};
"""


class Loader(yaml.SafeLoader):
    """Refuses a member that stands there twice, of which YAML would keep the last; knows the anchors of earlier files."""

    def __init__(self, stream, anchors):
        super().__init__(stream)
        self.shared = anchors

    def compose_document(self):
        self.get_event()
        self.anchors = dict(self.shared)
        node = self.compose_node(None, None)
        self.get_event()
        self.shared.update(self.anchors)
        self.anchors = {}
        return node

    def construct_mapping(self, node, deep=False):
        names = [key.value for key, _ in node.value if key.tag != "tag:yaml.org,2002:merge"]
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise yaml.MarkedYAMLError(problem=f"stands there twice: {', '.join(sorted(twice))}",
                                       problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node):
        """Beside merging (<<), lets what the mapping says itself replace what it merges."""
        super().flatten_mapping(node)
        last = {key.value: (key, value) for key, value in node.value}
        node.value = list(last.values())


def check(value, at="document"):
    if isinstance(value, dict):
        for name, item in value.items():
            if not isinstance(name, str):
                raise ValueError(f"{at}: the name {name!r} needs quotes")
            check(item, f"{at} > {name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            check(item, f"{at} > {i}")
    elif value is not None and not isinstance(value, (str, int, float, bool)):
        raise ValueError(f"{at}: {value!r} needs quotes")


def load(path, anchors):
    with open(path, encoding="utf-8") as file:
        loader = Loader(file, anchors)
        try:
            document = loader.get_single_data()
        except (ValueError, yaml.YAMLError) as e:
            raise ValueError(f"{path}: {e}") from e
        finally:
            loader.dispose()
    check(document, str(path))
    return document


class Added:
    """What a resource adds to a mapping or list."""

    def __init__(self, owner, value):
        self.owner, self.value = owner, value


def add(base, more, owner, at=()):
    """base with what the owner adds to it."""
    if isinstance(base, list) and isinstance(more, list):
        added = [Added(owner, item) for item in more]
        if at not in FIRST:
            return base + added
        own = next(i for i, item in enumerate(base) if not isinstance(item, Added))
        return base[:own] + added + base[own:]
    if not isinstance(base, dict) or not isinstance(more, dict):
        raise ValueError(f"{owner}: {' > '.join(at)} stands in the base, and is neither a mapping nor a list there")
    made, new = dict(base), {}
    for name, value in more.items():
        if isinstance(made.get(name), Added):
            raise ValueError(f"{owner}: {' > '.join(at + (name,))} is already another resource's")
        if name in made:
            made[name] = add(made[name], value, owner, at + (name,))
        else:
            new[name] = Added(owner, value)
    if at not in FIRST:
        return {**made, **new}
    before = {name: value for name, value in made.items() if isinstance(value, Added)}
    return {**before, **new, **made}


def resource_files():
    """name -> file, in the order in which they are put together."""
    return {path.stem: path for path in sorted(HERE.glob("*.yaml")) if path != BASE}


def whole(base, resources):
    """The tree of everything; resources: name -> file."""
    anchors = {}
    tree = load(base, anchors)
    for name, path in resources.items():
        tree = add(tree, load(path, anchors), name)
    return tree


def chosen(tree, names):
    """The document of the resources with these names."""
    if isinstance(tree, Added):
        return tree.value
    if isinstance(tree, dict):
        return {name: chosen(value, names) for name, value in tree.items() if is_there(value, names)}
    if isinstance(tree, list):
        return [chosen(value, names) for value in tree if is_there(value, names)]
    return tree


def is_there(value, names):
    return not isinstance(value, Added) or value.owner in names


def text_of(value):
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parts(tree):
    """(owner or None, text) of the tree in order. Before the first item that is always there a comma follows each item, after
    it one goes before each: so the text is JSON whichever owners are left out."""
    if isinstance(tree, dict):
        items = [(text_of(name) + ":", value) for name, value in tree.items()]
        yield from parts_of(items, "{", "}")
    elif isinstance(tree, list):
        yield from parts_of([("", value) for value in tree], "[", "]")
    else:
        yield None, text_of(tree)


def parts_of(items, opening, closing):
    yield None, opening
    steady = next((i for i, (_, value) in enumerate(items) if not isinstance(value, Added)), None)
    if items and steady is None:
        raise ValueError(f"all of {', '.join(name for name, _ in items)} are resources'; one must be the base's own")
    for i, (name, value) in enumerate(items):
        before, after = ("" if i == 0 or i <= steady else ","), ("," if i < steady else "")
        if isinstance(value, Added):
            yield value.owner, before + name + text_of(value.value) + after
        else:
            yield None, before + name
            yield from parts(value)
    yield None, closing


def joined(pairs):
    """Neighbours of one owner as one."""
    made = []
    for owner, text in pairs:
        if made and made[-1][0] == owner:
            made[-1][1].append(text)
        else:
            made.append((owner, [text]))
    return [(owner, "".join(texts).encode("utf-8")) for owner, texts in made]


def document(names=None):
    """The contract with these resources, or with all."""
    files = resource_files()
    return chosen(whole(BASE, files), set(files if names is None else names))


def main():
    out, binary, base, *resources = map(pathlib.Path, sys.argv[1:])
    try:
        found = joined(parts(whole(base, {path.stem: path for path in resources})))
    except ValueError as e:
        sys.exit(str(e))
    rows, at = [], 0
    for owner, text in found:
        name = "NULL" if owner is None else f'"{owner}"'
        rows.append(f"    {{ {name}, openapi_bytes + {at}, {len(text)} }},\n")
        at += len(text)
    binary.write_bytes(b"".join(text for _, text in found))
    out.write_text(TABLE % (binary, "".join(rows)), encoding="utf-8")


if __name__ == "__main__":
    main()
