"""Histories made up for the checkers: of a service that is right, in which every call takes effect somewhere between its begin
and its end, and which loses answers now and then."""

import random

from lab.history import LOST, Call


class Service:
    """The truth: customers and who holds which e-mail."""

    def __init__(self):
        self.customers, self.count = {}, 0

    def owner(self, email):
        return next((i for i, c in self.customers.items() if c["email"] == email), None)

    def create(self, asked):
        owner = self.owner(asked["email"])
        if asked["email"] and owner:
            return {"s": 409, "p": "email-taken", "owner": owner}
        self.count += 1
        customer = {"id": f"customer-{self.count}", "v": 1, "tok": asked["tok"], "email": asked["email"], "made": asked["made"]}
        self.customers[customer["id"]] = customer
        return {"s": 201, **customer}

    def patch(self, asked):
        customer = self.customers.get(asked["id"])
        if customer is None:
            return {"s": 404, "p": "not-found"}
        if asked.get("match", customer["v"]) != customer["v"]:
            return {"s": 412, "p": "precondition-failed", "v": customer["v"]}
        if "email" in asked:
            owner = self.owner(asked["email"])
            if owner not in (None, asked["id"]):
                return {"s": 409, "p": "email-taken", "owner": owner}
            customer["email"] = asked["email"]
        customer["v"] += 1
        customer["tok"] = asked["tok"]
        return {"s": 200, **customer}

    def delete(self, asked):
        return {"s": 204} if self.customers.pop(asked["id"], None) else {"s": 404, "p": "not-found"}

    def get(self, asked):
        customer = self.customers.get(asked["id"])
        return {"s": 200, **customer} if customer else {"s": 404, "p": "not-found"}

    def find(self, asked):
        owner = self.owner(asked["email"])
        return {"s": 200, "items": [dict(self.customers[owner])] if owner else []}


class Maker:
    """group begins with r or i; each client has one call under way at a time."""

    def __init__(self, group, seed, lost=0.03):
        self.group, self.rng, self.lost = group, random.Random(seed), lost
        self.service, self.now, self.calls, self.known = Service(), 0, [], []

    def make(self, clients=4, length=120):
        under_way = {}
        if self.group.startswith("r"):
            self._begin(under_way, 0, "create", {"tok": "t0", "made": "t0", "email": "r@e"}, lose=False)
            self._end(under_way, 0)
        for _ in range(length):
            client = self.rng.randrange(clients)
            if client in under_way:
                self._end(under_way, client)
            else:
                self._begin(under_way, client, *self._question())
        for client in list(under_way):
            self._end(under_way, client)
        return sorted(self.calls, key=lambda call: call.begin)

    def _question(self):
        token, dice = f"t{self.now}", self.rng.random()
        if self.group.startswith("r"):
            customer = self.known[0]
            match = {"match": self.rng.randrange(1, 40)} if dice < 0.3 else {}
            return ("get", {"id": customer}) if dice > 0.5 else ("patch", {"id": customer, "tok": token, **match})
        email = f"e{self.rng.randrange(4)}"
        if dice < 0.25 or not self.known:
            return "create", {"tok": token, "made": token, "email": email}
        customer = self.rng.choice(self.known[-4:])
        if dice < 0.5:
            return "patch", {"id": customer, "tok": token, "email": email}
        if dice < 0.6:
            return "delete", {"id": customer}
        return ("get", {"id": customer}) if dice < 0.8 else ("find", {"email": email})

    def _tick(self):
        self.now += 10
        return self.now

    def _begin(self, under_way, client, kind, asked, lose=None):
        """The effect is here, or at the end, or, where the answer is lost, anywhere or never."""
        call = Call({"n": f"n{self.now}", "i": self._tick(), "g": self.group, "c": str(client), "k": kind, **asked})
        lose = kind not in ("get", "find") and self.rng.random() < self.lost if lose is None else lose
        early = self.rng.random() < 0.5
        answer = getattr(self.service, kind)(asked) if early else None
        under_way[client] = (call, kind, asked, answer, lose)
        self.calls.append(call)

    def _end(self, under_way, client):
        call, kind, asked, answer, lose = under_way.pop(client)
        if answer is None and not (lose and self.rng.random() < 0.5):
            answer = getattr(self.service, kind)(asked)
        call.end = self._tick()
        call.answer = {"s": LOST} if lose else answer
        if not lose and answer["s"] == 201:
            self.known.append(answer["id"])


def register(seed, **options):
    return Maker(f"r{seed}", seed, **options).make()


def island(seed, **options):
    return Maker(f"i{seed}", seed, **options).make()
