"""What clients see while nodes hang, die, move and come back."""

import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from http_client import Client, path_of, wait_until
from raw_http import RawConnection
from support import Load, customers_by_shard, slot_of, together, unique_email, walk

DEADLINE_S = 3.0  # CUSTOMERD_REQUEST_TIMEOUT_MS
SLACK_S = 2.0     # two shared cores


class Shards:
    """The shards of the breakable cluster, as they are now: slots, nodes, and customers that live there."""

    def __init__(self, cluster, each=3):
        self.cluster = cluster
        self.client = Client(cluster.url)
        primaries = {}
        for node in cluster.nodes:
            if node.role == "primary":
                primaries[node.port] = node
        slots = sorted(cluster.nodes[0].command("CLUSTER", "SLOTS"), key=lambda entry: entry[0])
        self.ranges = [(first, last) for first, last, *_ in slots]
        self.nodes = [[n for n in cluster.nodes if n.port in {e[1] for e in entry[2:]}] for entry in slots]
        self.primaries = [primaries[entry[2][1]] for entry in slots]
        self.replicas = [[n for n in nodes if n is not p] for nodes, p in zip(self.nodes, self.primaries)]
        self.customers = customers_by_shard(self.client, self.ranges, each) if each else None

    def pause(self, shard):
        for node in self.nodes[shard]:
            node.pause()


def serves_whole(cluster):
    """Every shard's lanes are ready."""
    with Client(cluster.admin_url, listener="admin") as admin:
        shards = admin.get("/readyz").expect(200).json()["database"]["shards"]
    return len(shards) == 3 and all(s["reads_ready"] and s["writes_ready"] for s in shards)


def is_persistent(cluster):
    """No node is writing its append-only file anew: after a full synchronisation a node has none until that is done."""
    return all("aof_rewrite_in_progress:0" in info and "aof_rewrite_scheduled:0" in info
               for info in (node.command("INFO", "persistence") for node in cluster.nodes))


@pytest.fixture
def whole(breakable):
    """The breakable cluster, whole before and after the test."""
    breakable.wait_until_whole()
    wait_until(lambda: is_persistent(breakable), 10, "every node keeps its data")
    wait_until(lambda: serves_whole(breakable), 10, "every shard is served")
    yield breakable
    for node in breakable.nodes:
        node.resume()
    for node in breakable.nodes:
        if node.pid is None:
            node.restart()
    breakable.wait_until_whole()
    with Client(breakable.url) as client:
        wait_until(lambda: client.get("/customers?limit=1").status == 200, 30, "the service recovers")
    wait_until(lambda: serves_whole(breakable), 10, "every shard is served again")


def unavailable(answer):
    document = answer.expect(503).json()
    assert document["type"].rsplit(":", 1)[1] in ("database-unavailable", "outcome-unknown"), str(answer)
    assert answer.elapsed_s < DEADLINE_S + SLACK_S, f"later than the deadline:\n{answer}"
    return document


def test_a_shard_that_hangs(whole):
    shards = Shards(whole)
    client, admin = shards.client, Client(whole.admin_url, listener="admin")
    victim, keys = shards.customers[1], [unique_email("key") for _ in range(3)]
    shards.pause(1)
    unavailable(client.get(path_of(victim[0])))
    writes = [(path_of(victim[0]), {"balance": 10}), (path_of(victim[1]), {"balance": 11}), (path_of(victim[2]), {"balance": 12})]
    for (path, value), key in zip(writes, keys):
        assert unavailable(client.patch(path, value, idempotency_key=key))["applied"] in ("no", "unknown")
    # A listing is never short.
    unavailable(client.get("/customers?limit=100"))
    # The others are served, and not slowly.
    for shard in (0, 2):
        for customer in shards.customers[shard]:
            assert client.get(path_of(customer)).expect(200).elapsed_s < SLACK_S
            assert client.patch(path_of(customer), {"balance": 5}).expect(200).elapsed_s < SLACK_S
            assert client.find(customer["email"])["balance"] == 5
    # A shard that has been down for a while fails at once.
    def fast():
        return unavailable(client.get(path_of(victim[0]))) and client.get(path_of(victim[0])).elapsed_s < 0.5
    wait_until(fast, 20, "fails fast")
    # Alive, and ready, since the rest serves.
    assert admin.get("/livez").expect(200).elapsed_s < 1
    document = admin.get("/readyz").expect(200).json()
    assert document["ready"] is True
    down = [s for s in document["database"]["shards"] if not (s.get("reads_ready") and s.get("writes_ready"))]
    assert len(down) == 1, f"readyz doesn't say which shard is down: {document}"
    for node in shards.nodes[1]:
        node.resume()
    # Recovers without restart; a repeated key has one effect, whatever became of the first try.
    wait_until(lambda: client.get(path_of(victim[0])).status == 200, 30, "the shard is served again")
    for (path, value), key in zip(writes, keys):
        wait_until(lambda: client.patch(path, value, idempotency_key=key).status == 200, 10, "the write goes through")
        got = client.get(path).json()
        assert got["version"] == 2 and got["balance"] == value["balance"], got


