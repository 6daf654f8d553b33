"""Whether a history is linearizable: the search of Wing and Gong, with Lowe's memory of (what is done, state).

An operation is (begin, end, step): step(state) gives the state after it, or None where it can't happen. An end of infinity
means that it may happen at any time from begin on, or never."""

import math

STEPS_MAX = 2_000_000


class Undecided(Exception):
    """The search was given up."""


class Node:
    __slots__ = ("before", "after", "number", "partner", "is_call", "at")

    def __init__(self, number, is_call, at):
        self.number, self.is_call, self.at = number, is_call, at
        self.before = self.after = self.partner = None


def chain(operations):
    """Calls and returns of what has ended, in the order of time, in a list that operations are taken out of and put back into."""
    events = []
    for number, (begin, end, _) in enumerate(operations):
        if end == math.inf:
            continue
        call, ret = Node(number, True, begin), Node(number, False, end)
        call.partner = ret
        # A call at the very instant of a return overlaps with it.
        events += [(begin, 0, number, call), (end, 1, number, ret)]
    events.sort(key=lambda event: event[:3])
    head = last = Node(-1, True, -math.inf)
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


class Search:
    """What is tried next is a place: a call of the chain, or, at the first return, the open operations one after the other.
    These come last: one that was never seen has most likely not been done, and one that was is tried just when the rest
    needs it."""

    def __init__(self, operations, state):
        self.operations, self.state, self.done = operations, state, 0
        self.opened = sorted((n for n, (_, end, _) in enumerate(operations) if end == math.inf), key=lambda n: operations[n][0])
        self.head = chain(operations)
        self.stack, self.remembered = [], set()
        self.place, self.open_at = self.head.after, 0

    def next_number(self):
        """The operation to try, None where no more can come next."""
        if self.place.is_call:
            return self.place.number
        while self.open_at < len(self.opened):
            number = self.opened[self.open_at]
            if self.operations[number][0] > self.place.at:
                return None
            if not self.done >> number & 1:
                return number
            self.open_at += 1
        return None

    def go_on(self):
        """To the next place at the same depth."""
        if self.place.is_call:
            self.place, self.open_at = self.place.after, 0
        else:
            self.open_at += 1

    def try_it(self, number):
        following = self.operations[number][2](self.state)
        memory = (self.done | 1 << number, following)
        if following is None or memory in self.remembered:
            self.go_on()
            return False
        self.remembered.add(memory)
        self.stack.append((number, self.place, self.open_at, self.state))
        self.done, self.state = memory
        if self.place.is_call:
            take_out(self.place)
        self.place, self.open_at = self.head.after, 0
        return True

    def go_back(self):
        number, self.place, self.open_at, self.state = self.stack.pop()
        if self.place.is_call:
            put_back(self.place)
        self.done &= ~(1 << number)
        self.go_on()


def linearizable(operations, state, steps_max=STEPS_MAX):
    """(True, the order) or (False, the longest order that works). Orders are of operations' numbers."""
    search, best = Search(operations, state), []
    for _ in range(steps_max):
        if search.place is None:  # all that has ended is in order
            return True, [entry[0] for entry in search.stack]
        number = search.next_number()
        if number is not None:
            if search.try_it(number) and len(search.stack) > len(best):
                best = [entry[0] for entry in search.stack]
        elif search.stack:
            search.go_back()
        else:
            return False, best
    raise Undecided()
