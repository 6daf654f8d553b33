"""Calls become operations: all calls with one Idempotency-Key are one operation, begun by the first of them.

`state` is DONE (it took effect between begin and end), NONE (it did not), or OPEN (it may take effect at any time from begin
on, or never: end is infinite). A call that failed without effect still tells what it saw: see `seen`."""

import collections
import math

from .history import WRITES

DONE, NONE, OPEN = "done", "none", "open"


class Operation:
    __slots__ = ("calls", "begin", "end", "state", "answer", "asked", "kind")

    def __init__(self, calls):
        self.calls, self.asked, self.kind = calls, calls[0].asked, calls[0].kind
        self.begin = min(call.begin for call in calls)
        good = [call for call in calls if call.ok]
        if good:
            first = min(good, key=lambda call: call.end)
            self.state, self.end, self.answer = DONE, first.end, first.answer
        elif any(call.unknown or call.end is None for call in calls):
            self.state, self.end, self.answer = OPEN, math.inf, None
        else:
            self.state, self.end, self.answer = NONE, max(call.end for call in calls), calls[-1].answer

    def __repr__(self):
        return f"<{self.kind} {self.state} [{self.begin}, {self.end}] {self.calls}>"


def operations_of(calls):
    """The writes, as operations."""
    keyed, single = collections.defaultdict(list), []
    for call in calls:
        if call.kind not in WRITES:
            continue
        if "key" in call.asked:
            keyed[call.asked["key"]].append(call)
        else:
            single.append([call])
    return sorted((Operation(group) for group in [*keyed.values(), *single]), key=lambda o: o.begin)


def seen(calls):
    """The calls that only tell what there was: answered reads, and writes refused by what they found."""
    return [call for call in calls if call.end is not None and
            (call.kind not in WRITES and call.status in (200, 404) or
             call.kind in WRITES and call.problem in ("not-found", "precondition-failed", "email-taken"))]


def by_group(calls, first_letter):
    groups = collections.defaultdict(list)
    for call in calls:
        if call.group.startswith(first_letter):
            groups[call.group].append(call)
    return groups
