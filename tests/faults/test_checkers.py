"""The checkers: histories of a service that is right pass, and each kind of wrong is found."""

import copy
import itertools
import math

import pytest

import made_histories
from lab.check import check_history
from lab.check_calls import check_keys, check_status, check_walks
from lab.check_islands import check_island
from lab.check_versions import Found, check_register
from lab.history import LOST, Call, Recorder, read
from lab.linearizable import Undecided, linearizable
from lab.operations import DONE, NONE, OPEN, operations_of

SEEDS = range(60)


# ---- the search, on a register of one value ----

def write(value):
    return lambda state: value


def sees(value):
    return lambda state: state if state == value else None


@pytest.mark.parametrize("operations, right", [
    ([(0, 1, write(1)), (2, 3, sees(1))], True),
    ([(0, 1, write(1)), (2, 3, sees(0))], False),                                  # a stale read
    ([(0, 9, write(1)), (1, 2, sees(0)), (3, 4, sees(1)), (5, 6, sees(1))], True),
    ([(0, 9, write(1)), (1, 2, sees(1)), (3, 4, sees(0))], False),                 # new, then old
    ([(0, 9, write(1)), (0, 9, write(2)), (1, 8, sees(2)), (10, 11, sees(1))], True),
    ([(0, 1, write(1)), (0, 1, write(2)), (2, 3, sees(1)), (4, 5, sees(2))], False),
    ([(0, math.inf, write(1)), (2, 3, sees(0)), (4, 5, sees(1))], True),           # lost, and done late
    ([(0, math.inf, write(1)), (2, 3, sees(0))], True),                            # lost, and never done
    ([(0, math.inf, write(1)), (2, 3, sees(1)), (4, 5, sees(0))], False),          # done once only
    ([(5, math.inf, write(1)), (0, 1, sees(1))], False),                           # not before it was asked for
])
def test_the_search(operations, right):
    assert linearizable(operations, 0)[0] is right


def test_the_search_agrees_with_trying_every_order():
    rng = made_histories.random.Random(7)
    verdicts = set()
    for _ in range(400):
        operations = []
        for _ in range(5):
            begin, value = rng.randrange(10), rng.randrange(3)
            operations.append((begin, begin + rng.randrange(1, 6), (write if rng.random() < 0.5 else sees)(value)))
        verdict = linearizable(operations, 0)[0]
        assert verdict == tried(operations), operations
        verdicts.add(verdict)
    assert verdicts == {True, False}


def tried(operations):
    for order in itertools.permutations(operations):
        if any(later[1] < earlier[0] for earlier, later in itertools.combinations(order, 2)):
            continue
        state = 0
        for _, _, step in order:
            state = step(state)
            if state is None:
                break
        if state is not None:
            return True
    return False


def test_the_search_gives_up():
    with pytest.raises(Undecided):
        linearizable([(0, 9, write(n)) for n in range(20)] + [(10, 11, sees(99))], 0, steps_max=1000)


# ---- whole histories ----

@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_register_passes(seed):
    check_register(made_histories.register(seed))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_right_island_passes(seed):
    check_island(made_histories.island(seed))


def test_two_processes_find_what_one_finds():
    calls = [call for seed in range(12) for make in (made_histories.register, made_histories.island) for call in make(seed)]
    wrong = {"r3": swap_two_reads, "i5": show_what_nobody_wrote}
    for group, mutate in wrong.items():
        assert mutate([call for call in calls if call.group == group], made_histories.random.Random(1))
    alone, together = check_history(calls), check_history(calls, processes=2)
    assert {finding[1] for finding in alone.findings} == set(wrong)
    assert sorted(alone.findings) == sorted(together.findings) and alone.figures == together.figures


def caught(check, make, mutate, needed=0.9):
    """How the mutation of each history is found; some hit nothing that anybody could see."""
    tried_, found = 0, 0
    for seed in SEEDS:
        calls = copy.deepcopy(make(seed))
        if not mutate(calls, made_histories.random.Random(seed)):
            continue
        tried_ += 1
        try:
            check(calls)
        except Found:
            found += 1
    assert tried_ >= 10, f"only {tried_} histories could be made wrong"
    assert found >= needed * tried_, f"{found} of {tried_} found"


def reads(calls, other=None):
    return [c for c in calls if c.kind == "get" and c.status == 200 and (other is None or c.answer["v"] != other)]


def swap_two_reads(calls, rng):
    some = [(a, b) for a, b in itertools.combinations(reads(calls), 2)
            if a.end < b.begin and a.answer["id"] == b.answer["id"] and a.answer["v"] != b.answer["v"]]
    if not some:
        return False
    a, b = rng.choice(some)
    a.answer, b.answer = b.answer, a.answer
    return True


