"""The example shop of deploy/local in a real browser: sign in, fill a cart, come back, sign out here and everywhere."""

import json
import re
import socket
import subprocess
import sys
import uuid

import pytest

import npm_packages
from http_client import wait_until
from local_cluster import PACKAGE, ports


@pytest.fixture(scope="module")
def shop(cluster):
    port = ports.choose(1)[0]
    process = subprocess.Popen([sys.executable, "-B", "-m", "local_memorydb.shop", str(port), cluster.url], cwd=PACKAGE)
    try:
        wait_until(lambda: ports.is_open(port), 10, "the shop is open")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def seen(shop, tools, pictures, tmp_path_factory):
    results = {}

    def look(way):
        if way not in results:
            email = f"shop.{uuid.uuid4().hex[:16]}@example.net"
            command = ["node", "shop.mjs", shop, way, tmp_path_factory.mktemp(f"chromium-{way}") / "profile", pictures, email]
            results[way] = json.loads(npm_packages.run(command, tools))
        return results[way]
    return look


WAYS = pytest.mark.parametrize("way", ["desktop", "phone"])


@WAYS
def test_a_session_outlives_page_and_browser_and_ends_everywhere(seen, way):
    result = seen(way)
    assert result["total"] == "€68.98" and result["sessions"] == 2 and result["cartElsewhere"] is False
    assert result["visitsAfterwards"] > result["visits"] >= 1
    assert result["cartAfterwards"] is False and result["cookiesLeft"] == 0
    assert result["left"].startswith(("15 min 00", "14 min 5"))


@WAYS
def test_the_token_is_out_of_the_pages_reach(seen, way):
    result = seen(way)
    assert result["cookie"] == "" and result["rotated"] is True
    assert result["kept"] == {"name": "__Host-session", "httpOnly": True, "secure": True, "sameSite": "Strict"}


@WAYS
def test_nothing_is_complained_of(seen, way):
    result = seen(way)
    assert result["complaints"] == [] and result["checks"] > 20
    assert result["width"] <= result["room"]


def test_the_body_of_what_is_refused_is_not_the_next_request(shop):
    """A page elsewhere may send a body of any text: in it stands a sign-in with this page's origin."""
    host = shop.removeprefix("http://")
    hidden = f'POST /sign-in HTTP/1.1\r\nHost: {host}\r\nOrigin: {shop}\r\nContent-Length: 28\r\n\r\n{{"email":"evil@example.net"}}'
    sign_in = f"POST /sign-in HTTP/1.1\r\nHost: {host}\r\nOrigin: https://elsewhere.example\r\n"
    last = f"GET /shop.css HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    for first, statuses in ((f"Content-Length: {len(hidden)}", ["403", "200"]), ("Transfer-Encoding: chunked", ["400"]),
                            ("Content-Length: 70000", ["413"]), ("Content-Length: 1\r\nContent-Length: 2", ["400"])):
        with socket.create_connection(host.split(":"), timeout=10) as connection:
            connection.sendall(f"{sign_in}{first}\r\n\r\n{hidden}{last}".encode())
            answers = b""
            try:
                while got := connection.recv(65536):
                    answers += got
            except ConnectionResetError:
                pass  # what was not read is thrown away
        assert re.findall(r"HTTP/1.1 (\d+)", answers.decode()) == statuses, first
