"""What the proxies' faults rest on: where commands and replies end, and which rules meet what."""

import pytest

from lab import frames
from lab.proxy_rules import GARBAGE, KINDS, Rule

REPLIES = (b"+OK\r\n", b"-ERR no\r\n", b":12\r\n", b"$3\r\na\r\n\r\n", b"$-1\r\n", b"*0\r\n", b"*-1\r\n", b"*2\r\n:1\r\n*1\r\n$0\r\n\r\n")


@pytest.mark.parametrize("reply", REPLIES)
def test_a_reply_ends_where_it_ends(reply):
    for at in range(len(reply)):
        assert frames.reply_end(reply[:at]) == -1, reply[:at]
    assert frames.reply_end(reply + b"+more\r\n") == len(reply)
    assert frames.reply_end(b"+before\r\n" + reply, 9) == 9 + len(reply)


def test_a_command_is_encoded_and_read():
    frame = frames.encode(b"evalsha", b"a\r\nb", b"")
    assert frames.command_end(frame) == len(frame) and frames.command_name(frame) == b"EVALSHA"
    assert frames.command_words(frame) == [b"evalsha", b"a\r\nb", b""]


def test_addresses_become_the_proxies():
    slots = b"*1\r\n*3\r\n:0\r\n:16383\r\n*3\r\n$9\r\nlocalhost\r\n:20001\r\n$1\r\nx\r\n"
    assert frames.rewrite_topology(slots, {20001: 30001, 16383: 1}).count(b":30001\r\n") == 1
    assert frames.rewrite_redirect(b"-MOVED 5 localhost:20001\r\n", {20001: 30001}) == b"-MOVED 5 localhost:30001\r\n"
    assert frames.rewrite_redirect(b"-ERR localhost:20001\r\n", {20001: 30001}) == b"-ERR localhost:20001\r\n"


def met(seed, name, **options):
    rule = Rule({"id": "r", "kind": "delay", "seed": seed, **options}, "node-0")
    return [rule.meets(name) for _ in range(50)]


def test_a_rule_meets_what_it_names_and_the_same_again():
    assert met(1, b"GET", p=0.5) == met(1, b"GET", p=0.5) != met(2, b"GET", p=0.5)
    assert all(met(1, b"GET")) and not any(met(1, b"GET", commands="writes")) and all(met(1, b"GET", commands="reads"))
    assert all(met(1, b"EVALSHA", commands="writes")) and not any(met(1, b"AUTH")) and all(met(1, b"AUTH", commands=["AUTH"]))
    assert sum(met(1, b"GET", limit=3)) == 3


def test_the_kinds_are_there():
    assert {"delay", "stall", "cut_command", "cut_reply", "drop_reply", "late", "twice", "again", "error", "error_after", "garbage",
            "pieces"} == set(KINDS)
    assert all(not garbage.startswith((b"+", b"-")) for garbage in GARBAGE)
