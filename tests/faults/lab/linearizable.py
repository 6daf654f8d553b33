"""Whether a history is linearizable: the search of Wing and Gong, with Lowe's memory of (what is done, state).

An operation is (begin, end, step): step(state) gives the state after it, or None where it can't happen. An end of infinity
means that it may happen at any time from begin on, or never."""

import math

STEPS_MAX = 2_000_000


class Undecided(Exception):
    """The search was given up."""


class Node:
    __slots__ = ("before", "after", "number", "partner", "is_call")

    def __init__(self, number, is_call):
        self.number, self.is_call = number, is_call
        self.before = self.after = self.partner = None


def chain(operations):
    """Calls and returns in the order of time, in a list that operations are taken out of and put back into."""
    events = []
    for number, (begin, end, _) in enumerate(operations):
        call, ret = Node(number, True), Node(number, False)
        call.partner = ret
        # A call at the very instant of a return overlaps with it.
        events += [(begin, 0, number, call), (end, 1, number, ret)]
    events.sort(key=lambda event: event[:3])
    head = last = Node(-1, True)
    for *_, node in events:
        last.after, node.before, last = node, last, node
    return head


def take_out(call):
    for node in (call, call.partner):
        node.before.after = node.after
        if node.after is not None:
            node.after.before = node.before


def put_back(call):
    for node in (call.partner, call):
        node.before.after = node
        if node.after is not None:
            node.after.before = node


def linearizable(operations, state, steps_max=STEPS_MAX):
    """(True, the order) or (False, the longest order that works). Orders are of operations' numbers."""
    head = chain(operations)
    required = sum(1 for _, end, _ in operations if end < math.inf)
    done, remembered, stack, best, steps = 0, set(), [], [], 0
    node = head.after
    while required:
        steps += 1
        if steps > steps_max:
            raise Undecided()
        if node is not None and node.is_call:
            begin_end_step = operations[node.number]
            following = begin_end_step[2](state)
            memory = (done | 1 << node.number, following)
            if following is None or memory in remembered:
                node = node.after
                continue
            remembered.add(memory)
            stack.append((node, state))
            done, state = memory
            required -= begin_end_step[1] < math.inf
            take_out(node)
            if len(stack) > len(best):
                best = [entry[0].number for entry in stack]
            node = head.after
            continue
        if not stack:
            return False, best
        node, state = stack.pop()
        put_back(node)
        done &= ~(1 << node.number)
        required += operations[node.number][1] < math.inf
        node = node.after
    return True, [entry[0].number for entry in stack]
