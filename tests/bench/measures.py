"""What is measured beside the workloads: start, memory, processor time, bytes, tails, and the database's hold."""

import json
import signal
import time
import uuid
from pathlib import Path

import customers
import peers
import workloads
from held_world import HeldWorld
from load import BackgroundLoad, LoadError, cpu_s, open_loop, wrk

STARTS = 7
MANY_CONNECTIONS = 1000
OPEN_LOOP_CONNECTIONS = 64
HALF = 0.5
OPEN_LOOP_FRACTIONS = (0.1, 0.25, 0.5, 0.7, 0.8, 0.9)
HELD_CONNECTIONS = 256
HELD_WRITERS = 8  # beside the reads: some are always under way, and the processor is not what they wait for
HELD_READS_FRACTION = 0.1
HELD_US = 3000
KEPT = 0.95  # of an asked rate; below that the latencies are those of another load
MIX_REQUESTS = 250_000
MARKERS_GONE_S = 300
TEXTS_SAMPLED = 200


def start(bench):
    """From the start of the process until /readyz says 200, the cluster being up."""
    for _ in range(max(STARTS, bench.scale.rounds)):
        begun = time.monotonic()
        service = bench.world.local.start_instance(binary=bench.binaries[0], wait=False)
        while not service.is_ready():
            if time.monotonic() - begun > 30 or service.pid is None:
                raise AssertionError(f"customerd is not ready: {service.last_words()}")
            time.sleep(0.001)
        bench.results.measure("start", "ms", (time.monotonic() - begun) * 1000)
        service.stop()


def memory(bench):
    """The greatest resident size of a new customerd, 1,000 connections reading."""
    for _ in range(bench.scale.rounds if bench.scale.full else 1):
        contestant = peers.start_customerd(bench.world, "memory", bench.binaries[0])
        wrk(contestant.target, "get", bench.files[workloads.HOT], MANY_CONNECTIONS, bench.scale.sample_s)
        status = Path(f"/proc/{contestant.service.pid}/status").read_text()
        kib = int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))
        bench.results.measure("memory", "MiB", kib / 1024)
        contestant.service.stop()


def list_cpu(bench):
    """User and system time of service and database for a page of 50, the first and one in a walk, in those of a GET by id."""
    bench.uniform()
    for contestant in bench.customerds:
        bench.walk(contestant)  # reads pages itself, which must not be counted
    for _ in range(bench.scale.rounds):
        for contestant in bench.customerds:
            _list_cpu_round(bench, contestant, f"{contestant.name}, " if len(bench.customerds) > 1 else "")


def _list_cpu_round(bench, contestant, prefix):
    pids = [contestant.service.pid, *bench.world.node_pids]
    cost = {}
    for name in ("list-16", "walk-16", "get-64"):
        before = cpu_s(pids)
        sample = bench.sample(workloads.ALL[name], contestant, bench.scale.sample_s)
        cost[name] = (cpu_s(pids) - before) / sample.requests
        bench.results.measure("list-cpu", f"{prefix}{name}, us", cost[name] * 1e6)
    bench.results.measure("list-cpu", f"{prefix}ratio", cost["list-16"] / cost["get-64"])
    bench.results.measure("list-cpu", f"{prefix}ratio in a walk", cost["walk-16"] / cost["get-64"])


def _expiring(world):
    keys = [node.command("INFO", "keyspace").partition("expires=")[2].partition(",")[0] for node in world.local.nodes]
    return sum(int(count or 0) for count in keys)


def used_memory(world):
    """Of all primaries, when the markers of earlier writes have expired."""
    deadline = time.monotonic() + MARKERS_GONE_S
    while _expiring(world) > 0:
        if time.monotonic() > deadline:
            raise AssertionError(f"{_expiring(world)} markers have not expired")
        time.sleep(0.5)
    return sum(int(node.command("INFO", "memory").partition("used_memory:")[2].split()[0]) for node in world.local.nodes)


def stored_bytes(bench):
    """used_memory before and after the many customers were made, without markers."""
    bench.uniform()
    per_customer, text = bench.bytes
    bench.results.measure("bytes", "a customer", per_customer)
    bench.results.measure("bytes", "its JSON", text)
    bench.results.measure("bytes", "ratio", per_customer / text)


def _open_loop(bench, contestant, rate, ids=None):
    bench.world.empty_logs()
    return open_loop(contestant.target, ids or bench.files[workloads.HOT], OPEN_LOOP_CONNECTIONS, rate, bench.scale.sample_s)


def _kept(bench, contestant, rate, ids=None):
    """A sample at a rate that has to be kept."""
    sample = _open_loop(bench, contestant, rate, ids)
    if sample.rate < KEPT * rate:
        raise LoadError(f"{contestant.label}: {rate:,.0f} requests/s were asked, and {sample.rate:,.0f} achieved")
    return sample


