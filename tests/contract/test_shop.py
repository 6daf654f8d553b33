"""The example shop of deploy/local in a real browser: sign in, fill a cart, come back, sign out here and everywhere."""

import json
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
        wait_until(lambda: not ports.is_free(port), 10, "the shop is open")
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
