"""A campaign: load and nemesis for a while, then rest, then every check."""

import collections
import dataclasses
import gc
import json
import time

from . import final_reads, invariants, resources
from .check import Verdict, check_history
from .history import LOST, UNSENT, WRITES, in_order, read_directory
from .load_client import Load
from .probe import Prober
from .world import REQUEST_TIMEOUT_MS, LocalError, ReplyError, World

SLOWEST_S = REQUEST_TIMEOUT_MS / 1000 + 4.0  # two shared cores
MANY_CALLS = 150_000  # the checks are spread over processes
EVENTS, SLOW = "events.jsonl", "slow.json"
STOPPING = ("service-stopped", "memory-exhausted", "descriptors-exhausted", "service-terminated")


@dataclasses.dataclass
class Options:
    seed: int = 1
    binary: str = None
    instances: int = 3
    recovery_s: float = 20.0
    hold: float = 1.0   # of the time that each fault stays in force
    pause: float = 1.0  # of the time between faults
    kills_between: int = 0  # of services, after each fault
    world: object = None    # where cluster and services live, elsewhere than histories
    load: dict = dataclasses.field(default_factory=dict)
    say: object = print


class Campaign:
    """run(planned faults) -> Verdict; faults may be endless with until_s."""

    def __init__(self, directory, options):
        self.directory, self.options, self.events = directory, options, []
        self.findings, self.tally, self.load_s = [], collections.Counter(), 0.0
        self.recoveries = collections.defaultdict(list)

    def run(self, planned, until_s=None):
        begin = time.monotonic()
        with World(self.options.world or self.directory / "world", self.options.binary, self.options.instances) as world:
            self.tally = world.tally
            prober = Prober(world)
            prober.recovery_s(10)
            with Load(self.directory, world.served, self.options.seed, **self.options.load) as load:
                time.sleep(0.5)
                before, loaded = resources.measure(world), time.monotonic()
                for one in planned:
                    if until_s is not None and time.monotonic() - begin > until_s:
                        break
                    if not self._went_well(world, prober, load, one):
                        break
                self.load_s = time.monotonic() - loaded
                figures = load.stop()
            self.options.say("the load has ended, now the checks")
            return self._check(world, before, figures)

    def _went_well(self, world, prober, load, planned):
        """What is not served again in time is found, and mended by hand. Where that does not help either nothing more can be
        learnt but by the checks."""
        try:
            self._fault(world, prober, load, planned)
            self._kills(world, planned)
            return True
        except (AssertionError, OSError, LocalError, ReplyError) as failure:
            self._found("recovery", planned, failure)
        try:
            world.mend()
            prober.recovery_s(60)
            world.settle()
            return True
        except (AssertionError, OSError, LocalError, ReplyError) as failure:
            self._found("recovery", planned, failure)
            return False

    def _found(self, check, planned, failure):
        self.findings.append((check, f"{planned.number} {planned.fault.name}", f"{type(failure).__name__}: {failure}"))
        self.options.say(f"{planned}; {check}: {str(failure)[:300]}")

    def _kills(self, world, planned):
        """Services killed at moments of their own, with no other fault in force."""
        for _ in range(self.options.kills_between):
            instance = planned.between.choice(world.served)
            time.sleep(planned.between.uniform(0.02, 0.3))
            world.kill(instance)
            world.start_again(instance)

    def _fault(self, world, prober, load, planned):
        event = {"fault": planned.fault.name, "number": planned.number, "begin": time.monotonic_ns()}
        self.events.append(event)
        try:
            with planned.fault.context(world, planned.rng):
                time.sleep(planned.hold_s * self.options.hold)
        except (AssertionError, OSError, ValueError, LocalError, ReplyError) as failure:
            self._found("fault", planned, failure)
            world.mend()
        event["end"] = time.monotonic_ns()
        recovered_s = prober.recovery_s(self.options.recovery_s)
        world.settle()
        event["recovered_s"] = round(recovered_s, 2)
        self.recoveries[planned.fault.name].append(recovered_s)
        calls = sum(load.figures()["statuses"].values())
        self.options.say(f"{planned}; served again after {recovered_s:.2f} s; {calls} calls")
        time.sleep(planned.pause_s * self.options.pause)

    def _check(self, world, before, figures):
        with open(self.directory / EVENTS, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(event) + "\n" for event in self.events)
        (self.directory / SLOW).write_text(json.dumps(world.proxy.call("slow")))
        gc.disable()  # millions of small objects that all stay, looked through again and again
        calls = read_directory(self.directory)
        final_reads.read_all(self.directory, world.served, calls)
        at_rest = self._invariants(world)
        verdict = self._of_history(in_order(calls + read_directory(self.directory, "history-z.jsonl")))
        verdict.findings += self.findings + at_rest.findings
        verdict.figures.update(at_rest.figures)
        self._resources(world, before, verdict)
        verdict.figures["statuses"] = figures["statuses"]
        verdict.figures["slowest recovery"] = max(((round(max(times), 2), name) for name, times in self.recoveries.items()),
                                                  default=None)
        return verdict

    def check_again(self):
        """What the histories of an earlier run come to, from its directory alone."""
        gc.disable()
        with open(self.directory / EVENTS, encoding="utf-8") as file:
            self.events = [json.loads(line) for line in file]
        for event in self.events:
            if "recovered_s" in event:
                self.recoveries[event["fault"]].append(event["recovered_s"])
        return self._of_history(read_directory(self.directory))

    def _of_history(self, calls):
        verdict = check_history(calls, self.without_memory, 2 if len(calls) > MANY_CALLS else 1)
        slow = json.loads((self.directory / SLOW).read_text())
        noticed = self.noticed(calls)
        starved = [call for _, call in noticed if self.starved(call, slow)]
        verdict.count("noticed, but the machine was too busy", len(starved))
        verdict.findings += [("quiet", event["fault"], f"a client noticed: {call!r}") for event, call in noticed
                             if call not in starved]
        verdict.findings += self.slow(calls)
        return verdict

    def _invariants(self, world):
        result = Verdict()
        try:
            result.figures.update(invariants.check_at_rest(world))
            invariants.check_nothing_repaired(world.served)
            invariants.check_logs(world.served)
        except (AssertionError, OSError, LocalError, ReplyError) as failure:
            result.findings.append(("invariants", "", str(failure)))
        return result

    @staticmethod
    def _resources(world, before, verdict):
        try:
            resources.check_back(world, before)
        except AssertionError as failure:
            verdict.findings.append(("resources", "", str(failure)))

    def without_memory(self, call):
        """Whether a service had no memory to be had meanwhile."""
        return any(event["fault"] == "memory-exhausted" and event["begin"] < call.end and call.begin < event["end"]
                   for event in self.events)

    def noticed(self, calls):
        """What clients saw of faults that nobody may notice."""
        from .faults import FAULTS  # pylint: disable=import-outside-toplevel  # the register is filled by then
        quiet = [event for event in self.events if FAULTS[event["fault"]].quiet and "end" in event]
        bad = [call for call in calls if call.status in (UNSENT, LOST) or call.status >= 500]
        return [(event, call) for event in quiet for call in bad if event["begin"] <= call.begin <= event["end"]]

    @staticmethod
    def starved(call, slow):
        """Whether a node, or the proxy itself, took very long meanwhile with no fault in force for it."""
        return any(begin < (call.end or begin) and call.begin < end for begin, end in slow)

    def slow(self, calls):
        """Answers that came long after the deadline, but for those of a service that was stopped itself."""
        stopped = [event for event in self.events if event["fault"] in STOPPING and "end" in event]
        found = []
        for call in calls:
            if call.end is None or call.end - call.begin < SLOWEST_S * 1e9 or call.kind not in (*WRITES, "get", "find"):
                continue
            if not any(event["begin"] < call.end and call.begin < event["end"] for event in stopped):
                found.append(("deadline", call.group, f"{(call.end - call.begin) / 1e9:.1f} s: {call!r}"))
        return found
