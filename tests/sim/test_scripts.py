"""The store's scripts against a real server: every reply that each can give, a replay, and a key of the wrong type; and the
e-mail protocol step by step, with another customer's claim at each step."""

import re
import struct
import time

import pytest
from conftest import ROOT
from redis_server import Server
from resp import Error

FOLDER = ROOT / "src/customers/scripts"
TAG = "{021}"
KEYS = {kind: TAG + kind for kind in "ipr"}
CLAIMS = TAG + "u00"
FENCE = TAG + "e"
EH, EH2 = b"\x00" * 16, b"\x00" + b"\x01" * 15
ONE, TWO = b"\x01" * 16, b"\x02" * 16
PRINT, OTHER_PRINT, NO_PRINT = b"F" * 16, b"G" * 16, b"\x00" * 16
FIRST = (1 << 32) + 1


def text_of(name):
    text = (FOLDER / f"{name}.lua").read_text()
    return re.sub(r"--@include (\w+)", lambda m: (FOLDER / f"lib/{m.group(1)}.lua").read_text(), text)


def u48(number):
    return struct.pack(">Q", number)[2:]


def claim_of(customer, n=FIRST):
    return customer + u48(n)


class Store:
    """Calls the scripts as the service does, with defaults for what a test does not care about."""

    def __init__(self, server):
        self.server = server
        self.operations = 0
        self.admitted = ""  # the pass that every step that writes shows

    def operation(self):
        self.operations += 1
        return b"%016d" % self.operations

    def run(self, name, keys, *args):
        if name not in ("inspect", "meta", "restore"):
            keys, args = [*keys, FENCE], [*args, self.admitted]
        return self.server.call("EVAL", text_of(name), len(keys), *keys, *args)

    @staticmethod
    def record_key(customer):
        return TAG + "c" + customer.hex()

    @staticmethod
    def marker_key(operation):
        return TAG + "k" + operation.hex()

    def create(self, customer=ONE, eh=EH, op=None, fingerprint=NO_PRINT, attempt=b"attempt1", keep="0", body=b"body",
               stale=b"", n=FIRST):
        op = op or self.operation()
        keys = [self.marker_key(op), self.record_key(customer), KEYS["i"]] + ([CLAIMS] if eh else [])
        return self.run("create", keys, fingerprint, attempt, 60, keep, customer, 1000, body, n, eh, stale)

    def replace(self, customer=ONE, eh=EH, op=None, fingerprint=NO_PRINT, attempt=b"attempt1", keep="0", body=b"new",
                match="", none_match="", base="", now=2000):
        op = op or self.operation()
        keys = [self.marker_key(op), self.record_key(customer), KEYS["r"]]
        return self.run("replace", keys, fingerprint, attempt, 60, keep, customer, now, body, eh, match, none_match, base)

    def delete(self, customer=ONE, op=None, fingerprint=NO_PRINT, attempt=b"attempt1", match="", none_match=""):
        op = op or self.operation()
        keys = [self.marker_key(op), self.record_key(customer), KEYS["i"], KEYS["r"], KEYS["p"]]
        return self.run("delete", keys, fingerprint, attempt, 60, customer, match, none_match)

    def begin(self, customer=ONE, eh=EH2, op=None, fingerprint=NO_PRINT, attempt=b"attempt1", life=60000, match="",
              none_match="", base="", first=FIRST):
        op = op or self.operation()
        keys = [self.marker_key(op), self.record_key(customer), KEYS["p"], KEYS["r"]]
        return self.run("begin", keys, fingerprint, attempt, customer, eh, first, life, match, none_match, base, op)

    def claim(self, customer=ONE, eh=EH2, n=FIRST + 1, stale=b""):
        return self.run("claim", [CLAIMS], eh, customer, n, stale)

    def commit(self, customer=ONE, n=FIRST + 1, op=None, fingerprint=NO_PRINT, attempt=b"attempt1", keep="0", body=b"new",
               match="", none_match="", base=""):
        op = op or self.operation()
        keys = [self.marker_key(op), self.record_key(customer), KEYS["p"], KEYS["r"]]
        return self.run("commit", keys, fingerprint, attempt, 60, keep, customer, 2000, body, n, match, none_match, base)

    def abort(self, customer=ONE, n=FIRST + 1, how="own"):
        return self.run("abort", [KEYS["p"], KEYS["r"]], customer, n, how)

    def release(self, eh, claim):
        return self.run("release", [CLAIMS], eh, claim)

    def open(self, op, fingerprint=PRINT, attempt=b"attempt1", lease=60000):
        return self.run("open", [TAG + "o" + op.hex()], fingerprint, attempt, 60, lease)

    def inspect(self, customer=ONE, op=None):
        keys = [self.record_key(customer), KEYS["p"]] + ([self.marker_key(op)] if op else [])
        return self.run("inspect", keys, customer)

    def reindex(self, customer=ONE):
        return self.run("reindex", [self.record_key(customer), KEYS["i"]], customer)

    def holder(self, eh):
        return self.server.call("HGET", CLAIMS, eh)

    def released(self):
        return set(self.server.call("SMEMBERS", KEYS["r"]))

    def snapshot(self):
        """Everything that is stored, to show that a refused step changed nothing."""
        return {key: self.server.call("DUMP", key) for key in self.server.call("KEYS", "*")}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture
