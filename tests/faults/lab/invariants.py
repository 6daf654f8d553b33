"""The invariants of a cluster that has come to rest, by the database and by the API. Those about acknowledged writes and keys are
the history's, since every customer is read once more into it, and that of descriptors, threads and memory is in resources.py."""

import collections
import http.client
import json

from .database import Database
from .world import wait_until


def broken_in(database):
    """What does not hold, in words; [] when all does."""
    found = []
    holders = collections.defaultdict(list)
    for record in database.records.values():
        if record.eh is not None:
            holders[record.eh].append(record)
    found += [f"one e-mail, two customers: {[r.uuid for r in some]}" for some in holders.values() if len(some) > 1]
    for record in database.records.values():
        if record.eh is not None and database.claims.get(record.eh) != (record.id, record.en):
            found.append(f"{record.uuid} has no claim (its e-mail's: {database.claims.get(record.eh)}, its number: {record.en})")
        if record.en > record.bn:
            found.append(f"{record.uuid} holds its e-mail under {record.en}, above {record.bn}")
        if database.slot_of_tag[record.tag] != 64 * record.bucket + 32:
            found.append(f"{record.uuid} lies in slot {database.slot_of_tag[record.tag]}")
        if record.id not in database.index.get(record.tag, {}):
            found.append(f"{record.uuid} is not listed")
    for eh, (owner, n) in database.claims.items():
        record = database.records.get(owner)
        if record is None or record.eh != eh or record.en != n:
            found.append(f"a claim of {owner.hex()} under {n} has no backing")
    for tag, members in database.index.items():
        for member, score in members.items():
            record = database.records.get(member)
            if record is None or record.tag != tag or score != 0:
                found.append(f"the index of {tag} lists {member.hex()} ({score}) without record")
    found += [f"an intent is left in {tag}: {list(some)}" for tag, some in database.intents.items() if some]
    found += [f"a release is left in {tag}" for tag, some in database.releases.items() if some]
    found += [f"a strange key: {key}" for key in database.strange] + [f"a key on two shards: {key}" for key in database.doubled]
    found += [f"{key} never ends" for key in database.lasting if key[5] in "ko"]
    found += [f"{key} ends" for key in database.expiring if key[5] not in "ko"]
    return found


def admin(instance, path):
    return json.loads(fetch(instance.admin_port, path)[1])


def fetch(port, path, timeout_s=20):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def listing(instance):
    """id -> version of the whole listing; each once."""
    found, cursor = {}, None
    while True:
        status, body = fetch(instance.port, "/customers?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        if status == 503:
            continue
        assert status == 200, body
        page = json.loads(body)
        for item in page["items"]:
            assert item["id"] not in found, f"{item['id']} stands twice in the listing"
            found[item["id"]] = item["version"]
        cursor = page.get("next_cursor")
        if not cursor:
            return found


def check_at_rest(world, timeout_s=180):
    """Waits until nothing is left to heal; then all invariants hold, or it fails and says which don't. To look through what
    an hour has left takes half a minute by itself."""
    healer = world.start_instance(env={"CUSTOMERD_SWEEP_INTERVAL_MS": "100", "CUSTOMERD_SCRUB_PAUSE_MS": "1"},
                                  through_proxy=False)
    try:
        left = []

        def at_rest():
            left[:] = broken_in(Database(world.primaries()))
            return not left
        try:
            wait_until(at_rest, timeout_s, "nothing is left to heal", pause_s=0.5)
        except AssertionError:
            raise AssertionError("invariants that do not hold:\n" + "\n".join(left[:20])) from None
        database = Database(world.primaries())
        stored = {record.uuid: record.version for record in database.records.values()}
        listed = listing(healer)
        check_nothing_repaired([healer])
        assert listed == stored, f"the listing is not the table: {set(listed.items()) ^ set(stored.items())}"
        return {"records": len(database.records), "claims": len(database.claims), "markers": len(database.expiring)}
    finally:
        healer.stop()
        world.local.instances.remove(healer)


REPAIRS = ("repaired_claims", "repaired_index", "violations")


def check_nothing_repaired(instances):
    """On a database that keeps what it acknowledged there is never anything to repair."""
    for instance in instances:
        store = admin(instance, "/readyz")["store"]
        repaired = {name: store[name] for name in REPAIRS if store[name]}
        assert not repaired, f"{instance.name} had to repair: {repaired}"


def check_logs(instances):
    """No personal data: every e-mail of the lab ends alike."""
    for instance in instances:
        for path in (instance.log_path, instance.error_path):
            with open(path, encoding="utf-8", errors="replace") as log:
                for line in log:
                    assert "@example.net" not in line and "%40example" not in line, f"an e-mail in {path}: {line[:300]}"
