"""The lab's end of the proxy process."""

import json
import os
import pathlib
import subprocess
import sys
import threading

FAULTS = pathlib.Path(__file__).resolve().parents[1]


class ProxyProcess:
    """`doors` stand in the order of the nodes."""

    def __init__(self, directory, ca, doors, certificates):
        directory = pathlib.Path(directory)
        config = directory / "proxy.json"
        config.write_text(json.dumps({"ca": str(ca), "doors": doors, "certificates": certificates}))
        self.error_path = directory / "proxy.err"
        self._lock, self._rules = threading.Lock(), 0
        with open(self.error_path, "ab") as errors:
            self.process = subprocess.Popen([sys.executable, "-m", "lab.proxy", str(config)], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=errors, cwd=FAULTS,
                                            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                                            start_new_session=True)  # Linux shares the processors between sessions
        if not self._answer().get("ready"):
            raise AssertionError("the proxy did not start")

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"the proxy has ended: {self.error_path.read_text()[-2000:]}")
        return json.loads(line)

    def call(self, do, **options):
        with self._lock:
            self.process.stdin.write(json.dumps({"do": do, **options}).encode() + b"\n")
            self.process.stdin.flush()
            answer = self._answer()
        if "error" in answer:
            raise AssertionError(f"the proxy refuses {do}: {answer['error']}")
        return answer["ok"]

    def add_rule(self, door, kind, **options):
        """The id by which remove_rule takes it back."""
        self._rules += 1
        rule_id = f"{kind}-{self._rules}"
        self.call("rule", door=door, rule={"id": rule_id, "kind": kind, **options})
        return rule_id

    def remove_rule(self, rule_id):
        """How often it was applied."""
        return self.call("unrule", id=rule_id)

    def set(self, door, **options):
        self.call("set", door=door, **options)

    def cut(self, door):
        self.call("cut", door=door)

    def stats(self):
        return self.call("stats")

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
