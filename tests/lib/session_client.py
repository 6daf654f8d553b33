"""A session over HTTP: sessions(url) opens them, and each sends its token."""

import base64
import hashlib

from http_client import Client, path_of

RESOURCES = ("customers", "sessions")


class SessionsClient(Client):
    """A client of a service that serves sessions."""

    def __init__(self, url, **options):
        super().__init__(url, resources=RESOURCES, **options)

    def open(self, customer=None, **members):
        """A new session of a customer (a new one, where none is given)."""
        customer = customer or self.create()
        opened = self.post("/sessions", {"customer_id": customer["id"], **members}).expect(201).json()
        return Session(self, customer, opened)


def secret_of(token):
    """The 256 random bits behind the bucket's two digits."""
    return base64.urlsafe_b64decode(token[2:] + "=")


def stored(cluster, session, kinds="sl"):
    """(node, key) of what is stored of a session, by its present token: s, the session; l, its customer's list."""
    names = {"s": hashlib.sha256(secret_of(session.token)).hexdigest()[:32], "l": session.customer["id"].replace("-", "")}
    return [(node, key) for node in cluster.nodes if node.role == "primary" for kind in kinds
            for key in node.command("KEYS", "{???}" + kind + names[kind])]


class Session:
    def __init__(self, client, customer, opened):
        self.client, self.customer, self.opened, self.id, self.token = client, customer, opened, opened["id"], opened["token"]
        self.list_path = path_of(customer) + "/sessions"

    def request(self, method, path, value=None, token=None, **options):
        headers = {"Authorization": f"Session {token or self.token}", **options.pop("headers", {})}
        return self.client.request(method, path, value, headers=headers, **options)

    def get(self, path="/session", **options):
        return self.request("GET", path, **options)

    def visit(self):
        return self.get().expect(200).json()

    def patch(self, **attributes):
        return self.request("PATCH", "/session", {"attributes": attributes})

    def put(self, sku, quantity=1, unit_price=100, **options):
        return self.request("PUT", f"/session/cart/items/{sku}", {"quantity": quantity, "unit_price": unit_price}, **options)

    def cart(self):
        return self.get("/session/cart").expect(200).json()

    def rotate(self):
        self.token = self.request("POST", "/session/rotate").expect(200).json()["token"]

    def sign_out(self):
        self.request("DELETE", "/session").expect(204)

    def ended(self):
        return self.get().problem(401, "unauthorized")
