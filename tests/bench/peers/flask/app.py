"""Customers as the AWS sample for MemoryDB keeps them: Flask and redis-py, a hash a customer, plain HSET and HGETALL.
No unique e-mail, no index, no validation beyond JSON."""

import json
import os
import uuid
from datetime import datetime, timezone

from flask import Flask, Response, request
from redis.cluster import RedisCluster

DECODED = {"balance": int, "version": int, "metadata": json.loads}

app = Flask(__name__)
database = RedisCluster(host="localhost", port=int(os.environ["DB_PORT"]), username=os.environ["DB_USER"],
                        password=os.environ["DB_PASSWORD"], ssl=True, ssl_ca_certs=os.environ["DB_CA_FILE"],
                        decode_responses=True)


def answer(customer, status):
    return Response(json.dumps(customer, separators=(",", ":")), status=status, mimetype="application/json")


@app.get("/customers/<customer_id>")
def get(customer_id):
    found = database.hgetall(f"flask:{customer_id}")
    if not found:
        return answer({"title": "Not found"}, 404)
    return answer({name: DECODED.get(name, str)(value) for name, value in found.items()}, 200)


@app.post("/customers")
def create():
    given = request.get_json()
    now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    customer = {"id": str(uuid.uuid4()), "balance": 0, "metadata": {}, **given, "created_at": now, "updated_at": now,
                "version": 1}
    database.hset(f"flask:{customer['id']}", mapping={**customer, "metadata": json.dumps(customer["metadata"])})
    return answer(customer, 201)