def store(server):
    server.call("FLUSHALL")
    return Store(server)


def refused(store, reply, word):
    """The reply is the word, and nothing was changed by the call that gave it."""
    before = store.snapshot()
    answer = reply()
    assert answer[0] == word, answer
    assert store.snapshot() == before
    return answer


# ---- create ----

def test_create_writes_record_claim_index_and_marker_together(store):
    op = store.operation()
    assert store.create(op=op, keep="1", fingerprint=PRINT) == [b"done", 1, 1000, b""]
    record = store.server.call("GET", store.record_key(ONE))
    assert record == b"\x01" + u48(1) + u48(1000) + u48(FIRST) + u48(FIRST) + EH + b"body"
    assert store.holder(EH) == claim_of(ONE)
    assert store.server.call("ZSCORE", KEYS["i"], ONE) == b"0"
    marker = store.server.call("GET", store.marker_key(op))
    assert marker == PRINT + b"attempt1" + ONE + u48(1) + u48(1000) + b"body"
    assert 0 < store.server.call("TTL", store.marker_key(op)) <= 60
    assert store.server.call("TTL", store.record_key(ONE)) == -1


def test_create_without_email_makes_no_claim(store):
    assert store.create(eh=b"")[0] == b"done"
    assert store.server.call("EXISTS", CLAIMS) == 0
    assert store.server.call("GET", store.record_key(ONE)) == b"\x01" + u48(1) + u48(1000) + u48(0) + u48(FIRST - 1) + b"body"


def test_create_again_by_the_same_attempt_is_done_once(store):
    op = store.operation()
    store.create(op=op)
    assert refused(store, lambda: store.create(op=op), b"done") == [b"done", 1, 1000, b""]


def test_create_again_by_another_attempt_replays(store):
    op = store.operation()
    store.create(op=op, fingerprint=PRINT, keep="1")
    answer = refused(store, lambda: store.create(customer=TWO, op=op, fingerprint=PRINT, attempt=b"attempt2"), b"replay")
    assert answer[1][24:40] == ONE and answer[1].endswith(b"body")


def test_create_with_another_body_is_a_mismatch(store):
    op = store.operation()
    store.create(op=op, fingerprint=PRINT)
    refused(store, lambda: store.create(op=op, fingerprint=OTHER_PRINT), b"mismatch")


def test_create_of_an_id_that_exists(store):
    store.create()
    refused(store, lambda: store.create(eh=EH2), b"exists")


def test_create_with_a_taken_email(store):
    store.create()
    assert refused(store, lambda: store.create(customer=TWO), b"taken")[1] == claim_of(ONE)


