"""`customerd restore`, rehearsed: the shards come back from different moments, and the data are made whole before anybody may
write; also interrupted, repeated, and on data that lack nothing."""

import json
import random
import re
import shutil
import signal
import subprocess
import threading
import time

import pytest

from http_client import Client, path_of, wait_until
from local_memorydb.service import child_environment
from store_keys import Store, as_bytes, at_rest, number, slot_of_tag
from support import slot_of, unique_email, walk

LAZY = {"CUSTOMERD_SWEEP_INTERVAL_MS": "600000", "CUSTOMERD_SCRUB_PAUSE_MS": "600000"}
EAGER = {"CUSTOMERD_SWEEP_INTERVAL_MS": "200", "CUSTOMERD_SCRUB_PAUSE_MS": "600000"}
SHARED = "scrub_two_customers_with_one_email"


def command(cluster, *arguments):
    return subprocess.Popen([cluster.binary, "restore", *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            env=child_environment({**cluster.client_settings(), **cluster.env}))


def ended(cluster, status):
    process = command(cluster)
    out, err = process.communicate(timeout=60)
    assert process.returncode == status, f"{process.returncode}: {out}\n{err}"
    for instance in cluster.instances:
        with Client(instance.url) as client:
            settled(client)
    return out.splitlines(), [json.loads(line) for line in err.splitlines() if line.startswith("{")]


def interrupted(cluster, text, signal_number=signal.SIGKILL):
    """Ends it (or stops it for a while) at the line that holds the text."""
    process = command(cluster)
    for line in process.stdout:
        if text in line:
            process.send_signal(signal_number)
            return process
    raise AssertionError(f"it never said {text!r}: {process.stderr.read()}")


def reap(process):
    process.kill()
    process.communicate(timeout=20)


def counts(lines):
    """{"claims set anew": 3, ...} of the report."""
    return {what.strip(): int(n) for line in lines if line.startswith("  ")
            for n, what in re.findall(r"(\d+) ([a-z -]+)", line)}


@pytest.fixture(scope="module")
def whole(start_cluster):
    """A cluster without replicas: nobody else knows what a shard has forgotten."""
    cluster = start_cluster("restored", shards=3, replicas=0, env=LAZY)
    cluster.start_instance(env=EAGER)
    return cluster


class Moments:
    """What each shard was at a moment of its own."""

    def __init__(self, cluster, directory):
        self.cluster, self.directory = cluster, directory

    def keep(self, node):
        node.stop()
        shutil.copytree(node.directory, self.directory / str(node.index))
        node.start()
        node.wait_until_up(time.monotonic() + 20)
        self.cluster.wait_until_whole()

    def bring_back(self):
        for node in self.cluster.nodes:
            node.kill()
            shutil.rmtree(node.directory)
            shutil.copytree(self.directory / str(node.index), node.directory)
        for node in self.cluster.nodes:
            node.start()
        for node in self.cluster.nodes:
            node.wait_until_up(time.monotonic() + 20)
        self.cluster.wait_until_whole()


def email_in(cluster, client, node):
    """A free e-mail whose claim would lie on that node."""
    while True:
        made = client.create(email=unique_email("probe"))
        client.delete(path_of(made)).expect(204)
        if cluster.primary_of_slot(slot_of(made["id"])) is node:
            return made["email"]


def churn(client, rng, customers, n):
    """Customers come, go, and take one another's e-mails, which lie in any shard."""
    freed = []
    for _ in range(n):
        step = rng.random()
        if step < 0.25 or len(customers) < 10:
            email = freed.pop() if freed and rng.random() < 0.5 else unique_email("churn")
            customers.append(client.create(email=email))
            continue
        i = rng.randrange(len(customers))
        if step < 0.4:
            gone = customers.pop(i)
            client.delete(path_of(gone)).expect(204)
            freed.append(gone["email"])
        else:
            email = freed.pop() if freed and rng.random() < 0.5 else unique_email("moved")
            freed.append(customers[i]["email"])
            customers[i] = client.patch(path_of(customers[i]), {"email": email}).expect(200).json()


def settled(client):
    """After a node was away."""
    def works():
        try:
            return [client.get("/customers?limit=100").status, client.post("/customers", {"name": "Probe"}).status] == [200, 201]
        except ConnectionError:
            return False
    wait_until(works, 20, "the service works again")


def pretend_a_begun_change(cluster, customer):
    """An intent whose deadline is an hour away, as a crash of a replica just before a snapshot would leave it."""
    node = cluster.primary_of_slot(slot_of(customer["id"]))
    (index,) = [k for k in node.command("KEYS", "{???}i") if slot_of_tag(k[1:4]) == slot_of(customer["id"])]
    intent = ((1 << 32) + 9).to_bytes(6, "big") + b"\x07" * 16 + int((time.time() + 3600) * 1000).to_bytes(6, "big") + b"a" * 24
    node.command("HSET", index[:-1] + "p", bytes.fromhex(customer["id"].replace("-", "")), intent)


def refuses(instance):
    """Nothing is admitted: neither a read, which could miss what the repair brings back, nor a write."""
    with Client(instance.url) as client:
        document = client.post("/customers", {"name": "A", "email": unique_email("shut")}).problem(503, "not-ready")
        assert document["applied"] == "no"
        assert client.patch("/customers/01890a5d-ac96-7747-9c8a-8f7a1a2b3c4e", {"balance": 1}).status == 503
        return client.get("/customers?limit=1").status == 503 and not instance.is_ready()


def meta(cluster, field):
    node = Store(cluster).node("customerd:meta")
    return node.command("HGET", "customerd:meta", field)


def records_of(cluster):
    return {k: v for k, v in Store(cluster).read().items() if re.match(r"\{...\}c", k)}


def test_shards_of_different_moments_are_made_whole(whole, tmp_path):
    cluster, rng, customers = whole, random.Random(7), []
    first = cluster.nodes[0]
    moments = Moments(cluster, tmp_path)
    with Client(cluster.url) as client:
        churn(client, rng, customers, 120)
        # Someone on the shard that forgets most has an e-mail whose claim is on another; later it belongs to another customer.
        address = email_in(cluster, client, cluster.nodes[2])
        early = next(c for c in iter(lambda: client.create(email=unique_email("early")), None)
                     if cluster.primary_of_slot(slot_of(c["id"])) is first)
        early = client.patch(path_of(early), {"email": address}).expect(200).json()
        on_first = [c for c in customers if cluster.primary_of_slot(slot_of(c["id"])) is first]
        pretend_a_begun_change(cluster, on_first[0])
        moments.keep(first)
        settled(client)
        client.delete(path_of(early)).expect(204)
        late = client.create(email=address)
        customers = [c for c in customers if c["id"] != on_first[0]["id"]]
        for node in cluster.nodes[1:]:
            churn(client, rng, customers, 120)
            moments.keep(node)
            settled(client)
        churn(client, rng, customers, 60)
    moments.bring_back()

    # Stopped in its middle: whoever knows of nothing is shut out by the fence, whoever asks by the meta key.
    running = interrupted(cluster, "pass 1: 32 of 256", signal.SIGSTOP)
    before = records_of(cluster)
    wait_until(lambda: all(refuses(i) for i in cluster.instances), 15, "both replicas refuse")
    newcomer = cluster.start_instance(env=EAGER, wait=False)
    wait_until(lambda: newcomer.status("/readyz") == 503, 10, "a new replica has started")
    with Client(newcomer.admin_url, listener="admin") as admin:
        wait_until(lambda: "restore is running" in admin.get("/readyz").body.decode(), 10, "it tells why it is not ready")
    assert refuses(newcomer)
    reap(running)
    assert all(refuses(i) for i in cluster.instances)
    assert records_of(cluster) == before, "something was written while a restore ran"

    reap(interrupted(cluster, "going on with the restore to epoch 2"))
    reap(interrupted(cluster, "pass 1: 128 of 256"))
    lines, logged = ended(cluster, 3)
    report = counts(lines)
    assert "restore: going on with the restore to epoch 2" in lines and "restore: done, epoch 2; the service writes again" in lines
    for instance in cluster.instances:
        instance.wait_until_ready(10)

    # Whose e-mail it is nobody but a person can tell; all else is whole.
    pairs = {(line["customer"], line["other"]) for line in logged if line["event"] == SHARED}
    assert {early["id"], late["id"]} in [set(pair) for pair in pairs]
    assert report["customers have the e-mail of another one"] == len(pairs)
    with Client(newcomer.url) as client:
        for customer, _ in pairs:
            client.patch(f"/customers/{customer}", {"email": unique_email("decided")}).expect(200)
        wait_until(lambda: at_rest(cluster), 10, "the invariants hold", 0.2)
        items = [client.get(f"/customers/{i}").expect(200).json() for i in walk(client, 50)]
        for item in items:
            if item.get("email"):
                assert client.find(item["email"])["id"] == item["id"]
        # Claim numbers of before can't be met again.
        for c in items[:40]:
            client.patch(path_of(c), {"email": unique_email("after")}).expect(200)
    wait_until(lambda: at_rest(cluster), 10, "the invariants hold", 0.2)
    epochs = {number(v[13:19]) >> 32 for _, _, v in records_of(cluster).values()} - {0}
    assert max(epochs) == 2 and meta(cluster, "epoch") == "2"
    again, _ = ended(cluster, 0)
    assert "restore: done, epoch 3; the service writes again" in again and not sum(counts(again).values())


def test_what_was_repaired_is_told(whole):
    """One of each kind, made by hand, and each counted."""
    store = Store(whole)
    with Client(whole.url) as client:
        made = [client.create(email=unique_email("told")) for _ in range(4)]
    plain = [c["id"].replace("-", "") for c in made]
    keys = {p: next(k for n in store.primaries for k in n.command("KEYS", "{???}c" + p)) for p in plain}
    node = [whole.primary_of_slot(slot_of(c["id"])) for c in made]
    value = as_bytes(node[0].command("GET", keys[plain[0]]))
    node[0].command("HDEL", f"{keys[plain[0]][:5]}u{value[26:27].hex()}", value[25:41])          # a claim is missing
    node[1].command("DEL", keys[plain[1]])                                                    # a record is missing
    node[2].command("ZREM", keys[plain[2]][:5] + "i", bytes.fromhex(plain[2]))                 # it is not listed
    node[3].command("SET", keys[plain[3]], "damaged")
    lines, logged = ended(whole, 3)
    report = counts(lines)
    assert report == {"begun e-mail changes rolled back": 0, "given-up claims removed": 0, "claims set anew": 1,
                      "claims without a customer removed": 1, "index entries repaired": 2,
                      "keys could not be read and were passed over": report["keys could not be read and were passed over"]}
    assert {"scrub_claim_repaired", "scrub_index_entry_added", "scrub_index_entry_removed",
            "scrub_claim_without_backing_removed", "scrub_record_damaged"} <= {line["event"] for line in logged}
    node[3].command("DEL", keys[plain[3]])
    ended(whole, 0)


def test_under_load_nothing_acknowledged_is_lost_and_all_goes_on(whole):
    """On whole data: requests are refused for a moment, and no replica has to be restarted."""
    acknowledged, statuses, stopping = [], set(), threading.Event()

    def load(instance):
        with Client(instance.url) as client:
            while not stopping.is_set():
                answer = client.post("/customers", {"name": "Load", "email": unique_email("load")}).expect(201, 503)
                statuses.add(answer.status)
                if answer.status == 201:
                    made = answer.json()
                    moved = client.patch(path_of(made), {"email": unique_email("load")}).expect(200, 503)
                    acknowledged.append(moved.json() if moved.status == 200 else made)
                else:
                    stopping.wait(0.02)

    threads = [threading.Thread(target=load, args=(i,), daemon=True) for i in whole.instances[:2]]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: len(acknowledged) > 20, 10, "the load runs")
        lines, logged = ended(whole, 0)
        assert not [line for line in logged if line["level"] == "error"]
        n = len(acknowledged)
        wait_until(lambda: len(acknowledged) > n + 20, 15, "the load goes on")
    finally:
        stopping.set()
        for thread in threads:
            thread.join(30)
    assert 503 in statuses, "nobody was refused while it ran"
    assert counts(lines)["claims set anew"] == 0 and counts(lines)["index entries repaired"] == 0
    with Client(whole.url) as client:
        for made in acknowledged:
            assert client.get(path_of(made)).expect(200).json()["version"] >= made["version"]
    wait_until(lambda: at_rest(whole), 20, "the invariants hold", 0.2)


