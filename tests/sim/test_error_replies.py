"""Error replies: what is tried again, what is final, and as what it ends."""

import re

import pytest

from probe_client import call
from resp import Error
from scripted_connection import error, reply

AGAIN = {
    "TRYAGAIN": "TRYAGAIN Multiple keys request during rehashing of slot",
    "CLUSTERDOWN": "CLUSTERDOWN The cluster is down",
    "slot-not-served": "CLUSTERDOWN Hash slot not served",
    "LOADING": "LOADING Redis is loading the dataset in memory",
    "MASTERDOWN": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "BUSY": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "READONLY": "READONLY You can't write against a read only replica.",
}

FINAL = {
    "MISCONF": ("MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
                "STATUS_STORAGE_FULL"),
    "OOM": ("OOM command not allowed when used memory > 'maxmemory'.", "STATUS_STORAGE_FULL"),
    "NOREPLICAS": ("NOREPLICAS Not enough good replicas to write.", "STATUS_STORAGE_FULL"),
    "WRONGTYPE": ("WRONGTYPE Operation against a key holding the wrong kind of value", "STATUS_RECORD_DAMAGED"),
    "NOPERM": ("NOPERM this user has no permissions to run the 'set' command", "STATUS_UNAVAILABLE"),
    "unknown": ("ERR something that nobody has seen before", "STATUS_UNAVAILABLE"),
    "foreign": ("ODDITY of another engine", "STATUS_UNAVAILABLE"),
    "empty": ("", "STATUS_UNAVAILABLE"),
    "no-word": (" ", "STATUS_UNAVAILABLE"),
}


@pytest.mark.parametrize("kind", AGAIN)
def test_a_passing_refusal_is_tried_again_until_it_goes_well(world, kind):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    rule = cluster.nodes[0].script("SET", error(AGAIN[kind]), times=3)
    outcome = probe.run("SET", key, "value")
    assert outcome.ok and rule.hits == 3
    assert cluster.data[key.encode()] == b"value"


@pytest.mark.parametrize("kind", AGAIN)
def test_a_refusal_that_stays_ends_with_the_deadline_and_says_that_nothing_was_applied(world, kind):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    rule = cluster.nodes[0].script("SET", error(AGAIN[kind]))
    for _ in range(5):
        outcome = probe.run("SET", key, "value", deadline_ms=1000)
        if outcome.status != "STATUS_OUTCOME_UNKNOWN":
            break
        # A try was on its way at that very instant: then nobody can know.
        rule.hits = 0
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no"
    assert outcome.elapsed_ms < 1500
    assert 2 <= rule.hits < 100
    assert probe.run("SET", cluster.key_on(cluster.nodes[1]), "value").ok


@pytest.mark.parametrize("kind", FINAL)
def test_a_final_refusal_ends_the_call_at_once_with_its_meaning(world, kind):
    text, expected = FINAL[kind]
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    rule = cluster.nodes[0].script("SET", error(text), times=1)
    outcome = probe.run("SET", key, "value", deadline_ms=5000)
    assert outcome.status == expected and outcome.applied == "no"
    assert outcome.elapsed_ms < 3000 and rule.hits == 1
    assert probe.run("SET", key, "value").ok


def test_a_failure_of_one_call_of_a_batch_is_that_calls_alone(world):
    cluster, probe = world.pair()
    good, bad = cluster.key_on(cluster.nodes[0], "good"), cluster.key_on(cluster.nodes[0], "bad")
    cluster.nodes[0].script(re.compile(rb"^SET bad"), error(FINAL["OOM"][0]))
    outcome = probe.run_batch([call("SET", good, "v"), call("SET", bad, "v"), call("SET", good, "w"), call("GET", good)])
    assert outcome.status == "STATUS_STORAGE_FULL"
    assert outcome.statuses[:3] == ["STATUS_OK", "STATUS_STORAGE_FULL", "STATUS_OK"]
    assert cluster.data[good.encode()] == b"w"