def test_create_takes_over_exactly_the_stale_claim(store):
    store.server.call("HSET", CLAIMS, EH, claim_of(TWO, FIRST + 4))
    assert store.create(stale=claim_of(TWO, FIRST + 3))[0] == b"taken"
    assert store.create(stale=claim_of(TWO, FIRST + 4))[0] == b"done"
    assert store.holder(EH) == claim_of(ONE)


# ---- replace ----

def test_replace_keeps_the_claim_and_counts_the_version(store):
    store.create()
    assert store.replace() == [b"done", 2, 2000, b""]
    assert store.server.call("GET", store.record_key(ONE)).endswith(EH + b"new")
    assert store.holder(EH) == claim_of(ONE)
    assert store.released() == set()


def test_replace_never_sets_the_clock_back(store):
    store.create()
    assert store.replace(now=5)[2] == 1000


def test_replace_without_email_lists_the_claim_for_release(store):
    store.create()
    assert store.replace(eh=b"") == [b"done", 2, 2000, EH + claim_of(ONE)]
    assert store.released() == {EH + claim_of(ONE)}
    assert len(store.server.call("GET", store.record_key(ONE))) == 25 + len(b"new")


def test_replace_with_another_email_is_left_to_the_protocol(store):
    store.create()
    refused(store, lambda: store.replace(eh=EH2), b"email")


def test_replace_of_nobody(store):
    refused(store, lambda: store.replace(), b"missing")


@pytest.mark.parametrize("match, none_match, holds", [
    ("", "", True), ("*", "", True), (",1,", "", True), (",7,1,9,", "", True), (",2,", "", False), (",11,", "", False),
    (",", "", False), ("", "*", False), ("", ",1,", False), ("", ",2,", True), ("", ",", True), (",1,", ",1,", False)])
def test_replace_judges_preconditions(store, match, none_match, holds):
    store.create()
    if holds:
        assert store.replace(match=match, none_match=none_match)[0] == b"done"
    else:
        assert refused(store, lambda: store.replace(match=match, none_match=none_match), b"precondition")[1] == 1


def test_replace_made_from_another_version_conflicts(store):
    store.create()
    assert store.replace(base=1)[0] == b"done"
    assert refused(store, lambda: store.replace(base=1), b"conflict")[1] == 2


def test_replace_replays_before_it_judges_the_precondition(store):
    store.create()
    op = store.operation()
    assert store.replace(op=op, match=",1,", fingerprint=PRINT)[0] == b"done"
    assert refused(store, lambda: store.replace(op=op, match=",1,", fingerprint=PRINT), b"done")[1] == 2
    refused(store, lambda: store.replace(op=op, match=",1,", fingerprint=PRINT, attempt=b"attempt2"), b"replay")
    refused(store, lambda: store.replace(op=op, fingerprint=OTHER_PRINT), b"mismatch")


# ---- delete ----

def test_delete_removes_record_and_index_entry_and_lists_the_claim(store):
    store.create()
    assert store.delete() == [b"done", 1, 1000, EH + claim_of(ONE)]
    assert store.server.call("EXISTS", store.record_key(ONE), KEYS["i"]) == 0
    assert store.released() == {EH + claim_of(ONE)}


def test_delete_drops_a_pending_change_and_lists_its_claim(store):
    store.create()
    store.begin()
    store.claim()
    assert store.delete()[0] == b"done"
    assert store.server.call("EXISTS", KEYS["p"]) == 0
    assert store.released() == {EH + claim_of(ONE), EH2 + claim_of(ONE, FIRST + 1)}
    assert store.commit()[0] == b"missing"


def test_delete_replies(store):
    refused(store, lambda: store.delete(), b"missing")
    store.create()
    assert refused(store, lambda: store.delete(match=",2,"), b"precondition")[1] == 1
    op = store.operation()
    assert store.delete(op=op, fingerprint=PRINT, match=",1,")[0] == b"done"
    refused(store, lambda: store.delete(op=op, fingerprint=PRINT), b"done")
    refused(store, lambda: store.delete(op=op, fingerprint=PRINT, attempt=b"attempt2"), b"replay")
    refused(store, lambda: store.delete(op=op, fingerprint=OTHER_PRINT), b"mismatch")


