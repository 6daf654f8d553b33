"""All keys of a cluster, read from its nodes, and what must hold among them (src/customers/README.md)."""

import binascii
import re

KEY = re.compile(r"^\{([0-9A-Za-z]{3})\}(?:(c)([0-9a-f]{32})|(u)([0-9a-f]{2})|([ipre])|([ko])([0-9a-f]{32}))$")
# Of another resource on the same data: sessions, lists of a customer's, and markers of changes (src/sessions/README.md).
SESSION = re.compile(r"^\{[0-9A-Za-z]{3}\}([sl][0-9a-f]{32}|m[0-9a-f]{16})$")
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
        elif letter == "e":
            assert kind == "string"
        elif letter in "pr":
            assert not value, f"{key} holds {len(value)} entries at rest"
    held = {eh: (customer_id, en) for customer_id, (en, eh) in records.items() if en}
    assert len(held) == len([1 for en, _ in records.values() if en]), "two customers with one e-mail"
    assert claims == held, f"{len(set(claims) - set(held))} claims without record, {len(set(held) - set(claims))} records without claim"
    assert set(index) == set(records), f"{len(set(index) ^ set(records))} ids differ between index and records"
    return records


def at_rest(cluster):
    return check_invariants(Store(cluster).read()) is not None
