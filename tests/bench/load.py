"""The load generators: wrk (closed loop: a connection sends when it has its answer) and open_loop (at times that are given)."""

import json
import os
import statistics
import subprocess
import urllib.parse
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPT = HERE / "requests.lua"
OPEN_LOOP = HERE.parents[1] / "build" / "release" / "tests" / "bench" / "open_loop"
UNTIL_TIME_ENDS = 0
LONGEST_S = 900
WAIT_FOR_ANSWER_S = 20


class LoadError(Exception):
    """The load did not run as it must: answers of another status, or lost connections."""


@dataclass(frozen=True)
class Target:
    """Where requests go, and how they are made for it."""
    url: str
    prefix: str = "/customers/"
    suffix: str = ""
    authorization: str = ""


@dataclass(frozen=True)
class Sample:
    """One run of a generator. latency_us: percentile (as text) to microseconds; late_us: the same of how late an open loop itself sent."""
    requests: int
    duration_s: float
    rate: float
    max_us: int
    latency_us: dict = field(default_factory=dict)
    late_us: dict = field(default_factory=dict)

    def percentile(self, percentile):
        return self.latency_us[str(percentile)]


def command_of_wrk(target, kind, ids, connections, duration_s, tag="", count=UNTIL_TIME_ENDS):
    return ["wrk", "-t1", f"-c{connections}", f"-d{duration_s}s", f"--timeout={WAIT_FOR_ANSWER_S}s", "-s", SCRIPT, target.url,
            "--", kind, str(ids), target.prefix, target.suffix, tag, target.authorization, str(count)]


def read_sample(kind, output):
    """What requests.lua, open_loop and round_trip print."""
    lines = [line for line in output.splitlines() if line.startswith("BENCH ")]
    if not lines:
        raise LoadError(f"{kind}: {output.strip()[-1000:]}")
    found = json.loads(lines[-1][len("BENCH "):])
    if found["status_errors"] or found["socket_errors"] or not found["requests"]:
        raise LoadError(f"{kind}: {found['status_errors']} answers of a wrong status and {found['socket_errors']} lost "
                        f"connections or answers in {found['requests']} requests")
    duration_s = found["duration_us"] / 1e6
    return Sample(found["requests"], duration_s, found["requests"] / duration_s, found["max_us"], found["latency_us"],
                  found.get("late_us", {}))


def wrk(target, kind, ids, connections, duration_s, tag="", count=UNTIL_TIME_ENDS):
    """A sample. kind is one of requests.lua's; ids is a file (see there)."""
    duration_s = duration_s if count == UNTIL_TIME_ENDS else LONGEST_S
    done = subprocess.run([str(word) for word in command_of_wrk(target, kind, ids, connections, duration_s, tag, count)],
                          capture_output=True, text=True, timeout=LONGEST_S + 60, check=False)
    return read_sample(kind, done.stdout + done.stderr)


class BackgroundLoad:
    """wrk beside something else that is measured: runs until the with block ends."""

    def __init__(self, *arguments, **named):
        self._kind = arguments[1]
        self._command = [str(word) for word in command_of_wrk(*arguments, **named)]
        self.sample = None

    def __enter__(self):
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        return self

    def __exit__(self, failed, *_):
        if failed:
            self._process.kill()
        output = self._process.communicate()[0]
        if not failed:
            self.sample = read_sample(self._kind, output)


def open_loop(target, ids, connections, rate, duration_s):
    """GETs at times that are given, whatever the answers do (open_loop.c): the connections' turns lie evenly apart, and a latency
    counts from when its request was due. Sample.rate is what came of the asked one, until the last answer."""
    done = subprocess.run([str(word) for word in (OPEN_LOOP, urllib.parse.urlsplit(target.url).port, connections, rate, duration_s,
                                                  ids, target.prefix, target.suffix, target.authorization)],
                          capture_output=True, text=True, timeout=LONGEST_S, check=False)
    return read_sample("open loop", done.stdout + done.stderr)


def cpu_s(pids):
    """User and system time of the processes until now, in seconds."""
    ticks = os.sysconf("SC_CLK_TCK")
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / ticks


def median(values):
    return statistics.median(values)
