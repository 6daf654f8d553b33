"""What the operator sees: metrics, traces in the log, and the audit."""

import json
import re

import pytest

from http_client import Client, path_of, wait_until
from support import unique_email
from token_issuer import TokenIssuer, bearer

SAMPLE = re.compile(r'^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (-?[0-9.]+|\+Inf|NaN)$')
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


class Metrics:
    """A scrape, read strictly: every line is HELP, TYPE or a sample of the family that stands above it."""

    def __init__(self, url):
        with Client(url, listener="admin") as admin:
            answer = admin.get("/metrics").expect(200)
        assert answer.header("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
        self.samples, self.types = {}, {}
        family = None
        for line in answer.body.decode().splitlines():
            if line.startswith("# HELP "):
                family = line.split(" ")[2]
                assert family not in self.types, f"{family} stands there twice"
                continue
            if line.startswith("# TYPE "):
                assert line.split(" ")[2] == family
                self.types[family] = line.split(" ")[3]
                continue
            match = SAMPLE.match(line)
            assert match, f"not a sample: {line}"
            name, labels, value = match.groups()
            suffixes = ("_bucket", "_sum", "_count") if self.types[family] == "histogram" else ("",)
            assert name in [family + s for s in suffixes], f"{name} below {family}"
            at = (name, tuple(sorted(re.findall(r'([a-z_A-Z0-9]+)="([^"]*)"', labels or ""))))
            assert at not in self.samples, f"twice: {line}"
            self.samples[at] = float(value)

    def total(self, metric, /, **labels):
        """The sum of all series with these labels."""
        return sum(v for (n, found), v in self.samples.items() if n == metric and set(labels.items()) <= set(found))

    def values(self, label):
        return {dict(found).get(label) for _, found in self.samples} - {None}


@pytest.fixture
def metrics(cluster):
    return lambda: Metrics(cluster.admin_url)


def test_requests_are_counted_by_route_and_status(client, metrics):
    before = metrics()
    made = client.create()
    client.get(path_of(made)).expect(200)
    client.get(path_of(made), if_none_match='"1"').expect(304)
    client.patch(path_of(made), {"balance": 1.5}).expect(422)
    client.get("/nowhere/at/all").expect(404)
    client.request("BREW", "/customers").expect(405)
    name = "http_server_request_duration_seconds_count"

    def grown(**labels):
        return metrics().total(name, **labels) - before.total(name, **labels)
    wait_until(lambda: grown(http_request_method="_OTHER", http_response_status_code="405") == 1, 5, "counted")
    assert grown(http_request_method="POST", http_route="/customers", http_response_status_code="201") == 1
    assert grown(http_request_method="GET", http_route="/customers/{id}", http_response_status_code="200") == 1
    assert grown(http_request_method="GET", http_route="/customers/{id}", http_response_status_code="304") == 1
    assert grown(http_request_method="PATCH", http_route="/customers/{id}", http_response_status_code="422") == 1
    assert grown(http_route="", http_response_status_code="404") == 1


def test_histograms_add_up(client, metrics):
    client.create()
    m = metrics()
    for (name, labels), value in m.samples.items():
        if name.endswith("_count"):
            series = [(dict(found)["le"], v) for (n, found), v in m.samples.items()
                      if n == name[:-6] + "_bucket" and tuple(x for x in found if x[0] != "le") == labels]
            in_order = [v for _, v in sorted(series, key=lambda s: float(s[0]))]
            assert in_order == sorted(in_order) and in_order[-1] == value


def test_the_database_and_the_store_are_counted(client, metrics):
    before = metrics()
    made = client.create(email=unique_email())
    client.patch(path_of(made), {"email": unique_email()}).expect(200)
    client.post("/customers", {"name": "A", "email": client.get(path_of(made)).json()["email"]}).expect(409)
    client.create()
    page = client.get("/customers?limit=1").expect(200).json()
    client.get("/customers?limit=1&cursor=" + page["next_cursor"]).expect(200)
    client.delete(path_of(made)).expect(204)
    after = metrics()
    for operation in ("create", "begin", "claim", "commit", "delete", "GET", "ZREVRANGE", "ZREVRANGEBYLEX"):
        count = [m.total("db_client_operation_duration_seconds_count", db_operation_name=operation, error_type="")
                 for m in (before, after)]
        assert count[1] > count[0], operation
    assert after.values("shard") <= {"0", "1", "2", ""}
    assert after.total("customerd_store_claims_resolved_total", result="taken") > \
        before.total("customerd_store_claims_resolved_total", result="taken")
    assert after.total("customerd_store_walks_total", step="started") > before.total("customerd_store_walks_total", step="started")
    for name, value in (("customerd_db_shards", 3), ("customerd_db_slots_served", 16384), ("customerd_ready", 1),
                        ("customerd_store_checked", 1), ("customerd_draining", 0), ("customerd_store_violations_total", 0)):
        assert after.total(name) == value, name
    assert after.total("customerd_db_lane_ready") == 6
    assert 0 < after.total("customerd_iam_token_valid_seconds") <= 900
    assert after.total("customerd_iam_refreshes_total", source="container") >= 1
    assert after.total("process_open_fds") > 10 and after.total("process_resident_memory_bytes") > 1e6
    assert after.total("customerd_build_info") == 1


def test_nothing_from_outside_becomes_a_label(client, metrics):
    mark = "mark7361"
    client.get(f"/{mark}").expect(404)
    client.get(f"/customers?{mark}=1").expect(400)
    client.request(mark.upper(), "/customers").expect(405)
    client.get("/customers", headers={"X-Request-Id": mark, "traceparent": mark}).expect(200)
    made = client.create(name=mark, email=f"{mark}@example.net")
    with Client(client.url) as fresh:
        fresh.get(path_of(made)).expect(200)
    text = " ".join(f"{n} {labels}" for n, labels in metrics().samples)
    assert mark not in text.lower() and made["id"] not in text


def test_a_scrape_shows_what_runs_and_who_is_connected(cluster):
    with Client(cluster.url) as one:
        one.get("/customers?limit=1").expect(200)
        m = Metrics(cluster.admin_url)
        assert m.total("customerd_http_connections") >= 1
        assert ("http_server_active_requests", (("url_scheme", "http"),)) in m.samples


def log_lines(instance, event, **fields):
    lines = [json.loads(line) for line in instance.log_path.read_text().splitlines()]
    return [line for line in lines if line["event"] == event and fields.items() <= line.items()]


def line_of(instance, event, **fields):
    return wait_until(lambda: log_lines(instance, event, **fields), 5, f"the line {event} {fields}")[0]


def test_a_trace_goes_on_in_the_log(cluster):
    instance = cluster.instances[0]
    with Client(cluster.url) as client:
        for flags in ("00", "01"):
            request_id = unique_email().split("@")[0]
            client.get("/customers?limit=1", headers={"traceparent": f"00-{TRACE}-{PARENT}-{flags}",
                                                      "X-Request-Id": request_id}).expect(200)
            line = line_of(instance, "request", request_id=request_id)
            assert line["trace_id"] == TRACE and line["parent_id"] == PARENT
            assert re.fullmatch(r"[0-9a-f]{16}", line["span_id"]) and line["span_id"] != PARENT
        for bad in ("", "00-0-0-0", f"ff-{TRACE}-{PARENT}-01", f"00-{'0' * 32}-{PARENT}-01"):
            request_id = unique_email().split("@")[0]
            client.get("/customers?limit=1", headers={"traceparent": bad, "X-Request-Id": request_id}).expect(200)
            line = line_of(instance, "request", request_id=request_id)
            assert re.fullmatch(r"[0-9a-f]{32}", line["trace_id"]) and line["trace_id"] != TRACE and line["parent_id"] == ""


def test_every_write_has_a_line_in_the_audit(cluster):
    """Also where nothing else is logged."""
    with TokenIssuer(algs=("ES256",)) as issuer:
        instance = cluster.start_instance(env=issuer.settings(CUSTOMERD_LOG_LEVEL="error"))
        headers = bearer(issuer.token(sub="auditee"))
        email = unique_email("private")
        with Client(instance.url) as api:
            made = api.post("/customers", {"name": "Privy", "email": email}, headers=headers, idempotency_key="a1").expect(201).json()
            path = path_of(made)
            api.post("/customers", {"name": "Privy", "email": email}, headers=headers, idempotency_key="a1").expect(201)
            api.patch(path, {"balance": 5}, headers=headers).expect(200)
            api.put(path, {"name": "Privy", "balance": 6}, headers=headers, if_match='"1"').expect(412)
            api.patch(path, {"balance": "x"}, headers=headers).expect(422)
            api.put(path, body=b"x", headers={**headers, "Content-Type": "text/plain"}).expect(415)
            api.get(path, headers=headers).expect(200)
            api.delete(path, headers=bearer(issuer.token(sub="reader", scope="customers:read"))).expect(403)
            api.delete(path).expect(401)
            api.delete(path, headers=headers).expect(204)
            api.delete(path, headers=headers).expect(404)
        wait_until(lambda: len(log_lines(instance, "audit", status=404)) == 1, 5, "the last line")
        got = [(a["subject"], a["operation"], a["id"], a["version"], a["outcome"], a["status"]) for a in log_lines(instance, "audit")]
        i = made["id"]
        assert got == [("auditee", "createCustomer", i, 1, "applied", 201),
                       ("auditee", "createCustomer", i, 1, "replayed", 201),
                       ("auditee", "patchCustomer", i, 2, "applied", 200),
                       ("auditee", "replaceCustomer", i, 2, "refused", 412),
                       ("auditee", "patchCustomer", i, 0, "refused", 422),
                       ("auditee", "replaceCustomer", i, 0, "refused", 415),
                       ("reader", "deleteCustomer", i, 0, "refused", 403),
                       ("auditee", "deleteCustomer", i, 2, "applied", 204),
                       ("auditee", "deleteCustomer", i, 0, "refused", 404)]
        text = instance.log_path.read_text()
        assert "Privy" not in text and email not in text and '"event":"request"' not in text
        instance.stop()


def test_a_write_whose_outcome_is_unknown_can_be_traced(breakable):
    """Its line names the customer that may have been made, and was: each shard knows the script, so that nothing need be sent
    again, and the pause is shorter than the nodes' timeout, so that no replica takes over."""
    instance = breakable.start_instance(env={"CUSTOMERD_REQUEST_TIMEOUT_MS": "500"})
    with Client(instance.url) as client:
        for _ in range(64):
            client.create()
        request_id = unique_email().split("@")[0]
        for node in breakable.nodes:
            node.pause()
        try:
            document = client.post("/customers", {"name": "A"}, x_request_id=request_id).problem(503, "outcome-unknown")
        finally:
            for node in breakable.nodes:
                node.resume()
        assert document["applied"] == "unknown"
        line = line_of(instance, "audit", request_id=request_id)
        assert line["outcome"] == "unknown" and line["operation"] == "createCustomer"
        made = line["id"]
        wait_until(lambda: client.get("/customers/" + made).expect(200, 404, 503).status == 200, 20, "it was made")
    instance.stop()
    breakable.wait_until_whole()


def test_answers_carry_security_headers(client, admin):
    made = client.create()
    for answer in (client.get(path_of(made)), client.get("/nowhere"), client.delete(path_of(made)), admin.get("/livez")):
        assert answer.header("X-Content-Type-Options") == "nosniff"
        assert answer.header("Strict-Transport-Security") is None and answer.header("Server") is None
