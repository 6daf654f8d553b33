"""Faults of the slot map."""

from .faults import fault
from .world import wait_until

BUCKETS = 256


def bucket_slots(primary, rng, count):
    """Some slots of that primary in which customers lie."""
    owned = []
    for entry in primary.command("CLUSTER", "SLOTS"):
        if entry[2][1] == primary.port:
            owned += [64 * b + 32 for b in range(BUCKETS) if entry[0] <= 64 * b + 32 <= entry[1]]
    return rng.sample(owned, min(count, len(owned)))


class Move:
    """One slot on its way from one primary to another."""

    def __init__(self, world, slot, source, target):
        self.world, self.slot, self.source, self.target = world, slot, source, target

    def begin(self):
        self.target.command("CLUSTER", "SETSLOT", self.slot, "IMPORTING", self.source.id)
        self.source.command("CLUSTER", "SETSLOT", self.slot, "MIGRATING", self.target.id)

    def keys(self, source=None, count=1000):
        return (source or self.source).command("CLUSTER", "GETKEYSINSLOT", self.slot, count)

    def carry(self, keys, source=None, target=None):
        if keys:
            (source or self.source).command("MIGRATE", "127.0.0.1", (target or self.target).port, "", 0, 5000, "AUTH2", "admin",
                                            self.world.local.home.admin_password(), "KEYS", *keys, timeout_s=10)

    def carry_all(self):
        while keys := self.keys():
            self.carry(keys)

    def carry_back(self):
        """Keys that were made at the target meanwhile as well."""
        while keys := self.keys(self.target):
            self.carry_to_source(keys)

    def carry_to_source(self, keys):
        self.target.command("MIGRATE", "127.0.0.1", self.source.port, "", 0, 5000, "REPLACE", "AUTH2", "admin",
                            self.world.local.home.admin_password(), "KEYS", *keys, timeout_s=10)

    def finish(self):
        for node in (self.target, self.source):
            node.command("CLUSTER", "SETSLOT", self.slot, "NODE", self.target.id)
        known = [node for node in self.world.primaries() if node not in (self.source, self.target)]
        for node in known:
            node.command("CLUSTER", "SETSLOT", self.slot, "NODE", self.target.id)


def moves(world, rng, count):
    source, target = rng.sample(world.primaries(), 2)
    return [Move(world, slot, source, target) for slot in bucket_slots(source, rng, count)]


def whole(world):
    world.settle()


@fault(hold_s=(0.1, 0.2))
def slots_moved(world, rng):
    """From one shard to another, under load; for good."""
    for move in moves(world, rng, 6):
        move.begin()
        move.carry_all()
        move.finish()
    yield
    whole(world)


@fault(hold_s=(1.0, 2.0))
def slots_half_moved(world, rng):
    """Held where half of the keys are here and half there; then the rest goes as well."""
    held = moves(world, rng, 12)
    for move in held:
        move.begin()
        keys = move.keys()
        move.carry(keys[:len(keys) // 2])
    yield
    for move in held:
        move.carry_all()
        move.finish()
    whole(world)


def hear_anew(world, primary, slots):
    """The others go on naming the owner of a slot that it no longer claims, and mark the slot as given up. Redis 7.0 takes
    that mark back only when the slot changes hands, not when the owner claims it again, and gives a marked slot to whoever
    claims it, however old the claim: a replica that was promoted loses it to its old primary, and then to nobody. A slot that
    a node forgets loses its mark there, and the owner's next message binds it anew."""
    for node in world.nodes:
        if node is not primary:
            node.command("CLUSTER", "DELSLOTS", *slots)


@fault(hold_s=(1.0, 2.0))
def slots_unserved(world, rng):
    """A primary that has forgotten some of its slots: CLUSTERDOWN Hash slot not served."""
    primary = rng.choice(world.primaries())
    slots = bucket_slots(primary, rng, 12)
    primary.command("CLUSTER", "DELSLOTS", *slots)
    yield

    def served():
        served_now = {slot for first, last, *nodes in primary.command("CLUSTER", "SLOTS") if nodes[0][1] == primary.port
                      for slot in range(first, last + 1)}
        missing = [slot for slot in slots if slot not in served_now]
        if missing:
            primary.command("CLUSTER", "ADDSLOTS", *missing)
        return not missing
    wait_until(served, 10, "the slots are served again")
    hear_anew(world, primary, slots)
    whole(world)
