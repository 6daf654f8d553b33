"""The database user may do exactly what the service does: each command that the source sends, and no other."""

import re

import pytest

from access_string import access_rules, access_string
from local_cluster import APPLICATION, LocalCluster

# What speaks to this database.
FOLDERS = ("customers", "sessions", "memorydb")
# Sent, but not asked for: everybody may sign in.
ALWAYS_ALLOWED = {"auth"}
# Second words of commands, and options.
NO_COMMANDS = {"slots", "count", "limit", "match", "withvalues"}
BARE_WORDS = {"asking", "eval", "evalsha"}  # written as protocol, in call_encode.c


@pytest.fixture(scope="module")
def sent(root):
    """The commands in the source: words of calls, words of scripts, and those that are written as protocol."""
    words = set()
    for folder in FOLDERS:
        for path in (root / "src" / folder).glob("*.c"):
            text = path.read_text(encoding="utf-8")
            words |= {word.lower() for word in re.findall(r'SLICE\("([A-Z]+)"\)', text)}
            words |= {word.lower() for word in re.findall(r'\\r\\n([A-Z]{4,})\\r\\n', text)}
    for path in (path for folder in FOLDERS for path in (root / "src" / folder).rglob("scripts/**/*.lua")):
        words |= {word.lower() for word in re.findall(r"redis\.p?call\(\s*'(\w+)'", path.read_text(encoding="utf-8"))}
    assert BARE_WORDS <= words, "the way in which they are written has changed"
    return words - NO_COMMANDS


def test_it_allows_every_command_and_no_other(sent):
    allowed = {rule[1:].partition("|")[0] for rule in access_string().split() if rule.startswith("+")}
    assert allowed == sent - ALWAYS_ALLOWED
    assert not [rule for rule in access_string().split() if rule.startswith("+@") or rule in ("~*", "allkeys", "&*")]


def test_a_server_gives_it_back_as_it_is(tmp_path):
    """The normal form: what a server says of a user with it is the string itself, so Terraform sees no difference; commands
    stand in any order, which Redis 7.0 does not keep. And nothing else is allowed, nor any key that is not the service's."""
    with LocalCluster(tmp_path / "cluster", shards=1, replicas=0, auth="password", acl=access_rules()) as local:
        node = local.nodes[0]
        listed = [line for line in node.command("ACL", "LIST") if line.startswith(f"user {APPLICATION} ")]
        assert len(listed) == 1
        rules = [word for word in listed[0].split()[2:] if not word.startswith("#") and word != "sanitize-payload"]
        wanted = access_string().split()
        commands_at = wanted.index("-@all") + 1
        assert rules[:commands_at] == wanted[:commands_at] and sorted(rules) == sorted(wanted)
        for command in (["FLUSHALL"], ["KEYS", "*"], ["CONFIG", "GET", "*"], ["ACL", "LIST"], ["CLUSTER", "NODES"],
                        ["SCRIPT", "FLUSH"], ["PUBLISH", "a", "b"], ["DEBUG", "SLEEP", "0"], ["SMEMBERS", "{000}r"]):
            assert node.command("ACL", "DRYRUN", APPLICATION, *command) != "OK", command
        for command in (["GET", "other"], ["SET", "{0000}c1", "x"], ["GET", "customerd:other"]):
            assert "permission" in node.command("ACL", "DRYRUN", APPLICATION, *command), command
        assert node.command("ACL", "DRYRUN", APPLICATION, "GET", "{000}c1") == "OK"
