"""Runs Spin on protocol.pml and objects.pml: what must hold, and what must be refuted."""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
SOURCES = HERE.parents[1] / "src"
MEMORY_MB = 4096

CUSTOMERS = "protocol.pml"
OBJECTS = "objects.pml"
SCRIPTS = {CUSTOMERS: SOURCES / "customers/scripts", OBJECTS: SOURCES / "objects/scripts"}

# Scripts of customers that the model leaves out, and why.
IRRELEVANT = {
    "meta": "runs once, before the first write is admitted",
    "open": "a guard against misuse of a key: that there is one effect rests on the marker alone, which is modelled",
    "restore": "changes the pass that every writing script compares in its own step: steps under two passes never meet",
    "reindex": "does nothing while record and index entry change together, which the model checks as I3",
}


@dataclass
class Run:
    name: str
    switches: str
    about: str
    refuted_by: str = ""  # the property; empty: everything must hold
    cycles: bool = False  # looks for cycles without progress instead of wrong states
    model: str = CUSTOMERS


@dataclass
class Result:
    refuted_by: str
    states: int
    depth: int
    seconds: float
    complete: bool


CHECKS = [
    Run("two requests", "-DREDO -DHEALER_STOPS -DASTRAY=0", "any two at once, over three customers"),
    Run("a message astray", "-DASTRAY=1", "the same, and any one message of theirs is late or comes twice"),
    Run("a healer's message astray", "-DASTRAY=1 -DHEALER_ASTRAY -DHEALER_STOPS -DCUSTOMERS=2", "one of the healer's is"),
    Run("three requests", "-DREQUESTS=2 -DASTRAY=0 -DCOARSE_HEALER",
        "one worker has two, the second any, or the first again with its Idempotency-Key"),
    Run("twins", "-DTWIN -DASTRAY=1 -DCUSTOMERS=4", "two replicas run one request with one Idempotency-Key"),
    Run("conditions", "-DCONDITIONS -DASTRAY=1 -DCUSTOMERS=2", "every write names the version that it was made from"),
    Run("scrubber", "-DLOOKS=1 -DASTRAY=0", "a look at a record and its claim beside any two requests"),
    Run("rest", "-DPROGRESS -DASTRAY=0 -DCUSTOMERS=2", "nothing goes round for ever", cycles=True),
]

# By hand (tests/model/run --deep): the same with more, in some minutes.
DEEP = [
    Run("two messages astray", "-DASTRAY=2 -DCOARSE_HEALER", "any two messages"),
    Run("three requests, a message astray", "-DREQUESTS=2 -DASTRAY=1 -DCOARSE_HEALER -DCUSTOMERS=2", ""),
    Run("made again, a message astray", "-DREDO -DASTRAY=1", "a patch that met another version begins once more"),
]

