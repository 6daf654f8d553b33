"""Faults of the service itself, its host, and where it gets credentials."""

import email.utils
import http.client
import os
import resource
import signal
import time

from .faults import fault
from .world import wait_until


def living(world, rng):
    return rng.choice(world.served)


@fault(hold_s=(0.0, 0.3))
def service_killed(world, rng):
    instance = living(world, rng)
    world.kill(instance)
    yield
    world.start_again(instance)


@fault(hold_s=(0.0, 0.1))
def services_killed_in_turn(world, rng):
    """Several times, at moments of their own."""
    for _ in range(4):
        instance = living(world, rng)
        time.sleep(rng.uniform(0.05, 0.3))
        world.kill(instance)
        world.start_again(instance)
    yield


@fault(hold_s=(0.5, 3.0))
def service_stopped(world, rng):
    """Its late writes must do no harm."""
    instance = living(world, rng)
    os.kill(instance.pid, signal.SIGSTOP)
    yield
    os.kill(instance.pid, signal.SIGCONT)


@fault(hold_s=(0.0, 0.1))
def service_terminated(world, rng):
    """SIGTERM under load: it finishes what runs, and ends with 0."""
    instance = living(world, rng)
    os.kill(instance.pid, signal.SIGTERM)
    wait_until(lambda: instance.pid is None, 20, f"{instance.name} has ended")
    assert instance.exit_code == 0, f"{instance.name} ended with {instance.exit_code}"
    yield
    world.start_again(instance)


@fault()
def descriptors_exhausted(world, rng):
    instance = living(world, rng)
    held = len(os.listdir(f"/proc/{instance.pid}/fd"))
    before = resource.prlimit(instance.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(instance.pid, resource.RLIMIT_NOFILE, (held - 2, before[1]))
    world.proxy.cut("*")
    yield
    resource.prlimit(instance.pid, resource.RLIMIT_NOFILE, before)


@fault()
def memory_exhausted(world, rng):
    """No more address space than it has; it may answer 500 meanwhile."""
    instance = living(world, rng)
    with open(f"/proc/{instance.pid}/statm", encoding="ascii") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    before = resource.prlimit(instance.pid, resource.RLIMIT_AS, (size + (64 << 10), resource.RLIM_INFINITY))
    world.proxy.cut("*")
    yield
    if instance.pid is None:
        assert instance.exit_code is not None and instance.exit_code >= 0, f"it crashed: {instance.exit_code}"
        world.start_again(instance)
        return
    resource.prlimit(instance.pid, resource.RLIMIT_AS, before)


@fault(quiet=True, hold_s=(2.0, 3.0))
def log_not_read(world, rng):
    """The standard output of one instance is a pipe that nobody empties."""
    del rng
    pipe = world.piped
    pipe.stop_reading()
    yield
    full = pipe.is_full()
    pipe.read_on()
    assert full, "the pipe never was full"


def clock_of(instance):
    """What it thinks the time is, by the Date of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.admin_port, timeout=5)
    try:
        connection.request("GET", "/livez")
        return email.utils.parsedate_to_datetime(connection.getresponse().getheader("Date")).timestamp()
    finally:
        connection.close()


@fault(quiet=True, hold_s=(2.0, 4.0))
def clock_jumps(world, rng):
    """The wall clock of one instance goes by minutes and days, forth and back."""
    for _ in range(3):
        world.clock.jump(rng.choice((-86400, -600, -1, 1, 600, 86400)))
        time.sleep(0.3)
    away_s = rng.choice((-86400, 86400))
    world.clock.jump(away_s)
    try:
        wait_until(lambda: abs(clock_of(world.served[0]) - time.time() - away_s) < 3600, 5, "its clock has jumped")
        yield
    finally:
        world.clock.jump(0)


def credential_endpoint(mode):
    def function(world, rng):
        del rng
        world.local.set_credentials_mode(mode, 60)
        world.proxy.cut("*")
        yield
        world.local.set_credentials_mode("ok", 0)
    fault(name=f"credential-endpoint-{mode}")(function)


for _mode in ("error", "hang", "garbage"):
    credential_endpoint(_mode)
