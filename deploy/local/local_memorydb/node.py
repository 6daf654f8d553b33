"""One redis-server (or valkey-server) process of the cluster."""

import hashlib
import os
import signal
import time

from . import ports
from .errors import LocalError
from .processes import Process
from .resp import Connection, ReplyError

ADMIN, APPLICATION = "admin", "customerd"
PROTOCOL_ERRORS = (OSError, ValueError, ReplyError)

# What MemoryDB's users may do: everything but the commands that it restricts.
# https://docs.aws.amazon.com/memorydb/latest/devguide/restrictedcommands.html
RESTRICTED = ("acl|deluser acl|load acl|save acl|setuser bgrewriteaof bgsave cluster|addslots cluster|addslotsrange "
              "cluster|delslots cluster|delslotsrange cluster|setslot cluster|meet cluster|forget cluster|reset "
              "cluster|replicate cluster|failover cluster|flushslots cluster|bumpepoch cluster|set-config-epoch "
              "config debug failover migrate module psync replicaof replconf save shutdown slaveof sync").split()
APPLICATION_RULES = "~* &* +@all " + " ".join(f"-{name}" for name in RESTRICTED)

# The default user may do everything, and nobody can be it: it is off. Redis 7.0 replays the append-only file as the default
# user, and refuses the transactions in it (which is what scripts leave there) when that user may do less: data lost.
CONFIGURATION = """\
bind 127.0.0.1
port 0
tls-port {port}
cluster-port {bus_port}
tls-cluster yes
tls-replication yes
tls-cert-file {tls}/server.crt
tls-key-file {tls}/server.key
tls-ca-cert-file {tls}/ca.crt
tls-auth-clients no
tls-protocols "TLSv1.2 TLSv1.3"
cluster-enabled yes
cluster-config-file nodes.conf
cluster-node-timeout 2000
cluster-require-full-coverage no
cluster-allow-replica-migration no
cluster-announce-hostname localhost
cluster-preferred-endpoint-type hostname
appendonly yes
appendfsync always
save ""
repl-diskless-sync yes
repl-diskless-sync-delay 0
repl-ping-replica-period 1
maxmemory-policy noeviction
shutdown-timeout 1
enable-debug-command {debug}
dir {directory}
logfile {log}
masteruser {admin}
masterauth {admin_password}
user default off resetpass ~* &* +@all
user {admin} on #{admin_hash} ~* &* +@all
user {application} on {application_password} {application_rules}
{more}
"""


class Node:
    """A node's files are its own; what it shares with the others (certificates, passwords) is in `home`."""

    def __init__(self, home, index, port, bus_port, engine, debug_commands=False, access_rules=APPLICATION_RULES,
                 more="", kind="node"):
        self.name = f"{kind}-{index}"
        self.index, self.port, self.bus_port = index, port, bus_port
        self._home, self._engine, self._debug, self._access_rules = home, engine, debug_commands, access_rules
        self._more = more  # lines of configuration that overrule those above; {directory} is the node's own
        self.directory = home.nodes / str(index)
        self.log_path = home.log / f"{self.name}.log"
        self.process = Process(self.name, home.run)

    @property
    def pid(self):
        return self.process.pid

    def _write_configuration(self):
        password = self._home.application_password()
        text = CONFIGURATION.format(
            port=self.port, bus_port=self.bus_port, tls=self._home.tls, directory=self.directory, log=self.log_path,
            debug="local" if self._debug else "no", admin=ADMIN, admin_password=self._home.admin_password(),
            admin_hash=hashlib.sha256(self._home.admin_password().encode()).hexdigest(),
            application=APPLICATION, application_rules=self._access_rules,
            # Under IAM nothing signs in until the authority has said which tokens are valid.
            application_password="#" + hashlib.sha256(password.encode()).hexdigest() if password else "resetpass",
            more=self._more.format(directory=self.directory))
        self.directory.mkdir(mode=0o700, exist_ok=True)
        path = self.directory / "redis.conf"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        return path

    def start(self):
        for port in (self.port, self.bus_port):
            if not ports.is_free(port):
                raise LocalError(f"port {port}, which {self.name} of this cluster has, is taken by another program: end "
                                 "it, or start afresh with --fresh, which takes other ports and deletes the data")
        path = self._write_configuration()
        with open(self.log_path, "ab") as log:
            self.process.start([self._engine, path], stdout=log, cwd=self.directory)

    def wait_until_up(self, deadline):
        """Until it answers and has loaded its data."""
        while True:
            if self.pid is None:
                raise LocalError(f"{self.name} ended at its start: {self._last_words()}")
            try:
                if self.command("PING") == "PONG":
                    return
            except PROTOCOL_ERRORS as error:
                if time.monotonic() > deadline:
                    raise LocalError(f"{self.name} on port {self.port} does not answer: {error}") from error
            time.sleep(0.02)

    def _last_words(self):
        try:
            lines = self.log_path.read_text(errors="replace").splitlines()
        except OSError:
            lines = []
        telling = [line for line in lines[-30:] if " # " in line or "FATAL" in line or ">>>" in line] or lines[-1:]
        return f"{telling[-1].strip() if telling else 'it wrote nothing'} (see {self.log_path})"

    def connect(self, timeout_s=2.0):
        """A connection of the admin user; the caller closes it."""
        return Connection(self.port, self._home.tls / "ca.crt", ADMIN, self._home.admin_password(), timeout_s)

    def command(self, *words, timeout_s=2.0):
        """One command as the admin user, on a connection of its own."""
        with self.connect(timeout_s) as connection:
            return connection.command(*words)

    @property
    def role(self):
        """'primary' or 'replica', as the node itself says now."""
        return "primary" if self.command("ROLE")[0] == "master" else "replica"

    @property
    def id(self):
        return self.command("CLUSTER", "MYID")

    # For tests.

    def kill(self):
        """SIGKILL; returns when it has ended."""
        self.process.signal(signal.SIGKILL)
        self.process.wait(10)

    def pause(self):
        """SIGSTOP: it hangs, its connections stay open."""
        self.process.signal(signal.SIGSTOP)

    def resume(self):
        """SIGCONT."""
        self.process.signal(signal.SIGCONT)

    def stop(self):
        """SIGTERM: an orderly shutdown."""
        self.process.stop()

    def restart(self, timeout_s=30):
        """Ends it if it runs (SIGKILL), starts it on its data and waits until it answers."""
        self.kill()
        self.start()
        self.wait_until_up(time.monotonic() + timeout_s)