def tail(bench):
    """p99 / p50 with requests at half the maximal rate, against nginx's at half of its own."""
    found = {contestant.name: contestant for contestant in [bench.customerd, *bench.peer("nginx")]}
    rates = {name: bench.max_rate(contestant) for name, contestant in found.items()}
    for _ in range(bench.scale.rounds):
        ratio = {}
        for name, contestant in found.items():
            sample = _kept(bench, contestant, rates[name] * HALF)
            ratio[name] = sample.percentile(99) / sample.percentile(50)
            bench.results.measure("tail", f"{name}, p99/p50", ratio[name])
            bench.results.measure("tail", f"{name}, p99.9/p50", sample.percentile(99.9) / sample.percentile(50))
            bench.results.measure("tail", f"{name}, achieved/asked", sample.rate / (rates[name] * HALF))
            bench.results.measure("tail", f"{name}, sent late, p99 us", sample.late_us["99"])
        bench.results.measure("tail", "ratio", ratio[bench.customerd.name] / ratio["nginx"])


def hot_objects(bench):
    """A hundredth of the objects takes all reads, at half of the rate that they can be read with."""
    (contestant,) = bench.peer(workloads.OBJECTS)
    ids = bench.files[workloads.HOT_OBJECTS]
    rate = HALF * wrk(contestant.target, "get", ids, OPEN_LOOP_CONNECTIONS, bench.scale.sample_s).rate
    for _ in range(bench.scale.rounds):
        sample = _kept(bench, contestant, rate, ids)
        for percentile in (50, 99):
            bench.results.measure("hot-objects", f"p{percentile}, ms", sample.percentile(percentile) / 1000)
        bench.results.measure("hot-objects", "achieved/asked", sample.rate / rate)
        bench.results.measure("hot-objects", "sent late, p99 us", sample.late_us["99"])


def offered_load(bench):
    """Latency against offered load, one sample a point; for the plot."""
    found = {}
    for contestant in [bench.customerd, *bench.best(workloads.ALL["get-64"], ("fastify", "nginx"))]:
        points = found[contestant.name] = []
        for fraction in OPEN_LOOP_FRACTIONS:
            rate = bench.max_rate(contestant) * fraction
            sample = _open_loop(bench, contestant, rate)
            points.append({"asked": rate, "rate": sample.rate, "p50_us": sample.percentile(50),
                           "p99_us": sample.percentile(99)})
    bench.results.facts["open_loop"] = found


def mix_complete(bench):
    """The AWS benchmark's whole run once: 250,000 requests."""
    workload = workloads.ALL["mix-75"]
    for contestant in [bench.customerd, *bench.best(workload, ("flask",))]:
        sample = wrk(contestant.target, workload.kind, bench.files[workload.ids], workload.connections, 0,
                     tag=uuid.uuid4().hex[:8], count=MIX_REQUESTS)
        bench.results.measure("mix-complete", f"{contestant.name}, s", sample.duration_s)


def held(bench):
    """On a cluster of its own behind the proxies: the same with and without the hold, in turn."""
    with HeldWorld(bench.world.directory.parent / "held", bench.binaries[0]) as world:
        contestant = world.start_customerd()
        ids = customers.make(contestant.target.url, bench.hot_customers, world.path("hot"))
        peers.check_reads(contestant, list(customers.read_all(contestant.target.url, ids)))
        seconds = bench.scale.sample_s
        rate = HELD_READS_FRACTION * wrk(contestant.target, "get", ids, HELD_CONNECTIONS, seconds).rate
        for _ in range(bench.scale.rounds):
            world.empty_logs()
            rates = {}
            for name, number in (("not held", signal.SIGUSR2), ("held", signal.SIGUSR1)):
                world.tell(number)
                sample = wrk(contestant.target, "create", "", HELD_CONNECTIONS, seconds, tag=uuid.uuid4().hex[:8])
                rates[name] = sample.rate
                bench.results.measure("held", f"POST, {name}, requests/s", sample.rate)
            bench.results.measure("held", "POST ratio", rates["held"] / rates["not held"])
            alone = open_loop(contestant.target, ids, OPEN_LOOP_CONNECTIONS, rate, seconds)
            with BackgroundLoad(contestant.target, "create", "", HELD_WRITERS, seconds + 1, tag=uuid.uuid4().hex[:8]) as writes:
                beside = open_loop(contestant.target, ids, OPEN_LOOP_CONNECTIONS, rate, seconds)
            if writes.sample.percentile(50) < HELD_US:
                raise LoadError(f"nothing was held: a write's p50 is {writes.sample.percentile(50)} us")
            bench.results.measure("held", "reads alone, p99 us", alone.percentile(99))
            bench.results.measure("held", "reads beside writes, p99 us", beside.percentile(99))
            bench.results.measure("held", "a write, p50 us", writes.sample.percentile(50))
            bench.results.measure("held", "a write, p99 us", writes.sample.percentile(99))
            bench.results.measure("held", "reads ratio", beside.percentile(99) / alone.percentile(99))


def instructions(bench):
    """What instructions.json has for this release; tests/bench/instructions counts anew."""
    record = json.loads((Path(__file__).resolve().parent / "instructions.json").read_text())
    for release, by_machine in record.items():
        for machine, found in by_machine.items():
            for method, figure in found.items():
                bench.results.measure("instructions", f"{method}, Debian {release}, {machine} (recorded)", figure)


ALL = {"start": start, "memory": memory, "list-cpu": list_cpu, "bytes": stored_bytes, "tail": tail, "held": held, "hot-objects": hot_objects,
       "open-loop": offered_load, "mix-complete": mix_complete, "instructions": instructions}
QUICK = ("start", "memory", "list-cpu", "tail", "hot-objects", "held", "instructions")
