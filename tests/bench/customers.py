"""The customers that all contestants have: made by customerd itself, then given to the peers in their own forms."""

import hashlib
import http.client
import json
import socket
import struct
import urllib.parse
import uuid
from pathlib import Path

from load import Target, wrk

CONNECTIONS = 64
BATCH = 500
RECORD_FORMAT = 1
EMAIL_HASH_BYTES = 16
PEER_EMAIL_KEY = b"the salt of the benchmark"


class Client:
    """One keep-alive connection; answers are (status, body)."""

    def __init__(self, url, timeout_s=20):
        split = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(split.hostname, split.port, timeout=timeout_s)
        self._connection.connect()
        # http.client sends head and body apart: the second must not wait until the first is acknowledged.
        self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def request(self, method, path, body=None, headers=None):
        self._connection.request(method, path, body=body, headers=headers or {})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def get(self, path):
        return self.request("GET", path)

    def read(self, path):
        """(status, body, X-Cache)"""
        self._connection.request("GET", path)
        answer = self._connection.getresponse()
        return answer.status, answer.read(), answer.getheader("X-Cache")

    def open_session(self, customer_id):
        """(status, token)"""
        status, body = self.request("POST", "/sessions", json.dumps({"customer_id": customer_id}), {"Content-Type": "application/json"})
        return status, json.loads(body).get("token")

    def close(self):
        self._connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def make(url, count, ids_file, authorization=""):
    """Has customerd create that many customers; their ids go to the file."""
    wrk(Target(url, authorization=authorization), "seed", ids_file, CONNECTIONS, 0, tag=uuid.uuid4().hex[:8], count=count)
    return Path(ids_file)


def read_all(url, ids_file, count=None):
    """The JSON text of each customer in the file, or of the first `count`, as customerd serves it: (id, text)."""
    with Client(url) as client:
        for line in Path(ids_file).read_text().split()[:count]:
            status, body = client.get(f"/customers/{line}")
            if status != 200:
                raise AssertionError(f"customer {line}: {status} {body!r}")
            yield line, body


def walk(url, pages, limit):
    """What stands behind "limit=" of the pages after the first, a line each."""
    lines, cursor = [], ""
    with Client(url) as client:
        for _ in range(pages):
            status, body = client.get(f"/customers?limit={limit}{cursor}")
            page = json.loads(body)
            if status != 200 or len(page["items"]) != limit or not page["next_cursor"]:
                raise AssertionError(f"page {len(lines) + 1} of a walk: {status} {body[:200]!r}")
            cursor = f"&cursor={page['next_cursor']}"
            lines.append(f"{limit}{cursor}\n")
    return "".join(lines)


def email_of(text):
    """A customer's e-mail as it stands in a query."""
    return urllib.parse.quote(json.loads(text)["email"], safe="")


def record_of(customer_id, text):
    """A record as create.lua makes it, with JSON as its body: the Fastify peer's form."""
    email_hash = hashlib.sha256(PEER_EMAIL_KEY + customer_id.encode()).digest()[:EMAIL_HASH_BYTES]
    numbers = b"".join(struct.pack(">Q", number)[2:] for number in (1, 0, 1, 1))
    return struct.pack("B", RECORD_FORMAT) + numbers + email_hash + text


def fastify_command(customer_id, text):
    return "SET", f"{{fastify{customer_id[15:17]}}}c{customer_id}", record_of(customer_id, text)


def flask_command(customer_id, text):
    words = []
    for name, value in json.loads(text).items():
        words += [name, json.dumps(value) if isinstance(value, dict) else str(value)]
    return ("HSET", f"flask:{customer_id}", *words)


def webdis_command(customer_id, text):
    return "SET", customer_id, text


def key_slot(key):
    start, end = key.find("{"), key.find("}")
    tagged = key[start + 1:end] if 0 <= start < end - 1 else key
    crc = 0
    for byte in tagged.encode():
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ 0x1021 if crc & 0x8000 else crc << 1) & 0xFFFF
    return crc % 16384


def store(commands, connection_of_slot):
    """Sends the commands in batches, each to the connection of its key's slot."""
    waiting = {}
    for command in commands:
        connection = connection_of_slot(key_slot(command[1]))
        connection.send(*command)
        waiting[connection] = waiting.get(connection, 0) + 1
        if waiting[connection] >= BATCH:
            _drain(connection, waiting.pop(connection))
    for connection, count in waiting.items():
        _drain(connection, count)


def _drain(connection, count):
    for _ in range(count):
        reply = connection.read()
        if isinstance(reply, Exception):
            raise reply
