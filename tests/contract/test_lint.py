"""The recommended rules of Spectral and Redocly find nothing in the contract as it is served, with all resources and by default."""

import json
import subprocess

import pytest

import contract
from http_client import Client


def spectral(tools, file):
    command = ["node", "node_modules/@stoplight/spectral-cli/dist/index.js", "lint", "--ruleset", "spectral.yaml",
               "--fail-severity", "hint", "--format", "json", "--quiet", str(file)]
    done = subprocess.run(command, cwd=tools, capture_output=True, text=True, timeout=120)
    assert done.returncode in (0, 1), done.stdout + done.stderr
    found = [(f["code"], f["message"], "/".join(map(str, f["path"]))) for f in json.loads(done.stdout)]
    assert bool(found) == (done.returncode == 1)
    return found


def redocly(tools, file):
    done = subprocess.run(["node", "redocly.mjs", str(file)], cwd=tools, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return [(f["rule"], f["message"], f["at"]) for f in json.loads(done.stdout)]


@pytest.fixture(scope="module", params=["all", "default"])
def file(request, cluster, plain, tmp_path_factory):
    path = tmp_path_factory.mktemp("served") / "openapi.json"
    with Client(cluster.url if request.param == "all" else plain.url) as c:
        path.write_bytes(c.get("/openapi.json").expect(200).body)
    return path


@pytest.mark.parametrize("linter", [spectral, redocly])
def test_a_linter_finds_nothing(tools, file, linter):
    assert linter(tools, file) == []


@pytest.mark.parametrize("linter", [spectral, redocly])
def test_a_linter_would_find_something(tools, tmp_path, linter):
    document = json.loads(json.dumps(contract.document()))
    del document["paths"]["/customers"]["get"]["operationId"]
    document["components"]["schemas"]["Unused"] = {"type": "object"}
    path = tmp_path / "broken.json"
    path.write_text(json.dumps(document))
    rules = {rule for rule, _, _ in linter(tools, path)}
    assert len(rules) >= 2, rules
