"""What must hold for every call, whatever the group: statuses, keys, walks."""

import collections

from .check_versions import Found, fail
from .history import LOST, UNSENT, WRITES
from .operations import DONE, NONE, operations_of

ALLOWED = {200, 201, 204, 404, 409, 412, 503, UNSENT, LOST}


def check_status(call, internal_allowed=False):
    """No answer that the contract does not have, and no 500."""
    if call.status not in ALLOWED and not (internal_allowed and call.status == 500):
        fail(f"status {call.status}", call)
    if call.kind in WRITES and call.status == 503 and call.answer.get("applied") not in ("no", "unknown"):
        fail("a 503 to a write that does not say whether it was applied", call)


def check_keys(calls):
    """All successes under one key are one answer, byte for byte."""
    answers = {}
    for call in calls:
        key = call.asked.get("key")
        if not key or not call.ok:
            continue
        answer = {name: call.answer.get(name) for name in ("s", "id", "v", "sha")}
        first = answers.setdefault(key, (answer, call))
        if first[0] != answer:
            fail("one key, two answers", first[1], call)


class Lives:
    """When each customer was made and deleted, over the whole history."""

    def __init__(self, calls):
        self.made, self.deleted, self.maybe_deleted = {}, {}, {}
        for operation in operations_of([call for call in calls if call.kind in ("create", "delete")]):
            if operation.kind == "create" and operation.state == DONE:
                self.made[operation.answer["id"]] = operation
            elif operation.kind == "delete" and operation.state != NONE:
                customer = operation.asked["id"]
                self.maybe_deleted[customer] = min(operation.begin, self.maybe_deleted.get(customer, operation.begin))
                if operation.state == DONE:
                    self.deleted[customer] = operation.end
        self.in_order = sorted(self.made.items(), key=lambda item: item[1].end)


def check_walk(pages, lives):
    """Who lived during the whole walk is there once; who was gone before it is not."""
    begin, end = pages[0].begin, pages[-1].end
    ids = collections.Counter(one for page in pages for one in page.answer["ids"])
    twice = [one for one, count in ids.items() if count > 1]
    if twice:
        fail(f"{twice[0]} stands twice in a walk", *pages[:1])
    for customer, create in lives.in_order:
        if create.end >= begin:
            break
        if customer not in ids and lives.maybe_deleted.get(customer, end) >= end:
            fail(f"{customer} is missing in a walk", create, pages[0], pages[-1])
    for customer in ids:
        if lives.deleted.get(customer, begin) < begin:
            fail(f"{customer} was deleted before the walk", *pages[:1])


def complete_walks(calls):
    walks = collections.defaultdict(list)
    for call in calls:
        if call.kind == "walk" and call.status == 200:
            walks[call.group].append(call)
    return [pages for pages in walks.values() if "next" not in pages[-1].answer]


def check_walks(calls):
    """How many were checked."""
    lives, walks = Lives(calls), complete_walks(calls)
    for pages in walks:
        check_walk(pages, lives)
    return len(walks)


__all__ = ["Found", "check_keys", "check_status", "check_walks", "Lives"]