MUTANTS = [
    Run("number reused", "-DNUMBER_REUSED -DREQUESTS=2 -DASTRAY=0 -DCOARSE_HEALER -DCUSTOMERS=2",
        "a rolled back claim number is given out again", "I2"),
    Run("older claim", "-DOLDER_CLAIM -DREQUESTS=2 -DASTRAY=1 -DCOARSE_HEALER -DCUSTOMERS=2",
        "a customer's late claim overwrites its later one", "I2"),
    Run("release by owner", "-DRELEASE_BY_OWNER -DREQUESTS=2 -DASTRAY=0 -DCUSTOMERS=2",
        "release does not compare the number: e1, e2, e1", "I2"),
    Run("claim expires", "-DCLAIM_EXPIRES -DASTRAY=0 -DCUSTOMERS=2", "the reservation has an expiry", "I2"),
    Run("id reused", "-DID_REUSED -DREQUESTS=2 -DASTRAY=0 -DCOARSE_HEALER -DCUSTOMERS=2",
        "a deleted id is created again", "I2"),
    Run("replica", "-DREPLICA -DASTRAY=0 -DCUSTOMERS=2", "a claim's backing is read from a replica", "I2"),
    Run("lock expires", "-DLOCK_EXPIRES -DASTRAY=0 -DCUSTOMERS=2", "the intent is a lock that expires", "I2"),
    Run("two reads", "-DTWO_READS -DASTRAY=0 -DCUSTOMERS=2", "record and intent are read one after the other", "I2"),
    Run("marker after If-Match", "-DMARKER_AFTER_IF_MATCH -DCONDITIONS -DASTRAY=1 -DCUSTOMERS=2",
        "a repetition is refused for its own success", "refused_is_not_done"),
    Run("commit unchecked", "-DCOMMIT_UNCHECKED -DASTRAY=0 -DCUSTOMERS=2", "commit does not ask for its intent", "I2"),
    Run("take over any", "-DTAKE_OVER_ANY -DREQUESTS=2 -DASTRAY=0 -DCOARSE_HEALER -DCUSTOMERS=2", "a take-over does not compare the claim", "I2"),
    Run("early answer", "-DEARLY_ANSWER -DASTRAY=0 -DCUSTOMERS=2", "acknowledged before the commit",
        "acknowledged_is_done"),
    Run("no marker", "-DNO_MARKER -DASTRAY=1 -DCUSTOMERS=2", "a repetition is done twice", "I5"),
    Run("marker expires", "-DMARKER_EXPIRES -DASTRAY=1", "before the last copy of its request came", "I5"),
    Run("delete leaves intent", "-DDELETE_LEAVES_INTENT -DASTRAY=0 -DCUSTOMERS=2", "", "I6"),
    Run("abort not listed", "-DABORT_NOT_LISTED -DASTRAY=0 -DCUSTOMERS=2", "", "I7"),
    Run("commit not listed", "-DCOMMIT_NOT_LISTED -DASTRAY=0 -DCUSTOMERS=2", "", "I7"),
    Run("cleared not listed", "-DCLEARED_NOT_LISTED -DASTRAY=0 -DCUSTOMERS=2", "", "I7"),
    Run("forgotten first", "-DFORGOTTEN_FIRST -DASTRAY=0 -DCUSTOMERS=2", "a release is forgotten before it is done", "I7"),
    Run("no scrubber", "-DNO_SCRUBBER -DASTRAY=1 -DCUSTOMERS=2", "a claim that came late stays for ever", "rests"),
    Run("refusal in doubt", "-DNO_DOUBT -DASTRAY=1", "not a mutant but a limit: a refusal after a lost copy is not final",
        "refused_is_not_done"),
]

OBJECTS_HOLD = "the_cache_has_what_s3_has"
OBJECTS_SERVED = "nothing_old_is_served"


def objects_run(name, switches, about, refuted_by=""):
    return Run(name, switches, about, refuted_by, model=OBJECTS)


CHECKS += [
    objects_run("objects: two writes", "-DWRITES=2 -DREADS=1", "and a read; each may be killed, or come late to S3"),
    objects_run("objects: two reads", "-DWRITES=1 -DREADS=2", "of one instance, so that one may wait for the other; and a write"),
    objects_run("objects: eviction", "-DEVICTION -DWRITES=1 -DREADS=2", "the cache may forget anything at any moment, fences too"),
    objects_run("objects: others", "-DOTHERS -DWRITES=1 -DREADS=1", "somebody changes S3 without the service; the event is late, or twice"),
]

