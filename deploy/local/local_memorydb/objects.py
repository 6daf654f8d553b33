"""What the service's objects need beside its database: a small cluster that evicts, and S3."""

from .cluster import REGION, Cluster
from .home import Home
from .node import APPLICATION
from .s3 import S3, S3Client

MEMORY = "64mb"
# A cache keeps nothing for its restart, and makes room by itself.
EVICTING = "appendonly no\nmaxmemory {memory}\nmaxmemory-policy allkeys-lru"
CACHE = {"shards": 2, "replicas": 0, "resource": "customerd-cache", "service": "elasticache", "kind": "cache",
         "has_authority": False}
BUCKETS = ("catalogue", "documents")
PICTURE = """<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 120 80"><path d="M30 30h50v20a20 20 0 0 1-20 20h-10\
a20 20 0 0 1-20-20z" fill="#345"/><path d="M80 36h10a10 10 0 0 1 0 20h-12" fill="none" stroke="#345" stroke-width="6"/></svg>
"""
SAMPLES = {("catalogue", "tea/pot.svg"): (PICTURE.encode(), "image/svg+xml"),
           ("catalogue", "tea/pot.json"): (b'{"sku":"POT","name":"Teapot","unit_price":2400}\n', "application/json"),
           ("documents", "terms and conditions.txt"): (b"Pay before you drink.\n", "text/plain; charset=utf-8"),
           ("documents", "longer-than-the-cache-takes.bin"): (bytes(2 << 20), "application/octet-stream")}
SAMPLE = "catalogue/tea/pot.json"


class Objects:
    """Of one home. program: where S3 was installed (s3.install). options: the database's; both clusters sign in alike.
    cache_memory: of each node, as Redis writes it."""

    def __init__(self, home, program, options, buckets=BUCKETS, notify=None, cache_memory=MEMORY, cache_options=None):
        self.home, self.cache_home = home, Home(home.cache)
        self.cache, self.s3 = None, None
        self._program, self._buckets, self._notify = program, buckets, notify
        self._options = {**options, **CACHE, "redis_options": EVICTING.format(memory=cache_memory), **(cache_options or {})}

    def start_cache(self):
        """Its nodes, as a cluster; the database's authority rules it."""
        self.cache_home.open()
        self.cache = Cluster.prepare(self.cache_home, self._options)
        self.cache.start_nodes()
        self.cache.form()

    def start_s3(self):
        self.s3 = S3(self.home, self._program, self._buckets, self._judged_by(), self._notify)
        self.s3.start()

    def _judged_by(self):
        if self._options["auth"] == "password":
            return {"credentials": self._fixed()}
        self.home.secret("credentials-token")
        return {"credentials_url": f"http://127.0.0.1:{self.home.state()['authority_port']}/v1/credentials",
                "credentials_token_file": str(self.home.secrets / "credentials-token")}

    def _fixed(self):
        return {"AccessKeyId": "AKIALOCALCUSTOMERD", "SecretAccessKey": self.home.secret("s3-secret-key")}

    def client(self, documents=None):
        """documents: gives the authority's credentials; not needed with auth password."""
        return S3Client(self.s3.port, documents or self._fixed, REGION)

    def put_samples(self, documents):
        """Those that are not there; what somebody changed stays."""
        client = self.client(None if self._options["auth"] == "password" else documents)
        for (bucket, key), (body, content_type) in SAMPLES.items():
            if client.get(bucket, key) is None:
                client.put(bucket, key, body, content_type)

    @property
    def processes(self):
        return [] if self.cache is None else [*self.cache.processes, *([self.s3.process] if self.s3 else [])]

    def stop(self):
        if self.s3 is not None:
            self.s3.stop()
        if self.cache is not None:
            self.cache.stop()

    def settings(self):
        """The environment of a service that serves objects, beside what it needs for its database."""
        settings = {"CUSTOMERD_CACHE_ENDPOINT": f"localhost:{self.cache.nodes[0].port}",
                    "CUSTOMERD_CACHE_CA_FILE": str(self.cache_home.tls / "ca.crt"),
                    "CUSTOMERD_CACHE_AUTH": self._options["auth"], "CUSTOMERD_CACHE_USER": APPLICATION, **self.s3.settings()}
        if self._options["auth"] == "password":
            self.cache_home.application_password()
            fixed = self._fixed()
            return {**settings, "CUSTOMERD_CACHE_PASSWORD_FILE": str(self.cache_home.secrets / "customerd-password"),
                    "AWS_REGION": REGION, "AWS_ACCESS_KEY_ID": fixed["AccessKeyId"],
                    "AWS_SECRET_ACCESS_KEY": fixed["SecretAccessKey"]}
        return {**settings, "CUSTOMERD_CACHE_IAM_SERVICE": CACHE["service"], "CUSTOMERD_CACHE_IAM_RESOURCE": CACHE["resource"]}
