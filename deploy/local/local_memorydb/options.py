"""The options of deploy/local/up."""

import argparse
import re
import subprocess
from pathlib import Path

from .cluster import DEFAULTS
from .errors import LocalError

BOUNDS = {"shards": (1, 16), "replicas": (0, 5), "http_port": (1, 65533), "token_ttl": (5, 900),
          "credential_ttl": (10, 43200), "connection_ttl": (5, 86400)}
UP_DEFAULTS = {**DEFAULTS, "http_port": 8080}


class _OneLine(argparse.ArgumentParser):
    def error(self, message):
        raise LocalError(f"{message} (--help tells the options)")


def _number(name):
    low, high = BOUNDS[name]

    def parse(text):
        if not re.fullmatch(r"[0-9]{1,9}", text):
            raise argparse.ArgumentTypeError(f"{text!r} is not a number")
        value = int(text)
        if not low <= value <= high and not (value == 0 and name == "connection_ttl"):
            raise argparse.ArgumentTypeError(f"{value} is not within {low} to {high}")
        return value

    return parse


def _engine(text):
    path = Path(text).absolute()
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise argparse.ArgumentTypeError(f"{text} can't be run") from error
    found = re.search(r"(Redis|Valkey) server v=(\d+)", said)
    if not found or int(found.group(2)) < 7:
        raise argparse.ArgumentTypeError(f"{text} is not redis-server 7 or later, or valkey-server")
    return str(path)


def parse_up(arguments):
    """What was given, by name; what was not is absent. Also: fresh, detach."""
    parser = _OneLine(add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS, prog="up")
    parser.add_argument("--detach", action="store_true", default=False)
    parser.add_argument("--fresh", action="store_true", default=False)
    parser.add_argument("--auth", choices=("iam", "password"))
    parser.add_argument("--engine", type=_engine)
    for name in BOUNDS:
        parser.add_argument("--" + name.replace("_", "-"), type=_number(name))
    return vars(parser.parse_args(arguments))


def parse_down(arguments):
    """fresh"""
    parser = _OneLine(add_help=False, allow_abbrev=False, prog="down")
    parser.add_argument("--fresh", action="store_true")
    return parser.parse_args(arguments)


def settle(given, state):
    """The whole set: what was given, else the layout that the data have, else the defaults."""
    layout = {name: state[name] for name in ("shards", "replicas") if name in state}
    chosen = {**UP_DEFAULTS, **layout, **{k: v for k, v in given.items() if k in UP_DEFAULTS}}
    if not Path(chosen["engine"]).exists():
        raise LocalError(f"{chosen['engine']} does not exist: install redis-server, or name another by --engine")
    return chosen