def test_what_comes_behind_another_is_not_kept_waiting_by_one_that_hangs(whole):
    """Two requests, longer together than what is read at a time: no event tells of the second one's rest."""
    shards = Shards(whole, each=1)

    def get(customer):
        return b"GET %s HTTP/1.1\r\nHost: a\r\nX-Filler: %s\r\n\r\n" % (path_of(customer).encode(), b"x" * 6000)

    def least_s(connection):
        took = []
        for _ in range(20):
            start = time.monotonic()
            connection.send(2 * get(shards.customers[0][0]))
            assert [connection.response().status for _ in range(2)] == [200, 200]
            took.append(time.monotonic() - start)
        return min(took)
    with RawConnection(whole.url) as hanging, RawConnection(whole.url) as served:
        alone_s = least_s(served)
        shards.pause(1)
        hanging.send(get(shards.customers[1][0]))
        # Else each would wait until the library is looked at for nothing, which is each 10 ms.
        assert least_s(served) < alone_s + 0.008
        assert not hanging.readable(0), "nothing hung meanwhile"


def test_a_request_across_shards_while_one_hangs(whole):
    """A change of e-mail whose new address lives in a shard that hangs: 503, nothing half-done, then it goes through."""
    shards = Shards(whole, each=2)
    client = shards.client
    mover, (first, last) = shards.customers[0][0], shards.ranges[2]
    probe = next(c for c in shards.customers[2])
    target = probe["email"]
    client.delete(path_of(probe)).expect(204)  # its address lives in shard 2
    shards.pause(2)
    key = unique_email("key")
    document = unavailable(client.patch(path_of(mover), {"email": target}, idempotency_key=key))
    assert document["applied"] in ("no", "unknown")
    got = client.get(path_of(mover)).expect(200).json()
    assert got["email"] == mover["email"] and got["version"] == 1
    assert client.find(mover["email"]) == got
    for node in shards.nodes[2]:
        node.resume()

    def moved():
        return client.patch(path_of(mover), {"email": target}, idempotency_key=key).status == 200
    wait_until(moved, 40, "the change goes through")
    got = client.get(path_of(mover)).json()
    assert got["email"] == target and got["version"] == 2 and client.find(target) == got
    assert client.find(mover["email"]) is None
    client.create(email=mover["email"])
    assert first <= last


def test_creates_while_a_shard_is_down_are_never_doubled(whole):
    """Each POST has a key and is repeated until it is answered; every address has exactly one customer then."""
    shards = Shards(whole, each=0)
    client = shards.client
    todo = [(unique_email("down"), unique_email("key")) for _ in range(8)]
    shards.pause(0)
    answers = [client.post("/customers", {"name": "A", "email": e}, idempotency_key=k).expect(201, 503) for e, k in todo]
    assert {201, 503} == {a.status for a in answers} or all(a.status == 503 for a in answers)
    for node in shards.nodes[0]:
        node.resume()
    for (email, key), answer in zip(todo, answers):
        def post():
            return client.post("/customers", {"name": "A", "email": email}, idempotency_key=key).expect(201, 409, 503).status == 201
        wait_until(post, 40, "created")
        made = wait_until(lambda: client.find(email), 10, "found")

        def again():
            replay = client.post("/customers", {"name": "A", "email": email}, idempotency_key=key).expect(201, 503)
            return replay.status == 201 and replay
        replay = wait_until(again, 10, "replayed")
        assert replay.header("Idempotency-Replayed") == "true" and replay.json() == made
        if answer.status == 201:
            assert answer.json() == made


