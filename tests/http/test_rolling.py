"""A rolling restart behind nginx, again and again, under load: nothing fails.

nginx is told of each replica's readiness, as an ingress controller is, and repeats nothing: proxy_next_upstream is off. Its
connections to the replicas stay open between requests, so that a replica which ended them too early would be seen."""

import os
import re
import signal
import subprocess

import pytest

from http_client import Client, path_of, wait_until
from local_cluster import ports
from support import Load

ROUNDS = 4
CONFIGURATION = """\
daemon off;
master_process on;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
  upstream customerd {{ {servers} keepalive 32; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://customerd;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_next_upstream off;
    }}
  }}
}}
"""


class Nginx:
    def __init__(self, directory):
        self.directory, self.port = directory, ports.choose(1)[0]
        self.url = f"http://127.0.0.1:{self.port}"
        self.process = None

    def _write(self, replicas):
        servers = " ".join(f"server 127.0.0.1:{r.port} max_fails=0;" for r in replicas)
        (self.directory / "nginx.conf").write_text(
            CONFIGURATION.format(directory=self.directory, port=self.port, servers=servers))

    def start(self, replicas):
        self._write(replicas)
        self.process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(self.directory), "-c", str(self.directory / "nginx.conf"),
                                         "-e", str(self.directory / "error.log")])
        wait_until(lambda: Client(self.url, proxied=True).get("/customers?limit=1").status == 200, 10, "nginx serves")

    def workers(self):
        """The pids of the workers that take new connections."""
        with open(f"/proc/{self.process.pid}/task/{self.process.pid}/children") as file:
            children = file.read().split()
        titles = {pid: open(f"/proc/{pid}/cmdline", "rb").read() for pid in children if os.path.exists(f"/proc/{pid}")}
        return {pid for pid, title in titles.items() if b"worker process" in title and b"shutting down" not in title}

    def send_to(self, replicas):
        before = self.workers()
        self._write(replicas)
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.workers() and not self.workers() & before, 10, "nginx has taken up its configuration", 0.02)

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture
def nginx(tmp_path):
    made = Nginx(tmp_path)
    yield made
    if made.process is not None:
        made.stop()


def replica(cluster):
    return cluster.start_instance(env={"CUSTOMERD_DRAIN_WAIT_MS": "1500"})


def test_a_rolling_restart_behind_nginx_fails_no_request(cluster, client, nginx):
    customer = client.create()
    replicas = [replica(cluster), replica(cluster)]
    nginx.start(replicas)
    # nginx closes its clients' idle connections when it is told of something new, so they ask anew for each request.
    wrk = subprocess.Popen(["wrk", "-t1", "-c8", "-d60s", "-H", "Connection: close", nginx.url + path_of(customer)],
                           stdout=subprocess.PIPE, text=True)
    try:
        with Load(nginx.url, threads=3, headers={"Connection": "close"}, proxied=True) as load:
            for _ in range(ROUNDS):
                old = replicas.pop(0)
                seen = load.count()
                old.process.signal(signal.SIGTERM)
                wait_until(lambda: old.status("/readyz") == 503, 5, "not ready", 0.01)
                nginx.send_to(replicas)
                assert old.process.wait(20), "it doesn't end"
                assert old.exit_code == 0
                replicas.append(replica(cluster))
                nginx.send_to(replicas)
                wait_until(lambda: load.count() > seen + 100 or load.failures, 30, "the load goes on")
    finally:
        wrk.send_signal(signal.SIGINT)  # ends it with its report
        report, _ = wrk.communicate(timeout=10)
    load.assert_clean()
    requests = int(re.search(r"(\d+) requests in", report).group(1))
    assert requests > 1000 and "Non-2xx" not in report and "Socket errors" not in report, report
    for one in replicas:
        one.stop()
