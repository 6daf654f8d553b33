"""The benchmark's command: see README.md here, and `tests/bench/run --help`."""

import argparse
import contextlib
import os
import signal
import sys
import tempfile
import time
import uuid
from dataclasses import replace
from pathlib import Path

import customers
import measures
import object_peers
import peers
import redis_peers
import report
import workloads
from load import LoadError, wrk
from results import Results
from token_issuer import TokenIssuer
from world import ROOT, World

HOT_CUSTOMERS = 1000
WALK_PAGES = 200
TOKEN_LIFE_S = 7200
CUSTOMERD = "customerd"


class Scale:
    """How much is done: quick takes two to three minutes, for which it has fewer and shorter turns; full ends within thirty."""

    def __init__(self, options):
        full, quick = options.full, not (options.full or options.only)
        self.full = full
        self.rounds = options.rounds or (3 if quick else 5)
        self.sample_s = options.seconds or (1 if quick else 3)
        self.warm_up_s = 1
        self.uniform_customers = 1_000_000 if full else 20_000
        self.deletes = 20_000 if full else 5_000


class Bench:
    """One run: the world, who takes part, and the results so far."""

    def __init__(self, world, options):
        self.world, self.options, self.results = world, options, Results()
        self.scale = Scale(options)
        self.binaries = options.binary or [ROOT / "build" / "release" / "customerd"]
        self.stack = contextlib.ExitStack()
        self.customerds, self.found_peers, self.expected, self.files = [], {}, [], {}
        self.max_rates, self.bytes, self.hot_customers = {}, None, HOT_CUSTOMERS
        self.failed = []
        self.wants_bytes = "bytes" in chosen(options)

    # ---- who takes part ----

    def start(self):
        names = [CUSTOMERD] if len(self.binaries) == 1 else [
            f"{chr(ord('A') + index)}: {path}" for index, path in enumerate(self.binaries)]
        self.customerds = [peers.start_customerd(self.world, name, path) for name, path in zip(names, self.binaries)]
        self.seed()
        for contestant in self.customerds:
            peers.check_reads(contestant, self.expected)
            peers.check_lists(contestant, self.expected, workloads.PAGE_OF)
            peers.check_creates(contestant, f"check.{uuid.uuid4().hex[:8]}")

    @property
    def customerd(self):
        return self.customerds[0]

    def seed(self):
        hot = customers.make(self.customerd.target.url, HOT_CUSTOMERS, self.world.path("hot"))
        self.expected = list(customers.read_all(self.customerd.target.url, hot))
        emails = self.world.path("emails")
        emails.write_text("".join(f"{customers.email_of(text)}\n" for _, text in self.expected))
        pages = self.world.path("pages")
        pages.write_text(f"{workloads.PAGE_OF}\n")
        self.files = {workloads.HOT: hot, workloads.EMAILS: emails, workloads.PAGES: pages}
        self.results.facts["json_bytes"] = sum(len(text) for _, text in self.expected) / len(self.expected)

    def peer(self, name):
        """The settings of a peer; it is started when it is first asked for."""
        if name not in self.found_peers:
            if name == workloads.JWT:
                self.found_peers[name] = [self._start_jwt()]
            elif name in (workloads.OBJECTS, workloads.NGINX_CACHE, workloads.SESSIONS):
                self.found_peers[name] = [self._start_resource(name)]
            else:
                self.found_peers[name] = self._start_peer(name)
            if not self.found_peers[name]:
                self.results.absent[name] = "not available on this machine"
        return self.found_peers[name]

    def _start_peer(self, name):
        form = {"fastify": customers.fastify_command, "flask": customers.flask_command}.get(name)
        if form:
            customers.store((form(*customer) for customer in self.expected), self.world.connections())
        if name in redis_peers.STARTERS:
            return redis_peers.STARTERS[name](self.world, self.expected)
        return peers.start(name, self.world, self.options.packages, self.expected)

    def _start_jwt(self):
        issuer = self.stack.enter_context(TokenIssuer())
        token = issuer.token(exp=int(time.time()) + TOKEN_LIFE_S)
        contestant = peers.start_customerd(self.world, workloads.JWT, self.binaries[0], issuer.settings(), f"Bearer {token}")
        peers.check_reads(contestant, self.expected)
        with customers.Client(contestant.target.url) as client:
            if client.get(f"/customers/{self.expected[0][0]}")[0] != 401:
                raise peers.WrongAnswer("customerd with JWT answers without a token")
        return contestant

    def _start_resource(self, name):
        if name == workloads.SESSIONS:
            return object_peers.start_sessions(self.world, self.binaries[0], self.files[workloads.HOT])
        if workloads.OBJECT_KEYS not in self.files:
            keys, hot = object_peers.put_objects(self.world)
            self.files.update({workloads.OBJECT_KEYS: keys, workloads.HOT_OBJECTS: hot})
        if name == workloads.OBJECTS:
            return object_peers.start_objects(self.world, self.binaries[0], self.files[workloads.OBJECT_KEYS])
        return object_peers.start_nginx_cache(self.world, self.files[workloads.OBJECT_KEYS])

    # ---- one workload ----

    def run(self, workload):
        say(f"{workload.name}: {workload.note}")
        if workload.ids in (workloads.UNIFORM, workloads.WALK):
            self.uniform()
        asked = workload.peers
        if not (self.options.full or self.options.only):
            asked = workloads.QUICK_PEERS.get(workload.name, asked)
        taking_part = [*self.customerds, *self.best(workload, filter(self.wants, asked))]
        taking_part = [contestant for contestant in taking_part
                       if self._try(workload, contestant, self.scale.warm_up_s) is not None]
        for _ in range(self.scale.rounds):
            for contestant in list(taking_part):
                sample = self._try(workload, contestant, self.scale.sample_s)
                if sample is None:
                    taking_part.remove(contestant)
                else:
                    self.results.add(workload.name, contestant.name, sample)
        for contestant in taking_part:
            rates = self.results.values(workload.name, contestant.name)
            say(f"  {contestant.label}: {report.Spread.of(rates).text()} requests/s")

    def _try(self, workload, contestant, duration_s):
        """A sample; None when a peer can't bear this workload, which the report says. customerd has to bear it."""
        try:
            return self.sample(workload, contestant, duration_s)
        except LoadError as error:
            if contestant.service:
                raise
            self.results.absent[f"{contestant.label} in {workload.name}"] = str(error)
            self.results.samples.get(workload.name, {}).pop(contestant.name, None)
            return None

    def measure(self, name):
        """One that fails has no figures; the report says why, and the run goes on to its end and fails there."""
        try:
            measures.ALL[name](self)
        except LoadError as error:
            say(f"{name}: {error}")
            self.failed.append(name)
            self.results.absent[name] = str(error)
            self.results.measures.pop(name, None)

    def wants(self, peer):
        if self.options.peer is not None:
            return peer in self.options.peer
        return len(self.binaries) == 1

    def best(self, workload, names):
        """Of each of these peers, as far as they are to be had, the best setting."""
        found = [self._best(workload, self.peer(name)) for name in names if self.peer(name)]
        return [contestant for contestant in found if contestant]

    def max_rate(self, contestant):
        """Of GETs at 64 connections; measured if it has not been."""
        workload = workloads.ALL["get-64"]
        known = self.results.values(workload.name, contestant.name)
        if not known and contestant.label not in self.max_rates:
            self.max_rates[contestant.label] = self.sample(workload, contestant, self.scale.sample_s).rate
        return report.Spread.of(known).median if known else self.max_rates[contestant.label]

    def uniform(self):
        """Makes the many customers when they are first needed. Their bytes are measured there and then, before others come."""
        if workloads.UNIFORM in self.files:
            return
        count = self.scale.uniform_customers
        say(f"making {count:,} customers")
        before = measures.used_memory(self.world) if self.wants_bytes else 0
        ids = customers.make(self.customerd.target.url, count, self.world.path("uniform"))
        self.files[workloads.UNIFORM] = ids
        if self.wants_bytes:
            used = measures.used_memory(self.world) - before
            sampled = list(customers.read_all(self.customerd.target.url, ids, measures.TEXTS_SAMPLED))
            self.bytes = used / count, sum(len(text) for _, text in sampled) / len(sampled)

    def _best(self, workload, settings):
        """The setting that does most of this workload; all that were tried stand in the report."""
        if len(settings) == 1:
            return settings[0]
        rates = {}
        for contestant in settings:
            # The first second goes to what is cold: compilers, connections, caches.
            sample = (self._try(workload, contestant, self.scale.warm_up_s)
                      and self._try(workload, contestant, self.scale.warm_up_s))
            rates[contestant.setting] = sample.rate if sample else 0
        self.results.settings.setdefault(workload.name, {})[settings[0].name] = rates
        best = max(settings, key=lambda contestant: rates[contestant.setting])
        return best if rates[best.setting] else None

    def sample(self, workload, contestant, duration_s):
        self.world.empty_logs()
        if contestant.sampler:
            return contestant.sampler(workload, duration_s)
        target = contestant.target
        if workload.path[0]:
            target = replace(target, prefix=workload.path[0], suffix=workload.path[1])
        if workload.kind == "delete":
            return self._deletes(target, workload)
        ids = self.walk(contestant) if workload.ids == workloads.WALK else self.files[workload.ids]
        return wrk(target, workload.kind, ids, workload.connections, duration_s, tag=uuid.uuid4().hex[:8])

    def walk(self, contestant):
        """Of each its own: builds that are compared may have cursors of different forms."""
        key = workloads.WALK, contestant.label
        if key not in self.files:
            text = customers.walk(contestant.target.url, WALK_PAGES, workloads.PAGE_OF)
            self.files[key] = self.world.path(f"walk-{len(self.files)}")
            self.files[key].write_text(text)
        return self.files[key]

    def _deletes(self, target, workload):
        """A fixed number of new customers goes; some more are there for the requests under way at the end."""
        ids = customers.make(target.url, self.scale.deletes + 2 * workload.connections, self.world.path("to-delete"))
        return wrk(target, "delete", ids, workload.connections, 0, count=self.scale.deletes)


