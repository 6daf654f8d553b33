"""White box: the keys in the database after use, and what heals when they are damaged from outside."""

import binascii
import re
import time
import uuid

import pytest

from http_client import Client, path_of, wait_until
from support import bucket_of, together, unique_email

KEY = re.compile(r"^\{([0-9A-Za-z]{3})\}(?:(c)([0-9a-f]{32})|(u)([0-9a-f]{2})|([ipr])|([ko])([0-9a-f]{32}))$")
# Of another resource on the same data: sessions, and lists of a customer's (src/sessions/README.md).
SESSION = re.compile(r"^\{[0-9A-Za-z]{3}\}[sl][0-9a-f]{32}$")
META = "customerd:meta"


def slot_of_tag(tag):
    return binascii.crc_hqx(tag.encode(), 0) % 16384


def as_bytes(reply):
    return reply.encode() if isinstance(reply, str) else reply


class Store:
    """All keys of the cluster, read from its primaries."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.primaries = [node for node in cluster.nodes if node.role == "primary"]
        self.tags = {}

    def node(self, key):
        slot = slot_of_tag(key[1:4]) if key.startswith("{") else binascii.crc_hqx(key.encode(), 0) % 16384
        return self.cluster.primary_of_slot(slot)

    def command(self, word, key, *rest):
        return self.node(key).command(word, key, *rest)

    def read(self):
        """{key: (type, ttl, value)}; value only of what the invariants need."""
        found = {}
        for node in self.primaries:
            with node.connect(10) as c:
                keys = c.command("KEYS", "*")
                for key in keys:
                    c.send("TYPE", key)
                    c.send("TTL", key)
                answers = [(c.read(), c.read()) for _ in keys]
                for key, (kind, ttl) in zip(keys, answers):
                    found[key] = (kind, ttl, self.value(c, key, kind))
        return found

    @staticmethod
    def value(c, key, kind):
        match = KEY.match(key)
        letter = match and (match[2] or match[4] or match[6])
        if letter == "c" and kind == "string":
            return as_bytes(c.command("GET", key))
        if letter in ("u", "p") and kind == "hash":
            flat = [as_bytes(x) for x in c.command("HGETALL", key)]
            return dict(zip(flat[::2], flat[1::2]))
        if letter == "i" and kind == "zset":
            return [as_bytes(x) for x in c.command("ZRANGE", key, 0, -1)]
        if letter == "r" and kind == "set":
            return [as_bytes(x) for x in c.command("SMEMBERS", key)]
        return None


def number(data):
    return int.from_bytes(data, "big")


def check_invariants(keys):
    """The invariants of src/customers/README.md, for a cluster at rest."""
    records, claims, index, bucket_by_tag = {}, {}, {}, {}
    for key, (kind, ttl, value) in keys.items():
        if key == META:
            assert ttl == -1
            continue
        if SESSION.match(key):
            assert 0 <= ttl <= 43200 or ttl == -2, f"{key} lives {ttl} s"
            continue
        match = KEY.match(key)
        assert match, f"a key of another form: {key!r}"
        tag, slot = match[1], slot_of_tag(match[1])
        assert slot % 64 == 32, f"{key} lies in slot {slot}, which is no bucket's"
        bucket = slot // 64
        assert bucket_by_tag.setdefault(bucket, tag) == tag
        letter = match[2] or match[4] or match[6] or match[7]
        if letter in "ko":
            assert 0 < ttl <= 86400 or ttl == -2, f"{key} lives {ttl} s"
            continue
        assert ttl == -1, f"{key} expires in {ttl} s"
        if letter == "c":
            customer_id = match[3]
            assert customer_id[12] == "7" and int(customer_id[13:15], 16) == bucket, f"{key} is in another bucket than its id says"
            en = number(value[13:19])
            records[bytes.fromhex(customer_id)] = (en, value[25:41] if en else None)
        elif letter == "u":
            for eh, claim in value.items():
                assert eh[0] == bucket and eh[1] == int(match[5], 16), f"a claim in the wrong key {key}"
                assert eh not in claims
                claims[eh] = (claim[:16], number(claim[16:22]))
        elif letter == "i":
            index.update({customer_id: bucket for customer_id in value})
            assert len(value) == len(set(value))
        elif letter in "pr":
            assert not value, f"{key} holds {len(value)} entries at rest"
    held = {eh: (customer_id, en) for customer_id, (en, eh) in records.items() if en}
    assert len(held) == len([1 for en, _ in records.values() if en]), "two customers with one e-mail"
    assert claims == held, f"{len(set(claims) - set(held))} claims without record, {len(set(held) - set(claims))} records without claim"
    assert set(index) == set(records), f"{len(set(index) ^ set(records))} ids differ between index and records"
    return records


def at_rest(cluster):
    return check_invariants(Store(cluster).read()) is not None


def record_key(cluster, customer):
    """The record's key: its tag is told by the index key of its bucket."""
    bucket, plain = bucket_of(customer["id"]), customer["id"].replace("-", "")
    node = cluster.primary_of_slot(64 * bucket + 32)
    (key,) = node.command("KEYS", "{???}c" + plain)
    return key


