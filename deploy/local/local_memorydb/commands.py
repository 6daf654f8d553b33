"""up, down, cli and check."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from . import client_files, ports, s3
from .cluster import Cluster
from .errors import LocalError
from .home import Home
from .node import ADMIN, APPLICATION
from .objects import SAMPLE, Objects
from .options import UP_DEFAULTS, parse_down, parse_up, settle
from .processes import Process, recorded, stop_all
from .service import Service, child_environment

BINARY = client_files.ROOT / "build" / "customerd"
ALL_DONE = 10  # check's exit code when there is nothing left to do


def open_home():
    return Home(os.environ.get("CUSTOMERD_LOCAL_DIR") or client_files.ROOT / "build" / "local")


def resources(without=()):
    """All that the service can serve: each has a file of the contract."""
    chosen = os.environ.get("CUSTOMERD_RESOURCES")
    names = chosen.split(",") if chosen else sorted(
        path.stem for path in (client_files.ROOT / "openapi").glob("*.yaml") if path.stem != "customerd")
    return ",".join(name for name in names if name not in without)


def service_of(home, state, settings):
    settings = {"CUSTOMERD_RESOURCES": resources(), **settings}
    return Service(home, "customerd", BINARY, state["http_port"], state["http_port"] + 1, settings, keep_own=True)


@contextlib.contextmanager
def step(name):
    start = time.monotonic()
    print(f"up: {name:12}", end="", flush=True)
    try:
        yield
    except BaseException:
        print("failed" if sys.exc_info()[0] is not KeyboardInterrupt else "stopped", flush=True)
        raise
    print(f"{time.monotonic() - start:7.1f} s", flush=True)


# ---- up ----

def check(arguments):
    """What can be said before anything is installed or built: wrong options; that it runs already."""
    given = parse_up(arguments)
    home = open_home()
    home.refuse_foreign()
    state = home.state()
    require_http_ports(home, given.get("http_port", UP_DEFAULTS["http_port"]))
    if given["fresh"] or not state.get("whole"):
        return 0
    settle_layout(given, state, home)
    cluster = Cluster(home)
    up, missing = cluster.running
    service = service_of(home, state, {})
    if not up and service.pid is None:
        return 0
    refuse_other_settings(given, state)
    if missing or service.pid is None or not service.is_ready() or any(p.pid is None for p in recorded(home)):
        return 0
    said = f"it already runs on {service.url}"
    if not given["detach"]:
        raise LocalError(f"{said}: deploy/local/down stops it")
    print(f"up: {said}")
    return ALL_DONE


def settle_layout(given, state, home):
    for name in ("shards", "replicas"):
        if name in given and given[name] != state[name]:
            raise LocalError(f"the data in {home.path} are of a cluster with {state['shards']} shards and "
                             f"{state['replicas']} replicas each: --fresh deletes them and changes that")


def refuse_other_settings(given, state):
    other = [name for name, value in given.items() if name in state and state[name] != value]
    if other:
        told = ", ".join(f"--{name.replace('_', '-')} {state[name]}" for name in other)
        raise LocalError(f"it already runs, with {told}: stop it by deploy/local/down first")


def require_http_ports(home, port):
    if Process("customerd", home.run).pid is not None:
        return
    shop_runs = Process("shop", home.run).pid is not None
    for wanted in (port, port + 1) if shop_runs else (port, port + 1, port + 2):
        if not ports.is_free(wanted):
            raise LocalError(f"port {wanted} is taken by another program: end it, or choose another with --http-port")


class Starter:
    """Starts what does not run yet, and can take that back."""

    def __init__(self, home, given):
        self.home, self.given = home, given
        self.cluster, self.service, self.shop, self.shop_url = None, None, None, None
        self.objects, self.left_out = None, None

    def start(self):
        state = self.home.state()
        options = settle(self.given, {} if self.given["fresh"] else state)
        if self.given["fresh"]:
            with step("fresh"):
                stop_everything(self.home)
                self.home.forget()
                self.home.open()
        elif state.get("whole") and self._something_runs(state):
            # What runs keeps its settings; what has ended joins it.
            refuse_other_settings(self.given, state)
            options = {name: state.get(name, value) for name, value in options.items()}
        require_http_ports(self.home, options["http_port"])
        with step("certificates"):
            self.cluster = Cluster.prepare(self.home, options)
        with step("nodes"):
            self.cluster.start_nodes()
        with step("cluster"):
            self.cluster.form()
        self._start_objects(options)
        with step("customerd"):
            self._start_service()

    def _start_objects(self, options):
        """And the authority, which has to know of the cache. Without npm the rest is of use, too."""
        program = self._s3_program() if "objects" in resources().split(",") else None
        if program is not None:
            self.objects = Objects(self.home, program, options,
                                   notify=f"http://127.0.0.1:{options['http_port']}/objects/events")
            with step("cache"):
                self.objects.start_cache()
        with step("authority"):
            self.cluster.start_authority(others=[] if self.objects is None else [self.objects.cache_home])
        if self.objects is not None:
            with step("S3"):
                self.objects.start_s3()

    def _s3_program(self):
        try:
            with step("s3rver"):
                return s3.install(client_files.ROOT / "build" / "npm" / "s3")
        except LocalError as error:
            self.left_out = f"objects are left out, since there is no S3 for them: {error}"
            print(f"up: {self.left_out}", flush=True)
            return None

    def _something_runs(self, state):
        return bool(Cluster(self.home).running[0]) or service_of(self.home, state, {}).pid is not None

    def _start_service(self):
        settings = self._settings()
        client_files.write(self.home, settings, BINARY, self.cluster.state["token_ttl"])
        self.service = service_of(self.home, self.cluster.state, settings)
        if self.service.pid is None:
            self.service.start()
        self.service.wait_until_ready()
        if self.objects is not None:
            self.objects.put_samples(self.cluster.credentials)
        if self.serves_sessions:
            self._start_shop()

    def _settings(self):
        if self.objects is not None:
            return {"CUSTOMERD_RESOURCES": resources(), **self.cluster.client_settings(), **self.objects.settings()}
        return {"CUSTOMERD_RESOURCES": resources(without=("objects",)), **self.cluster.client_settings()}

    @property
    def serves_sessions(self):
        return "sessions" in self.service.settings["CUSTOMERD_RESOURCES"].split(",")

    def _start_shop(self):
        port = self.service.admin_port + 1
        self.shop, self.shop_url = Process("shop", self.home.run), f"http://127.0.0.1:{port}"
        if self.shop.pid is not None:
            return
        with open(self.home.log / "shop.log", "ab") as log:
            self.shop.start([sys.executable, "-B", "-m", "local_memorydb.shop", str(port), self.service.url], stdout=log,
                            stderr=log, cwd=client_files.ROOT / "deploy" / "local")
        deadline = time.monotonic() + 10
        while not ports.is_open(port):
            if self.shop.pid is None or time.monotonic() > deadline:
                raise LocalError(f"the example shop does not start: see {self.home.log / 'shop.log'}")
            time.sleep(0.02)

    def take_back(self):
        processes = [process for process in (self.shop, self.service and self.service.process) if process is not None]
        processes += [] if self.cluster is None else self.cluster.processes
        processes += [] if self.objects is None else self.objects.processes
        ours = [process for process in processes if process.started_here]
        stop_all(ours)


def up(arguments):
    given = parse_up(arguments)
    home = open_home()
    home.open()
    home.lock()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    starter = Starter(home, given)
    try:
        starter.start()
    except BaseException:
        starter.take_back()
        raise
    home.unlock()
    print(f"""
