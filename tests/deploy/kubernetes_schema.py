"""Checks Kubernetes objects against the API's own definitions, strictly: a field that they don't have is a finding, as are a
missing required one and a value of another type.

    schema = Schema(folder)     # swagger.json, and *.crd.yaml of the Prometheus operator
    schema.findings(object)     # ["Deployment/customerd: spec.replica: unknown field", ...]"""

import json
import re
from pathlib import Path

import yaml

QUANTITY = re.compile(r"^[+-]?(\d+(\.\d*)?|\.\d+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?\d+)?$")
TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}
SPECIAL = {"io.k8s.apimachinery.pkg.api.resource.Quantity": lambda v: isinstance(v, (int, float)) or bool(
               isinstance(v, str) and QUANTITY.match(v)),
           "io.k8s.apimachinery.pkg.util.intstr.IntOrString": lambda v: isinstance(v, (int, str)) and v is not True}


class UniqueKeys(yaml.SafeLoader):
    """YAML in which a key stands once."""

    def construct_mapping(self, node, deep=False):
        keys = [self.construct_object(key, deep=deep) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        if twice:
            raise yaml.constructor.ConstructorError(None, None, f"twice: {sorted(twice)}", node.start_mark)
        return super().construct_mapping(node, deep)


def load_all(text):
    return [document for document in yaml.load_all(text, UniqueKeys) if document is not None]


class Schema:
    def __init__(self, folder):
        self.definitions = json.loads((Path(folder) / "swagger.json").read_text(encoding="utf-8"))["definitions"]
        self.kinds = {}
        for definition in self.definitions.values():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                self.kinds[kind["group"], kind["version"], kind["kind"]] = definition
        for path in sorted(Path(folder).glob("*.crd.yaml")):
            crd = yaml.safe_load(path.read_text(encoding="utf-8"))["spec"]
            for version in crd["versions"]:
                self.kinds[crd["group"], version["name"], crd["names"]["kind"]] = self._with_metadata(
                    version["schema"]["openAPIV3Schema"])

    @staticmethod
    def _with_metadata(schema):
        meta = {"$ref": "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"}
        return {**schema, "properties": {**schema["properties"], "metadata": meta}}

    def findings(self, document):
        group, _, version = document.get("apiVersion", "").rpartition("/")
        kind = document.get("kind")
        definition = self.kinds.get((group, version, kind))
        name = f"{kind}/{document.get('metadata', {}).get('name')}"
        if definition is None:
            return [f"{name}: no such kind in {document.get('apiVersion')}"]
        return [f"{name}: {finding}" for finding in self._check(document, definition, "")]

    def _check(self, value, schema, at):
        reference = schema.get("$ref", "").rpartition("/")[2]
        if reference in SPECIAL:
            if not SPECIAL[reference](value):
                yield f"{at}: {value!r} is no {reference.rpartition('.')[2]}"
            return
        schema = self.definitions[reference] if reference else schema
        if schema.get("x-kubernetes-int-or-string"):
            if not isinstance(value, (int, str)):
                yield f"{at}: {value!r} is neither number nor text"
            return
        wanted = schema.get("type", "object" if "properties" in schema else None)
        if wanted and (not isinstance(value, TYPES[wanted]) or wanted in ("integer", "number") and isinstance(value, bool)):
            yield f"{at}: {value!r} is no {wanted}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{at}: {value!r} is none of {schema['enum']}"
        if "pattern" in schema and isinstance(value, str) and not re.search(schema["pattern"], value):
            yield f"{at}: {value!r} does not look like {schema['pattern']}"
        if isinstance(value, dict):
            yield from self._check_members(value, schema, at)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from self._check(item, schema.get("items", {}), f"{at}[{index}]")

    def _check_members(self, value, schema, at):
        members, others = schema.get("properties", {}), schema.get("additionalProperties")
        if schema.get("x-kubernetes-preserve-unknown-fields"):
            others = others or {}
        for missing in sorted(set(schema.get("required", [])) - set(value)):
            yield f"{at}.{missing}: missing"
        for key, member in value.items():
            where = f"{at}.{key}".lstrip(".")
            if key in members:
                yield from self._check(member, members[key], where)
            elif others is None or others is False:
                yield f"{where}: unknown field"
            else:
                yield from self._check(member, others if isinstance(others, dict) else {}, where)
