"""Makes a cluster of nodes that run: who owns which slots, who follows whom; and waits until all know it."""

import time

from .errors import LocalError
from .node import PROTOCOL_ERRORS

SLOTS = 16384


def slot_range(shard, shards):
    return shard * SLOTS // shards, (shard + 1) * SLOTS // shards - 1


def wait_for(condition, deadline, what):
    """Polls until the condition holds; what it last said was missing is the error."""
    while True:
        try:
            missing = condition()
        except PROTOCOL_ERRORS as error:
            missing = str(error)
        if not missing:
            return
        if time.monotonic() > deadline:
            raise LocalError(f"{what}: {missing}")
        time.sleep(0.05)


def create(nodes, shards, deadline):
    """nodes: the primaries first, in the order of their slots, then the replicas in turn."""
    connections = [node.connect() for node in nodes]
    try:
        _own_slots(connections, shards)
        _meet(nodes, connections, deadline)
        _follow(connections, shards, deadline)
    finally:
        for connection in connections:
            connection.close()


def _own_slots(connections, shards):
    for epoch, connection in enumerate(connections, 1):
        connection.command("CLUSTER", "SET-CONFIG-EPOCH", epoch)
    for shard, connection in enumerate(connections[:shards]):
        connection.command("CLUSTER", "ADDSLOTSRANGE", *slot_range(shard, shards))


def _meet(nodes, connections, deadline):
    # Every pair is introduced: gossip alone takes seconds to reach everybody.
    for index, connection in enumerate(connections):
        for other in nodes[index + 1:]:
            connection.command("CLUSTER", "MEET", "127.0.0.1", other.port, other.bus_port)

    def strangers():
        for node, connection in zip(nodes, connections):
            lines = connection.command("CLUSTER", "NODES").splitlines()
            if len(lines) != len(nodes) or any("handshake" in line or "noaddr" in line for line in lines):
                return f"{node.name} does not know everybody yet"
        return None

    wait_for(strangers, deadline, "the nodes do not find each other")


def _follow(connections, shards, deadline):
    ids = [connection.command("CLUSTER", "MYID") for connection in connections]
    for index, connection in enumerate(connections[shards:]):
        def refused(connection=connection, primary=ids[index % shards]):
            connection.command("CLUSTER", "REPLICATE", primary)

        wait_for(refused, deadline, "a replica can't follow its primary")


def wait_until_whole(nodes, shards, replicas, deadline):
    """Until every node sees the same full cluster, by host name, with its replicas linked."""
    connections = [node.connect() for node in nodes]
    try:
        for node, connection in zip(nodes, connections):
            wait_for(lambda c=connection: _lacks(c, shards, replicas), deadline, f"{node.name} sees no whole cluster")
    finally:
        for connection in connections:
            connection.close()


def _lacks(connection, shards, replicas):
    info = dict(line.split(":", 1) for line in connection.command("CLUSTER", "INFO").split())
    if info["cluster_state"] != "ok" or info["cluster_slots_ok"] != str(SLOTS):
        return f"cluster_state is {info['cluster_state']}, {info['cluster_slots_ok']} slots are served"
    ranges = connection.command("CLUSTER", "SLOTS")
    if len({entry[2][2] for entry in ranges}) != shards:
        return f"{len(ranges)} shards instead of {shards}"
    for entry in ranges:
        if len(entry) != 3 + replicas:
            return f"a shard has {len(entry) - 3} replicas instead of {replicas}"
        if any(member[0] != "localhost" for member in entry[2:]):
            return "a node's host name is not known"
    replication = connection.command("INFO", "replication")
    if "role:slave" in replication and "master_link_status:up" not in replication:
        return "its replication link is down"
    return None
