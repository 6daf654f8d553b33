"""Free ports of the loopback address, below the range that the kernel gives to outgoing connections."""

import os
import random
import socket

from .errors import LocalError

FIRST, LAST = 20000, 32000
# "20000-23999": the part that is this process's, of several that run side by side and would else choose the same.
PART = "LOCAL_MEMORYDB_PORTS"


def bounds():
    first, _, last = os.environ.get(PART, f"{FIRST}-{LAST - 1}").partition("-")
    return int(first), int(last) + 1


def is_free(port):
    with socket.socket() as probe:
        # As servers bind: a port whose last connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            probe.listen(1)
        except OSError:
            return False
    return True


def is_open(port):
    """Whether somebody listens there. Who waits for a server asks this: is_free would take the port from it for a moment."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def choose(count):
    """That many different free ports."""
    chosen = []
    first, last = bounds()
    for port in random.sample(range(first, last), last - first):
        if len(chosen) == count:
            break
        if is_free(port):
            chosen.append(port)
    if len(chosen) < count:
        raise LocalError(f"no {count} free ports on 127.0.0.1 between {first} and {last}")
    return chosen
