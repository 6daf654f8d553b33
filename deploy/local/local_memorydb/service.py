"""One customerd process on a cluster."""

import http.client
import os
import time

from . import ports
from .errors import LocalError
from .processes import Process


def child_environment(settings, keep_own=False):
    """This environment with nothing of the caller's AWS account, and with `settings`. keep_own: customerd's other
    settings may come from the caller's shell."""
    foreign = ("AWS_", "CUSTOMERD_LOCAL_", "CUSTOMERD_TEST_") if keep_own else ("AWS_", "CUSTOMERD_")
    return {**{name: value for name, value in os.environ.items() if not name.startswith(foreign)}, **settings}


class Service:
    """url and admin_url are known from the start; output goes to log_path, what a sanitizer says to error_path."""

    def __init__(self, home, name, binary, port, admin_port, settings, keep_own=False):
        self.name, self.binary, self.port, self.admin_port = name, binary, port, admin_port
        self.url, self.admin_url = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{admin_port}"
        self.log_path, self.error_path = home.log / f"{name}.log", home.log / f"{name}.err"
        self.process = Process(name, home.run)
        self._keep_own = keep_own
        self.settings = {"CUSTOMERD_LISTEN": f"127.0.0.1:{port}", "CUSTOMERD_ADMIN_LISTEN": f"127.0.0.1:{admin_port}",
                         **settings}

    @property
    def pid(self):
        return self.process.pid

    @property
    def exit_code(self):
        """None while it runs; negative after a signal."""
        return self.process.exit_code

    def start(self):
        """Starts it; does not wait."""
        for port in (self.port, self.admin_port):
            if not ports.is_free(port):
                raise LocalError(f"port {port} is taken by another program: end it, or choose another with --http-port")
        with open(self.log_path, "ab") as log, open(self.error_path, "ab") as errors:
            self.process.start([self.binary, "serve"], stdout=log, stderr=errors,
                               env=child_environment(self.settings, self._keep_own))

    def is_ready(self):
        return self.status("/readyz") == 200

    def status(self, path):
        """The admin listener's answer to a GET, or None when nothing answers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=3)
        try:
            connection.request("GET", path)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def wait_until_ready(self, timeout_s=30):
        deadline = time.monotonic() + timeout_s
        while not self.is_ready():
            if self.pid is None:
                raise LocalError(f"{self.name} ended at its start: {self.last_words()}")
            if time.monotonic() > deadline:
                raise LocalError(f"{self.name} is not ready after {timeout_s} s: {self.last_words()}")
            time.sleep(0.05)

    def last_words(self):
        """The end of its log, for an error message."""
        for path in (self.error_path, self.log_path):
            if path.exists() and (lines := path.read_text(errors="replace").splitlines()):
                return f"{lines[-1]} (see {path})"
        return f"it wrote nothing to {self.log_path}"

    def stop(self, grace_s=15.0):
        """SIGTERM, SIGKILL after the grace; the exit code where it is known."""
        self.process.stop(grace_s)
        return self.exit_code
