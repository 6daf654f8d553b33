"""The admin listener: alive, ready, version."""

import os
import re
import subprocess

from http_client import Client, wait_until
from local_cluster import ports
from raw_http import RawConnection
from scripted_cluster import ScriptedCluster


def test_livez(admin):
    assert admin.get("/livez").expect(200).json()["status"] == "ok"


def test_readyz_says_what_works(admin):
    document = admin.get("/readyz").expect(200).json()
    assert document["ready"] is True
    assert document["database"]["slots_served"] == 16384
    assert len(document["database"]["shards"]) == 3


def test_readyz_holds_no_secrets(admin):
    text = admin.get("/readyz").expect(200).body.decode()
    assert "Signature" not in text and "Credential" not in text and "X-Amz" not in text


def test_version(admin):
    document = admin.get("/version").expect(200).json()
    assert re.match(r"^\d+\.\d+", document["version"])


def test_head_methods_and_paths(admin):
    assert admin.head("/livez").status == 200
    assert admin.post("/livez", {}).problem(405, "method-not-allowed")
    answer = admin.request("OPTIONS", "/readyz").expect(204)
    assert "GET" in answer.header("Allow")
    admin.get("/customers").problem(404, "not-found")
    admin.get("/").problem(404, "not-found")


def test_the_admin_listener_is_never_cached(admin):
    for path in ("/livez", "/readyz"):
        assert "no-store" in admin.get(path).header("Cache-Control")


def test_admin_answers_while_every_public_connection_is_busy(cluster):
    """Its threads and connections are its own."""
    instance = cluster.start_instance(env={"CUSTOMERD_MAX_CONNECTIONS": "20"})
    held = [RawConnection(instance.url) for _ in range(40)]
    try:
        for c in held:
            c.send(b"POST /customers HTTP/1.1\r\nHost: a\r\n")
        with Client(instance.admin_url, listener="admin") as admin:
            for _ in range(5):
                assert admin.get("/livez").expect(200).elapsed_s < 2
    finally:
        for c in held:
            c.close()
    with Client(instance.url, 10) as client:
        wait_until(lambda: client.get("/customers?limit=1").status == 200, 20, "served again")
    instance.stop()


def test_readyz_names_every_shard_of_a_large_cluster_that_is_down(binary):
    shards, (public, private) = 100, ports.choose(2)
    nodes = ScriptedCluster(shards=shards)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("CUSTOMERD_", "AWS_"))}
    env.update(CUSTOMERD_LISTEN=f"127.0.0.1:{public}", CUSTOMERD_ADMIN_LISTEN=f"127.0.0.1:{private}", CUSTOMERD_DB_TLS="off",
               CUSTOMERD_DB_AUTH="none", CUSTOMERD_DB_ENDPOINT=f"localhost:{nodes.nodes[0].port}")
    process = subprocess.Popen([str(binary), "serve"], stdout=subprocess.DEVNULL, env=env)
    try:
        with Client(f"http://127.0.0.1:{private}", listener="admin") as client:
            wait_until(lambda: client.get("/livez").status == 200, 30, "alive")
            wait_until(lambda: len(client.get("/readyz").json()["database"]["shards"]) == shards, 30, "the shards are known")
            for node in nodes.nodes:
                node.down()

            def told():
                document = client.get("/readyz").problem(503, "not-ready")
                return len([r for r in document["reasons"] if r.endswith("does not serve")]) == shards
            wait_until(told, 30, "every shard is named")
    finally:
        process.terminate()
        assert process.wait(15) == 0
        nodes.stop()
