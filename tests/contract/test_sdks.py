"""Two TypeScript SDKs are made from the contract as it is served, compiled in strict mode, and drive a customer's life."""

import json
import re
import shutil

import pytest

import contract
import npm_packages
from http_client import Client

STEPS = ["create", "read", "patch", "conflict", "replace", "replay", "taken", "invalid", "pages", "lookup", "remove"]
SUPPORTED_NODE = ["18.20.0", "20.19.0"]  # Debian 12's and 13's


@pytest.fixture(scope="module")
def compiled(cluster, sdk):
    """The folder with both SDKs and the programs that use them, compiled."""
    for made in ("generated", "built"):
        shutil.rmtree(sdk / made, ignore_errors=True)
    with Client(cluster.url) as client:
        (sdk / "openapi.json").write_bytes(client.get("/openapi.json").expect(200).body)
    npm_packages.run(["node", "node_modules/openapi-typescript/bin/cli.js", "openapi.json", "--output",
                      "generated/openapi_typescript.ts"], sdk)
    npm_packages.run(["node", "node_modules/@hey-api/openapi-ts/bin/index.cjs", "--file", "openapi-ts.config.mjs"], sdk)
    npm_packages.run(["node", "node_modules/typescript/bin/tsc", "--project", "."], sdk)
    return sdk


@pytest.mark.parametrize("program", ["openapi_fetch", "hey_api"])
def test_an_sdk_drives_a_customers_life(cluster, compiled, program):
    output = npm_packages.run(["node", f"built/{program}.js", cluster.url], compiled)
    assert output.splitlines() == [f"ok {step}" for step in STEPS]


def test_the_sdk_has_a_method_for_every_operation(compiled):
    text = (compiled / "generated" / "hey_api" / "sdk.gen.ts").read_text()
    assert sorted(re.findall(r"^export const (\w+) = ", text, re.M)) == sorted(o.id for o in contract.operations())


# mistake -> program -> what stands there, and what is put in its place. A compiler sees the more the more an SDK's
# functions say in their types.
WRONG = {
    "a problem type that is none": dict.fromkeys(
        ("openapi_fetch", "hey_api"), ('"urn:customerd:problem:not-found"', '"urn:customerd:problem:not-fond"')),
    "a member that is none": {"openapi_fetch": ("body: Patch = { phone:", "body: Patch = { fone:"), "hey_api": ("phone: null", "fone: null")},
    "null where it can't be": dict.fromkeys(("openapi_fetch", "hey_api"), ('name: "Ada King"', "name: null")),
    "a parameter that is none": {"openapi_fetch": ("path: { id: customer.id }", "path: { it: customer.id }"),
                                 "hey_api": ("limit: 2 }", "limt: 2 }")},
}


def test_mistakes_do_not_compile(compiled):
    expected = set()
    for number, (mistake, programs) in enumerate(WRONG.items()):
        for program, (right, wrong) in programs.items():
            text = (compiled / f"{program}.ts").read_text()
            assert right in text, (mistake, program)
            (compiled / f"wrong_{program}_{number}.ts").write_text(text.replace(right, wrong))
            expected.add(f"wrong_{program}_{number}.ts")
    config = json.loads((compiled / "tsconfig.json").read_text())
    config["include"] = sorted(expected)
    config["compilerOptions"]["noEmit"] = True
    (compiled / "tsconfig.wrong.json").write_text(json.dumps(config))
    try:
        with pytest.raises(AssertionError) as failure:
            npm_packages.run(["node", "node_modules/typescript/bin/tsc", "--project", "tsconfig.wrong.json"], compiled)
    finally:
        for file in expected:
            (compiled / file).unlink()
    assert set(re.findall(r"^(wrong_\w+\.ts)\(", str(failure.value), re.M)) == expected


def test_the_readme_names_the_versions_that_are_tested():
    wanted = json.loads((contract.ROOT / "tests" / "sdk" / "package.json").read_text())["dependencies"]
    (line,) = re.findall(r"^npm install --save-dev (.*)$", (contract.ROOT / "README.md").read_text(), re.M)
    named = dict(word.rsplit("@", 1) for word in line.split())
    assert named == {name: version for name, version in wanted.items() if not name.startswith("@types/")}


def packages():
    for folder in ("openapi/docs", "tests/contract", "tests/sdk"):
        lock = json.loads((contract.ROOT / folder / "package-lock.json").read_text())
        for path, package in lock["packages"].items():
            if path and "node" in package.get("engines", {}) and not package.get("optional"):
                yield f"{folder} {path}", package["engines"]["node"]


def test_every_package_runs_on_the_supported_versions_of_node(sdk):
    """As the packages say themselves, by npm's own reading of it."""
    found = list(packages())
    assert len(found) > 100
    script = f"""
        const semver = require("./node_modules/semver");
        const wanted = {json.dumps(SUPPORTED_NODE)};
        for (const [name, range] of JSON.parse(require("fs").readFileSync(0, "utf8")))
          for (const version of wanted) if (!semver.satisfies(version, range)) console.log(name, range, version);"""
    assert npm_packages.run(["node", "--eval", script], sdk, given=json.dumps(found)) == ""
