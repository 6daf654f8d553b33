"""Islands: a few customers that fight for a few e-mails, as one object.

The state holds for each customer ABSENT, GONE, or (e-mail, version, token). An e-mail belongs to one live customer at a time;
409 email-taken tells that another had it; the retryable refusals tell nothing and change nothing."""

from .check_versions import fail
from .linearizable import linearizable
from .operations import DONE, OPEN, operations_of, seen

ABSENT, GONE = 0, 1


class Names:
    """Customers by number. A create is known by the token that it leaves in the customer for good, so that one whose answer
    was lost is found again when anybody reads it."""

    def __init__(self, calls, writes):
        self.by_made = {o.asked["made"]: n for n, o in enumerate(o for o in writes if o.kind == "create")}
        self.by_id = {}
        for call in calls:
            for shown in shown_by(call):
                self._learn(shown, call)

    def _learn(self, shown, call):
        if shown["made"] not in self.by_made:
            fail("a customer that nobody made", call)
        number = self.by_made[shown["made"]]
        if self.by_id.setdefault(shown["id"], number) != number or \
                any(n == number and i != shown["id"] for i, n in self.by_id.items()):
            fail("one create, two customers", call)

    def number(self, customer):
        return self.by_id.get(customer)


def shown_by(call):
    if not call.ok or call.kind in ("delete", "walk"):
        return []
    return call.answer["items"] if call.kind == "find" else [call.answer]


def owner_of(state, email):
    for number, customer in enumerate(state):
        if customer.__class__ is tuple and customer[0] == email:
            return number
    return None


def changed(state, number, customer):
    return state[:number] + (customer,) + state[number + 1:]


def create_step(number, email, token):
    def step(state):
        if state[number] != ABSENT or owner_of(state, email) is not None:
            return None
        return changed(state, number, (email, 1, token))
    return step


def patch_step(number, email, token, version):
    """version is None where the answer was lost."""
    def step(state):
        customer = state[number]
        if customer.__class__ is not tuple or (version is not None and customer[1] + 1 != version):
            return None
        if owner_of(state, email) not in (None, number):
            return None
        return changed(state, number, (email, customer[1] + 1, token))
    return step


def delete_step(number):
    def step(state):
        return changed(state, number, GONE) if state[number].__class__ is tuple else None
    return step


def shows_step(number, shown):
    wanted = (shown["email"], shown["v"], shown["tok"])

    def step(state):
        return state if state[number] == wanted else None
    return step


def not_found_step(number):
    def step(state):
        return state if state[number].__class__ is not tuple else None
    return step


def nobody_step(email):
    def step(state):
        return state if owner_of(state, email) is None else None
    return step


def taken_step(email, owner, asker):
    """Somebody else has it; whose create is not known is not told apart."""
    def step(state):
        found = owner_of(state, email)
        if found is None or found == asker or (owner is not None and found != owner):
            return None
        return state
    return step


def write_step(operation, names):
    asked, version = operation.asked, operation.answer["v"] if operation.state == DONE and operation.kind != "delete" else None
    if operation.kind == "create":
        return create_step(names.by_made[asked["made"]], asked["email"], asked["tok"])
    number = names.number(asked["id"])
    if number is None:
        return None  # a customer that nobody ever saw
    if operation.kind == "delete":
        return delete_step(number)
    return patch_step(number, asked["email"], asked["tok"], version)


def seen_step(call, names):
    number = names.number(call.asked.get("id"))
    if call.kind == "find":
        items = call.answer["items"]
        if len(items) > 1:
            fail("two customers with one e-mail", call)
        if items and items[0]["email"] != call.asked["email"]:
            fail("a customer with another e-mail", call)
        return shows_step(names.number(items[0]["id"]), items[0]) if items else nobody_step(call.asked["email"])
    if call.status == 200:
        return shows_step(number, call.answer)
    if call.problem == "email-taken":
        return taken_step(call.asked["email"], names.number(call.answer.get("owner")), number)
    return not_found_step(number) if number is not None and call.problem == "not-found" else None


def check_island(calls):
    """Raises Found, or Undecided."""
    writes = operations_of(calls)
    names = Names(calls, writes)
    steps, evidence = [], []
    for operation in writes:
        if operation.state in (DONE, OPEN) and (step := write_step(operation, names)) is not None:
            check_answer(operation)
            steps.append((operation.begin, operation.end, step))
            evidence.append(operation)
    for call in seen(calls):
        if (step := seen_step(call, names)) is not None:
            steps.append((call.begin, call.end, step))
            evidence.append(call)
    start = (ABSENT,) * len(names.by_made)
    right, order = linearizable(steps, start)
    if not right:
        report(steps, evidence, order, start)


def check_answer(operation):
    """An acknowledged write shows what was written."""
    if operation.state == DONE and operation.kind in ("create", "patch"):
        for name in ("tok", "email"):
            if operation.answer.get(name) != operation.asked[name]:
                fail(f"the answer's {name} is not what was written", operation)


def report(steps, evidence, order, state):
    for number in order:
        state = steps[number][2](state)
    left = [evidence[n] for n in range(len(steps)) if n not in set(order)]
    fail(f"no order explains the answers; {len(order)} of {len(steps)} fit, then the state is {state}",
         *sorted(left, key=lambda one: one.begin)[:4])
