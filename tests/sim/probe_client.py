"""Drives the probe program: calls in, outcomes out, several in flight."""

import concurrent.futures
import hashlib
import itertools
import json
import os
import subprocess
import threading
import time

WAIT_S = 20
NO_REPORTS = {"ASAN_OPTIONS": "exitcode=88:detect_leaks=1", "UBSAN_OPTIONS": "print_stacktrace=1:exitcode=88",
              "TSAN_OPTIONS": "exitcode=88:second_deadlock_stack=1"}


class ReplyError(str):
    """An error reply within a reply."""


class ReplyStatus(str):
    """A simple string."""


class Digest(str):
    """What the probe says of a long bulk; equal to the bytes that it was made of."""

    def __eq__(self, other):
        return hashlib.sha256(other).hexdigest() == str(self)

    __hash__ = str.__hash__


class Pattern:
    """A long word: n bytes 0, 1 ... 255, 0 ..., and a text."""

    def __init__(self, n, then=""):
        self.n, self.then = n, then

    def __bytes__(self):
        return (bytes(range(256)) * (self.n // 256 + 1))[:self.n] + self.then.encode()


def _decode(value):
    if isinstance(value, list):
        return [_decode(one) for one in value]
    if isinstance(value, dict) and "sha256" in value:
        return Digest(value["sha256"])
    if isinstance(value, dict):
        (kind, text), = value.items()
        return {"bulk": lambda: text.encode("latin-1"), "status": lambda: ReplyStatus(text),
                "error": lambda: ReplyError(text)}[kind]()
    return value


class Outcome:
    """How one cluster_run ended."""

    def __init__(self, line):
        self.status = line["status"]
        self.applied = line["applied"]
        self.retry_after_s = line["retry_after"]
        self.detail = line["detail"]
        self.elapsed_ms = line["elapsed_ms"]
        self.statuses = [call["status"] for call in line["calls"]]
        self.replies = [_decode(call.get("reply")) for call in line["calls"]]

    @property
    def ok(self):
        return self.status == "STATUS_OK"

    @property
    def reply(self):
        return self.replies[0]

    def __repr__(self):
        return (f"<{self.status} applied={self.applied} retry_after={self.retry_after_s} {self.detail!r} "
                f"after {self.elapsed_ms} ms, {self.statuses}>")


def _text(word):
    if isinstance(word, Pattern):
        return {"pattern": word.n, "then": word.then}
    return word.decode("latin-1") if isinstance(word, bytes) else str(word).encode().decode("latin-1")


def call(*args, lane=None, key=None, shard=None, script=None, keys=(), argv=()):
    """One call as the probe reads it. The lane is write for what changes data, unless stated."""
    if script is not None:
        body = {"script": script, "keys": [_text(k) for k in keys], "argv": [_text(a) for a in argv],
                "lane": lane or "write"}
        key = key or keys[0]
    else:
        reads = ("GET", "STRLEN", "PING", "INFO")
        body = {"args": [_text(word) for word in args], "lane": lane or ("read" if args[0] in reads else "write")}
        key = key or (args[1] if len(args) > 1 else None)
    if shard is not None:
        body["shard"] = shard
    else:
        body["slot_key"] = _text(key)
    return body


class Probe:
    """A running probe. `settings` are CUSTOMERD_ and AWS_ variables."""

    def __init__(self, binary, settings, threads=16, names_file=None):
        environment = {name: value for name, value in os.environ.items()
                       if not name.startswith(("CUSTOMERD_", "AWS_", "SIM_"))}
        for name, value in NO_REPORTS.items():
            environment[name] = value + (":" + environment[name] if name in environment else "")
        environment.update({name: str(value) for name, value in settings.items()})
        environment["SIM_THREADS"] = str(threads)
        if names_file is not None:
            environment["SIM_NAMES"] = str(names_file)
        self._process = subprocess.Popen([str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                         stderr=subprocess.PIPE, env=environment)
        self._ids = itertools.count(1)
        self._waiting = {}
        self._lock = threading.Lock()
        self.expected_code = 0
        self.log = []
        self.report = []
        self._threads = [threading.Thread(target=self._read_outcomes, daemon=True),
                         threading.Thread(target=self._read_errors, daemon=True)]
        for thread in self._threads:
            thread.start()

    @property
    def pid(self):
        return self._process.pid

    def submit(self, *args, deadline_ms=3000, **kinds):
        """Starts one call; a Future of its Outcome."""
        return self.submit_batch([call(*args, **kinds)], deadline_ms)

    def submit_batch(self, calls, deadline_ms=3000):
        future = self._send({"calls": calls, "deadline_ms": deadline_ms})
        outcome = concurrent.futures.Future()
        future.add_done_callback(lambda done: outcome.set_exception(done.exception()) if done.exception()
                                 else outcome.set_result(Outcome(done.result())))
        return outcome

    def run(self, *args, deadline_ms=3000, **kinds):
        return self.submit(*args, deadline_ms=deadline_ms, **kinds).result(WAIT_S)

    def run_batch(self, calls, deadline_ms=3000):
        return self.submit_batch(calls, deadline_ms).result(WAIT_S)

    def state(self):
        return self._send({"state": True}).result(WAIT_S)

    def wait_state(self, condition, what, timeout_s=10):
        deadline = time.monotonic() + timeout_s
        while True:
            state = self.state()
            if condition(state):
                return state
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {timeout_s} s for {what}; state: {state}; log:\n" + "\n".join(self.log[-40:]))
            time.sleep(0.01)

    def wait_ready(self, timeout_s=10):
        """Until every slot is served and every lane is connected."""
        return self.wait_state(lambda s: s["slots_served"] == 16384 and s["shards"] and all(
            shard["reads_ready"] and shard["writes_ready"] for shard in s["shards"]), "readiness", timeout_s)

    def stop(self):
        """Ends the probe; fails when it didn't end well or a sanitizer reported something."""
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        try:
            code = self._process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError("the probe did not end") from None
        finally:
            for thread in self._threads:
                thread.join(5)
        said = code == self.expected_code and (code != 0 or not self.report)
        assert said, f"the probe ended with {code}:\n" + "\n".join(self.report[-100:])

    def _send(self, body):
        future = concurrent.futures.Future()
        body["id"] = next(self._ids)
        with self._lock:
            self._waiting[body["id"]] = future
            self._process.stdin.write(json.dumps(body).encode() + b"\n")
            self._process.stdin.flush()
        return future

    def _read_outcomes(self):
        for line in self._process.stdout:
            outcome = json.loads(line)
            with self._lock:
                future = self._waiting.pop(outcome["id"])
            future.set_result(outcome)
        with self._lock:
            waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            future.set_exception(RuntimeError("the probe ended:\n" + "\n".join(self.report[-60:])))

    def _read_errors(self):
        """The program logs JSON lines; anything else is a sanitizer's report or a crash."""
        for line in self._process.stderr:
            text = line.decode("utf-8", "replace").rstrip("\n")
            (self.log if text.startswith("{") else self.report).append(text)
