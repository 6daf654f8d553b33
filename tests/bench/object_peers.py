"""The resources beside customers, each as a contestant of its own: objects in the cache, sessions; and nginx's proxy_cache, which
is what people put before S3."""

import http.server
import os
import shutil
import tempfile
import threading
import urllib.parse

import customers
from load import Target, wrk
from peers import Contestant, WrongAnswer, start_customerd
from workloads import NGINX_CACHE, OBJECTS, SESSIONS

BUCKET, COUNT, BYTES = "catalogue", 1000, 1024
HOT = COUNT // 100  # that take all reads, in AWS's post
RESOURCES = {"CUSTOMERD_RESOURCES": "customers,sessions,objects"}
BODY = bytes(range(32, 96)) * (BYTES // 64)
NGINX = """\
{user}
worker_processes auto;
daemon off;
pid {home}/nginx-cache.pid;
error_log {log}/nginx-cache-error.log;
events {{ worker_connections 4096; }}
http {{
    access_log {log}/nginx-cache-access.log;
    keepalive_requests 100000000;
    client_body_temp_path {home}/nginx-cache-body;
    proxy_temp_path {memory}/proxy;
    fastcgi_temp_path {home}/nginx-cache-fastcgi;
    uwsgi_temp_path {home}/nginx-cache-uwsgi;
    scgi_temp_path {home}/nginx-cache-scgi;
    proxy_cache_path {memory}/cache levels=1:2 keys_zone=objects:16m max_size=512m inactive=1h use_temp_path=off;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://127.0.0.1:{upstream};
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_cache objects;
            proxy_cache_lock on;
            proxy_cache_valid 200 1h;
            proxy_cache_use_stale error timeout updating http_500 http_502 http_503 http_504;
            add_header X-Cache $upstream_cache_status;
            open_file_cache max=10000;
        }}
    }}
}}
"""


def key_of(number):
    return f"object-{number:06d}"


def put_objects(world):
    """The file of their keys, and that of the hot ones."""
    for number in range(COUNT):
        world.local.s3.put(BUCKET, key_of(number), BODY, "application/octet-stream")
    files = world.path("objects"), world.path("hot-objects")
    for path, count in zip(files, (COUNT, HOT)):
        path.write_text("".join(f"{key_of(number)}\n" for number in range(count)))
    return files


def check_hits(target, wanted):
    """Reads all of them: the second time each has to be a hit, and right."""
    with customers.Client(target.url) as client:
        for turn in range(2):
            for number in range(COUNT):
                status, body, source = client.read(f"{target.prefix}{key_of(number)}")
                if status != 200 or body != BODY or turn and source != wanted:
                    raise WrongAnswer(f"{target.url}: {key_of(number)} gave {status} {body[:100]!r}, {source}")


def _contestant(name, target, ids, service=None, kind="get"):
    def sample(workload, duration_s):
        return wrk(target, kind, ids, workload.connections, duration_s)
    return Contestant(name, target, service=service, sampler=sample)


def start_objects(world, binary, ids):
    service = start_customerd(world, "objects", binary, RESOURCES).service
    target = Target(service.url, prefix=f"/objects/{BUCKET}/")
    check_hits(target, "hit")
    return _contestant(OBJECTS, target, ids, service)


class Signer(http.server.BaseHTTPRequestHandler):
    """nginx can't sign: this stands between it and S3, and is asked for misses alone."""

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_GET(self):
        bucket, _, key = urllib.parse.unquote(self.path).removeprefix("/").partition("/")
        answer = self.server.s3.request("GET", bucket, key)
        self.send_response(answer.status)
        for name in ("content-type", "etag", "last-modified"):
            if name in answer.headers:
                self.send_header(name, answer.headers[name])
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)


def start_nginx_cache(world, ids):
    """Its disk cache lies in memory, and it has its own access log, as it ships."""
    memory = tempfile.mkdtemp(prefix="customerd-bench-", dir="/dev/shm")
    world.closers.append(lambda: shutil.rmtree(memory, ignore_errors=True))
    signer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Signer)
    signer.s3, signer.daemon_threads = world.local.s3, True
    threading.Thread(target=signer.serve_forever, daemon=True).start()
    world.closers.append(signer.shutdown)
    port, configuration = world.free_port(), world.path("nginx-cache.conf")
    # Started as root, its workers would be another user's, who does not reach the folders.
    user = "user root;" if os.getuid() == 0 else ""
    configuration.write_text(NGINX.format(home=world.local.home.bin, log=world.local.home.log, memory=memory, port=port, user=user,
                                          upstream=signer.server_address[1]))
    log = world.local.home.log / "nginx-cache-error.log"
    world.start_process("nginx-cache", ["nginx", "-c", configuration, "-e", log], port=port)
    target = Target(f"http://127.0.0.1:{port}", prefix=f"/{BUCKET}/")
    check_hits(target, "HIT")
    return _contestant(NGINX_CACHE, target, ids)


def start_sessions(world, binary, ids):
    """GET /session, each with one of a thousand tokens: a visit, which is a write."""
    service = start_customerd(world, "sessions", binary, RESOURCES).service
    tokens = world.path("tokens")
    with customers.Client(service.url) as client:
        lines = []
        for customer_id in ids.read_text().split()[:COUNT]:
            status, token = client.open_session(customer_id)
            if status != 201:
                raise WrongAnswer(f"a session of {customer_id}: {status}")
            lines.append(token)
        tokens.write_text("".join(f"{token}\n" for token in lines))
        for token in lines[:20]:
            status, body = client.request("GET", "/session", headers={"Authorization": f"Session {token}"})
            if status != 200 or token.encode() in body:
                raise WrongAnswer(f"GET /session gave {status} {body!r}")
    return _contestant(SESSIONS, Target(service.url, prefix="/session"), tokens, service, kind="session")
