"""Runs `customerd token` in an environment that holds nothing but what a test says."""

import os
import subprocess
import time

from program import program_path


class Outcome:
    def __init__(self, done, elapsed_s):
        self.code, self.out, self.err, self.elapsed_s = done.returncode, done.stdout, done.stderr, elapsed_s

    @property
    def token(self):
        assert self.code == 0, self.err
        assert self.err == "" and self.out.endswith("\n") and self.out.count("\n") == 1
        return self.out[:-1]

    def failure(self, code=1):
        """The one line on standard error of a command that failed."""
        assert self.code == code and self.out == "", (self.code, self.out, self.err)
        assert self.err.startswith("customerd token: ") and self.err.count("\n") == 1, self.err
        return self.err[len("customerd token: "):-1]


def run_token(*arguments, home="/nonexistent", timeout_s=60, **environment):
    """The sanitizers' options and the path go through; AWS_ and CUSTOMERD_ variables are the test's own."""
    kept = {name: value for name, value in os.environ.items() if name.endswith("SAN_OPTIONS") or name == "PATH"}
    started = time.monotonic()
    done = subprocess.run([program_path(), "token", *arguments], env={**kept, "HOME": str(home), **environment},
                          capture_output=True, encoding="utf-8", timeout=timeout_s, check=False)
    return Outcome(done, time.monotonic() - started)
