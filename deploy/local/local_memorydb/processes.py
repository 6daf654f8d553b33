"""Programs that outlive their starter, found again by a pid file that also holds the start's time and boot.

A pid alone may by now belong to somebody else; with its start time and boot id it names one process for ever. The
shell that becomes the program writes the file itself, so that no moment exists in which the program runs unrecorded.
"""

import os
import signal
import subprocess
import time
from pathlib import Path

from .errors import LocalError

RECORD_AND_BECOME = """
read -r stat </proc/$$/stat; read -r boot </proc/sys/kernel/random/boot_id
printf '%s\\n%s\\n' "$stat" "$boot" >"$0" || exit 127
exec "$@"
"""


def _stat_fields(text):
    # The program's name stands in parentheses and may hold anything; fields are counted after the last one.
    pid, _, rest = text.partition(" ")
    return int(pid), rest.rpartition(")")[2].split()


def _stat_of(pid):
    try:
        return _stat_fields(Path(f"/proc/{pid}/stat").read_text())[1]
    except (OSError, ValueError):
        return None


class Process:
    """One named program; `pid_file` says whether an earlier run of it is still there."""

    STATE, START_TIME = 0, 19

    def __init__(self, name, run_directory):
        self.name = name
        self.pid_file = Path(run_directory) / f"{name}.pid"
        self._child = None

    @property
    def pid(self):
        """The pid while it runs, else None. A stopped (SIGSTOP) process runs."""
        if self._child is not None:
            return self._child.pid if self._child.poll() is None else None
        return self._recorded_pid()

    def _recorded_pid(self):
        try:
            stat, boot = self.pid_file.read_text().splitlines()[:2]
            pid, fields = _stat_fields(stat)
        except (OSError, ValueError):
            return None
        if boot != Path("/proc/sys/kernel/random/boot_id").read_text().strip():
            return None
        now = _stat_of(pid)
        if now is None or now[self.START_TIME] != fields[self.START_TIME] or now[self.STATE] == "Z":
            return None
        return pid

    @property
    def started_here(self):
        return self._child is not None

    @property
    def exit_code(self):
        """Known only of a program that this object started."""
        return self._child.poll() if self._child is not None else None

    def start(self, argv, env=None, stdout=None, stderr=subprocess.STDOUT, cwd=None):
        if self.pid is not None:
            raise LocalError(f"{self.name} runs already (pid {self.pid})")
        self.pid_file.unlink(missing_ok=True)
        command = ["/bin/sh", "-c", RECORD_AND_BECOME, str(self.pid_file), *map(str, argv)]
        # A session of its own: Ctrl-C at the terminal reaches the driver alone, which stops things in their order.
        self._child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=env, cwd=cwd,
                                       start_new_session=True)

    def signal(self, number):
        pid = self.pid
        if pid is not None:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass

    def wait(self, timeout_s):
        """Whether it has ended within the time."""
        deadline = time.monotonic() + timeout_s
        while self.pid is not None:
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.01)
        return True

    def stop(self, grace_s=10.0):
        """SIGTERM, and SIGKILL after the grace; a paused process is woken. True when SIGTERM was enough."""
        self.signal(signal.SIGTERM)
        self.signal(signal.SIGCONT)
        gently = self.wait(grace_s)
        if not gently:
            self.signal(signal.SIGKILL)
            self.wait(10)
        self.pid_file.unlink(missing_ok=True)
        return gently


def stop_all(processes, grace_s=10.0):
    """Stops many at once, so that none waits for another's grace."""
    for process in processes:
        process.signal(signal.SIGTERM)
        process.signal(signal.SIGCONT)
    for process in processes:
        process.stop(grace_s)


def recorded(home):
    """All that were started in a home, its cache included, whether they run or not."""
    folders = (home.run, home.cache / "run")
    return [Process(pid_file.stem, folder) for folder in folders for pid_file in sorted(folder.glob("*.pid"))]
