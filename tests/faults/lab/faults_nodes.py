"""Faults of nodes: killed, stopped, restarted, full, stuck, failing over."""

import os
import pathlib
import signal
import time

from .faults import fault
from .world import wait_until

PAUSE_S = (0.3, 1.2)  # shorter than cluster-node-timeout


def ended(node):
    node.kill()
    wait_until(lambda: node.pid is None, 10, f"{node.name} has ended")


@fault(hold_s=(0.1, 1.0))
def node_killed(world, rng):
    """A primary, which comes back on its data."""
    node = rng.choice(world.primaries())
    ended(node)
    yield
    world.restart(node)


@fault(quiet=True)
def replica_killed(world, rng):
    node = world.replica_of(rng.choice(world.primaries()))
    ended(node)
    yield
    world.restart(node)
    world.local.wait_until_whole()


@fault(hold_s=(0.1, 0.6))
def node_restarted(world, rng):
    """An orderly shutdown, and a start."""
    node = rng.choice(world.primaries())
    node.stop()
    yield
    world.restart(node)


@fault(hold_s=PAUSE_S)
def node_stopped(world, rng):
    """SIGSTOP and SIGCONT."""
    node = rng.choice(world.primaries())
    node.pause()
    yield
    node.resume()


@fault(hold_s=(2.5, 5.0))
def node_stopped_for_long(world, rng):
    """Longer than a request may take; nobody takes over."""
    node = rng.choice(world.primaries())
    node.pause()
    yield
    node.resume()


@fault(hold_s=(2.2, 3.0))
def node_stopped_then_killed(world, rng):
    """What it had been sent meanwhile is never done."""
    node = rng.choice(world.primaries())
    node.pause()
    yield
    ended(node)
    world.restart(node)


@fault()
def shard_dead(world, rng):
    """Primary and replica."""
    primary = rng.choice(world.primaries())
    replica = world.replica_of(primary)
    ended(primary)
    ended(replica)
    yield
    world.restart(primary)
    world.restart(replica)


@fault(hold_s=(3.0, 4.0))
def majority_dead(world, rng):
    """Two primaries of three: the cluster is down for the third as well."""
    victims = rng.sample(world.primaries(), 2)
    for node in victims:
        ended(node)
    yield
    for node in victims:
        world.restart(node)


# ---- failover ----

def becomes_primary(world, node, timeout_s=20):
    wait_until(lambda: node.role == "primary", timeout_s, f"{node.name} takes over")
    world.tally["failovers"] += 1


@fault(hold_s=(0.5, 1.0))
def failover_graceful(world, rng):
    """Loses nothing by itself."""
    world.replicated()
    replica = world.replica_of(rng.choice(world.primaries()))
    replica.command("CLUSTER", "FAILOVER")
    becomes_primary(world, replica)
    yield
    world.local.wait_until_whole()
    world.replicated()


@fault(lossy=True, hold_s=(0.5, 1.0))
def failover_forced(world, rng):
    """The primary is alive and not asked. It may go on answering until it has heard: MemoryDB's lease ends that."""
    with world.durable():
        primary = rng.choice(world.primaries())
        replica = world.replica_of(primary)
        with fenced(world, primary):
            replica.command("CLUSTER", "FAILOVER", "TAKEOVER" if rng.random() < 0.5 else "FORCE")
            becomes_primary(world, replica)
            wait_until(lambda: primary.role == "replica", 20, f"{primary.name} has heard")
        yield


@fault(lossy=True, hold_s=(0.2, 1.0))
def failover_after_a_kill(world, rng):
    with world.durable():
        primary = rng.choice(world.primaries())
        replica = world.replica_of(primary)
        world.forbid_failover(replica, False)
        ended(primary)
        becomes_primary(world, replica)
        world.forbid_failover(replica)
        yield
        world.restart(primary)
        wait_until(lambda: primary.role == "replica", 20, f"{primary.name} follows")


