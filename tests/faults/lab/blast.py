"""What the others feel while one shard is dead."""

import asyncio
import json
import threading
import time

from .http_wire import Failure, Wire
from .probe import slot_of
from .world import wait_until

CLIENTS = 4


class Shards:
    """Customers by shard: shards[n] = (primary's port, ids)."""

    def __init__(self, world, each=8):
        self.world = world
        self.ids = asyncio.run(self._make(each))

    async def _make(self, each):
        wire = Wire(self.world.served[0].port)
        ranges = [(first, last, node[1]) for first, last, node, *_ in self.world.primaries()[0].command("CLUSTER", "SLOTS")]
        ids = {port: [] for _, _, port in ranges}
        while min(map(len, ids.values())) < each:
            answer = await wire.request("POST", "/customers", {"Content-Type": "application/json"}, b'{"name":"blast"}', 10)
            assert answer.status == 201, answer.body
            customer = json.loads(answer.body)["id"]
            for first, last, port in ranges:
                if first <= slot_of(customer) <= last:
                    ids[port].append(customer)
        wire.close()
        return ids

    def of_others(self, port):
        return [one for other, some in self.ids.items() if other != port for one in some]


async def _client(port, customers, until, took, failed):
    wire, n = Wire(port), 0
    while time.monotonic() < until:
        n += 1
        customer = customers[n % len(customers)]
        method, body = ("GET", None) if n % 3 else ("PATCH", b'{"balance":1}')
        headers = {} if body is None else {"Content-Type": "application/json"}
        begin = time.monotonic()
        try:
            answer = await wire.request(method, f"/customers/{customer}", headers, body, 10)
            if answer.status != 200:
                failed.append(f"{method} {customer}: {answer.status} {answer.body[:300]!r}")
        except Failure as failure:
            failed.append(f"{method} {customer}: {failure}")
        took.append(time.monotonic() - begin)
    wire.close()


def measure(world, customers, seconds):
    """(p99 in s, requests, failures) of clients of all instances."""
    took, failed = [], []

    async def run():
        until = time.monotonic() + seconds
        await asyncio.gather(*(_client(world.served[n % len(world.served)].port, customers, until, took, failed)
                               for n in range(CLIENTS)))
    asyncio.run(run())
    return sorted(took)[int(0.99 * len(took))], len(took), failed


async def _requests_to_the_dead(world, customers, until):
    """Meanwhile others ask for what is not there, so that something could pile up."""
    async def one(port):
        wire = Wire(port)
        while time.monotonic() < until:
            for customer in customers:
                try:
                    await wire.request("GET", f"/customers/{customer}", {}, None, 10)
                except Failure:
                    pass
        wire.close()
    await asyncio.gather(*(one(instance.port) for instance in world.served))


def one_shard_dead(world, seconds):
    """{"usual_p99_ms", "p99_ms", "ratio", "requests", "failures"}: of requests that do not touch the dead shard."""
    shards = Shards(world)
    victim = world.primaries()[1]
    replica, customers = world.replica_of(victim), shards.of_others(victim.port)
    usual, _, failed_before = measure(world, customers, seconds)
    assert not failed_before, failed_before[:3]
    for node in (victim, replica):
        node.kill()
    dead = threading.Thread(target=lambda: asyncio.run(
        _requests_to_the_dead(world, shards.ids[victim.port], time.monotonic() + seconds)))
    dead.start()
    p99, requests, failures = measure(world, customers, seconds)
    dead.join()
    for node in (victim, replica):
        world.restart(node)
    wait_until(lambda: not measure(world, shards.ids[victim.port], 0.3)[2], 20, "the shard is served again")
    return {"usual_p99_ms": round(usual * 1000, 2), "p99_ms": round(p99 * 1000, 2), "ratio": round(p99 / usual, 2),
            "requests": requests, "failures": failures}
