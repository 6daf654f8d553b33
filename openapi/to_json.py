#!/usr/bin/python3
"""to_json.py CONTRACT.yaml OUT.json: the contract as /openapi.json serves it, with its anchors written out.

Only what JSON has too is let pass, so that readers of YAML 1.1 and 1.2 can't see different documents."""

import json
import sys

import yaml


class Loader(yaml.SafeLoader):
    """Refuses a member that stands there twice, of which YAML would keep the last."""

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


def load(path):
    with open(path, encoding="utf-8") as file:
        document = yaml.load(file, Loader)
    check(document)
    return document


def main():
    try:
        document = load(sys.argv[1])
    except (ValueError, yaml.YAMLError) as e:
        sys.exit(f"{sys.argv[1]}: {e}")
    with open(sys.argv[2], "w", encoding="utf-8") as file:
        json.dump(document, file, ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main()