# ---- begin, claim, commit, abort, release ----

def test_an_email_change_in_its_steps(store):
    store.create()
    assert store.begin() == [b"begun", FIRST + 1]
    assert store.claim() == [b"claimed"]
    assert store.holder(EH) == claim_of(ONE), "the old claim stands until it is released"
    assert store.commit() == [b"done", 2, 2000, EH + claim_of(ONE)]
    assert store.holder(EH2) == claim_of(ONE, FIRST + 1)
    assert store.server.call("EXISTS", KEYS["p"]) == 0
    assert store.release(EH, claim_of(ONE)) == [b"released"]
    assert store.release(EH, claim_of(ONE)) == [b"gone"]
    assert store.holder(EH) is None


def test_begin_is_repeated_by_its_own_attempt_only(store):
    store.create()
    op = store.operation()
    assert store.begin(op=op) == [b"begun", FIRST + 1]
    refused(store, lambda: store.begin(op=op), b"begun")
    assert 0 < refused(store, lambda: store.begin(op=op, attempt=b"attempt2"), b"running")[1] <= 60000
    assert 0 < refused(store, lambda: store.begin(attempt=b"attempt3"), b"busy")[1] <= 60000


def test_begin_replies(store):
    refused(store, lambda: store.begin(), b"missing")
    store.create()
    refused(store, lambda: store.begin(eh=EH), b"same")
    assert refused(store, lambda: store.begin(match=",2,"), b"precondition")[1] == 1
    assert refused(store, lambda: store.begin(base=2), b"conflict")[1] == 1
    op = store.operation()
    store.replace(op=op, fingerprint=PRINT)
    refused(store, lambda: store.begin(op=op, fingerprint=PRINT), b"done")
    refused(store, lambda: store.begin(op=op, fingerprint=PRINT, attempt=b"attempt2"), b"replay")
    refused(store, lambda: store.begin(op=op, fingerprint=OTHER_PRINT), b"mismatch")


def test_begin_fences_what_is_past_its_deadline(store):
    store.create()
    store.begin(life=0)
    wait_a_millisecond()
    assert store.begin(attempt=b"attempt2") == [b"begun", FIRST + 2]
    assert store.released() == {EH2 + claim_of(ONE, FIRST + 1)}
    assert store.commit(n=FIRST + 1)[0] == b"fenced"


def test_begin_starts_above_the_numbers_of_older_epochs(store):
    store.create()
    assert store.begin(first=(2 << 32) + 1) == [b"begun", (2 << 32) + 1]


def test_claim_replies(store):
    assert store.claim() == [b"claimed"]
    assert refused(store, lambda: store.claim(), b"claimed") == [b"claimed"]
    assert store.claim(n=FIRST + 2) == [b"claimed"]
    assert refused(store, lambda: store.claim(), b"stale") == [b"stale"]
    assert refused(store, lambda: store.claim(customer=TWO, n=FIRST + 9), b"taken")[1] == claim_of(ONE, FIRST + 2)
    assert refused(store, lambda: store.claim(customer=TWO, stale=claim_of(ONE, FIRST + 1)), b"taken")
    assert store.claim(customer=TWO, stale=claim_of(ONE, FIRST + 2)) == [b"claimed"]


def test_commit_replies(store):
    refused(store, lambda: store.commit(), b"missing")
    store.create()
    refused(store, lambda: store.commit(), b"fenced")
    store.begin()
    refused(store, lambda: store.commit(n=FIRST + 2), b"fenced")
    assert refused(store, lambda: store.commit(match=",2,"), b"precondition")[1] == 1
    assert refused(store, lambda: store.commit(base=2), b"conflict")[1] == 1
    op = store.operation()
    assert store.commit(op=op, fingerprint=PRINT, base=1)[0] == b"done"
    assert refused(store, lambda: store.commit(op=op, fingerprint=PRINT), b"done")[1] == 2
    refused(store, lambda: store.commit(op=op, fingerprint=PRINT, attempt=b"attempt2"), b"replay")
    refused(store, lambda: store.commit(op=op, fingerprint=OTHER_PRINT), b"mismatch")


