"""The load generators: wrk (closed loop: a connection sends when it has its answer) and h2load (open loop: at given times)."""

import json
import os
import statistics
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent / "requests.lua"
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
    """One run of a generator. latency_us: percentile (as text) to microseconds."""
    requests: int
    duration_s: float
    rate: float
    max_us: int
    latency_us: dict = field(default_factory=dict)

    def percentile(self, percentile):
        return self.latency_us[str(percentile)]


def command_of_wrk(target, kind, ids, connections, duration_s, tag="", count=UNTIL_TIME_ENDS):
    return ["wrk", "-t1", f"-c{connections}", f"-d{duration_s}s", f"--timeout={WAIT_FOR_ANSWER_S}s", "-s", SCRIPT, target.url,
            "--", kind, str(ids), target.prefix, target.suffix, tag, target.authorization, str(count)]


def read_wrk(kind, output):
    lines = [line for line in output.splitlines() if line.startswith("BENCH ")]
    if not lines:
        raise LoadError(f"wrk ({kind}) said: {output.strip()[-1000:]}")
    found = json.loads(lines[-1][len("BENCH "):])
    if found["status_errors"] or found["socket_errors"] or not found["requests"]:
        raise LoadError(f"{kind}: {found['status_errors']} answers of a wrong status and {found['socket_errors']} lost "
                        f"connections in {found['requests']} requests")
    duration_s = found["duration_us"] / 1e6
    return Sample(found["requests"], duration_s, found["requests"] / duration_s, found["max_us"], found["latency_us"])


def wrk(target, kind, ids, connections, duration_s, tag="", count=UNTIL_TIME_ENDS):
    """A sample. kind is one of requests.lua's; ids is a file (see there)."""
    duration_s = duration_s if count == UNTIL_TIME_ENDS else LONGEST_S
    done = subprocess.run([str(word) for word in command_of_wrk(target, kind, ids, connections, duration_s, tag, count)],
                          capture_output=True, text=True, timeout=LONGEST_S + 60, check=False)
    return read_wrk(kind, done.stdout + done.stderr)


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
            self.sample = read_wrk(self._kind, output)


def h2load(target, ids, connections, rate, duration_s, directory):
    """Requests at fixed times on every connection, whatever the answers do; Sample of the latencies.

    h2load notes when a request was really sent. A connection carries one request at a time, so one whose turn comes while
    the last is unanswered is sent late: with the interval of a connection (connections / rate) far above the
    latency that is rare. How far the achieved rate fell behind the asked one shows it: the report gives both."""
    log, uris = Path(directory) / "h2load.log", Path(directory) / "h2load.uris"
    log.unlink(missing_ok=True)
    with open(ids, encoding="ascii") as lines:
        uris.write_text("".join(f"{target.url}{target.prefix}{line.strip()}{target.suffix}\n" for line in lines))
    started = time.monotonic()
    done = subprocess.run(["h2load", "--h1", "-t1", f"-c{connections}", f"-D{duration_s}", f"--rps={rate / connections:.4f}",
                           f"--log-file={log}", f"--input-file={uris}"], capture_output=True, text=True,
                          timeout=LONGEST_S, check=False)
    took_s = time.monotonic() - started
    rows = [line.split("\t") for line in log.read_text().splitlines()] if log.exists() else []
    if done.returncode or not rows or any(row[1] != "200" for row in rows):
        raise LoadError(f"h2load: {(done.stdout + done.stderr).strip()[-1000:]}")
    log.unlink()
    latencies = sorted(int(row[2]) for row in rows)
    first, last = (pick(int(row[0]) for row in rows) for pick in (min, max))
    duration = max((last - first) / 1e6, 0.001) if len(rows) > 1 else took_s
    return Sample(len(rows), duration, len(rows) / duration, latencies[-1], percentiles_of(latencies))


def percentiles_of(ordered):
    """Of an ordered list, in the same form as wrk's."""
    wanted = ("1", "5", "10", "25", "50", "75", "90", "95", "99", "99.9", "99.99")
    return {name: ordered[min(len(ordered) - 1, int(len(ordered) * float(name) / 100))] for name in wanted}


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