def drop_a_write(calls, rng):
    """A write that was acknowledged never was."""
    shown = {c.answer["tok"] for c in calls if c.kind == "get" and c.status == 200}
    some = [c for c in calls if c.kind == "patch" and c.ok and c.answer["tok"] in shown]
    if some:
        calls.remove(rng.choice(some))
    return bool(some)


def read_the_past(calls, rng):
    some = [(a, b) for a, b in itertools.permutations(reads(calls), 2)
            if a.end < b.begin and a.answer["id"] == b.answer["id"] and a.answer["v"] < b.answer["v"] and
            any(w.kind == "patch" and w.ok and w.answer["id"] == a.answer["id"] and w.answer["v"] > a.answer["v"] and
                w.end < b.begin for w in calls)]
    if some:
        a, b = rng.choice(some)
        b.answer = dict(a.answer)
    return bool(some)


def make_a_version_twice(calls, rng):
    some = [c for c in calls if c.kind == "patch" and c.ok]
    if len(some) < 2:
        return False
    a, b = rng.sample(some, 2)
    b.answer = {**b.answer, "v": a.answer["v"]}
    return a.answer["id"] == b.answer["id"]


def show_what_nobody_wrote(calls, rng):
    some = reads(calls)
    if some:
        one = rng.choice(some)
        one.answer = {**one.answer, "tok": "nobody's"}
    return bool(some)


def ignore_if_match(calls, rng):
    some = [c for c in calls if c.ok and c.asked.get("match")]
    if some:
        rng.choice(some).asked["match"] += 1
    return bool(some)