def say(text):
    print(text, flush=True)


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tests/bench/run", description="Measures customerd against what people would use "
                                     "instead; writes build/bench/report.md, report.json and plots.")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="two to three minutes: what the marks need but the bytes (the default)")
    size.add_argument("--full", action="store_true", help="half an hour: everything, at 1 million customers")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only these workloads and measures: "
                        + ", ".join([*workloads.ALL, *measures.ALL]))
    parser.add_argument("--binary", action="append", metavar="PATH", help="the customerd to measure instead of the release "
                        "build; given several times they are compared with each other, without peers")
    parser.add_argument("--peer", nargs="*", metavar="NAME", help="only these peers")
    parser.add_argument("--rounds", type=int, help="how often each takes its turn")
    parser.add_argument("--seconds", type=int, help="how long one turn takes")
    parser.add_argument("--packages", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--output", type=Path, default=ROOT / "build" / "bench", help="where the report goes")
    options = parser.parse_args(arguments)
    known = {**workloads.ALL, **measures.ALL}
    for name in options.only or []:
        if name not in known:
            parser.error(f"no workload {name}: {', '.join(known)}")
    for path in options.binary or []:
        if not os.access(path, os.X_OK):
            parser.error(f"{path} is no program")
    return options


def chosen(options):
    if options.only:
        return options.only
    if options.full:
        return [*workloads.ALL, *measures.ALL]
    return [*workloads.QUICK, *measures.QUICK]


def main():
    options = parse(sys.argv[1:])
    # A signal ends the run as an exception does, so that all that was started is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="customerd-bench-") as directory:
        binaries = options.binary or [ROOT / "build" / "release" / "customerd"]
        with World(Path(directory) / "cluster", binaries[0],
                   objects=bool(set(workloads.WITH_OBJECTS) & set(chosen(options)))) as world:
            bench = Bench(world, options)
            with bench.stack:
                bench.start()
                say(f"set up in {time.monotonic() - started:.0f} s")
                for name in chosen(options):
                    if name in workloads.ALL:
                        bench.run(workloads.ALL[name])
                    else:
                        bench.measure(name)
    bench.results.facts["took_s"] = round(time.monotonic() - started)
    report.write(bench, options.output)
    say(f"{options.output}/report.md ({time.monotonic() - started:.0f} s)")
    if bench.failed:
        sys.exit(f"tests/bench/run: failed: {', '.join(bench.failed)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
