"""Deliberate bugs. Each is a change to a copy of the source, built apart; the lab must find every one, and must find nothing in
the program as it is. A change names a text that must stand in its file exactly once."""

import dataclasses
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

from .campaign import Campaign, Options
from .schedule import Planned
from .world import LocalError

ROOT = pathlib.Path(__file__).resolve().parents[3]
SOURCES = ("CMakeLists.txt", "CMakePresets.json", "api", "src", "include", "openapi")
ROUNDS = 4
CUSTOMERS, MEMORYDB = "src/customers/", "src/memorydb/"
SCRIPTS = CUSTOMERS + "scripts/"


@dataclasses.dataclass
class Mutant:
    """changes: (file, text, what stands in its place)."""
    name: str
    changes: list
    faults: list


MUTANTS = [
    Mutant("acknowledged-before-it-is-done", [
        (CUSTOMERS + "replace.c",
         "    status = store_script(c, &script_delete, bucket, &args, options->deadline_ms, &call, &word, err);\n",
         "    status = store_script(c, &script_delete, bucket, &args, options->deadline_ms, &call, &word, err);\n"
         "    if (status == STATUS_OUTCOME_UNKNOWN) {\n        status = STATUS_OK;\n        goto out;\n    }\n"),
        (CUSTOMERS + "email_change.c",
         "    enum status status = run_commit(w, n, &call, &word, err);\n",
         "    enum status status = run_commit(w, n, &call, &word, err);\n"
         "    if (status == STATUS_OUTCOME_UNKNOWN) {\n        w->answer->id = *w->id;\n        w->answer->version = w->base + 1;\n"
         "        return store_render(w->id, w->base + 1, clock_realtime_ms(w->c->options.clock), buf_slice(&w->body),\n"
         "                            &w->answer->json, err);\n    }\n")],
        ["node-stopped-then-killed"] * 3),
    Mutant("host-name-not-checked", [
        (MEMORYDB + "tls.c", "return SSL_set1_host(ssl, name) == 1 && SSL_set_tlsext_host_name(ssl, name) == 1;",
         "return SSL_set_tlsext_host_name(ssl, name) == 1;")], ["certificate-wrong-name"]),
    Mutant("certificate-not-verified", [(MEMORYDB + "tls.c", "SSL_VERIFY_PEER", "SSL_VERIFY_NONE")], ["certificate-untrusted"]),
    Mutant("marker-after-if-match", [
        (SCRIPTS + "replace.lua", "local record, ended = record_find(",
         "local early = record_parse(redis.call('GET', KEYS[2]) or '')\n"
         "if early then\n  local no = refusal(early.version, ARGV[9], ARGV[10], '')\n  if no then\n    return no\n  end\nend\n"
         "local record, ended = record_find(")], ["delivered-twice", "reply-dropped"]),
    Mutant("release-without-number", [
        (SCRIPTS + "release.lua", "if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then",
         "local held = redis.call('HGET', KEYS[1], ARGV[1])\n"
         "if not held or string.sub(held, 1, 16) ~= string.sub(ARGV[2], 1, 16) then")],
        ["delay", "services-killed-in-turn", "stall", "delay"]),
    Mutant("life-on-a-claim", [
        (SCRIPTS + "create.lua", "  redis.call('HSET', KEYS[4], eh, claim_build(id, n))\n",
         "  redis.call('HSET', KEYS[4], eh, claim_build(id, n))\n  redis.call('EXPIRE', KEYS[4], 2)\n")], ["delay", "sliced"]),
    Mutant("replies-shifted-after-a-timeout", [
        (MEMORYDB + "connection_io.c", "    struct call *call = c->sent.head;\n    if (call->progress.skip_reply) {",
         "    while (c->sent.head->next != NULL && call_is_abandoned(c->sent.head))\n"
         "        call_drop(call_queue_pop(&c->sent));\n"
         "    struct call *call = c->sent.head;\n    if (call->progress.skip_reply) {")], ["replies-beyond-the-deadline"] * 2),
    Mutant("claim-number-used-again", [
        (SCRIPTS + "begin.lua", "redis.call('SET', KEYS[2], record_build(record))\n", "")], ["delay", "delivered-late"]),
    Mutant("marker-not-written", [
        (SCRIPTS + "lib/marker.lua", "  redis.call('SET', key, head .. body, 'EX', ttl_s)\n", "")], ["reply-dropped"]),
    Mutant("index-entry-left", [(SCRIPTS + "delete.lua", "redis.call('ZREM', KEYS[3], id)\n", "")], ["delay"]),
    Mutant("claim-not-looked-at", [
        (SCRIPTS + "create.lua", "  if claim and claim ~= ARGV[10] then", "  if claim and claim == '' then")], ["delay"]),
    Mutant("pending-change-ignored", [
        (CUSTOMERS + "store.c", "    if (live || !pending) {", "    if (live || !pending || claim->n > 0) {")], ["delay", "stall"]),
    Mutant("never-unknown", [
        ("api/problem.c", 'err->applied == APPLIED_UNKNOWN ? "unknown" : "no"', '"no"')],
        ["hanging-network", "node-stopped-for-long"]),
    Mutant("key-ignored", [
        (CUSTOMERS + "operation.c", "ok = keyed_id(c, idempotency, out->id) &&",
         "ok = keyed_id(c, idempotency, out->id) && random_bytes(out->id, sizeof out->id) &&")], ["reply-dropped"]),
    Mutant("page-without-a-shard", [
        (CUSTOMERS + "listing.c", "            status = take_window(walk, of[i], call_reply(calls[i]), err);\n",
         "            status = take_window(walk, of[i], call_reply(calls[i]), err);\n"
         "        else\n            walk->buckets[of[i]].complete = true;\n"),
        (CUSTOMERS + "listing.c", "        call_release(calls[i]);\n    }\n    return status;\n",
         "        call_release(calls[i]);\n    }\n    return STATUS_OK;\n")], ["shard-dead", "hanging-network"]),
    Mutant("claim-trusted-without-record", [
        (CUSTOMERS + "read.c", "record.eh != NULL && memcmp(record.eh, eh, EMAIL_HASH_BYTES) == 0", "record.eh != NULL")],
        ["delay", "services-killed-in-turn"]),
    Mutant("descriptors-leaked", [
        (MEMORYDB + "transport.c", "    if (t->fd >= 0)\n        close(t->fd);\n",
         "    static int closed;\n    if (t->fd >= 0 && closed++ % 2 == 0)\n        close(t->fd);\n")],
        ["connections-cut", "clients-killed", "maxclients-at-sign-in"]),
]
BY_NAME = {mutant.name: mutant for mutant in MUTANTS}