def lose_the_customer(calls, rng):
    del rng
    some = reads(calls)
    if not some:
        return False
    some[len(some) // 2].answer = {"s": 404, "p": "not-found"}
    return True


def forget_an_acknowledged_write(calls, rng):
    """Answered as not applied, though it was."""
    shown = {c.answer["tok"] for c in calls if c.kind == "get" and c.status == 200}
    some = [c for c in calls if c.kind == "patch" and c.ok and c.answer["tok"] in shown]
    if some:
        rng.choice(some).answer = {"s": 503, "applied": "no"}
    return bool(some)


@pytest.mark.parametrize("mutate", [swap_two_reads, drop_a_write, read_the_past, make_a_version_twice, show_what_nobody_wrote,
                                    ignore_if_match, lose_the_customer, forget_an_acknowledged_write])
def test_a_wrong_register_is_found(mutate):
    needed = 0.6 if mutate is drop_a_write or mutate is forget_an_acknowledged_write else 1.0
    caught(check_register, lambda seed: made_histories.register(seed, lost=0.0), mutate, needed)


def give_an_email_to_two(calls, rng):
    """Another customer's e-mail was changed to one that is held, and both were seen with it."""
    finds = [c for c in calls if c.kind == "find" and c.answer["items"]]
    if not finds:
        return False
    one = rng.choice(finds)
    n = len(calls)
    made = Call({"n": f"x{n}", "i": one.begin + 1, "g": one.group, "c": "x", "k": "create", "tok": "x", "made": "x",
                 "email": one.asked["email"]})
    made.end, made.answer = one.begin + 2, {"s": 201, "id": "customer-x", "v": 1, "tok": "x", "email": one.asked["email"],
                                            "made": "x"}
    again = copy.deepcopy(one)
    again.n, again.begin, again.end = f"y{n}", one.begin + 3, one.begin + 4
    first = copy.deepcopy(one)
    first.n, first.begin, first.end = f"z{n}", one.begin - 1, one.begin
    calls += [made, again, first]
    return True


def find_nobody(calls, rng):
    """A customer that is there and is not found by its e-mail, though nobody touched it."""
    some = [c for c in calls if c.kind == "find" and c.answer["items"]]
    if not some:
        return False
    one = rng.choice(some)
    before, after = copy.deepcopy(one), copy.deepcopy(one)
    before.n, before.begin, before.end = "b", one.begin, one.begin + 1
    after.n, after.begin, after.end = "a", one.begin + 4, one.begin + 5
    between = copy.deepcopy(one)
    between.n, between.begin, between.end, between.answer = "m", one.begin + 2, one.begin + 3, {"s": 200, "items": []}
    calls.remove(one)
    calls += [before, between, after]
    return all(c is one or not (one.begin < c.end and c.begin < one.begin + 5) for c in calls if c.ok and c.kind in
               ("create", "patch", "delete"))


def taken_by_nobody(calls, rng):
    """409 for an e-mail that was never given out."""
    some = [c for c in calls if c.problem == "email-taken"]
    if some:
        rng.choice(some).asked["email"] = "another"
    return bool(some)


def undo_a_delete(calls, rng):
    del rng
    for delete in calls:
        if delete.kind == "delete" and delete.status == 204:
            later = [c for c in calls if c.begin > delete.end and c.asked.get("id") == delete.asked["id"] and c.kind == "get"]
            before = [c for c in calls if c.ok and c.kind == "get" and c.asked["id"] == delete.asked["id"]]
            if later and before:
                later[0].answer = dict(before[-1].answer)
                return True
    return False


def delete_twice(calls, rng):
    some = [c for c in calls if c.kind == "delete" and c.status == 404]
    if some:
        rng.choice(some).answer = {"s": 204}
    return bool(some)


@pytest.mark.parametrize("mutate", [swap_two_reads, read_the_past, show_what_nobody_wrote, give_an_email_to_two, find_nobody,
                                    taken_by_nobody, undo_a_delete, delete_twice])
def test_a_wrong_island_is_found(mutate):
    caught(check_island, lambda seed: made_histories.island(seed, lost=0.0), mutate, 0.95)


# ---- keys, statuses, walks, and how calls become operations ----

def call(n, kind, begin, end, status, asked=None, **answer):
    one = Call({"n": n, "i": begin, "g": "r1", "c": "c", "k": kind, **(asked or {})})
    one.end, one.answer = end, {"s": status, **answer}
    return one


KEY = {"key": "k", "tok": "t", "id": "1"}


def test_a_repeated_key_is_one_operation():
    lost, again = call("1", "patch", 0, 5, LOST, KEY), call("2", "patch", 6, 9, 200, KEY, v=2)
    operation, = operations_of([lost, again])
    assert (operation.state, operation.begin, operation.end) == (DONE, 0, 9)
    refused = call("3", "patch", 6, 9, 412, KEY, p="precondition-failed")
    assert operations_of([lost, refused])[0].state == OPEN
    assert operations_of([refused])[0].state == NONE
    assert operations_of([call("4", "patch", 0, 1, 503, KEY, applied="no")])[0].state == NONE
    assert operations_of([call("5", "patch", 0, 1, 503, KEY, applied="unknown")])[0].state == OPEN


def test_one_key_two_answers_is_found():
    check_keys([call("1", "patch", 0, 1, 200, KEY, v=2, sha="a"), call("2", "patch", 2, 3, 200, KEY, v=2, sha="a")])
    with pytest.raises(Found):
        check_keys([call("1", "patch", 0, 1, 200, KEY, v=2, sha="a"), call("2", "patch", 2, 3, 200, KEY, v=3, sha="b")])


@pytest.mark.parametrize("status, answer", [(500, {}), (400, {}), (422, {}), (503, {})])
def test_a_status_that_must_not_be_is_found(status, answer):
    with pytest.raises(Found):
        check_status(call("1", "patch", 0, 1, status, KEY, **answer))


def history_of_walks(ids, extra=()):
    made = [call(f"m{i}", "create", i, i + 1, 201, {"tok": f"t{i}", "made": f"t{i}", "email": ""}, id=f"id{i}", v=1)
            for i in range(4)]
    pages = [call("w1", "walk", 10, 11, 200, ids=ids[:2], next="c"), call("w2", "walk", 12, 13, 200, ids=ids[2:])]
    for page in pages:
        page.group = "w1"
    return [*made, *extra, *pages]


def test_walks():
    everybody = ["id0", "id1", "id2", "id3"]
    assert check_walks(history_of_walks(everybody)) == 1
    gone = call("d", "delete", 5, 6, 204, {"id": "id1"})
    going = call("d", "delete", 5, 12, 204, {"id": "id1"})
    check_walks(history_of_walks(["id0", "id2", "id3"], [gone]))
    check_walks(history_of_walks(["id0", "id2", "id3"], [going]))
    check_walks(history_of_walks(everybody, [going]))
    for ids, extra in ((["id0", "id2", "id3"], []), ([*everybody, "id0"], []), (everybody, [gone])):
        with pytest.raises(Found):
            check_walks(history_of_walks(ids, extra))


def test_a_history_is_read_as_it_was_written(tmp_path):
    recorder = Recorder(tmp_path / "history-a.jsonl", "a")
    n = recorder.before(5, g="r1", c="c1", k="patch", id="x", tok="t", email=None)
    recorder.before(6, g="r1", c="c2", k="get", id="x")
    recorder.after(n, 9, s=200, v=2)
    recorder.close()
    with open(tmp_path / "history-a.jsonl", "a", encoding="utf-8") as file:
        file.write('{"n":"a3","i":7,"g"')  # killed while it wrote
    first, second = read([tmp_path / "history-a.jsonl"])
    assert (first.begin, first.end, first.status, first.answer["v"]) == (5, 9, 200, 2) and "email" not in first.asked
    assert second.end is None and not second.unknown
