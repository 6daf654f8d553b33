"""The dashboard and the rules against the service's real metrics: a Prometheus scrapes instances under load, one of which
asks for tokens and one of which speaks TLS; a shard is made to fail; then every query has data."""

import json
import math
import re
import subprocess
import sys
import time

import pytest
import yaml

import s3_events
from certificates import CertificateAuthority
from http_client import Client, path_of, wait_until
from local_cluster import LocalCluster
from objects_client import BUCKET, ObjectsClient
from prometheus_server import Prometheus

ISSUER, AUDIENCE = "https://issuer.example.com/", "customerd"
INTERVAL = "20s"


@pytest.fixture(scope="module")
def dashboard(root):
    return json.loads((root / "deploy" / "grafana" / "customerd.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def groups(root):
    text = (root / "deploy" / "kubernetes" / "base" / "prometheusrule.yaml").read_text(encoding="utf-8")
    return yaml.safe_load(text)["spec"]["groups"]


def queries(dashboard):
    """(where, expression) of every panel's targets and of the annotations, as Grafana would send them."""
    found = [(f"{panel['title']} {target['refId']}", target["expr"])
             for panel in dashboard["panels"] for target in panel.get("targets", [])]
    found += [(f"annotation {one['name']}", one["expr"]) for one in dashboard["annotations"]["list"]]
    return [(where, text.replace("$__rate_interval", INTERVAL).replace("$instance", ".*").replace("$job", "customerd"))
            for where, text in found]


# ---- the file ----

def test_the_file_is_a_dashboard_that_grafana_takes(dashboard):
    assert dashboard["uid"] == "customerd" and dashboard["title"] and dashboard["schemaVersion"] >= 38
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(ids) == len(set(ids)) and "id" not in dashboard and "__inputs" not in dashboard
    taken = set()
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        assert 0 <= at["x"] and at["x"] + at["w"] <= 24
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
        if panel["type"] != "row":
            assert panel["description"].endswith("."), panel["title"]
            assert panel["targets"] and all(t["datasource"]["uid"] == "${datasource}" for t in panel["targets"])
            assert panel["type"] == "heatmap" or panel["fieldConfig"]["defaults"]["unit"]


def test_queries_use_the_variables_and_nothing_fixed(dashboard):
    variables = {variable["name"] for variable in dashboard["templating"]["list"]}
    assert variables == {"datasource", "job", "instance"}
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            for selector in re.findall(r"\{([^{}]*)\}", target["expr"]):
                assert 'job="$job", instance=~"$instance"' in selector, f"{panel['title']}: {selector}"
            assert not re.search(r"\[(?!\$__rate_interval\])", target["expr"]), panel["title"]
            for label in re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]):
                assert re.search(rf"(by|group_left) ?\([^)]*\b{label}\b", target["expr"]) or label == "instance", (
                    f"{panel['title']}: {label} is not among the labels that are left")


# ---- the real thing ----

class Issuer:
    """deploy/first-token; jwks is the file that the service reads."""

    def __init__(self, root, folder):
        self.program, self.folder, self.jwks = root / "deploy" / "first-token", folder, folder / "jwks.json"
        self.token()

    def token(self, scope="customers:read customers:write"):
        return subprocess.run([self.program, "--folder", self.folder, "--issuer", ISSUER, "--audience", AUDIENCE, "--scope",
                               scope], check=True, capture_output=True, text=True).stdout.strip()


class Watched:
    """What the module's tests look at: Prometheus, from when on, and what was firing before anything was broken."""

    def __init__(self, prometheus, start):
        self.prometheus, self.start = prometheus, start
        self.firing_under_load = None

    def range(self, expression):
        return self.prometheus.query_range(expression, self.start, time.time(), 2)


def send_with_tokens(url, issuer):
    """Requests with a token, without one, with a broken one, and with one that lacks the scope."""
    good, narrow = f"Bearer {issuer.token()}", f"Bearer {issuer.token('customers:read')}"
    with Client(url) as client:
        made = client.post("/customers", {"name": "Token"}, authorization=good).expect(201).json()
        for _ in range(5):
            client.get(path_of(made), authorization=good).expect(200)
        client.get(path_of(made)).expect(401)
        client.get(path_of(made), authorization=good[:-8] + "AAAAAAAA").expect(401)
        client.delete(path_of(made), authorization=narrow).expect(403)


def use_sessions_and_objects(cluster, url):
    """What they count: a session's life, and objects from S3, from the cache, written, too long for it, and told of."""
    with ObjectsClient(url) as client:
        customer = client.create(name="Visitor")
        token = client.post("/sessions", {"customer_id": customer["id"]}).expect(201).json()["token"]
        client.get("/session", authorization=f"Session {token}").expect(200)
        client.delete("/session", authorization=f"Session {token}").expect(204)
        client.get("/session", authorization=f"Session {token}").expect(401)
        cluster.s3.put(BUCKET, "long", bytes(2 << 20))
        for n in range(3):
            cluster.s3.put(BUCKET, f"tea/{n}", b"green")
            for _ in range(2):
                client.read(f"tea/{n}").expect(200)
            client.write(f"tea/{n}", b"black").expect(200)
            client.read("long").expect(200)
        client.tell(s3_events.s3(s3_events.record(BUCKET, "tea/0"))).expect(204)
        client.remove("tea/1").expect(204)


