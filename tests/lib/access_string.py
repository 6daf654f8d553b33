"""The access strings of the database's user and of the cache's, as deploy/terraform gives them."""

from pathlib import Path

TERRAFORM = Path(__file__).resolve().parents[2] / "deploy" / "terraform"
PATH, CACHE_PATH = TERRAFORM / "access-string", TERRAFORM / "objects" / "access-string"


def access_string(path=PATH):
    """In one line, as MemoryDB gives it back: what Terraform makes of the file."""
    rules = [line.strip() for line in Path(path).read_text(encoding="utf-8").split("\n")]
    return " ".join(rule for rule in rules if rule and not rule.startswith("#"))


def access_rules(path=PATH):
    """The same for an ACL of a cluster of our own, where whether the user may sign in is told apart."""
    on, _, rules = access_string(path).partition(" ")
    assert on == "on", f"{path} must begin with on"
    return rules