def test_abort_replies(store):
    store.create()
    refused(store, lambda: store.abort(), b"gone")
    store.begin()
    assert 0 < refused(store, lambda: store.abort(how="fence"), b"live")[1] <= 60000
    refused(store, lambda: store.abort(n=FIRST + 2), b"gone")
    assert store.abort() == [b"aborted", EH2 + claim_of(ONE, FIRST + 1)]
    assert store.released() == {EH2 + claim_of(ONE, FIRST + 1)}
    refused(store, lambda: store.commit(), b"fenced")


def test_abort_fences_after_the_deadline(store):
    store.create()
    store.begin(life=0)
    wait_a_millisecond()
    assert store.abort(how="fence")[0] == b"aborted"


def test_release_takes_only_exactly_this_claim(store):
    store.claim(n=FIRST + 2)
    refused(store, lambda: store.release(EH2, claim_of(ONE, FIRST + 1)), b"gone")
    refused(store, lambda: store.release(EH2, claim_of(TWO, FIRST + 2)), b"gone")
    assert store.release(EH2, claim_of(ONE, FIRST + 2)) == [b"released"]


def wait_a_millisecond():
    """Deadlines are the server's TIME in whole milliseconds."""
    time.sleep(0.002)


# ---- another customer's claim at each step of a change ----

def another_with(store, eh):
    assert store.create(customer=TWO, eh=eh)[0] == b"done"


def test_another_claims_before_begin(store):
    store.create()
    another_with(store, EH2)
    n = store.begin()[1]
    assert store.claim(n=n) == [b"taken", claim_of(TWO)]
    assert store.abort(n=n)[0] == b"aborted"
    assert store.holder(EH2) == claim_of(TWO) and store.holder(EH) == claim_of(ONE)


def test_another_claims_between_begin_and_claim(store):
    store.create()
    n = store.begin()[1]
    another_with(store, EH2)
    assert store.claim(n=n)[0] == b"taken"


def test_another_can_not_claim_between_claim_and_commit(store):
    store.create()
    n = store.begin()[1]
    store.claim(n=n)
    assert store.create(customer=TWO, eh=EH2) == [b"taken", claim_of(ONE, n)]
    record, intent, _ = store.inspect()
    assert intent[:6] == u48(n), "the reserved claim has backing"
    assert store.commit(n=n)[0] == b"done"


def test_another_takes_over_after_a_fence_and_the_late_commit_fails(store):
    store.create()
    n = store.begin(life=0)[1]
    store.claim(n=n)
    wait_a_millisecond()
    assert store.abort(n=n, how="fence")[0] == b"aborted"
    assert store.create(customer=TWO, eh=EH2, stale=claim_of(ONE, n))[0] == b"done"
    refused(store, lambda: store.commit(n=n), b"fenced")
    assert store.release(EH2, claim_of(ONE, n)) == [b"gone"], "the sweep of the fenced claim leaves the new owner alone"
    assert store.holder(EH2) == claim_of(TWO)


def test_another_takes_the_old_email_after_commit(store):
    store.create()
    n = store.begin()[1]
    store.claim(n=n)
    release = store.commit(n=n)[3]
    assert store.create(customer=TWO, eh=EH)[0] == b"taken"
    assert store.create(customer=TWO, eh=EH, stale=claim_of(ONE))[0] == b"done"
    assert store.release(release[:16], release[16:]) == [b"gone"]
    assert store.holder(EH) == claim_of(TWO)


def test_there_and_back_again_does_not_lose_the_claim_to_a_late_release(store):
    store.create()
    n = store.begin(eh=EH2)[1]
    store.claim(eh=EH2, n=n)
    late = store.commit(n=n)[3]
    m = store.begin(eh=EH)[1]
    assert store.claim(eh=EH, n=m) == [b"claimed"]
    assert store.commit(n=m)[0] == b"done"
    assert store.release(late[:16], late[16:]) == [b"gone"]
    assert store.holder(EH) == claim_of(ONE, m)


