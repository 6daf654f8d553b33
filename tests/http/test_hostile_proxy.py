"""The hostile streams (hostile_streams.py) through nginx, set as deploy/README.md says, which keeps connections to the service open.

What the two might disagree about must not run a marker, nor give one client the answer to another's request: behind each
stream other clients ask over the same connections, and each gets its own answer."""

import re
import subprocess
import time
import uuid

import pytest

from hostile_streams import CHUNKS, FIELDS, FRAMING, INNER, LINE, MARKER, OUTER, PLAIN
from http_client import Client, wait_until
from local_cluster import ROOT, ports
from raw_http import RawConnection

pytestmark = pytest.mark.matrix

CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log notice;
events {{ worker_connections 512; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi; uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
{servers}
}}
"""
BUFFERING = {"buffered": "on", "streamed": "off"}


def documented(port, service_port, buffering):
    """The block of deploy/README.md, without its TLS, which has its own certificates, and with one connection kept."""
    text = (ROOT / "deploy" / "README.md").read_text()
    block = re.search(r"```nginx\n(.*?)```", text, re.S).group(1)
    block = re.sub(r"\n *(ssl_|http2 |listen )[^\n]*", "", block)
    block = block.replace("server customerd.customerd.svc:80;", f"server 127.0.0.1:{service_port};")
    block = re.sub(r"keepalive \d+;", "keepalive 1;", block)
    block, changed = re.subn(r"proxy_request_buffering on;", f"proxy_request_buffering {buffering};", block)
    assert changed == 1 and "proxy_http_version 1.1;" in block
    block = block.replace("customerd", f"customerd_{buffering}").replace(
        "server_name", f"listen 127.0.0.1:{port};\n    server_name", 1)
    # How long a client may take is tested elsewhere; here an unfinished request must not keep the test waiting.
    return re.sub(r"client_(header|body)_timeout \d+s;", r"client_\1_timeout 1s;", block)


@pytest.fixture(scope="module")
def proxies(cluster, tmp_path_factory):
    """Two addresses of an nginx before an instance: one that gathers bodies first, and one that passes them on."""
    instance = cluster.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "2000"})
    directory, numbers = tmp_path_factory.mktemp("nginx"), ports.choose(2)
    servers = "\n".join(documented(port, instance.port, buffering) for port, buffering in zip(numbers, BUFFERING.values()))
    (directory / "nginx.conf").write_text(CONFIGURATION.format(directory=directory, servers=servers))
    process = subprocess.Popen(["/usr/sbin/nginx", "-p", str(directory), "-c", str(directory / "nginx.conf"),
                                "-e", str(directory / "error.log")])
    urls = {name: f"http://127.0.0.1:{port}" for name, port in zip(BUFFERING, numbers)}
    try:
        for url in urls.values():
            wait_until(lambda u=url: answers(u), 10, "nginx serves")
        yield instance, urls
    finally:
        process.terminate()
        process.wait(10)


def answers(url):
    try:
        with Client(url, proxied=True) as client:
            return client.get("/customers?limit=1").status == 200
    except ConnectionError:
        return False


def statuses_until_closed(url, data, timeout_s=6.0):
    """nginx's own answers are none of the contract: only their statuses are looked at."""
    with RawConnection(url) as c:
        c.send(data)
        c.socket.settimeout(timeout_s)
        got, deadline = b"", time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            try:
                more = c.socket.recv(65536)
            except (ConnectionResetError, TimeoutError):
                break
            if not more:
                break
            got += more
            if len(re.findall(rb"HTTP/1\.1 [2-5]", got)) >= 2 and not c.readable(0.05):
                break
    return [int(s) for s in re.findall(rb"HTTP/1\.[01] ([2-5]\d\d)", got)]


def test_one_connection_is_shared(proxies):
    """Shows that an answer too many would come to another client."""
    instance, urls = proxies
    for url in urls.values():
        for _ in range(5):
            next_clients_get_their_own(url)
    with Client(instance.admin_url, listener="admin") as admin:
        open_now = re.search(rb"^customerd_http_connections (\d+)$", admin.get("/metrics").body, re.M)
    assert 1 <= int(open_now.group(1)) <= 3


def next_clients_get_their_own(url):
    """Several requests, each answered with the id it asked for; were answers shifted by one, it would show here."""
    for _ in range(2):
        wanted = str(uuid.uuid4())
        wanted = wanted[:14] + "7" + wanted[15:19] + "8" + wanted[20:]
        with Client(url, proxied=True) as client:
            assert client.get(f"/customers/{wanted}").problem(404, "not-found")["instance"] == f"/customers/{wanted}"


@pytest.mark.parametrize("buffering", BUFFERING)
@pytest.mark.parametrize("streams", [pytest.param(s, id=n) for n, s in
                                     [("framing", FRAMING), ("plain", PLAIN), ("chunks", CHUNKS), ("line", LINE),
                                      ("fields", FIELDS)]])
def test_streams_through_a_proxy(proxies, streams, buffering):
    instance, urls = proxies
    url, failures = urls[buffering], []
    for stream in streams:
        digits = uuid.uuid4().hex[:20].encode()
        outer, inner = OUTER.replace(b"0" * 20, digits), INNER.replace(b"0" * 20, digits)
        hidden = INNER in stream.data
        end = b"GET /nowhere HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        got = statuses_until_closed(url, stream.data.replace(OUTER, outer).replace(INNER, inner) + end)
        try:
            next_clients_get_their_own(url)
            with Client(instance.url) as client:
                marker_ran = hidden and client.find(inner.decode()) is not None
            if marker_ran or len(got) > 2:
                failures.append(f"{stream.name}: {got}{', and the marker was executed' if marker_ran else ''}")
        except AssertionError as e:
            failures.append(f"{stream.name}: {got}, then {e}")
    assert not failures, "\n".join(failures)


def test_a_marker_behind_a_clean_request_runs(proxies):
    """Shows that the other tests can fail."""
    instance, urls = proxies
    for url in urls.values():
        digits = uuid.uuid4().hex[:20].encode()
        inner = INNER.replace(b"0" * 20, digits)
        assert statuses_until_closed(url, b"GET /nowhere HTTP/1.1\r\nHost: a\r\n\r\n" + MARKER.replace(INNER, inner) +
                                     b"GET /nowhere HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") == [404, 201, 404]
        with Client(instance.url) as client:
            assert client.find(inner.decode())