@pytest.mark.concurrent
def test_invariants_hold_after_churn(cluster, second):
    addresses = [unique_email("churn") for _ in range(6)]

    def churn(url, i):
        with Client(url) as c:
            held = [c.create(email=unique_email("churn")) for _ in range(3)]
            for step in range(15):
                made = held[step % 3]
                c.patch(path_of(made), {"email": addresses[(i + step) % 6] if step % 2 else unique_email("churn")}).expect(200, 409)
                c.patch(path_of(made), {"balance": step}, idempotency_key=uuid.uuid4().hex).expect(200)
                if step % 5 == 4:
                    c.delete(path_of(made)).expect(204, 409)
                    held[step % 3] = c.create()

    together([lambda u=u, i=i: churn(u, i) for i, u in enumerate([cluster.url, second.url] * 2)])
    wait_until(lambda: at_rest(cluster), 20, "the invariants hold at rest", 0.3)


def test_keys_hold_nothing_of_the_user(cluster, client):
    mark = "zqxkey"
    client.post("/customers", {"name": mark, "email": f"{mark}{uuid.uuid4().hex[:6]}@example.net", "metadata": {mark: mark}},
                idempotency_key=mark + uuid.uuid4().hex).expect(201)
    keys = Store(cluster).read()
    assert len(keys) > 10
    assert not [k for k in keys if mark in k or "@" in k or "example" in k]


def test_records_are_spread_over_all_shards(cluster, client):
    for _ in range(40):
        client.create(email=unique_email("spread"))
    for node in Store(cluster).primaries:
        assert node.command("KEYS", "{???}c*"), "a shard holds no customer"


def test_unkeyed_markers_live_a_minute_and_hold_no_body(cluster, client):
    mark = "zqxbody" + uuid.uuid4().hex[:8]

    def markers():
        found = {}
        for node in Store(cluster).primaries:
            with node.connect(10) as c:
                for key in c.command("KEYS", "{???}k*"):
                    found[key] = (c.command("TTL", key), as_bytes(c.command("GET", key) or b""))
        return found

    before = set(markers())
    client.create(name=mark, email=unique_email())
    new = {k: v for k, v in markers().items() if k not in before}
    assert len(new) >= 1
    for ttl, value in new.values():
        assert 0 < ttl <= 60 and mark.encode() not in value
    before |= set(new)
    client.post("/customers", {"name": mark, "email": unique_email()}, idempotency_key=uuid.uuid4().hex).expect(201)
    kept = [ttl for k, (ttl, _) in markers().items() if k not in before]
    assert any(86000 < ttl <= 86400 for ttl in kept), kept


