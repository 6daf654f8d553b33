"""The workloads: which requests, on how many connections, and who takes part."""

from dataclasses import dataclass

CONNECTIONS = (1, 16, 64, 256, 1000)
MIX_USERS = 75
HOT = "hot"
OBJECT_KEYS = "objects"
HOT_OBJECTS = "hot objects"
UNIFORM = "uniform"
EMAILS = "emails"
PAGES = "pages"
WALK = "walk"
PAGE_OF = 50
JWT = "customerd with JWT"
OBJECTS = "customerd objects"
NGINX_CACHE = "nginx proxy_cache"
SESSIONS = "customerd sessions"


@dataclass(frozen=True)
class Workload:
    """kind is one of requests.lua's; ids says which customers are asked for."""
    name: str
    kind: str
    connections: int
    peers: tuple = ()
    ids: str = HOT
    path: tuple = ("", "")  # instead of the contestant's own, for what is not /customers/ID
    note: str = ""

    @property
    def writes(self):
        return self.kind in ("create", "mix")


def _series(name, kind, connections, peers=(), **more):
    return [Workload(f"{name}-{count}", kind, count, peers, **more) for count in connections]


ALL = {workload.name: workload for workload in [
    *_series("get", "get", (1,), ("round-trip", "fastify", "webdis", "nginx", "flask"), note="GET by id of 1,000 customers"),
    *_series("get", "get", CONNECTIONS[1:], ("fastify", "webdis", "nginx", "flask", "redis-benchmark"),
             note="GET by id of 1,000 customers"),
    *_series("get-uniform", "get", (64,), ids=UNIFORM, note="GET by id, any customer"),
    *_series("get-jwt", "get", (64,), (JWT,), note="GET by id with and without a token"),
    *_series("email", "get", (64,), ids=EMAILS, path=("/customers?email=", ""), note="GET by e-mail"),
    *_series("list", "fixed", (16,), ids=PAGES, path=("/customers?limit=", ""), note="the first page of 50"),
    *_series("walk", "get", (16,), ids=WALK, path=("/customers?limit=", ""), note="pages of 50 from a walk's first 10,000 customers"),
    *_series("create", "create", CONNECTIONS, ("fastify", "flask", "redis-benchmark"), note="POST with a new e-mail"),
    *_series("patch", "patch", (64,), note="PATCH of one of 1,000 customers"),
    *_series("delete", "delete", (64,), note="DELETE"),
    *_series("object", "get", (64,), (OBJECTS, NGINX_CACHE),
             note="GET of an object of 1 KiB that is in the cache, one of 1,000; customerd beside them is asked for customers by id"),
    *_series("session", "get", (64,), (SESSIONS,), note="GET /session of 1,000, a visit each; and GET of customers by id"),
    *_series("mix", "mix", (MIX_USERS,), ("fastify", "flask"), note="80 % GET, 20 % POST, 75 users"),
]}
# What the quick run has time for: the peers that a mark names.
QUICK_PEERS = {"get-1": ("round-trip",), "get-64": ("fastify", "webdis", "nginx"), "create-64": ("fastify",),
               "mix-75": ("flask",)}
QUICK = ("get-1", "get-64", "get-jwt-64", "create-64", "object-64", "session-64", "mix-75")
# What needs a cache and S3 beside the cluster.
WITH_OBJECTS = ("object-64", "session-64", "hot-objects")
