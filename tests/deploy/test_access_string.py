"""The users of the database and of the cache may do exactly what the service does: each command that the source sends, and no
other."""

import re

import pytest

from access_string import CACHE_PATH, PATH, access_rules, access_string
from local_cluster import APPLICATION, LocalCluster

# What speaks to the database, and what to the cache.
FOLDERS = {PATH: ("customers", "sessions", "memorydb"), CACHE_PATH: ("objects", "memorydb")}
# path -> (allowed keys, forbidden keys) of GET
KEYS = {PATH: (["{000}c1"], ["other", "{0000}c1", "customerd:other"]),
        CACHE_PATH: (["{0123456789abcdef}o:catalogue:a/b", "{0123456789abcdef}l:catalogue:a",
                      "{0123456789abcdef}s:catalogue:a"],
                     ["other", "{000}c1", "{0123456789abcdef}c:catalogue:a", "{0123456789abcdef}o", "customerd:meta"])}
# Sent, but not asked for: everybody may sign in.
ALWAYS_ALLOWED = {"auth"}
# Second words of commands, and options.
NO_COMMANDS = {"slots", "count", "limit", "match", "withvalues"}
BARE_WORDS = {"asking", "eval", "evalsha"}  # written as protocol, in call_encode.c


@pytest.fixture(scope="module", params=[PATH, CACHE_PATH], ids=["database", "cache"])
def path(request):
    return request.param


@pytest.fixture(scope="module")
def sent(root, path):
    """The commands in the source: words of calls, words of scripts, and those that are written as protocol."""
    words = set()
    folders = FOLDERS[path]
    for folder in folders:
        for source in (root / "src" / folder).glob("*.c"):
            text = source.read_text(encoding="utf-8")
            words |= {word.lower() for word in re.findall(r'(?:SLICE\(|read_call\(\w+, )"([A-Z]+)"\)', text)}
            words |= {word.lower() for word in re.findall(r'\\r\\n([A-Z]{4,})\\r\\n', text)}
    for script in (script for folder in folders for script in (root / "src" / folder).rglob("scripts/**/*.lua")):
        words |= {word.lower() for word in re.findall(r"\bp?call\(\s*'(\w+)'", script.read_text(encoding="utf-8"))}
    assert BARE_WORDS <= words, "the way in which they are written has changed"
    return words - NO_COMMANDS


def test_it_allows_every_command_and_no_other(sent, path):
    allowed = {rule[1:].partition("|")[0] for rule in access_string(path).split() if rule.startswith("+")}
    assert allowed == sent - ALWAYS_ALLOWED
    assert not [rule for rule in access_string(path).split() if rule.startswith("+@") or rule in ("~*", "allkeys", "&*")]


def test_a_server_gives_it_back_as_it_is(tmp_path, path):
    """The normal form: what a server says of a user with it is the string itself, so Terraform sees no difference; commands
    stand in any order, which Redis 7.0 does not keep. And nothing else is allowed, nor any key that is not the service's."""
    local = LocalCluster(tmp_path / "cluster", shards=1, replicas=0, auth="password", acl=access_rules(path))
    try:
        node = local.start(service=False).nodes[0]
        listed = [line for line in node.command("ACL", "LIST") if line.startswith(f"user {APPLICATION} ")]
        assert len(listed) == 1
        rules = [word for word in listed[0].split()[2:] if not word.startswith("#") and word != "sanitize-payload"]
        wanted = access_string(path).split()
        commands_at = wanted.index("-@all") + 1
        assert rules[:commands_at] == wanted[:commands_at] and sorted(rules) == sorted(wanted)
        for command in (["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["CLUSTER", "NODES"],
                        ["SCRIPT", "FLUSH"], ["PUBLISH", "a", "b"], ["DEBUG", "SLEEP", "0"], ["SMEMBERS", "{000}r"]):
            assert node.command("ACL", "DRYRUN", APPLICATION, *command) != "OK", command
        allowed, forbidden = KEYS[path]
        for key in forbidden:
            for command in (["GET", key], ["SET", key, "x"]):
                assert "permission" in node.command("ACL", "DRYRUN", APPLICATION, *command), command
        for key in allowed:
            assert node.command("ACL", "DRYRUN", APPLICATION, "GET", key) == "OK"
    finally:
        local.stop()