def test_an_abandoned_email_change_is_rolled_back(cluster, client, second):
    """An intent as a service that died would leave it, in its time and after."""
    made, wanted = client.create(email=unique_email()), unique_email()
    key = record_key(cluster, made)
    tag, store = key[:5], Store(cluster)
    bn = number(as_bytes(store.command("GET", key))[19:25]) + 1
    raw = as_bytes(store.command("GET", key))
    store.command("SET", key, raw[:19] + bn.to_bytes(6, "big") + raw[25:])  # as begin leaves it
    deadline = int(time.time() * 1000) + 2500
    intent = bn.to_bytes(6, "big") + b"\x42" * 16 + deadline.to_bytes(6, "big") + b"\x01" * 8 + b"\x02" * 16
    store.command("HSET", tag + "p", uuid.UUID(made["id"]).bytes, intent)
    answer = client.patch(path_of(made), {"email": wanted})
    answer.problem(409, "update-in-progress")
    assert answer.header("Retry-After")
    assert client.patch(path_of(made), {"balance": 1}).expect(200, 409)
    wait_until(lambda: client.patch(path_of(made), {"email": wanted}).expect(200, 409).status == 200, 20, "another change gets its turn")
    assert client.find(wanted)["id"] == made["id"] and client.find(made["email"]) is None
    wait_until(lambda: at_rest(cluster), 20, "all is at rest", 0.3)


def test_what_was_damaged_from_outside_is_healed(cluster, client, second):
    """Claims without record, one listed for release and one listed nowhere; a lost claim; a lost and a stale index entry."""
    unlisted, unclaimed = client.create(email=unique_email()), client.create(email=unique_email())
    store = Store(cluster)

    key = record_key(cluster, unlisted)
    tag, bucket, plain = key[:5], bucket_of(unlisted["id"]), uuid.UUID(unlisted["id"]).bytes
    assert store.command("ZREM", tag + "i", plain) == 1
    stale = plain[:9] + b"\x77" * 7
    store.command("ZADD", tag + "i", 0, stale)
    orphan, listed = bytes([bucket, 7]) + b"\x11" * 14, bytes([bucket, 9]) + b"\x22" * 14
    claim = stale + (5).to_bytes(6, "big")
    store.command("HSET", tag + "u07", orphan, claim)
    store.command("HSET", tag + "u09", listed, claim)
    store.command("SADD", tag + "r", listed + claim)

    key = record_key(cluster, unclaimed)
    eh = as_bytes(store.command("GET", key))[25:41]
    claims = f"{key[:5]}u{eh[1]:02x}"
    assert eh[0] == bucket_of(unclaimed["id"]), "a new customer takes the bucket of its e-mail"
    assert store.command("HDEL", claims, eh) == 1

    wait_until(lambda: not store.command("HEXISTS", tag + "u09", listed), 10, "the listed claim is released", 0.2)
    wait_until(lambda: store.command("SCARD", tag + "r") == 0, 10, "the release is done", 0.2)
    # One pass of the scrubber over everything.
    wait_until(lambda: not store.command("HEXISTS", tag + "u07", orphan), 90, "the orphan is found", 0.2)
    wait_until(lambda: store.command("ZSCORE", tag + "i", stale) is None, 90, "the stale index entry goes", 0.2)
    wait_until(lambda: store.command("ZSCORE", tag + "i", plain) is not None, 90, "the lost index entry is back", 0.2)
    wait_until(lambda: store.command("HEXISTS", claims, eh), 90, "the lost claim is back", 0.2)
    for made in (unlisted, unclaimed):
        assert client.find(made["email"]) == made
        client.post("/customers", {"name": "B", "email": made["email"]}).problem(409, "email-taken")
    wait_until(lambda: at_rest(cluster), 20, "all is at rest", 0.3)
    assert b"scrub_claim_repaired" in second.log_path.read_bytes(), "a repair is told in the log"


