"""The history: one line before each call and one after it, in a file of its own for each load process.

Before: {"n": call, "i": ns, "g": group, "c": client, "k": kind, "id":, "key":, "tok":, "email":, "match":, "made":, "at": instance}
After:  {"n": call, "o": ns, "s": status, "v": version, ...}; s is 0 when nothing was sent, -1 when the answer was lost.

Kinds: create, patch, put, delete, get, find, walk. Times are of the machine's monotonic clock, which all processes share. A
group is a set of customers and e-mails that nobody outside it touches; it begins with r (one customer), i (an island), p (the
probe)."""

import json
import pathlib
import sys

UNSENT, LOST = 0, -1
WRITES = ("create", "patch", "put", "delete")


class Recorder:
    """Each line is handed to the system before the call is made, so that a killed load leaves a whole history."""

    def __init__(self, path, prefix):
        self._file = open(path, "w", encoding="utf-8", buffering=1)
        self._prefix, self._n = prefix, 0

    def before(self, at_ns, **fields):
        self._n += 1
        n = f"{self._prefix}{self._n}"
        self._file.write(json.dumps({"n": n, "i": at_ns, **{k: v for k, v in fields.items() if v is not None}},
                                    separators=(",", ":")) + "\n")
        return n

    def after(self, n, at_ns, **fields):
        self._file.write(json.dumps({"n": n, "o": at_ns, **{k: v for k, v in fields.items() if v is not None}},
                                    separators=(",", ":")) + "\n")

    def close(self):
        self._file.close()


SHARED = frozenset(("id", "email", "key", "p", "applied"))


def kept(line, without):
    """The rest of a line. Names and what comes again and again are held once: of an hour there are millions."""
    return {sys.intern(name): sys.intern(value) if name in SHARED and value.__class__ is str else value
            for name, value in line.items() if name not in without}


class Call:
    """One call. `end` is None while nothing is known of it."""

    __slots__ = ("n", "group", "client", "kind", "begin", "end", "asked", "answer")

    def __init__(self, line):
        self.n, self.begin, self.client = line["n"], line["i"], line["c"]
        self.group, self.kind = sys.intern(line["g"]), sys.intern(line["k"])
        self.end, self.asked, self.answer = None, kept(line, ("n", "i", "g", "c", "k")), {"s": LOST}

    def answered(self, line):
        self.end, self.answer = line["o"], kept(line, ("n", "o"))

    @property
    def status(self):
        return self.answer["s"]

    @property
    def ok(self):
        return 200 <= self.status < 300

    @property
    def problem(self):
        return self.answer.get("p", "")

    @property
    def unknown(self):
        """A write that may have been done, now, later or never."""
        if self.kind not in WRITES:
            return False
        return self.status == LOST or (self.status >= 500 and self.answer.get("applied") != "no")

    def __repr__(self):
        return f"<{self.n} {self.group} {self.client} {self.kind} {self.asked} -> {self.answer} [{self.begin}, {self.end}]>"


def read(paths):
    """All calls of the files, in the order of their beginning."""
    calls = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for text in file:
                try:
                    line = json.loads(text)
                except ValueError:  # the last line of a process that was killed
                    continue
                if "i" in line:
                    calls[line["n"]] = Call(line)
                else:
                    calls[line["n"]].answered(line)
    return in_order(calls.values())


def in_order(calls):
    return sorted(calls, key=lambda call: call.begin)


def read_directory(directory, names="history-*.jsonl"):
    return read(sorted(pathlib.Path(directory).glob(names)))
