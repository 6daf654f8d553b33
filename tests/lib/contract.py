"""The contract (openapi/customerd.yaml and the resources' files beside it) as a judge of answers: http_client and raw_http hand it every answer that they get.

What the contract does not name is a failure: a status, a header field, a member of a body, a problem type. The contract
itself leaves its objects open, since clients must let pass what they don't know; the tests close them.

What is served depends on the resources that are switched on: `resources` is a tuple of their names, and says which contract is
meant. Without one it is `served`, that of a service without settings; a layer whose services have more on sets it."""

import collections
import functools
import json
import pathlib
import re
import sys
import threading
import time

import yaml
from jsonschema import Draft202012Validator

ROOT = pathlib.Path(__file__).resolve().parents[2]
METHODS = ("get", "put", "post", "delete", "patch")
FRAMING = {"date", "content-length", "connection", "transfer-encoding", "content-type"}
PROBLEM_PREFIX = "urn:customerd:problem:"
ANY_TYPE = "*/*"  # of bytes that are as they were stored
PROBLEM_MEDIA_TYPE = "application/problem+json"


sys.path.insert(0, str(ROOT / "openapi"))
import compose  # noqa: E402 pylint: disable=wrong-import-position
sys.path.pop(0)

ALL = tuple(compose.resource_files())
DEFAULT = ("customers",)
served = DEFAULT


def document(resources=None):
    """The contract, its anchors written out, as the service puts it together."""
    return _document(served if resources is None else resources)


@functools.lru_cache(None)
def _document(resources):
    return compose.document(resources)


