"""What clients do. Groups touch nothing of each other, so each is checked by itself.

register  one customer, three clients: reads, patches, replacements with and without If-Match and Idempotency-Key, at last a
          delete (mostly). Every write has a token of its own, as the customer's name.
island    four e-mails, about four customers, four clients: creates, e-mail changes, deletes, reads by id and by e-mail.
walker    a walk through the whole listing."""

import asyncio
import random
import uuid

RETRIES = 12
UNKNOWN_MAX = 5  # of an island: each doubles the search
RETRY_PROBLEMS = ("idempotency-in-progress", "update-in-progress")


def unknown(answer):
    return answer["s"] == -1 or (answer["s"] >= 500 and answer.get("applied") != "no")


class Worker:
    """One client of a group at a time."""

    def __init__(self, caller, rng, stopping):
        self.caller, self.rng, self.stopping = caller, rng, stopping
        self.unknown_count = 0

    @staticmethod
    def token():
        return uuid.uuid4().hex[:12]

    async def write(self, group, kind, keyed, **options):
        """A keyed write whose outcome is not known is repeated until it is; another has to stay open."""
        key = uuid.uuid4().hex if keyed else None
        answer = await self.caller.call(group, kind, key=key, **options)
        tries = 0
        while keyed and (unknown(answer) or (tries and answer.get("p") in RETRY_PROBLEMS)) and tries < RETRIES:
            tries += 1
            await asyncio.sleep(min(0.05 * 2 ** tries, 1.0) * self.rng.uniform(0.5, 1.0))
            answer = await self.caller.call(group, kind, key=key, **options)
        if unknown(answer) or (tries and answer["s"] >= 400):
            self.unknown_count += 1
            self.caller.renew()
        elif keyed and answer["s"] < 300 and self.rng.random() < 0.2:
            await self.caller.call(group, kind, key=key, **options)
        elif answer["s"] >= 500 or answer["s"] == 0:
            await asyncio.sleep(self.rng.uniform(0.01, 0.1))
        return answer


async def together(*coroutines):
    await asyncio.gather(*coroutines)


class Register:
    """One customer's life."""

    def __init__(self, workers, rng, operations):
        self.workers, self.rng, self.operations = workers, rng, operations
        self.group = "r" + uuid.uuid4().hex[:12]
        self.id, self.version, self.made = None, 1, None

    async def run(self):
        first = self.workers[0]
        self.made = first.token()
        email = f"{self.group}@example.net" if self.rng.random() < 0.8 else None
        value = {"name": self.made, "metadata": {"made": self.made}, **({"email": email} if email else {})}
        answer = await first.write(self.group, "create", True, tok=self.made, made=self.made, email=email or "", value=value)
        if answer["s"] != 201:
            return
        self.id, self.email = answer["id"], email or ""
        await together(*(self.client(worker) for worker in self.workers))
        if self.rng.random() < 0.6:
            answer = await first.write(self.group, "delete", self.rng.random() < 0.5, id=self.id)
            await together(*(worker.caller.call(self.group, "get", id=self.id) for worker in self.workers))

    async def client(self, worker):
        while self.operations > 0 and not worker.stopping.is_set():
            self.operations -= 1
            answer = await self.step(worker)
            self.version = max(self.version, answer.get("v") or 0)

    async def step(self, worker):
        rng, token = worker.rng, worker.token()
        dice, keyed = rng.random(), rng.random() < 0.4
        if dice < 0.40:
            return await worker.caller.call(self.group, "get", id=self.id)
        if dice < 0.45 and self.email:
            return await worker.caller.call(self.group, "find", email=self.email)
        if dice < 0.70:
            return await worker.write(self.group, "patch", keyed, id=self.id, tok=token, value={"name": token})
        if dice < 0.85:
            return await worker.write(self.group, "patch", keyed, id=self.id, tok=token, value={"name": token},
                                      match=self.version)
        match = self.version if rng.random() < 0.3 else None
        value = {"name": token, "balance": 1, "metadata": {"made": self.made}, **({"email": self.email} if self.email else {})}
        return await worker.write(self.group, "put", keyed, id=self.id, tok=token, value=value, match=match)


class Island:
    """E-mails that customers fight for."""

    EMAILS, CUSTOMERS = 4, 4

    def __init__(self, workers, rng, operations):
        self.workers, self.rng, self.operations = workers, rng, operations
        self.group = "i" + uuid.uuid4().hex[:12]
        self.emails = [f"{self.group}.{n}@example.net" for n in range(self.EMAILS)]
        self.ids = []

    async def run(self):
        for worker in self.workers:
            worker.unknown_count = 0
        await together(*(self.client(worker) for worker in self.workers))

    async def client(self, worker):
        while self.operations > 0 and not worker.stopping.is_set():
            if sum(w.unknown_count for w in self.workers) >= UNKNOWN_MAX:
                return
            self.operations -= 1
            await self.step(worker)

    async def step(self, worker):
        rng = worker.rng
        dice, keyed = rng.random(), rng.random() < 0.8
        email = rng.choice(self.emails)
        if not self.ids or (dice < 0.2 and len(self.ids) < self.CUSTOMERS):
            await self.create(worker, email, keyed)
            return
        customer = rng.choice(self.ids)
        if dice < 0.45:
            token = worker.token()
            await worker.write(self.group, "patch", keyed, id=customer, tok=token, email=email,
                               value={"name": token, "email": email})
        elif dice < 0.52:
            answer = await worker.write(self.group, "delete", keyed, id=customer)
            if answer["s"] in (204, 404) and customer in self.ids:
                self.ids.remove(customer)
        elif dice < 0.75:
            await worker.caller.call(self.group, "find", email=email)
        else:
            await worker.caller.call(self.group, "get", id=customer)

    async def create(self, worker, email, keyed):
        made = worker.token()
        answer = await worker.write(self.group, "create", keyed, tok=made, made=made, email=email,
                                    value={"name": made, "email": email, "metadata": {"made": made}})
        if answer["s"] == 201:
            self.ids.append(answer["id"])


async def walk(worker):
    """One walk; it is told from others by its group."""
    group, cursor = "w" + uuid.uuid4().hex[:12], None
    while not worker.stopping.is_set():
        path = "/customers?limit=100" + (f"&cursor={cursor}" if cursor else "")
        answer = await worker.caller.call(group, "walk", path=path)
        if answer["s"] != 200:
            await asyncio.sleep(0.2)
            continue
        cursor = answer.get("next")
        if not cursor:
            return


def new_rng(seed, *names):
    return random.Random(f"{seed}:{':'.join(map(str, names))}")
