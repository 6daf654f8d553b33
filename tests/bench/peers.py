"""The contestants: customerd itself, and what people would use instead. Each is started in every setting that its community
recommends; which is best is measured before the rounds, and only that one takes part in them (bench.py)."""

import json
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import create_script
import customers
from load import Target
from redis.utils import HIREDIS_AVAILABLE
from redis_server import Server

HERE = Path(__file__).resolve().parent / "peers"
CHECKED_CUSTOMERS = 20
WORKERS_OF_GUNICORN = 2 * (os.cpu_count() or 1) + 1  # its documentation's rule


@dataclass
class Contestant:
    """One setting of one program, running. service: the customerd, for what is measured of its process. sampler(workload,
    seconds) takes a sample where it isn't wrk that asks."""
    name: str
    target: Target
    setting: str = ""
    service: object = None
    creates: bool = False
    sampler: object = None

    @property
    def label(self):
        return f"{self.name} ({self.setting})" if self.setting else self.name


class WrongAnswer(Exception):
    """A contestant does not answer what it must: nothing is measured then."""


def check_reads(contestant, expected):
    """expected: (id, JSON text) of customers; nginx has one answer for all."""
    with customers.Client(contestant.target.url) as client:
        headers = {"Authorization": contestant.target.authorization} if contestant.target.authorization else {}
        for customer_id, text in expected[:CHECKED_CUSTOMERS]:
            path = f"{contestant.target.prefix}{customer_id}{contestant.target.suffix}"
            status, body = client.request("GET", path, headers=headers)
            if status != 200 or json.loads(body) != json.loads(text):
                raise WrongAnswer(f"{contestant.label}: GET {path} gave {status} {body!r}, not {text!r}")


def check_lists(contestant, expected, page):
    """customerd alone: a customer is found by its e-mail, and a page is full."""
    with customers.Client(contestant.target.url) as client:
        for _, text in expected[:CHECKED_CUSTOMERS]:
            status, body = client.get(f"/customers?email={customers.email_of(text)}")
            if status != 200 or json.loads(body)["items"] != [json.loads(text)]:
                raise WrongAnswer(f"{contestant.label}: by e-mail gave {status} {body!r}, not {text!r}")
        status, body = client.get(f"/customers?limit={page}")
        if status != 200 or len(json.loads(body)["items"]) != page:
            raise WrongAnswer(f"{contestant.label}: a page of {page} gave {status} {body!r}")


def check_creates(contestant, tag):
    """A customer that is created is answered whole and can be read; customerd and Fastify refuse its e-mail a second time."""
    given = {"name": "Danilo Example", "email": f"{tag}@example.net", "balance": 7, "metadata": {"tier": "gold"}}
    headers = {"Content-Type": "application/json"}
    with customers.Client(contestant.target.url) as client:
        status, body = client.request("POST", "/customers", json.dumps(given), headers)
        made = json.loads(body) if status == 201 else {}
        members = {"id", "created_at", "updated_at", "version", *given}
        if set(made) != members or any(made[name] != value for name, value in given.items()):
            raise WrongAnswer(f"{contestant.label}: POST gave {status} {body!r}")
        status, body = client.get(f"/customers/{made['id']}")
        if status != 200 or json.loads(body) != made:
            raise WrongAnswer(f"{contestant.label}: GET of the new customer gave {status} {body!r}, not {made}")
        if contestant.name != "flask":
            status, body = client.request("POST", "/customers", json.dumps(given), headers)
            if status != 409:
                raise WrongAnswer(f"{contestant.label}: a second customer with the same e-mail gave {status} {body!r}")


def start_customerd(world, name, binary, env=None, authorization=""):
    """As it is shipped: log, audit, metrics, request ids and ETags on."""
    service = world.local.start_instance(env={"CUSTOMERD_RESOURCES": "customers", **(env or {})}, binary=Path(binary).absolute())
    return Contestant(name, Target(service.url, authorization=authorization), service=service, creates=True)


