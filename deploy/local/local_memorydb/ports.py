"""Free ports of the loopback address, below the range that the kernel gives to outgoing connections."""

import random
import socket

from .errors import LocalError

FIRST, LAST = 20000, 32000


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


def choose(count):
    """That many different free ports."""
    chosen = []
    for port in random.sample(range(FIRST, LAST), LAST - FIRST):
        if len(chosen) == count:
            break
        if is_free(port):
            chosen.append(port)
    if len(chosen) < count:
        raise LocalError(f"no {count} free ports on 127.0.0.1 between {FIRST} and {LAST}")
    return chosen
