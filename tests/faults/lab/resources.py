"""Descriptors, threads and memory of the instances come back to where they were."""

from .world import wait_until

RESIDENT_KB = 24 << 10  # what allocators keep, caches fill, and more clients than at the beginning


def measure(world):
    return {instance.name: (instance.pid, *world.memory(instance)) for instance in world.served}


def check_back(world, before, timeout_s=30):
    """Instances that were started anew since are measured against any of the others."""
    most = [max(values[n] for values in before.values()) for n in (1, 2, 3)]
    last = {}

    def back():
        last.update(measure(world))
        return all(now[1] <= most[0] + 8 and now[2] <= most[1] + 4 and now[3] <= most[2] + RESIDENT_KB
                   for now in last.values())
    try:
        wait_until(back, timeout_s, "resources are back", pause_s=0.2)
    except AssertionError:
        raise AssertionError(f"descriptors, threads, resident kB: {last}, before: {before}") from None
    return last