def test_a_claim_that_arrives_late_does_not_undo_a_later_one(store):
    store.create()
    early = store.begin(life=0)[1]
    wait_a_millisecond()
    n = store.begin(attempt=b"attempt2")[1]
    store.claim(n=n)
    store.commit(n=n)
    assert store.claim(n=early) == [b"stale"]
    assert store.holder(EH2) == claim_of(ONE, n)


# ---- inspect, open, meta, reindex ----

def test_inspect_tells_what_is_there(store):
    assert store.inspect() == [b"", b"", b""]
    op = store.operation()
    store.create(op=op)
    store.begin()
    record, intent, marker = store.inspect(op=op)
    assert record == store.server.call("GET", store.record_key(ONE))
    assert len(intent) == 52 and intent[6:22] == EH2
    assert marker[24:40] == ONE


def test_open_replies(store):
    op = store.operation()
    assert store.open(op) == [b"opened"]
    assert 0 < store.server.call("TTL", TAG + "o" + op.hex()) <= 60
    refused(store, lambda: store.open(op, fingerprint=OTHER_PRINT), b"mismatch")
    assert 0 < refused(store, lambda: store.open(op, attempt=b"attempt2"), b"running")[1] <= 60000
    assert store.open(op, lease=0) == [b"opened"], "its own attempt may end the lease"
    assert store.open(op, attempt=b"attempt2") == [b"opened"]
    assert store.server.call("TTL", TAG + "o" + op.hex()) > 0
    refused(store, lambda: store.open(op, attempt=b"attempt3"), b"running")


def test_meta_is_written_once(store):
    first = store.run("meta", ["customerd:meta"], "1", "256", "salt-one", "1")
    assert first == [b"1", b"256", b"salt-one", b"1", b"", b""]
    assert store.run("meta", ["customerd:meta"], "1", "256", "salt-two", "1") == first


def test_restore_changes_only_the_meta_key_that_was_read(store):
    store.run("meta", ["customerd:meta"], "1", "256", "salt", "1")
    assert store.run("restore", ["customerd:meta"], "", "1", "2", "2-b", "1") == [b"conflict"]
    assert store.run("restore", ["customerd:meta"], "1-a", "", "2", "2-b", "1") == [b"conflict"]
    assert store.run("meta", ["customerd:meta"], "1", "256", "x", "1")[3:] == [b"1", b"", b""]
    assert store.run("restore", ["customerd:meta"], "", "", "2", "2-b", "1") == [b"done"]
    assert store.run("meta", ["customerd:meta"], "1", "256", "x", "1") == [b"1", b"256", b"salt", b"2", b"2-b", b"1"]
    assert store.run("restore", ["customerd:meta"], "2-b", "1", "2", "2-b", "") == [b"done"]
    assert store.run("meta", ["customerd:meta"], "1", "256", "x", "1")[5] == b""


STEPS = [("create", lambda s: s.create(TWO, eh=b"\x00" + b"\x05" * 15)), ("replace", lambda s: s.replace()),
         ("delete", lambda s: s.delete()), ("begin", lambda s: s.begin()), ("claim", lambda s: s.claim()),
         ("commit", lambda s: s.commit()), ("abort", lambda s: s.abort()), ("abort a stranger's", lambda s: s.abort(TWO)),
         ("release", lambda s: s.release(EH, claim_of(ONE))), ("open", lambda s: s.open(b"o" * 16)),
         ("reindex", lambda s: s.reindex())]


@pytest.mark.parametrize("fence,admitted", [(b"2-b", ""), (b"2-b", "1-a"), (b"", "2-b"), (b"2-b", "2-bb")])
@pytest.mark.parametrize("step", [pytest.param(s, id=n) for n, s in STEPS])
def test_no_step_is_let_in_under_another_pass(store, step, fence, admitted):
    store.create()
    assert store.begin()[0] == b"begun"
    store.server.call("ZREM", KEYS["i"], ONE)  # so that there is something to list
    if fence:
        store.server.call("SET", FENCE, fence)
    before, store.admitted = store.snapshot(), admitted
    assert step(store) == [b"closed"]
    assert store.snapshot() == before
    store.admitted = fence.decode()
    assert step(store) != [b"closed"]