def start_fastify(world, packages, _expected):
    script = world.path("create.lua")
    script.write_text(create_script.text())
    for autopipelining in ("off", "on"):
        for processes in (1, 2):
            port = world.free_port()
            name = f"fastify-{autopipelining}-{processes}"
            world.start_process(name, ["node", packages / "server.mjs"], port=port, env={
                **world.peer_environment(), "PORT": str(port), "PROCESSES": str(processes), "NODE_ENV": "production",
                "AUTOPIPELINING": autopipelining, "CREATE_SCRIPT": str(script)})
            yield Contestant("fastify", Target(f"http://127.0.0.1:{port}"), creates=True,
                             setting=f"autopipelining {autopipelining}, {processes} process{'es' if processes > 1 else ''}")


def start_flask(world, _packages, _expected):
    parser = "hiredis" if HIREDIS_AVAILABLE else "no hiredis"  # Debian 13's is too old for its redis-py
    settings = {f"{WORKERS_OF_GUNICORN} sync workers": ["-w", WORKERS_OF_GUNICORN],
                f"{os.cpu_count()} workers of 8 threads": ["-w", os.cpu_count(), "-k", "gthread", "--threads", 8],
                f"{WORKERS_OF_GUNICORN} workers of 32 threads":
                    ["-w", WORKERS_OF_GUNICORN, "-k", "gthread", "--threads", 32]}
    for number, (setting, options) in enumerate(settings.items()):
        port = world.free_port()
        world.start_process(f"flask-{number}", [sys.executable, "-m", "gunicorn", *options, "-b", f"127.0.0.1:{port}",
                                                "--chdir", HERE / "flask", "app:app"],
                            env={**world.peer_environment(), "PYTHONDONTWRITEBYTECODE": "1"}, port=port)
        yield Contestant("flask", Target(f"http://127.0.0.1:{port}"), setting=f"{setting}, {parser}", creates=True)


def start_webdis(world, _packages, expected):
    program = shutil.which("webdis")
    if program is None:
        return
    directory = world.path("webdis-redis")
    directory.mkdir()
    server = Server(directory)
    world.closers.append(server.stop)
    for customer_id, text in expected:
        server.call(*customers.webdis_command(customer_id, text))
    for threads in (2, 4):
        port = world.free_port()
        configuration = world.path(f"webdis-{threads}.json")
        configuration.write_text(json.dumps({
            "redis_host": "127.0.0.1", "redis_port": server.port, "http_host": "127.0.0.1", "http_port": port,
            "threads": threads, "daemonize": False, "database": 0, "verbosity": 3,
            "logfile": str(world.local.home.log / f"webdis-{threads}-own.log")}))
        world.start_process(f"webdis-{threads}", [program, configuration], port=port)
        yield Contestant("webdis", Target(f"http://127.0.0.1:{port}", prefix="/GET/", suffix=".txt"),
                         setting=f"{threads} threads")


NGINX = """\
worker_processes auto;
daemon off;
pid {home}/nginx.pid;
error_log {log}/nginx-error.log;
events {{ worker_connections 4096; }}
http {{
    access_log {log}/nginx-access.log;
    keepalive_requests 100000000;
    client_body_temp_path {home}/nginx-body;
    proxy_temp_path {home}/nginx-proxy;
    fastcgi_temp_path {home}/nginx-fastcgi;
    uwsgi_temp_path {home}/nginx-uwsgi;
    scgi_temp_path {home}/nginx-scgi;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        default_type application/json;
        location / {{ return 200 '{text}'; }}
    }}
}}
"""


def start_nginx(world, _packages, expected):
    """The first customer's JSON to whoever asks for whatever, with nginx's own access log, as it ships."""
    port, home = world.free_port(), world.local.home
    configuration = world.path("nginx.conf")
    configuration.write_text(NGINX.format(home=home.bin, log=home.log, port=port, text=expected[0][1].decode()))
    world.start_process("nginx", ["nginx", "-c", configuration, "-e", home.log / "nginx-error.log"], port=port)
    yield Contestant("nginx", Target(f"http://127.0.0.1:{port}"))


STARTERS = {"fastify": start_fastify, "flask": start_flask, "webdis": start_webdis, "nginx": start_nginx}


def start(name, world, packages, expected):
    """Every setting of the peer, checked; an empty list when it is not to be had on this machine."""
    found = list(STARTERS[name](world, packages, expected))
    for contestant in found:
        check_reads(contestant, expected[:1] if name == "nginx" else expected)
        if contestant.creates:
            check_creates(contestant, f"check.{contestant.target.url.rpartition(':')[2]}")
    return found