@pytest.mark.concurrent
def test_a_key_whose_request_still_runs_is_409(whole):
    """POSTs wait for a shard that holds its writes; their twins, with the same keys, are told so at once."""
    shards = Shards(whole, each=1)
    client, email = shards.client, shards.customers[1][0]["email"]
    client.delete(path_of(shards.customers[1][0])).expect(204)
    keys = [unique_email("key") for _ in range(6)]

    def post(key):
        with Client(whole.url) as mine:
            return mine.post("/customers", {"name": "A", "email": email}, idempotency_key=key).expect(201, 409)

    def kind(answer):
        return answer.json()["type"].rsplit(":", 1)[1] if answer.status == 409 else "created"

    shards.primaries[1].command("CLIENT", "PAUSE", 1500, "WRITE")
    # Each key is opened in a shard of its own; where that shard serves, the second of two requests finds it running.
    answers = together([lambda k=k: post(k) for k in keys * 2])
    assert {kind(a) for a in answers} <= {"created", "email-taken", "idempotency-in-progress"}
    running = [a for a in answers if kind(a) == "idempotency-in-progress"]
    assert [a for a in running if a.elapsed_s < 1], "no twin was told at once that its request still runs:\n" + \
        "\n".join(f"{kind(a)} after {a.elapsed_s:.3f} s" for a in answers)
    assert all(a.header("Retry-After") for a in running)
    made = client.find(email)
    assert all(a.json() == made for a in answers if a.status == 201)
    again = [post(k) for k in keys]
    assert sorted(kind(a) for a in again) == ["created"] + ["email-taken"] * 5


@pytest.mark.parametrize("late", [False, True], ids=["the request has given up", "the request still waits"])
def test_it_ends_well_while_a_call_is_without_answer(whole, late):
    """What was asked of the database outlives the request that asked, and its fiber."""
    instance = whole.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "1000", "CUSTOMERD_DRAIN_WAIT_MS": "0",
                                         "CUSTOMERD_DRAIN_TIMEOUT_MS": "100"})
    with Client(instance.url) as client, ThreadPoolExecutor(1) as pool:
        made = client.create()
        for node in whole.nodes:
            node.pause()
        try:
            answer = pool.submit(client.get, path_of(made))
            with Client(instance.admin_url, listener="admin") as admin:
                wait_until(lambda: b'http_server_active_requests{url_scheme="http"} 1' in admin.get("/metrics").body, 5, "it runs", 0.01)
            if not late:
                unavailable(answer.result())
            instance.process.signal(signal.SIGTERM)
            assert instance.process.wait(10), "it does not end"
            if late:
                answer.exception()
        finally:
            for node in whole.nodes:
                node.resume()
    assert instance.exit_code == 0
    wait_until(lambda: serves_whole(whole), 30, "recovers")


def test_every_node_hangs(whole):
    client, admin = Client(whole.url), Client(whole.admin_url, listener="admin")
    made = client.create()
    for node in whole.nodes:
        node.pause()
    for _ in range(3):
        assert admin.get("/livez").expect(200).elapsed_s < 1
        unavailable(client.get(path_of(made)))
        unavailable(client.post("/customers", {"name": "A"}))
        unavailable(client.get("/customers"))
        unavailable(client.get("/customers?email=" + unique_email()))
        unavailable(client.delete(path_of(made)))

    def not_ready():
        answer = admin.get("/readyz")
        return answer.status == 503 and answer.elapsed_s < 1
    wait_until(not_ready, 20, "not ready while nothing serves")
    assert admin.get("/livez").expect(200).json()["status"] == "ok"
    for node in whole.nodes:
        node.resume()
    wait_until(lambda: client.get(path_of(made)).status in (200, 404), 30, "recovers")
    wait_until(lambda: admin.get("/readyz").status == 200, 30, "ready again")