@pytest.mark.parametrize("damage", ["a list", "another format", "cut short"])
def test_a_damaged_record_is_503_for_that_customer_only(cluster, client, damage):
    made, other = client.create(email=unique_email()), client.create(email=unique_email())
    key, store = record_key(cluster, made), Store(cluster)
    value = as_bytes(store.command("GET", key))
    try:
        store.command("DEL", key)
        if damage == "a list":
            store.command("RPUSH", key, "x")
        else:
            store.command("SET", key, b"\x09" + value[1:] if damage == "another format" else value[:20])
        for answer in (client.get(path_of(made)), client.patch(path_of(made), {"balance": 1}), client.delete(path_of(made)),
                       client.put(path_of(made), {"name": "B", "balance": 1}), client.patch(path_of(made), {"email": unique_email()})):
            answer.problem(503, "record-damaged")
        assert client.get(path_of(other)).expect(200).json() == other
        client.patch(path_of(other), {"balance": 2}).expect(200)
        client.create(email=unique_email())
    finally:
        store.command("DEL", key)
        store.command("SET", key, value)
    assert client.get(path_of(made)).expect(200).json() == made
    wait_until(lambda: at_rest(cluster), 20, "nothing else was damaged", 0.3)


def test_a_wrong_typed_index_or_claim_harms_no_other_bucket(cluster, client):
    made = client.create(email=unique_email())
    key, store = record_key(cluster, made), Store(cluster)
    tag = key[:5]
    moved = tag + "c" + "0" * 32
    for kind in ("i", "r", "p"):
        name = tag + kind
        existed = store.command("EXISTS", name)
        if existed:
            store.command("RENAME", name, moved)
        try:
            store.command("SET", name, "wrong")
            answer = client.delete(path_of(made))
            answer.problem(503, "record-damaged")
            assert client.get(path_of(made)).expect(200).json() == made, "something was done before the types were checked"
        finally:
            store.command("DEL", name)
            if existed:
                store.command("RENAME", moved, name)
    client.patch(path_of(made), {"balance": 1}).expect(200)
    client.delete(path_of(made)).expect(204)


def not_ready(instance, word):
    with Client(instance.admin_url, listener="admin") as admin, Client(instance.url) as client:
        def told():
            answer = admin.get("/readyz")
            return answer if answer.status == 503 and word in answer.body.decode() else None
        answer = wait_until(told, 20, f"not ready, and the reason says {word}")
        assert answer.json()["ready"] is False
        assert admin.get("/livez").status == 200
        client.post("/customers", {"name": "A"}).problem(503, "not-ready")
        client.get("/customers").problem(503, "not-ready")


def test_a_wrong_eviction_policy_is_refused(breakable):
    breakable.wait_until_whole()
    node = [n for n in breakable.nodes if n.role == "primary"][1]
    node.command("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    try:
        instance = breakable.start_instance(wait=False)
        not_ready(instance, "maxmemory-policy")
    finally:
        node.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    instance.wait_until_ready()
    assert instance.stop() == 0


@pytest.mark.parametrize("field,value,word", [("schema", "999", "schema"), ("buckets", "1024", "buckets"), ("salt", "x", "salt")])
def test_unknown_data_are_refused(breakable, field, value, word):
    breakable.wait_until_whole()
    store = Store(breakable)
    old = store.command("HGET", META, field)
    assert old
    store.command("HSET", META, field, value)
    try:
        instance = breakable.start_instance(wait=False)
        not_ready(instance, word)
    finally:
        store.command("HSET", META, field, old)
    instance.wait_until_ready()
    assert instance.stop() == 0


def test_the_meta_key_says_what_the_data_are(cluster):
    flat = Store(cluster).command("HGETALL", META)
    meta = dict(zip(flat[::2], flat[1::2]))
    assert meta["schema"] == "1" and meta["buckets"] == "256" and meta["epoch"] == "1" and len(meta["salt"]) == 64