def break_a_shard(cluster, url):
    """A primary hangs until a request for it has failed; then it goes on."""
    with Client(url) as client:
        customers = [client.create(name="Broken") for _ in range(24)]
        node = cluster.nodes[0]
        node.pause()
        try:
            wait_until(lambda: any(client.get(path_of(customer)).status == 503 for customer in customers), 30,
                       "a request for the shard fails")
        finally:
            node.resume()
        cluster.wait_until_whole()
        wait_until(lambda: all(client.get(path_of(customer)).status == 200 for customer in customers), 30, "served again")


def scraped(prometheus, seconds):
    """Waits until so many seconds have been scraped since now."""
    begun = time.time()
    wait_until(lambda: len([sample for sample in prometheus.query("timestamp(up == 1)")
                            if float(sample["value"][1]) >= begun + seconds]) == 3, seconds + 30, "all are scraped")


@pytest.fixture(scope="module")
def watched(tmp_path_factory, binary, groups, root):
    sys.path.insert(0, str(root / "tests" / "http"))
    from support import Load  # pylint: disable=import-outside-toplevel
    folder = tmp_path_factory.mktemp("watched")
    issuer = Issuer(root, folder / "issuer")
    healing = {"CUSTOMERD_SWEEP_INTERVAL_MS": "200", "CUSTOMERD_SCRUB_PAUSE_MS": "1"}
    cluster = LocalCluster(folder / "cluster", binary, shards=2, replicas=1, env=healing, objects=True)
    cluster.start(service=False)
    try:
        start = time.time()
        plain = cluster.start_instance()
        guarded = cluster.start_instance({"CUSTOMERD_AUTH": "jwt", "CUSTOMERD_JWT_JWKS": str(issuer.jwks),
                                          "CUSTOMERD_JWT_ISSUER": ISSUER, "CUSTOMERD_JWT_AUDIENCE": AUDIENCE})
        cert, key = CertificateAuthority(folder / "ca").issue(ips=["127.0.0.1"])
        by_tls = cluster.start_instance({"CUSTOMERD_TLS_CERT_FILE": cert, "CUSTOMERD_TLS_KEY_FILE": key})
        fast = [{**group, "interval": "1s"} for group in groups]
        targets = {f"127.0.0.1:{one.admin_port}": {"namespace": "customerd"} for one in (plain, guarded, by_tls)}
        with Prometheus(folder, targets, fast) as prometheus:
            found = Watched(prometheus, start)
            with Load(plain.url, threads=2, pause_s=0.02):
                send_with_tokens(guarded.url, issuer)
                use_sessions_and_objects(cluster, plain.url)
                scraped(prometheus, 15)
                found.firing_under_load = [rule["name"] for rule in prometheus.rules()
                                           if rule["type"] == "alerting" and rule["state"] != "inactive"]
            break_a_shard(cluster, plain.url)
            with Load(plain.url, threads=2, pause_s=0.02) as load:
                send_with_tokens(guarded.url, issuer)
                use_sessions_and_objects(cluster, plain.url)
                scraped(prometheus, 5)
            assert not load.failures, load.failures[:3]
            yield found
    finally:
        cluster.stop()


def test_every_query_of_the_dashboard_has_data(watched, dashboard):
    empty = []
    for where, expression in queries(dashboard):
        values = [float(value) for series in watched.range(expression) for _, value in series["values"]]
        if not any(not math.isnan(value) for value in values):
            empty.append(f"{where}: {expression}")
    assert not empty, "no data:\n" + "\n".join(empty)


def test_the_variables_have_values(watched, dashboard):
    for variable in dashboard["templating"]["list"]:
        if variable["type"] != "query":
            continue
        selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["query"]["query"]).groups()
        series = watched.prometheus.api("series", **{"match[]": selector.replace("$job", "customerd")})
        assert {one.get(label) for one in series} - {None}, variable["name"]


def test_prometheus_evaluates_every_rule(watched):
    rules = watched.prometheus.rules()
    assert len(rules) > 40
    assert not [(rule["name"], rule["lastError"]) for rule in rules if rule["health"] != "ok"]


def test_no_alert_is_raised_by_ordinary_load(watched):
    assert watched.firing_under_load == []


def test_metrics_and_labels_that_are_asked_for_are_there(watched, dashboard, groups):
    """An alert on a name that nobody sends would never fire."""
    expressions = [text for _, text in queries(dashboard)]
    expressions += [rule["expr"] for group in groups for rule in group["rules"]]
    names = watched.prometheus.names()
    asked = {}
    for text in expressions:
        for name, selector in re.findall(r"\b((?:customerd|process|http_server|db_client)_\w+)\b(?:\{([^}]*)\})?", text):
            asked.setdefault(name, set()).update(re.findall(r"(\w+)(?:=~|!~|!=|=)", selector))
    assert len(asked) > 40
    assert not asked.keys() - names
    for name, labels in asked.items():
        assert labels <= watched.prometheus.labels_of(name), name
