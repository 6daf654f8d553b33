"""/openapi.json and /docs as files: what is sent, what is not sent again, and the switch."""

import re

import pytest

import contract
from http_client import Client

FILES = {
    "/openapi.json": "application/json", "/docs": "text/html; charset=utf-8", "/docs/page.css": "text/css; charset=utf-8",
    "/docs/page.js": "text/javascript; charset=utf-8", "/docs/swagger-ui.css": "text/css; charset=utf-8",
    "/docs/swagger-ui-bundle.js": "text/javascript; charset=utf-8", "/docs/licenses.txt": "text/plain; charset=utf-8",
}
PER_FILE = pytest.mark.parametrize("path", list(FILES))


@PER_FILE
def test_a_file_is_served_whole(client, path):
    answer = client.get(path).expect(200)
    assert answer.header("Content-Type") == FILES[path]
    assert answer.header("X-Content-Type-Options") == "nosniff"
    assert answer.header("Cache-Control") == "no-cache"
    assert int(answer.header("Content-Length")) == len(answer.body) > 0
    own = contract.ROOT / "openapi" / "docs" / ("page.html" if path == "/docs" else path.rsplit("/", 1)[1])
    assert not own.exists() or answer.body == own.read_bytes()
    assert client.get(path).body == answer.body and client.get(path).etag == answer.etag
    assert client.head(path).expect(200).etag == answer.etag


@PER_FILE
def test_what_the_client_has_is_not_sent_again(client, path):
    tag = client.get(path).expect(200).etag
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        assert client.get(path, if_none_match=value).expect(304).etag == tag
    for value in ('"other"', '"1"', f'W/"{"0" * 32}"'):
        client.get(path, if_none_match=value).expect(200)
    client.get(path, if_none_match=tag.strip('"')).problem(400, "bad-request")


def test_files_have_tags_of_their_own(client):
    tags = {client.get(path).etag for path in FILES}
    assert len(tags) == len(FILES)


def test_a_file_is_negotiated_like_all_else(client):
    client.get("/docs", headers={"Accept": "application/json"}).problem(406, "not-acceptable")
    client.get("/docs", headers={"Accept": "text/html,application/xhtml+xml;q=0.9"}).expect(200)
    client.get("/docs?x=1").problem(400, "bad-parameter")
    client.post("/docs", {}).problem(405, "method-not-allowed")
    for path in ("/docs/", "/docs/page", "/docs/../openapi.json", "/docs/index.html", "/openapi.yaml"):
        client.get(path).problem(404, "not-found")


def test_the_page_may_run_its_own_files_alone(client):
    policy = client.get("/docs").header("Content-Security-Policy")
    directives = dict(part.strip().split(" ", 1) for part in policy.split(";"))
    assert directives["default-src"] == "'none'" and directives["script-src"] == directives["style-src"] == "'self'"
    assert directives["connect-src"] == "'self'" and directives["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy and "*" not in policy and "http" not in policy


def test_the_page_names_no_other_host(client):
    page = client.get("/docs").body.decode()
    assert not re.search(r"https?://|//\w", page)
    assert "<script>" not in page and "style=" not in page and not re.search(r"\son\w+=", page)


def test_the_licences_of_what_is_embedded_are_served(client):
    text = client.get("/docs/licenses.txt").body.decode()
    assert "Apache License" in text and "SmartBear" in text and "DOMPurify" in text


def test_both_can_be_switched_off(cluster):
    instance = cluster.start_instance(env={"CUSTOMERD_DOCS": "off"})
    with Client(instance.url) as client:
        for path in FILES:
            client.get(path).problem(404, "not-found")
            client.request("OPTIONS", path).problem(404, "not-found")
        client.get("/customers?limit=1").expect(200)
    instance.stop()