customerd serves on {starter.service.url} (admin on {starter.service.admin_url}). Try:

    curl -i {starter.service.url}/customers -H 'Content-Type: application/json' -d '{{"name":"Danilo"}}'
""", flush=True)
    if starter.shop_url:
        print(f"An example page with sessions and carts: {starter.shop_url}\n", flush=True)
    if starter.objects is not None:
        print(f"Objects of S3, cached:\n\n    curl -i {starter.service.url}/objects/{SAMPLE}\n", flush=True)
    if given["detach"]:
        print(f"deploy/local/down stops it; its log: {starter.service.log_path}")
        return 0
    print("Ctrl-C stops it.", flush=True)
    return stay(home, starter.service)


def stay(home, service):
    """Until Ctrl-C, or until the service ends."""
    try:
        while not service.process.wait(1):
            pass
    except KeyboardInterrupt:
        print("\nup: stopping (Ctrl-C again: at once)", flush=True)
        home.lock()
        stop_in_front(home)
        return 0
    try:
        home.lock()
    except LocalError:
        print("up: stopped by deploy/local/down")
        return 0
    others = stop_everything(home)
    if not others:
        print("up: stopped by deploy/local/down")
        return 0
    raise LocalError(f"customerd ended, the rest is stopped too: {service.last_words()}")


def stop_in_front(home):
    try:
        stop_everything(home)
    except KeyboardInterrupt:
        stop_everything(home, grace_s=0)


# ---- down ----

def stop_everything(home, grace_s=15):
    """The service first, so that it can finish what runs. Returns the names of what ran."""
    found = recorded(home)
    running = [process for process in found if process.pid is not None]
    stop_all([process for process in running if process.name.startswith("customerd")], grace_s)
    stop_all([process for process in running if not process.name.startswith("customerd")], grace_s)
    for process in found:
        process.pid_file.unlink(missing_ok=True)
    return [process.name for process in running]


def down(arguments):
    options = parse_down(arguments)
    home = open_home()
    if not home.exists:
        print("down: nothing runs")
        return 0
    home.lock()
    stopped = stop_everything(home)
    print(f"down: stopped {', '.join(stopped)}" if stopped else "down: nothing runs")
    if options.fresh:
        home.forget()
        print("down: the data are deleted")
    return 0


# ---- cli ----

def cli(arguments):
    home = open_home()
    state = home.state()
    if not state.get("whole"):
        raise LocalError("there is no local cluster: deploy/local/up makes one")
    cluster = Cluster(home)
    alive = [node for node in cluster.nodes if node.pid is not None]
    if not alive:
        raise LocalError("the local cluster does not run: deploy/local/up starts it")
    as_admin = arguments[:1] == ["--admin"]
    user, password = (ADMIN, home.admin_password()) if as_admin else (APPLICATION, application_password(cluster))
    # The password goes by the environment: arguments are seen by every user of the machine.
    command = ["redis-cli", "-c", "--tls", "--cacert", str(home.tls / "ca.crt"), "--sni", "localhost", "-h", "localhost",
               "-p", str(alive[0].port), "--user", user, *arguments[as_admin:]]
    os.execve("/usr/bin/redis-cli", command, {**os.environ, "REDISCLI_AUTH": password})


def application_password(cluster):
    if cluster.state["auth"] == "password":
        return cluster.home.application_password()
    made = subprocess.run([BINARY, "token"], env=child_environment(cluster.client_settings()), capture_output=True,
                          text=True, timeout=30, check=False)
    if made.returncode != 0:
        raise LocalError(f"customerd token failed: {(made.stderr or made.stdout).strip()}")
    return made.stdout.strip()


def main(arguments):
    commands = {"up": up, "check": check, "down": down, "cli": cli}
    name, rest = arguments[0], arguments[1:]
    try:
        return commands[name](rest)
    except LocalError as error:
        print(f"{'up' if name == 'check' else name}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"{name}: stopped", file=sys.stderr)
        return 130
