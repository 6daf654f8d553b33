"""The database without customerd: redis-benchmark with the same commands, as a client without pipelining, and the bare round trip."""

import csv
import hashlib
import subprocess

import create_script
from customers import key_slot
from load import LoadError, Sample, Target, read_sample
from peers import Contestant, WrongAnswer
from world import PEER_PASSWORD, PEER_USER, ROOT

ROUND_TRIP = ROOT / "build" / "release" / "tests" / "bench" / "round_trip"
KEY = "bench:{tag}"  # redis-benchmark puts a tag there that belongs to the node which it asks
REQUESTS_AT_FIRST = 20_000  # redis-benchmark counts requests and not seconds: the first turn tells how many a second takes
KEYSPACE = 10 ** 12
RANDOM = "__rand_int__"
ROUND_TRIP_KEYS = 300


def start_redis_benchmark(world, expected):
    """The cluster's GET of a record of the same size, and EVALSHA of the same create script with keys that are new. One command
    a connection is under way."""
    text = "v" * len(expected[0][1])  # of the same length; redis-benchmark's CSV does not bear quotes in a command
    script = create_script.text()
    for node in world.local.nodes:
        node.command("SCRIPT", "LOAD", script)
    sha1 = hashlib.sha1(script.encode()).hexdigest()
    create = ["EVALSHA", sha1, "5", f"{{tag}}k{RANDOM}", f"{{tag}}c{RANDOM}", "{tag}i", "{tag}u00", "{tag}e", "f" * 16, "a" * 8, "60",
              "0", f"0123{RANDOM}", "1700000000000", text, "1", f"0123{RANDOM}", "", ""]
    _check_create(world, create)
    _run(world, ["SET", KEY, text], 64, 60_000)  # every tag once
    rates = {}

    def sample(workload, duration_s):
        words = create if workload.kind == "create" else ["GET", KEY]
        count = round(rates.get(workload.name, REQUESTS_AT_FIRST) * duration_s)
        found = _run(world, words, workload.connections, count)
        rates[workload.name] = found.rate
        return found

    return [Contestant("redis-benchmark", Target(""), sampler=sample)]


def _check_create(world, words):
    """Sends it once as redis-benchmark will, which does not look at replies other than errors."""
    tag = "{checked}"
    command = [word.replace("{tag}", tag).replace(RANDOM, "0" * 12) for word in words]
    reply = world.connections()(key_slot(tag)).command(*command)
    if not isinstance(reply, list) or reply[0] != "done":
        raise WrongAnswer(f"redis-benchmark: the create script replies {reply!r}")


def _run(world, words, connections, count):
    command = ["redis-benchmark", "--cluster", "-h", "localhost", "-p", world.local.nodes[0].port, "--tls", "--cacert",
               world.ca_file, "--user", PEER_USER, "-a", PEER_PASSWORD, "-c", connections, "-n", count, "-r", KEYSPACE, "--csv", *words]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False)
    lines = done.stdout.splitlines()
    heads = [index for index, line in enumerate(lines) if line.startswith('"test"')]
    if done.returncode or not heads or "rror" in done.stderr:
        raise LoadError(f"redis-benchmark: {(done.stdout + done.stderr)[-1000:]}")
    row = next(csv.DictReader(lines[heads[0]:]))
    rate = float(row["rps"])
    us = {name: round(float(row[f"p{name}_latency_ms"]) * 1000) for name in ("50", "95", "99")}
    return Sample(count, count / rate, rate, round(float(row["max_latency_ms"]) * 1000), us)


def start_round_trip(world, _expected):
    """GETs of customerd's own records on one node, by the smallest client there can be."""
    node = world.local.nodes[0]
    keys = node.command("SCAN", 0, "MATCH", "{???}c*", "COUNT", 10_000, timeout_s=20)[1][:ROUND_TRIP_KEYS]

    def sample(_workload, duration_s):
        done = subprocess.run([ROUND_TRIP, str(node.port), world.ca_file, PEER_USER, PEER_PASSWORD, str(duration_s), *keys],
                              capture_output=True, text=True, timeout=300, check=False)
        return read_sample("round trip", done.stdout + done.stderr)

    return [Contestant("round-trip", Target(""), sampler=sample)]


STARTERS = {"redis-benchmark": start_redis_benchmark, "round-trip": start_round_trip}