class Workshop:
    """A copy of the source with a build of its own; only what a change touches is compiled anew."""

    def __init__(self, directory):
        self.source, self.build = pathlib.Path(directory) / "source", pathlib.Path(directory) / "build"
        self.programs = pathlib.Path(directory) / "programs"
        self.programs.mkdir(parents=True, exist_ok=True)
        self.source.mkdir(exist_ok=True)
        for name in SOURCES:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, self.source / name, dirs_exist_ok=True)
            else:
                shutil.copy2(ROOT / name, self.source / name)
        self._run("cmake", "-S", self.source, "-B", self.build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
                  "-DCUSTOMERD_TESTS=OFF", "-DCUSTOMERD_DOCS_PAGE=OFF")

    @staticmethod
    def _run(*command):
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(map(str, command))}:\n{done.stdout[-3000:]}{done.stderr[-3000:]}"

    def program(self, mutant):
        """Its path. None builds the program as it is."""
        changes = mutant.changes if mutant else []
        before = {path: (self.source / path).read_text() for path, _, _ in changes}
        try:
            for path, text, new in changes:
                now = (self.source / path).read_text()
                assert now.count(text) == 1, f"{mutant.name}: {path} holds {now.count(text)} times: {text!r}"
                (self.source / path).write_text(now.replace(text, new))
            self._run("cmake", "--build", self.build, "-j", os.environ.get("CMAKE_BUILD_PARALLEL_LEVEL", "2"),
                      "--target", "customerd")
            path = self.programs / (mutant.name if mutant else "unchanged")
            shutil.copy2(self.build / "customerd", path)
            return path
        finally:
            for path, text in before.items():
                (self.source / path).write_text(text)


def hunt(binary, faults, seed, rounds, directory=None, say=print):
    """(rounds it took or None, seconds, calls, checks that found something with their first finding)."""
    begin, calls = time.monotonic(), 0
    for number in range(1, rounds + 1):
        with tempfile.TemporaryDirectory(prefix="mutant-", dir=directory) as place:
            campaign = Campaign(pathlib.Path(place), Options(
                seed=seed + number, binary=binary, pause=0.3, recovery_s=30,
                say=lambda _: None, load={"registers": 4, "islands": 5, "operations": 60, "walk_pause_s": 0.5}))
            try:
                verdict = campaign.run([Planned(seed + number, n, name) for n, name in enumerate(faults)])
                found, calls = verdict.findings, calls + verdict.figures["calls"]
            except (AssertionError, LocalError) as failure:
                found = [("campaign", "", str(failure))]
        if found:
            first = {}
            for check, group, what in found:
                first.setdefault(check, f"{group} {what}".strip().splitlines()[0][:160])
            return number, time.monotonic() - begin, calls, first
        say(f"  nothing in round {number}")
    return None, time.monotonic() - begin, calls, {}


def hunt_all(directory, names, seed, say=print):
    """True when every mutant was found, and nothing in the program as it is."""
    workshop, missed = Workshop(directory), []
    every = sorted({fault for mutant in MUTANTS for fault in mutant.faults})
    if not names:
        found, took, calls, first = hunt(workshop.program(None), every, seed, 1, directory, say)
        say(f"{'unchanged':34} {'FOUND ' + str(first) if found else 'nothing found'}, {took:.0f} s, {calls} calls")
        missed += ["unchanged"] if found else []
    for mutant in [BY_NAME[name] for name in names] or MUTANTS:
        found, took, calls, first = hunt(workshop.program(mutant), mutant.faults, seed, ROUNDS, directory, say)
        say(f"{mutant.name:34} {f'found in round {found}' if found else 'NOT FOUND'}, {took:.0f} s, {calls} calls")
        for check, what in first.items():
            say(f"    {check}: {what}")
        missed += [] if found else [mutant.name]
    say(f"{'all found' if not missed else 'wrong: ' + ', '.join(missed)}")
    return not missed