def test_a_node_that_restarts_at_once(whole):
    """Killed and back on its data before a failover: everything is still there."""
    shards = Shards(whole, each=2)
    shards.primaries[0].restart()
    client = shards.client
    for customers in shards.customers:
        for customer in customers:
            wait_until(lambda: client.get(path_of(customer)).expect(200, 503).status == 200, 30, "served after the restart")
            assert client.get(path_of(customer)).json() == customer


def test_a_primary_is_killed_and_its_replica_takes_over(whole):
    shards = Shards(whole, each=2)
    client = shards.client
    dead, slots = shards.primaries[1], shards.ranges[1]

    # What has been written until now: the primary's own pings move its offset on for ever, a step ahead of the replica.
    _, written, _ = dead.command("ROLE")

    def replicated():
        _, _, replicas = dead.command("ROLE")
        return replicas and all(int(r[2]) >= written for r in replicas)
    wait_until(replicated, 10, "the replica has everything")
    time_of_death = time.monotonic()
    dead.kill()
    victim = shards.customers[1][0]

    def promoted():
        return shards.replicas[1][0].role == "primary"
    # Until then only 503 and only for that shard; the others go on.
    while not promoted():
        client.get(path_of(victim)).expect(200, 503)
        for shard in (0, 2):
            client.patch(path_of(shards.customers[shard][0]), {"name": "Served"}).expect(200)
        assert time.monotonic() - time_of_death < 30, "no failover"
    wait_until(lambda: client.get(path_of(victim)).expect(200, 503).status == 200, 10, "served by the new primary")
    assert client.get(path_of(victim)).json() == victim
    client.patch(path_of(victim), {"balance": 1}).expect(200)
    client.get("/customers?limit=100").expect(200)
    assert slots[0] <= slot_of(victim["id"]) <= slots[1]
    dead.restart()


@pytest.mark.concurrent
def test_an_orderly_failover_under_load_fails_no_request(whole):
    shards = Shards(whole, each=0)
    with Load(whole.url, threads=3) as load:
        for replicas, old in zip(shards.replicas, shards.primaries):
            before = load.count()
            replicas[0].command("CLUSTER", "FAILOVER")
            wait_until(lambda: replicas[0].role == "primary" and old.role == "replica", 20, "failed over")
            wait_until(lambda: load.count() > before + 50 or load.failures, 20, "the load goes on")
            whole.wait_until_whole()
    load.assert_clean()
    assert load.slowest_s < DEADLINE_S + SLACK_S


@pytest.mark.concurrent
def test_killed_connections_fail_no_request(whole):
    with Load(whole.url, threads=4) as load:
        for _ in range(12):
            before = load.count()
            wait_until(lambda: sum(node.command("CLIENT", "KILL", "USER", "customerd") for node in whole.nodes), 10,
                       "a connection to kill")
            wait_until(lambda: load.count() > before + 25 or load.failures, 20, "the load goes on")
    load.assert_clean()


@pytest.mark.concurrent
def test_flushed_scripts_fail_no_request(whole):
    with Load(whole.url, threads=4) as load:
        for _ in range(25):
            before = load.count()
            for node in whole.nodes:
                node.command("SCRIPT", "FLUSH")
            wait_until(lambda: load.count() > before + 8 or load.failures, 20, "the load goes on")
    load.assert_clean()


@pytest.mark.concurrent
def test_a_replica_that_dies_is_not_noticed(whole):
    shards = Shards(whole, each=0)
    with Load(whole.url, threads=2) as load:
        shards.replicas[2][0].kill()
        before = load.count()
        wait_until(lambda: load.count() > before + 200 or load.failures, 30, "the load goes on")
        shards.replicas[2][0].restart()
    load.assert_clean()


@pytest.mark.concurrent
def test_a_walk_during_an_outage_is_complete_or_503(whole):
    shards = Shards(whole, each=3)
    client = shards.client
    lasting = {c["id"] for customers in shards.customers for c in customers}
    stop = threading.Event()

    def trouble():
        while not stop.is_set():
            for node in shards.nodes[2]:
                node.pause()
            stop.wait(0.4)
            for node in shards.nodes[2]:
                node.resume()
            stop.wait(0.4)

    thread = threading.Thread(target=trouble, daemon=True)
    thread.start()
    try:
        for _ in range(4):
            ids, cursor = [], ""
            while True:
                answer = client.get("/customers?limit=50" + (f"&cursor={cursor}" if cursor else "")).expect(200, 503)
                if answer.status == 503:
                    continue
                ids += [c["id"] for c in answer.json()["items"]]
                cursor = answer.json().get("next_cursor")
                if not cursor:
                    break
            assert lasting <= set(ids) and len(ids) == len(set(ids))
    finally:
        stop.set()
        thread.join(10)