def resolved(value):
    """value with every $ref replaced by what it names. A name has one meaning in all contracts that have it."""
    if isinstance(value, list):
        return [resolved(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        target = document(ALL)
        for name in value["$ref"].removeprefix("#/").split("/"):
            target = target[name.replace("~1", "/").replace("~0", "~")]
        return resolved(target)
    return {name: resolved(item) for name, item in value.items()}


def closed(schema):
    """A schema whose objects have no other members than those it names."""
    if isinstance(schema, list):
        return [closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    schema = {name: closed(item) for name, item in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        schema["additionalProperties"] = False
    return schema


class Response:
    """One response of the contract, compiled."""

    def __init__(self, declared, common):
        declared = resolved(declared)
        self.problem_types = {PROBLEM_PREFIX + slug for slug in declared.get("x-problem-types", ())}
        headers = {**common, **declared.get("headers", {})}
        self.headers = {name.lower(): Draft202012Validator(header["schema"]) for name, header in headers.items()}
        self.required = {name.lower() for name, header in headers.items() if header.get("required")}
        self.bodies = {kind: Draft202012Validator(closed(content["schema"]))
                       for kind, content in declared.get("content", {}).items()}

    def complaints(self, headers, body, has_body):
        """What is wrong with an answer of this kind. headers is a list of (name, value)."""
        yield from self._header_complaints(headers)
        if not has_body:
            return
        kind = next((v for k, v in headers if k.lower() == "content-type"), None)
        essence = None if kind is None else kind.partition(";")[0].strip().lower()
        if not self.bodies:
            if essence is not None or body:
                yield f"a body of type {kind}, where the contract has none"
        elif essence not in self.bodies and ANY_TYPE in self.bodies:
            return
        elif "*/*" in self.bodies:
            return  # bytes of any type
        elif essence not in self.bodies:
            yield f"a body of type {kind}, where the contract has {', '.join(self.bodies)}"
        elif essence.endswith("json"):
            yield from self._body_complaints(self.bodies[essence], body)

    def _header_complaints(self, headers):
        seen = collections.Counter(name.lower() for name, _ in headers)
        for name in self.required - set(seen):
            yield f"no header field {name}"
        for name, count in seen.items():
            if name not in self.headers and name not in FRAMING:
                yield f"a header field that the contract does not name: {name}"
            elif count > 1:
                yield f"the header field {name} stands there {count} times"
        for name, value in headers:
            validator = self.headers.get(name.lower())
            if validator is not None and not validator.is_valid(value):
                yield f"the header field {name} is {value!r}, against {validator.schema}"

    def _body_complaints(self, validator, body):
        try:
            value = json.loads(body)
        except ValueError as e:
            yield f"a body that is no JSON: {e}"
            return
        for error in validator.iter_errors(value):
            yield f"the body at /{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"
        if self.problem_types and isinstance(value, dict) and value.get("type") not in self.problem_types:
            yield f"the problem type {value.get('type')}, where the contract has {', '.join(sorted(self.problem_types))}"


class Operation:
    """A method of a path, and the listener that serves it."""

    def __init__(self, path, method, item, declared):
        self.path, self.method, self.declared = path, method.upper(), declared
        self.id = declared["operationId"]
        self.listener = "admin" if "servers" in item else "public"
        self.parameters = [resolved(p) for p in item.get("parameters", []) + declared.get("parameters", [])]
        self.pattern = re.compile(re.sub(r"\{(\w+)\}", lambda m: f"(?:{self._segment(m.group(1))})", path))

    def _segment(self, name):
        schema = next(p["schema"] for p in self.parameters if p["in"] == "path" and p["name"] == name)
        return "|".join(map(re.escape, schema["enum"])) if "enum" in schema else schema["pattern"].strip("^$")


def operations(resources=None):
    return _operations(served if resources is None else resources)


@functools.lru_cache(None)
def _operations(resources):
    return [Operation(path, method, item, item[method])
            for path, item in document(resources)["paths"].items() for method in METHODS if method in item]


@functools.lru_cache(None)
def response(owner, status):
    """The compiled response of an operation, or of the answers that belong to none (owner None). None: not documented."""
    general = document(ALL)["x-every-answer"]
    declared = (general["responses"] if owner is None else owner.declared["responses"]).get(str(status))
    return None if declared is None else Response(declared, resolved(general["headers"]))


class Statistics:
    """How many answers were judged, and what it took; which operations gave which statuses."""

    def __init__(self):
        self.answers, self.seconds, self.seen, self.lock = 0, 0.0, set(), threading.Lock()

    def add(self, owner, status, seconds):
        with self.lock:
            self.answers += 1
            self.seconds += seconds
            self.seen.add((owner.id if owner else "any", status))

    def told(self):
        """What there is, in a form that can be handed to another process."""
        return self.answers, self.seconds, sorted(self.seen)

    def take(self, told):
        """Adds what another process has told."""
        answers, seconds, seen = told
        with self.lock:
            self.answers += answers
            self.seconds += seconds
            self.seen.update(map(tuple, seen))

    def line(self):
        return f"contract: {self.answers} answers judged in {self.seconds:.1f} s ({len(self.seen)} pairs of operation and status)"


STATISTICS = Statistics()


def find(listener, method, target, resources=None):
    """The operation that a request is for; None where there is none, as for OPTIONS."""
    path = re.sub(r"^https?://[^/?]*", "", target, flags=re.I).partition("?")[0]
    wanted = "GET" if method == "HEAD" else method
    # A literal path goes before a template that fits, too.
    fitting = [o for o in operations(resources) if o.listener == listener and o.pattern.fullmatch(path)]
    fitting.sort(key=lambda o: "{" in o.path)
    return next((o for o in fitting if o.path == fitting[0].path and o.method == wanted), None)


def judge(listener, method, target, status, headers, body, resources=None):
    """Fails when the contract does not have this answer to this request."""
    started = time.perf_counter()
    owner = find(listener, method, target, resources)
    has_body = method != "HEAD" and status not in (204, 304)
    found = response(owner, status)
    if found is None:
        complaints = [f"{owner.id if owner else 'a request for no operation'} has no status {status}"]
    else:
        complaints = list(found.complaints(headers, body, has_body))
    STATISTICS.add(owner, status, time.perf_counter() - started)
    assert not complaints, "against the contract: " + "; ".join(complaints)


def judge_unaddressed(status, headers, body):
    """For an answer whose request is not known: fails unless some operation may give it. An answer without X-Request-Id is
    the HTTP library's own, of which the contract does not speak."""
    if not any(name.lower() == "x-request-id" for name, _ in headers):
        return
    started = time.perf_counter()
    best = None
    for owner in (None, *operations()):
        found = response(owner, status)
        if found is None:
            continue
        complaints = list(found.complaints(headers, body, has_body=bool(body)))
        if best is None or len(complaints) < len(best):
            best = complaints
        if not best:
            break
    STATISTICS.add(None, status, time.perf_counter() - started)
    assert best is not None, f"against the contract: nothing has status {status}"
    assert not best, "against the contract: " + "; ".join(best)