def test_an_unknown_error_is_logged_by_its_first_word_and_seldom(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script("SET", error("ODDITY about danilo@example.net"))
    for _ in range(50):
        assert not probe.run("SET", key, "value").ok
    lines = [line for line in probe.log if "ODDITY" in line]
    assert 1 <= len(lines) <= 10
    assert not any("danilo" in line for line in probe.log)


@pytest.mark.parametrize("kind", ["unknown", "foreign", "empty"])
def test_an_unknown_error_of_a_script_does_not_say_that_nothing_was_applied(world, kind):
    """A script may have failed in its middle; a plain command can't have."""
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    assert probe.run(script="return 1", keys=[key]).ok
    cluster.nodes[0].script("EVALSHA", error(FINAL[kind][0]))
    outcome = probe.run(script="return 1", keys=[key])
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "unknown"
    outcome = probe.run(script="return 1", keys=[key], lane="read")
    assert outcome.status == "STATUS_UNAVAILABLE" and outcome.applied == "no"


def test_a_script_that_is_refused_before_it_begins_says_that_nothing_was_applied(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.nodes[0].script("EVALSHA", error(FINAL["OOM"][0]))
    outcome = probe.run(script="return 1", keys=[key])
    assert outcome.status == "STATUS_STORAGE_FULL" and outcome.applied == "no"


def test_readonly_asks_for_the_map_and_goes_to_the_new_primary(world):
    cluster, probe = world.pair()
    old, new = cluster.nodes[0], cluster.add_node()
    key = cluster.key_on(old)
    cluster.hand_over(old, new)
    rule = old.script("SET", error(AGAIN["READONLY"]))
    outcome = probe.run("SET", key, "value")
    assert outcome.ok and rule.hits >= 1
    assert [event.node for event in cluster.commands("SET")][-1] is new


def test_a_cluster_that_is_down_at_the_start_is_waited_for(world):
    cluster = world.cluster()
    cluster.script("CLUSTER", error(AGAIN["LOADING"]), times=3)
    cluster.script("INFO", error(AGAIN["LOADING"]), times=3)
    probe = world.ready(cluster)
    assert probe.run("SET", "key", "value").ok


# ---- scripts ----


def test_a_script_that_the_server_does_not_know_is_sent_whole_once(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    for _ in range(3):
        outcome = probe.run(script="return 'x'", keys=[key], argv=["a", b"\x00\xff"])
        assert outcome.ok and outcome.reply == [b"ran", key.encode(), b"a", b"\x00\xff"]
    names = [event.name for event in cluster.commands()]
    assert names == ["EVALSHA", "EVAL", "EVALSHA", "EVALSHA"]
    sha, whole = cluster.commands()[:2]
    assert sha.args[2:] == whole.args[2:] and whole.args[1] == b"return 'x'"


def test_scripts_forgotten_under_load_fail_no_call(world):
    cluster, probe = world.pair()
    keys = [cluster.key_on(cluster.nodes[i % 2], f"script-{i}") for i in range(8)]
    for round_number in range(20):
        for node in cluster.nodes:
            node.known_scripts.clear()
        waiting = [(key, probe.submit(script="return 1", keys=[key], argv=[round_number])) for key in keys]
        for key, future in waiting:
            outcome = future.result(10)
            assert outcome.ok and outcome.reply == [b"ran", key.encode(), str(round_number).encode()]


def test_a_server_that_forgets_scripts_for_ever_is_answered_with_eval_each_time(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.script("EVALSHA", error("NOSCRIPT No matching script. Please use EVAL."))
    for _ in range(3):
        assert probe.run(script="return 1", keys=[key]).ok
    assert len(cluster.commands("EVAL")) == 3


def test_noscript_to_eval_itself_ends_the_call(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    cluster.script("EVALSHA", error("NOSCRIPT No matching script. Please use EVAL."))
    cluster.script("EVAL", error("NOSCRIPT No matching script. Please use EVAL."))
    outcome = probe.run(script="return 1", keys=[key], deadline_ms=600)
    assert not outcome.ok and outcome.elapsed_ms < 1500
    assert len(cluster.commands("EVAL")) < 60


@pytest.mark.parametrize("lane", ["read", "write"])
def test_the_script_and_its_fallback_stay_on_the_calls_lane(world, lane):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    assert probe.run(script="return 1", keys=[key], lane=lane).ok
    assert len({event.connection.id for event in cluster.commands() if event.name.startswith("EVAL")}) == 1


def test_replies_of_every_type_arrive_as_they_are(world):
    cluster, probe = world.pair()
    key = cluster.key_on(cluster.nodes[0])
    value = [b"", None, 0, -9223372036854775808, 9223372036854775807, b"\x00\xff\r\n", [[], [b"deep", [1]]]]
    cluster.scripts[b"return"] = lambda keys, arguments: value + [Error("ERR within")]
    outcome = probe.run(script="return", keys=[key])
    assert outcome.ok
    assert outcome.reply[:-1] == value and outcome.reply[-1] == "ERR within"
    cluster.nodes[0].script("GET", reply([]))
    assert probe.run("GET", key).reply == []