def test_two_at_once_do_no_harm(whole):
    both = [command(whole), command(whole)]
    outputs = [process.communicate(timeout=60) for process in both]
    for instance in whole.instances:
        with Client(instance.url) as client:
            settled(client)
    assert any(p.returncode == 0 for p in both) and all(p.returncode in (0, 1) for p in both), outputs
    for instance in whole.instances:
        instance.wait_until_ready(10)
    assert meta(whole, "restore") == ""


def test_a_replica_refuses_data_older_than_those_it_has_served(whole):
    """The meta key alone has gone back: the replica that has seen a later epoch says what to do."""
    node = Store(whole).node("customerd:meta")
    epoch, fence = meta(whole, "epoch"), meta(whole, "fence")
    node.command("HSET", "customerd:meta", "epoch", "1", "fence", "")
    try:
        eager = whole.instances[1]
        with Client(eager.admin_url, listener="admin") as admin:
            wait_until(lambda: "run `customerd restore`" in admin.get("/readyz").body.decode(), 10, "it says what to do")
        assert refuses(eager)
    finally:
        node.command("HSET", "customerd:meta", "epoch", epoch, "fence", fence)
    eager.wait_until_ready(10)


def test_help_and_mistakes(whole, binary, start_cluster):
    shown = subprocess.run([binary, "restore", "--help"], capture_output=True, text=True, timeout=10)
    assert shown.returncode == 0 and "exit status" in shown.stdout and "--db-endpoint" in shown.stdout
    wrong = subprocess.run([binary, "restore", "--db-endpoint", "nonsense"], capture_output=True, text=True, timeout=10,
                           env=child_environment({}))
    assert wrong.returncode == 1 and "--db-endpoint" in wrong.stderr and wrong.stderr.count("\n") == 1
    node = Store(whole).node("customerd:meta")
    kept = {f: meta(whole, f) for f in ("schema", "buckets", "salt", "epoch", "fence", "restore")}
    node.command("HSET", "customerd:meta", "schema", "9")
    try:
        process = command(whole)
        out, err = process.communicate(timeout=20)
        assert process.returncode == 1 and 'schema "9"' in err, (out, err)
    finally:
        node.command("HSET", "customerd:meta", *[x for pair in kept.items() for x in pair])
