"""Faults of the network and of what nodes answer, made by the proxies."""

import time

from .faults import fault, wire_fault

wire_fault("delay", "delay", quiet=True, ms=(1, 60), p=0.3)
wire_fault("stall", "stall", ms=(100, 900), p=0.01)
wire_fault("stall-beyond-the-deadline", "stall", ms=(2500, 3500), p=0.003)
wire_fault("replies-beyond-the-deadline", "delay", ms=(1200, 2600), p=0.5)
wire_fault("command-cut-at-a-byte", "cut_command", p=0.01)
wire_fault("reply-cut-at-a-byte", "cut_reply", p=0.01)
wire_fault("reply-dropped", "drop_reply", p=0.01)
wire_fault("delivered-late", "late", ms=(300, 6000), p=0.01, commands="writes")
wire_fault("delivered-twice", "twice", quiet=True, p=0.2)
wire_fault("delivered-again", "again", quiet=True, ms=(1, 60), p=0.2, commands="writes")
wire_fault("sliced", "pieces", quiet=True, p=0.3)
wire_fault("garbage", "garbage", p=0.005)

# Refused before anything was done; the texts are the server's.
ERRORS = {
    "clusterdown": "CLUSTERDOWN Hash slot not served",
    "loading": "LOADING Redis is loading the dataset in memory",
    "tryagain": "TRYAGAIN Multiple keys request during rehashing of slot",
    "masterdown": "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
    "busy": "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.",
    "readonly": "READONLY You can't write against a read only replica.",
    "oom": "OOM command not allowed when used memory > 'maxmemory'.",
    "misconf": "MISCONF Errors writing to the AOF file: No space left on device",
    "noreplicas": "NOREPLICAS Not enough good replicas to write.",
    "noauth": "NOAUTH Authentication required.",
    "noscript": "NOSCRIPT No matching script. Please use EVAL.",
    "noperm": "NOPERM this user has no permissions to run the 'evalsha' command",
}
for _word, _text in ERRORS.items():
    wire_fault(f"answers-{_word}", "error", p=0.03, text=_text, commands=["EVALSHA"] if _word == "noscript" else "all",
               quiet=_word == "noscript")
wire_fault("error-after-execution", "error_after", p=0.005, text="ERR Error running script", commands="writes")


def some_door(world, rng):
    return world.door(rng.choice(world.primaries()))


@fault()
def connections_cut(world, rng):
    """Idle ones and busy ones, again and again."""
    for _ in range(4):
        yield_for(rng.uniform(0.1, 0.3))
        world.proxy.cut(some_door(world, rng))
    yield


@fault()
def maxclients_at_sign_in(world, rng):
    """Every second sign-in."""
    rule = world.proxy.add_rule("*", "error", p=0.5, seed=rng.random(), text="ERR max number of clients reached",
                                commands=["AUTH"])
    for _ in range(4):
        world.proxy.cut("*")
        yield_for(0.3)
    yield
    assert world.proxy.remove_rule(rule) > 0, "nobody signed in"


@fault()
def connections_refused(world, rng):
    door = some_door(world, rng)
    world.proxy.set(door, refuse=True)
    world.proxy.cut(door)
    yield
    world.proxy.set(door, refuse=False)


@fault()
def handshakes_that_hang(world, rng):
    door = some_door(world, rng)
    world.proxy.set(door, silent=True)
    world.proxy.cut(door)
    yield
    world.proxy.set(door, silent=False)


@fault(hold_s=(1.0, 4.0))
def hanging_network(world, rng):
    """To one node nothing gets through, either way; then everything arrives."""
    door = some_door(world, rng)
    world.proxy.set(door, frozen=True)
    yield
    world.proxy.set(door, frozen=False)


@fault(hold_s=(1.0, 3.0))
def hanging_network_everywhere(world, rng):
    del rng
    world.proxy.set("*", frozen=True)
    yield
    world.proxy.set("*", frozen=False)


def bad_certificate(kind):
    def function(world, rng):
        door = some_door(world, rng)
        world.proxy.set(door, certificate=kind)
        world.proxy.cut(door)
        yield
        opened = world.proxy.stats()["opened"][door].get(kind, 0)
        world.proxy.set(door, certificate="good")
        assert opened == 0, f"the service spoke to a node whose certificate is {kind}, {opened} times"
    fault(name=f"certificate-{kind}")(function)


for _kind in ("expired", "early", "wrong-name", "untrusted"):
    bad_certificate(_kind)


@fault()
def certificate_renewed(world, rng):
    """Every connection is opened anew, to a node with another certificate."""
    door = some_door(world, rng)
    world.proxy.set("*", certificate="new")
    world.proxy.cut("*")
    yield
    opened = world.proxy.stats()["opened"][door].get("new", 0)
    world.proxy.set("*", certificate="good")
    assert opened > 0, "nobody met the new certificate"


@fault()
def tokens_refused(world, rng):
    """Every sign-in is refused, and some connections have to sign in."""
    world.proxy.set("*", wrongpass=True)
    world.proxy.cut(some_door(world, rng))
    yield
    world.proxy.set("*", wrongpass=False)


def yield_for(seconds):
    """A pause that belongs to the fault itself."""
    time.sleep(seconds)
