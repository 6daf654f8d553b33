"""One customer with versions: the exact check, without search.

Every write that took effect made one version, so the order is known. The history is linearizable exactly when no version was
made twice, none is missing that no open write explains, each read shows what the write of its version wrote, and the order of
the versions agrees with the order in time."""

import heapq
import math

from .operations import DONE, OPEN, operations_of, seen


class Found(Exception):
    """The history is wrong; says how."""


def fail(what, *evidence):
    raise Found(what + "".join(f"\n    {one!r}" for one in evidence))


class Events:
    """(begin, end, version, is a write), in order of time."""

    def __init__(self):
        self.all = []

    def add(self, begin, end, version, write, evidence):
        self.all.append((begin, end, version, write, evidence))

    def check(self):
        """Nothing that began after an event ended may show an older version, nor a write the same."""
        ended, newest, newest_evidence = [], 0, None
        for number, (begin, end, version, write, evidence) in enumerate(sorted(self.all, key=lambda e: e[0])):
            while ended and ended[0][0] < begin:
                _, _, done, done_evidence = heapq.heappop(ended)
                if done > newest:
                    newest, newest_evidence = done, done_evidence
            if version < newest or (write and version == newest):
                fail(f"version {version} after {newest} had been answered", newest_evidence, evidence)
            if end < math.inf:
                heapq.heappush(ended, (end, number, version, evidence))


def tokens_of(writes):
    """version -> (token, operation) of the writes that were acknowledged."""
    made = {}
    for operation in writes:
        if operation.state != DONE or operation.kind == "delete":
            continue
        version = operation.answer["v"]
        if version in made:
            fail(f"version {version} was made twice", made[version][1], operation)
        if (version == 1) != (operation.kind == "create"):
            fail(f"a {operation.kind} made version {version}", operation)
        made[version] = (operation.asked["tok"], operation)
    return made


def customers_seen(call):
    """What a read shows of the customer: its fields, or None when it is not there."""
    if call.kind == "find":
        return call.answer["items"][0] if call.answer["items"] else None
    return call.answer if call.status == 200 else None


def check_content(calls, writes, made):
    """Each version shows one content, which somebody wrote. Open writes that were seen get their version."""
    open_writes = {o.asked["tok"]: o for o in writes if o.state == OPEN and o.kind != "delete"}
    for call in calls:
        if not call.ok or call.kind in ("delete", "walk"):
            continue
        if call.kind == "find" and len(call.answer["items"]) > 1:
            fail("two customers with one e-mail", call)
        shown = customers_seen(call) if call.kind in ("get", "find") else call.answer
        if shown is None:
            continue
        version, token = shown["v"], shown["tok"]
        if shown.get("etag", version) != version:
            fail("ETag and body differ", call)
        if version not in made and token in open_writes:
            made[version] = (token, open_writes.pop(token))
        if version not in made or made[version][0] != token:
            fail(f"version {version} shows {token}, written was {made.get(version)}", call)
    missing = max(made, default=0) - len(made)
    if missing > len(open_writes):
        fail(f"{missing} versions up to {max(made)} that nobody wrote: {sorted(set(range(1, max(made))) - set(made))[:10]}")


def check_if_match(writes, calls):
    for operation in writes:
        match = operation.asked.get("match")
        if operation.state == DONE and match and operation.kind != "delete" and operation.answer["v"] != match + 1:
            fail(f"If-Match {match} gave version {operation.answer['v']}", operation)
    for call in calls:
        if call.problem == "precondition-failed" and call.answer.get("v") == call.asked.get("match"):
            fail("412, although the version matches", call)


def check_life(observations, writes, events):
    """Deletes: one at most; afterwards nothing is there; before, nothing is missing."""
    deletes = [o for o in writes if o.kind == "delete" and o.state != "none"]
    done = [o for o in deletes if o.state == DONE]
    if len(done) > 1:
        fail("deleted twice", *done)
    gone = [(o.end, o) for o in done]
    for call in observations:
        if call.problem == "not-found" or (call.kind == "find" and not call.answer["items"]):
            if not any(o.begin < call.end for o in deletes):
                fail("not found, although nobody had deleted it", call)
            gone.append((call.end, call))
    if not gone:
        return
    end, first = min(gone, key=lambda item: item[0])
    for begin, _, version, _, evidence in events.all:
        if begin > end:
            fail(f"version {version} of a customer that was gone", first, evidence)


def check_register(calls):
    """Raises Found."""
    writes = operations_of(calls)
    creates = [o for o in writes if o.kind == "create" and o.state == DONE]
    if not creates:
        return
    customer = creates[0].answer["id"]
    for call in calls:
        shown = customers_seen(call) if call.ok and call.kind in ("get", "find") else call.answer if call.ok else None
        if shown and "id" in shown and shown["id"] != customer:
            fail(f"another customer than {customer}", call)
    made = tokens_of(writes)
    check_content(calls, writes, made)
    check_if_match(writes, calls)
    events, observations = Events(), seen(calls)
    for version, (_, operation) in made.items():
        events.add(operation.begin, operation.end, version, True, operation)
    for call in observations:
        shown = customers_seen(call) if call.kind in ("get", "find") else None
        if shown is not None:
            events.add(call.begin, call.end, shown["v"], False, call)
        elif call.problem == "precondition-failed" and call.answer.get("v"):
            events.add(call.begin, call.end, call.answer["v"], False, call)
    events.check()
    check_life(observations, writes, events)
