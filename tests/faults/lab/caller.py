"""One client's calls: recorded before and after, sent to the instances in turn."""

import hashlib
import itertools
import json
import time
import urllib.parse

from .history import LOST, UNSENT
from .http_wire import NOT_SENT, Failure, Wire

PROBLEM = "urn:customerd:problem:"
METHODS = {"create": "POST", "patch": "PATCH", "put": "PUT", "delete": "DELETE", "get": "GET", "find": "GET", "walk": "GET"}
IDENTITIES = itertools.count(1)


class Caller:
    """`client` changes when a write's outcome stays unknown: from then on it is another client."""

    def __init__(self, recorder, instances, prefix, timeout_s):
        self.recorder, self.timeout_s, self.prefix = recorder, timeout_s, prefix
        self.wires = [Wire(port) for port in instances]
        self.turn, self.client, self.statuses = next(IDENTITIES), "", {}
        self.renew()

    def renew(self):
        self.client = f"{self.prefix}{next(IDENTITIES)}"

    async def call(self, group, kind, *, id=None, key=None, tok=None, email=None, match=None, made=None, value=None, path=None):
        """value is the body. The recorded answer."""  # pylint: disable=redefined-builtin
        self.turn += 1
        at = self.turn % len(self.wires)
        headers, body = {}, None
        if value is not None:
            body = json.dumps(value, separators=(",", ":")).encode()
            headers["Content-Type"] = "application/json"
        if key:
            headers["Idempotency-Key"] = f'"{key}"'
        if match:
            headers["If-Match"] = f'"{match}"'
        n = self.recorder.before(time.monotonic_ns(), g=group, c=self.client, k=kind, id=id, key=key, tok=tok, email=email,
                                 match=match, made=made, at=at)
        try:
            answer = await self.wires[at].request(METHODS[kind], path or path_of(kind, id, email), headers, body, self.timeout_s)
            fields = described(kind, answer)
        except Failure as failure:
            fields = {"s": UNSENT if failure.known == NOT_SENT else LOST}
        self.recorder.after(n, time.monotonic_ns(), **fields)
        self.statuses[fields["s"]] = self.statuses.get(fields["s"], 0) + 1
        return fields

    def close(self):
        for wire in self.wires:
            wire.close()


def path_of(kind, id, email):  # pylint: disable=redefined-builtin
    if kind == "create":
        return "/customers"
    if kind == "find":
        return "/customers?email=" + urllib.parse.quote(email, safe="")
    return f"/customers/{id}"


def described(kind, answer):
    """What the history keeps of an answer."""
    fields = {"s": answer.status}
    if answer.headers.get("idempotency-replayed"):
        fields["replayed"] = True
    if answer.status >= 400:
        document = json.loads(answer.body) if answer.body else {}
        fields["p"] = document.get("type", "").removeprefix(PROBLEM)
        fields["applied"] = document.get("applied")
        fields["owner"] = document["owner"].rsplit("/", 1)[1] if "owner" in document else None
        fields["v"] = version_of(answer)
        if fields["p"] in ("outcome-unknown", "internal", "record-damaged", "database-unavailable"):
            fields["why"] = document.get("detail", "")[:120]
    elif kind in ("find", "walk"):
        document = json.loads(answer.body)
        if kind == "find":
            fields["items"] = [customer_fields(item) for item in document["items"]]
        else:
            fields["ids"], fields["next"] = [item["id"] for item in document["items"]], document.get("next_cursor")
    elif answer.body:
        fields.update(customer_fields(json.loads(answer.body)))
        fields["etag"] = version_of(answer)
        fields["sha"] = hashlib.sha1(answer.body).hexdigest()[:16]
    return fields


def customer_fields(customer):
    return {"id": customer["id"], "v": customer["version"], "tok": customer["name"], "email": customer.get("email", ""),
            "made": customer["metadata"].get("made", "")}


def version_of(answer):
    etag = answer.headers.get("etag", "").strip('"')
    return int(etag) if etag.isdigit() else None
