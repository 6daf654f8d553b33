"""Whether all is served again: a write and a read on every shard through every instance."""

import concurrent.futures
import http.client
import json
import time

from .world import wait_until

BACK_S = 5.0


def request(instance, method, path, value=None, timeout_s=10):
    """(status, document) or (None, None)."""
    connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=timeout_s)
    try:
        body = None if value is None else json.dumps(value)
        connection.request(method, path, body, {} if body is None else {"Content-Type": "application/json"})
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    except (OSError, http.client.HTTPException):
        return None, None
    finally:
        connection.close()


def slot_of(customer):
    return 64 * int(customer[15:17], 16) + 32


class Prober:
    """Customers all over the slots: some of them in every shard, however slots move."""

    COUNT = 24

    def __init__(self, world):
        self.world, self.customers, self.missing = world, [], ""
        for _ in range(self.COUNT):
            status, made = request(world.served[0], "POST", "/customers", {"name": "probe", "metadata": {"made": "probe"}})
            assert status == 201, (status, made)
            self.customers.append(made["id"])

    def by_shard(self):
        """A customer of each shard, with its primary."""
        found = {}
        for first, last, primary, *_ in self.world.primaries()[0].command("CLUSTER", "SLOTS"):
            for customer in self.customers:
                if first <= slot_of(customer) <= last:
                    found.setdefault(primary[1], customer)
        return found

    def all_served(self):
        try:
            customers = list(self.by_shard().values())
        except (OSError, ValueError, RuntimeError, AssertionError):
            return False
        with concurrent.futures.ThreadPoolExecutor(len(self.world.served)) as pool:
            missing = [one for one in pool.map(lambda instance: self.missing_at(instance, customers), self.world.served) if one]
        self.missing = "; ".join(missing)
        return not missing

    @staticmethod
    def missing_at(instance, customers):
        """What the instance does not serve, "" where it serves all."""
        for customer in customers:
            for method, value in (("PATCH", {"name": "probe"}), ("GET", None)):
                answer = request(instance, method, f"/customers/{customer}", value, 4)
                if answer[0] != 200:
                    return f"{instance.name} answers {method} {customer} (slot {slot_of(customer)}): {answer}"
        return ""

    def recovery_s(self, within_s):
        """How long it took until everything was served."""
        begin = time.monotonic()
        try:
            wait_until(self.all_served, within_s, "all instances serve all shards again")
        except AssertionError as failure:
            told = [f"{node.name}: {node.command('CLUSTER', 'NODES')}" for node in self.world.primaries()]
            raise AssertionError(f"{failure}; {self.missing}\n" + "\n".join(told)) from None
        return time.monotonic() - begin