def test_what_was_done_before_a_restore_is_still_told(store):
    operation = store.operation()
    done = store.create(op=operation)
    store.server.call("SET", FENCE, "2-b")
    assert store.create(op=operation) == done
    assert store.create(op=operation, attempt=b"attempt2")[0] == b"replay"


def test_reindex_replies(store):
    store.create()
    refused(store, lambda: store.reindex(), b"right")
    store.server.call("ZREM", KEYS["i"], ONE)
    assert store.reindex() == [b"added"]
    store.server.call("DEL", store.record_key(ONE))
    assert store.reindex() == [b"removed"]
    refused(store, lambda: store.reindex(), b"right")


# ---- keys of the wrong type ----

STEPS = {
    "create": (lambda s: s.create(op=b"w" * 16), ["marker", "record", "i", "claims"]),
    "replace": (lambda s: s.replace(op=b"w" * 16), ["marker", "record", "r"]),
    "delete": (lambda s: s.delete(op=b"w" * 16), ["marker", "record", "i", "r", "p"]),
    "begin": (lambda s: s.begin(op=b"w" * 16), ["marker", "record", "p", "r"]),
    "commit": (lambda s: s.commit(op=b"w" * 16), ["marker", "record", "p", "r"]),
    "claim": (lambda s: s.claim(), ["claims"]),
    "abort": (lambda s: s.abort(), ["p", "r"]),
    "release": (lambda s: s.release(EH, claim_of(ONE)), ["claims"]),
    "inspect": (lambda s: s.inspect(op=b"w" * 16), ["record", "p", "marker"]),
    "open": (lambda s: s.open(b"w" * 16), ["opened"]),
    "reindex": (lambda s: s.reindex(), ["record", "i"]),
}


@pytest.mark.parametrize("step, kind", [(step, kind) for step, (_, kinds) in STEPS.items() for kind in kinds])
def test_a_key_of_the_wrong_type_is_an_error_without_effect(store, step, kind):
    if step not in ("create", "open"):
        store.create()
        store.begin()
    key = {"marker": store.marker_key(b"w" * 16), "record": store.record_key(ONE), "claims": CLAIMS,
           "opened": TAG + "o" + (b"w" * 16).hex()}.get(kind, TAG + kind)
    store.server.call("DEL", key)
    store.server.call("LPUSH", key, "not what it should be")
    before = store.snapshot()
    reply = STEPS[step][0](store)
    assert isinstance(reply, Error) and reply.startswith("WRONGTYPE"), reply
    assert store.snapshot() == before


@pytest.mark.parametrize("damaged", [b"", b"\x01short", b"\x02" + b"\x00" * 40, b"\x01" + b"\x00" * 17 + b"\x01" * 8])
@pytest.mark.parametrize("step", ["replace", "delete", "begin", "commit"])
def test_a_damaged_record_is_an_error_without_effect(store, step, damaged):
    store.create()
    store.server.call("SET", store.record_key(ONE), damaged)
    before = store.snapshot()
    reply = STEPS[step][0](store)
    assert isinstance(reply, Error) and reply.startswith("WRONGTYPE damaged"), reply
    assert store.snapshot() == before


def test_at_the_memory_limit_creates_are_refused_before_their_first_effect_and_deletes_work(store):
    store.create()
    store.server.call("CONFIG", "SET", "maxmemory", "1")
    try:
        before = store.snapshot()
        assert store.create(customer=TWO, eh=EH2).startswith("OOM")
        assert store.replace().startswith("OOM")
        assert store.snapshot() == before
        assert store.delete()[0] == b"done"
        assert store.release(EH, claim_of(ONE)) == [b"released"]
    finally:
        store.server.call("CONFIG", "SET", "maxmemory", "0")