@fault(lossy=True, hold_s=(0.2, 1.0))
def failover_of_a_stopped_node(world, rng):
    """It wakes up as if nothing had happened; what it then says comes too late."""
    with world.durable():
        primary = rng.choice(world.primaries())
        replica = world.replica_of(primary)
        world.forbid_failover(replica, False)
        primary.pause()
        becomes_primary(world, replica)
        world.forbid_failover(replica)
        yield
        with fenced(world, primary):
            primary.resume()
            wait_until(lambda: primary.role == "replica", 20, f"{primary.name} has heard")


class fenced:  # pylint: disable=invalid-name
    """Nobody reaches the node: its lease has ended."""

    def __init__(self, world, node):
        self.world, self.door = world, world.door(node)

    def __enter__(self):
        self.world.proxy.set(self.door, refuse=True)
        self.world.proxy.cut(self.door)

    def __exit__(self, *_):
        self.world.proxy.set(self.door, refuse=False)


# ---- a node that refuses or is busy ----

def configured(name, value, back, quiet=False, title=None):
    def function(world, rng):
        node = rng.choice(world.primaries())
        node.command("CONFIG", "SET", name, value)
        yield
        node.command("CONFIG", "SET", name, back)
    fault(quiet=quiet, name=title)(function)


configured("maxmemory", "1mb", "0", title="node-out-of-memory")
configured("min-replicas-to-write", "2", "0", title="node-lacks-replicas")


@fault()
def node_at_maxclients(world, rng):
    node = rng.choice(world.primaries())
    with node.connect() as connection:
        connection.command("CONFIG", "SET", "maxclients", "3")
        world.proxy.cut(world.door(node))
        yield
        connection.command("CONFIG", "SET", "maxclients", "10000")


@fault(hold_s=(1.0, 1.5))
def node_cannot_save(world, rng):
    """A background save that was killed: MISCONF for writes."""
    node = rng.choice(world.primaries())
    with node.connect(10) as connection:
        connection.command("CONFIG", "SET", "save", "3600 1000000")
        connection.command("CONFIG", "SET", "rdb-key-save-delay", "1000000")
        connection.command("BGSAVE")
        children = pathlib.Path(f"/proc/{node.pid}/task/{node.pid}/children")
        child = wait_until(lambda: children.read_text().split(), 5, "the background save runs")[0]
        os.kill(int(child), signal.SIGKILL)
        wait_until(lambda: "rdb_last_bgsave_status:err" in connection.command("INFO", "persistence"), 10, "it has failed")
        yield
        connection.command("CONFIG", "SET", "save", "")
        connection.command("CONFIG", "SET", "rdb-key-save-delay", "0")


@fault(hold_s=(0.1, 0.2))
def node_busy_with_a_script(world, rng):
    node = rng.choice(world.primaries())
    with node.connect(10) as connection:
        connection.command("CONFIG", "SET", "busy-reply-threshold", "50")
        connection.send("EVAL", "local t = redis.call('TIME') local e = t[1] * 1000000 + t[2] + 800000 "
                        "repeat t = redis.call('TIME') until t[1] * 1000000 + t[2] > e", "0")
        yield
        connection.read()
        connection.command("CONFIG", "SET", "busy-reply-threshold", "5000")


@fault(hold_s=(0.1, 0.2))
def node_sleeps(world, rng):
    node = rng.choice(world.primaries())
    with node.connect(10) as connection:
        connection.send("DEBUG", "SLEEP", str(round(rng.uniform(*PAUSE_S), 2)))
        yield
        connection.read()


@fault(hold_s=(1.0, 1.5))
def writes_paused(world, rng):
    """As a node does around a hand-over."""
    node = rng.choice(world.primaries())
    node.command("CLIENT", "PAUSE", "800", "WRITE")
    yield
    node.command("CLIENT", "UNPAUSE")


@fault(quiet=True)
def scripts_flushed(world, rng):
    for _ in range(10):
        rng.choice(world.primaries()).command("SCRIPT", "FLUSH")
        time.sleep(0.1)
    yield


@fault()
def clients_killed(world, rng):
    for _ in range(5):
        node = rng.choice(world.primaries())
        node.command("CLIENT", "KILL", "USER", "customerd")
        time.sleep(0.1)
    yield
