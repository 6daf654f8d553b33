"""The marks: what the service must reach, and what it aims at. Ratios, so that the machine's speed falls out."""

from dataclasses import dataclass

from results import Spread, ratios
from workloads import NGINX_CACHE, OBJECTS, SESSIONS


@dataclass(frozen=True)
class Mark:
    """measured(results) gives a value a round. at_most: less is better. full: only the full run measures what is meant."""
    name: str
    must: float
    aim: float
    measured: object
    at_most: bool = False
    form: str = "{:.2f}"
    full: bool = False

    def verdict(self, value):
        reached = [value <= bound if self.at_most else value >= bound for bound in (self.must, self.aim)]
        return "aim met" if reached[1] else "met" if reached[0] else "**not met**"


def _rates(workload, above, below):
    return lambda results: ratios(results.values(workload, above), results.values(workload, below))


def _p50(workload, above, below):
    def found(results):
        return ratios(*(results.values(workload, name, lambda sample: sample.percentile(50)) for name in (above, below)))
    return found


def _measure(name, series):
    return lambda results: results.series(name, series)


ALL = (
    Mark("GET by id, 64 connections, vs the best Fastify + ioredis", 1.15, 1.5, _rates("get-64", "customerd", "fastify")),
    Mark("the same, vs webdis without TLS", 0.75, 1.0, _rates("get-64", "customerd", "webdis")),
    Mark("the same, vs nginx's fixed answer", 0.30, 0.45, _rates("get-64", "customerd", "nginx")),
    Mark("GET, 1 connection: p50 vs a bare TLS round trip of the same command", 2.0, 1.5,
         _p50("get-1", "customerd", "round-trip"), at_most=True),
    Mark("POST create, 64 connections, vs Fastify + ioredis with one EVALSHA of the same script", 1.15, 1.5,
         _rates("create-64", "customerd", "fastify")),
    Mark("the 80/20 mix, vs the Flask stack with plain HSET and HGETALL", 8, 15, _rates("mix-75", "customerd", "flask")),
    Mark("list page of 50 at 1 million customers: processor time of service and database, in GETs by id", 40, 15,
         _measure("list-cpu", "ratio"), at_most=True, full=True),
    Mark("the same, a page in a walk", 40, 15, _measure("list-cpu", "ratio in a walk"), at_most=True, full=True),
    Mark("GET with JWT vs without", 0.9, 0.97, _rates("get-jwt-64", "customerd with JWT", "customerd")),
    Mark("GET of a cached object of 1 KiB, 64 connections, vs GET by id", 0.8, 1.0, _rates("object-64", OBJECTS, "customerd")),
    Mark("the same, vs nginx's proxy_cache before the same S3", 0.5, 0.8, _rates("object-64", OBJECTS, NGINX_CACHE)),
    Mark("1 % of the objects taking all reads, at half of the maximal rate: p99, ms", 5, 2, _measure("hot-objects", "p99, ms"),
         at_most=True),
    Mark("GET /session, 64 connections, vs GET by id", 0.8, 1.0, _rates("session-64", SESSIONS, "customerd")),
    Mark("writes held 3 ms: POST at 256 connections vs not held", 0.7, 0.9, _measure("held", "POST ratio")),
    Mark("beside them: p99 of reads of other keys, vs without writes", 2, 1.3, _measure("held", "reads ratio"), at_most=True),
    Mark("p99 / p50 at half of the maximal rate, vs nginx's own", 2, 1.3, _measure("tail", "ratio"), at_most=True),
    Mark("database bytes of a customer at 1 million, all indexes, without markers, vs its JSON's bytes", 1.8, 1.4,
         _measure("bytes", "ratio"), at_most=True, full=True),
    Mark("resident memory with 1,000 connections under load, MiB", 48, 24, _measure("memory", "MiB"), at_most=True, form="{:.1f}"),
    Mark("start to ready with the cluster up, ms", 150, 50, _measure("start", "ms"), at_most=True, form="{:.0f}"),
)


def judged(results, scale):
    """(mark, Spread or None, verdict)."""
    for mark in ALL:
        spread = Spread.of(mark.measured(results))
        if spread is None:
            yield mark, None, "not measured in this run"
        elif mark.full and not scale.full:
            yield mark, spread, f"{mark.verdict(spread.median)}, but at {scale.uniform_customers:,} customers"
        else:
            yield mark, spread, mark.verdict(spread.median)


def rows(results, scale):
    sign = {True: "<= ", False: ""}
    return [[mark.name, spread.text(mark.form) if spread else "", f"{sign[mark.at_most]}{mark.must:g}",
             f"{sign[mark.at_most]}{mark.aim:g}", verdict] for mark, spread, verdict in judged(results, scale)]


def document(results, scale):
    return [{"mark": mark.name, "must": mark.must, "aim": mark.aim, "at_most": mark.at_most, "verdict": verdict,
             "measured": None if spread is None else {"median": spread.median, "low": spread.low, "high": spread.high}}
            for mark, spread, verdict in judged(results, scale)]
