"""Makes one node accept exactly the valid tokens, and cuts connections that have become too old."""

import threading
import time

from .node import APPLICATION, PROTOCOL_ERRORS

POLL_S, TIMEOUT_S, CUT_EVERY_S = 0.05, 1.0, 0.5


class Enforcer(threading.Thread):
    """One thread a node, so that a node that hangs or is down keeps no other waiting."""

    def __init__(self, node, validity, connection_ttl_s):
        super().__init__(name=node.name, daemon=True)
        self.node, self.validity, self._connection_ttl_s = node, validity, connection_ttl_s
        self._connection, self._applied, self._cut_s = None, None, 0.0
        self.applied_version = -1  # -1: the node is not reached

    def run(self):
        while True:
            try:
                self._step()
            except PROTOCOL_ERRORS:
                self._disconnect()
                time.sleep(POLL_S)

    def _disconnect(self):
        self.applied_version, self._applied = -1, None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _step(self):
        if self._connection is None:
            self._connection = self.node.connect(TIMEOUT_S)
        if self.validity is not None:
            self._apply()
        if self._connection_ttl_s:
            self._cut_old()
        # Readable without a question asked means that the node has closed: it may be back already, without passwords.
        if self._connection.wait_readable(POLL_S):
            self._connection.command("PING")

    def _apply(self):
        version, valid = self.validity.current
        if version == self.applied_version:
            return
        if self._applied is None:
            # A node that we know nothing of: all at once, so that no moment lacks a valid token.
            changes = ["resetpass", *valid]
        else:
            changes = [*(valid - self._applied), *("!" + hash_[1:] for hash_ in self._applied - valid)]
        self._connection.command("ACL", "SETUSER", APPLICATION, *changes)
        self._applied, self.applied_version = valid, version

    def _cut_old(self):
        now = time.monotonic()
        if now < self._cut_s + CUT_EVERY_S:
            return
        self._cut_s = now
        for line in self._connection.command("CLIENT", "LIST", "TYPE", "NORMAL").splitlines():
            client = dict(field.partition("=")[::2] for field in line.split(" "))
            if client["user"] == APPLICATION and int(client["age"]) > self._connection_ttl_s:
                self._connection.command("CLIENT", "KILL", "ID", client["id"])