MUTANTS += [
    objects_run("objects: fill without lease", "-DFILL_WITHOUT_LEASE -DWRITES=1 -DREADS=1", "", OBJECTS_HOLD),
    objects_run("objects: contended is filled", "-DCONTENDED_IS_FILLED -DWRITES=2 -DREADS=1",
                "what one of two overlapping writes wrote is kept", OBJECTS_HOLD),
    objects_run("objects: fence ends early", "-DFENCE_ENDS_EARLY -DWRITES=1 -DREADS=1",
                "before the last moment at which S3 may do the write", OBJECTS_HOLD),
    objects_run("objects: let go of unknown", "-DLET_GO_UNKNOWN -DWRITES=1 -DREADS=1",
                "the fence is let go although S3 may still do the write", OBJECTS_HOLD),
    objects_run("objects: restored though marked", "-DRESTORED_THOUGH_MARKED -DWRITES=2 -DREADS=1",
                "what was there comes back after a write that did nothing, although another began beside it", OBJECTS_HOLD),
    objects_run("objects: restored though told", "-DRESTORED_THOUGH_MARKED -DOTHERS -DWRITES=1 -DREADS=1",
                "the same, although an event came", OBJECTS_HOLD),
    objects_run("objects: fence leaves spare", "-DFENCE_LEAVES_SPARE -DWRITES=2 -DREADS=1",
                "what comes back is from before another write, whose fence is over", OBJECTS_HOLD),
    objects_run("objects: lease survives fence", "-DFENCE_LEAVES_LEASE -DWRITES=1 -DREADS=1", "", OBJECTS_HOLD),
    objects_run("objects: lease through fence", "-DLEASE_THROUGH_FENCE -DWRITES=1 -DREADS=1", "", OBJECTS_HOLD),
    objects_run("objects: settle leaves entry", "-DSETTLE_LEAVES_ENTRY -DEVICTION -DWRITES=1 -DREADS=2",
                "what was filled where the fence was evicted stays", OBJECTS_SERVED),
    objects_run("objects: join any", "-DJOIN_ANY -DWRITES=1 -DREADS=2",
                "who came after a write takes what was asked for before it", OBJECTS_SERVED),
    objects_run("objects: lease survives event", "-DDROP_LEAVES_LEASE -DOTHERS -DWRITES=1 -DREADS=1", "", OBJECTS_HOLD),
    objects_run("objects: event forgets fence", "-DDROP_LEAVES_FENCE -DOTHERS -DWRITES=1 -DREADS=1",
                "a write is kept although something came beside it", OBJECTS_HOLD),
]


def execute(run):
    """Generates, compiles and runs the verifier in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="customerd-model-") as folder:
        def call(*command):
            return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)

        made = call("spin", "-a", *run.switches.split(), str(HERE / run.model))
        if made.returncode != 0 or not (Path(folder) / "pan.c").exists():
            raise RuntimeError(f"spin: {made.stdout}{made.stderr}")
        kind = ["-DNP"] if run.cycles else ["-DSAFETY"]
        made = call("gcc", "-O1", "-w", f"-DMEMLIM={MEMORY_MB}", "-DNOREDUCE", *kind, "-o", "pan", "pan.c")
        if made.returncode != 0:
            raise RuntimeError(f"gcc: {made.stderr}")
        output = call("./pan", *(["-l"] if run.cycles else []), "-m100000", "-w22").stdout
    return parse(output)


def number(pattern, text):
    found = re.search(pattern, text)
    return float(found.group(1)) if found else 0


def parse(output):
    refuted = re.search(r"assertion violated \(?(\w+)", output)
    if refuted:
        name = refuted.group(1)
    elif re.search(r"pan:\d+: non-progress cycle", output):
        name = "cycle"
    elif re.search(r"pan:\d+: invalid end state", output):
        name = "end state"
    else:
        name = ""
    errors = int(number(r"errors: (\d+)", output)) if "errors:" in output else -1
    limits = re.search(r"max search depth too small|reached -DMEMLIM|out of memory|Search not completed", output)
    return Result(name, int(number(r"([\d.e+]+) states, stored", output)), int(number(r"depth reached (\d+)", output)),
                  number(r"elapsed time ([\d.]+)", output), errors == 0 and limits is None)


def finding(run, result):
    """What is wrong about a result, or ''."""
    if run.refuted_by:
        if result.refuted_by != run.refuted_by:
            return f"{run.name}: refuted by {result.refuted_by or 'nothing'}, not by {run.refuted_by}"
        return ""
    if result.refuted_by:
        return f"{run.name}: {result.refuted_by} is refuted"
    return "" if result.complete else f"{run.name}: the search did not end"


def row(run, result):
    verdict = result.refuted_by or ("holds" if result.complete else "?")
    return f"{run.name:32} {verdict:22} {result.states:>10} {result.depth:>6} {result.seconds:>7.1f}  {run.about}"


HEAD = f"{'run':32} {'refuted by':22} {'states':>10} {'depth':>6} {'s':>7}"


def named_scripts(model):
    """The scripts that the model says it stands for: its comments name each as FILE.lua."""
    return set(re.findall(r"\b(\w+)\.lua\b", (HERE / model).read_text(encoding="utf-8")))
