"""The register of faults. A fault is a context manager fault(world, rng): in force between enter and exit, which leaves the
world as it was. It must fail when it did no harm at all.

quiet   no client may notice: no answer but those of a world in order
lossy   plain Redis may lose what it acknowledged; the proxies wait for the replica meanwhile, as a durable log would
hold_s  how long it stays in force, (least, most)"""

import contextlib
import functools

from .world import wait_until

FAULTS = {}


class Fault:
    def __init__(self, name, function, quiet, lossy, hold_s):
        self.name, self.quiet, self.lossy, self.hold_s = name, quiet, lossy, hold_s
        self.context = contextlib.contextmanager(function)


def fault(quiet=False, lossy=False, hold_s=(1.5, 2.5), name=None):
    def register(function):
        title = name or function.__name__.replace("_", "-")
        assert title not in FAULTS, title
        FAULTS[title] = Fault(title, function, quiet, lossy, hold_s)
        return function
    return register


def wire_fault(name, kind, quiet=False, **options):
    """A fault that is one rule at all doors."""
    def function(world, rng):
        rule = world.proxy.add_rule("*", kind, seed=rng.random(), **options)
        yield
        wait_until(lambda: world.proxy.call("met", id=rule) > 0, 10, f"{name} meets a command")
        world.proxy.remove_rule(rule)
    fault(quiet=quiet, name=name)(functools.wraps(wire_fault)(function))