def test_writes_are_refused_when_storage_is_full_but_reads_and_deletes_work(whole):
    shards = Shards(whole, each=2)
    client = shards.client
    try:
        for node in shards.primaries:
            node.command("CONFIG", "SET", "maxmemory", "1mb")
        for customers in shards.customers:
            answer = client.patch(path_of(customers[0]), {"balance": 3})
            document = answer.problem(503, "storage-full")
            assert document["applied"] == "no"
            assert client.get(path_of(customers[0])).expect(200).json() == customers[0]
        client.post("/customers", {"name": "A", "email": unique_email()}).problem(503, "storage-full")
        for customers in shards.customers:
            client.delete(path_of(customers[1])).expect(204)
            client.get(path_of(customers[1])).expect(404)
    finally:
        for node in shards.primaries:
            node.command("CONFIG", "SET", "maxmemory", "0")
    for customers in shards.customers:
        client.patch(path_of(customers[0]), {"balance": 4}).expect(200)


@pytest.mark.concurrent
def test_moved_slots_are_followed_under_load(whole):
    """A bucket's slot moves to another shard and back, while its customer is read and changed, and all are listed."""
    shards = Shards(whole, each=1)
    customer = shards.customers[0][0]
    slot = slot_of(customer["id"])
    source, target = shards.primaries[0], shards.primaries[1]
    ids = {node: node.id for node in shards.primaries}
    stop, failures, patched = threading.Event(), [], [0]

    def move(a, b):
        # Over open connections: while only some of a slot's keys have moved, a script is told TRYAGAIN.
        with a.connect(5) as at_a, b.connect(5) as at_b:
            at_b.command("CLUSTER", "SETSLOT", slot, "IMPORTING", ids[a])
            at_a.command("CLUSTER", "SETSLOT", slot, "MIGRATING", ids[b])
            while keys := at_a.command("CLUSTER", "GETKEYSINSLOT", slot, 20):
                at_a.command("MIGRATE", "127.0.0.1", b.port, "", 0, 5000, "AUTH2", "admin", whole.home.admin_password(), "KEYS", *keys)
            at_b.command("CLUSTER", "SETSLOT", slot, "NODE", ids[b])
            at_a.command("CLUSTER", "SETSLOT", slot, "NODE", ids[b])
        for node in shards.primaries:
            if node not in (a, b):
                node.command("CLUSTER", "SETSLOT", slot, "NODE", ids[b])

    def use():
        try:
            with Client(whole.url) as client:
                while not stop.is_set():
                    value = patched[0] + 1
                    client.patch(path_of(customer), {"balance": value}).expect(200)
                    assert client.get(path_of(customer)).expect(200).json()["balance"] == value
                    patched[0] = value
        except BaseException as e:  # noqa: B902 (shown below)
            failures.append(e)

    lasting, walks = {c["id"] for customers in shards.customers for c in customers}, [0]

    def list_all():
        try:
            with Client(whole.url) as client:
                while not stop.is_set():
                    ids = walk(client, 50)
                    assert lasting <= set(ids) and len(ids) == len(set(ids)), "a walk is not complete"
                    walks[0] += 1
        except BaseException as e:  # noqa: B902 (shown below)
            failures.append(e)

    users = [threading.Thread(target=f, daemon=True) for f in (use, list_all)]
    with Load(whole.url, threads=2) as load:
        for user in users:
            user.start()
        for a, b in ((source, target), (target, source)) * 3:
            before = patched[0]
            move(a, b)
            wait_until(lambda: patched[0] > before + 5 or failures, 10, "the customer is used on")
        stop.set()
        for user in users:
            user.join(10)
    assert not failures, failures[0]
    load.assert_clean()
    assert walks[0] >= 1
    assert shards.client.get(path_of(customer)).expect(200).json()["balance"] == patched[0]
