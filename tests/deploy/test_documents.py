"""deploy/README.md says nothing that isn't there."""

import re
import subprocess

import pytest
import yaml

from access_string import PATH, access_string
from test_kubernetes import settings_of
from terraform_files import Module


@pytest.fixture(scope="module")
def text(root):
    return (root / "deploy" / "README.md").read_text(encoding="utf-8")


def test_paths_that_it_names_are_there(text, root):
    named = set(re.findall(r"\bdeploy/[\w./-]+[\w-]", text)) | {"deploy/" + path for path in re.findall(r"\]\(((?!#|\.\./)[\w./-]+)\)", text)}
    named |= {path for path in re.findall(r"\]\(\.\./([\w./-]+?)(?:#\w+)?\)", text)}
    assert len(named) > 12
    missing = {path for path in named if not (root / path).exists() and not path.endswith("overlays/eks-pod-identity/")}
    assert not missing


def test_alerts_that_it_names_are_there(text, root):
    rules = (root / "deploy" / "kubernetes" / "base" / "prometheusrule.yaml").read_text(encoding="utf-8")
    alerts = {rule.get("alert") for group in yaml.safe_load(rules)["spec"]["groups"] for rule in group["rules"]}
    named = set(re.findall(r"\bCustomerd[A-Z]\w+", text))
    assert len(named) > 4 and named <= alerts


def test_settings_that_it_names_are_there(text, binary):
    reference = subprocess.run([binary, "config", "--reference"], capture_output=True, text=True, check=True).stdout
    named = set(re.findall(r"\bCUSTOMERD_[A-Z0-9_]+[A-Z0-9]", text))
    assert len(named) > 6
    assert not {name for name in named if f"`{name}`" not in reference}


def test_outputs_and_variables_of_terraform_that_it_names_are_there(text, root):
    example = Module(root / "build", root / "deploy" / "terraform" / "examples" / "eks")
    module = Module(root / "build", root / "deploy" / "terraform")
    outputs = set(re.findall(r"output -raw (\w+)", text)) | set(re.findall(r"(\w+):[\w-]+\.(?:env|yaml)\b", text)) | {"service_account"}
    assert {"customerd_env", "database_network_policy", "repository_url"} <= outputs <= set(example.outputs)
    given = re.search(r"terraform\.tfvars <<END\n(.*?)\nEND", text, re.S).group(1)
    assert set(re.findall(r"^(\w+) +=", given, re.M)) <= set(example.variables)
    assert {"associate", "snapshot_name", "user_name", "name"} <= set(module.variables)


def test_places_to_fill_in_are_marked_where_it_says(text, root):
    kubernetes = root / "deploy" / "kubernetes"
    marked = {str(path.relative_to(kubernetes)) for path in kubernetes.rglob("*.*")
              if path.is_file() and "PARAMETER" in path.read_text(encoding="utf-8")}
    told = re.search(r"\| what \| where \|\n(.*?)\n\n", text, re.S).group(1)
    for path in marked:
        if not path.startswith("overlays/plain/") and "networkpolicy-database" not in path:
            name = path.split("/", 2)[-1] if path.startswith("overlays/") else path
            assert f"`{name}`" in told, f"{path} is to be filled in, and this is not told"


def test_the_shell_reads_the_access_string_as_terraform_does():
    read = subprocess.run(["sh", "-c", f"grep -v '^#' {PATH} | xargs"], capture_output=True, text=True, check=True).stdout
    assert read.strip() == access_string()


def test_the_proxys_times_and_sizes_fit(text, newest, binary):
    settings = settings_of(newest["plain"])
    nginx = re.search(r"```nginx\n(.*?)```", text, re.S).group(1)

    def seconds(name):
        return int(re.search(rf"{name} (\d+)s;", nginx).group(1))

    reference = subprocess.run([binary, "config", "--reference"], capture_output=True, text=True, check=True).stdout

    def preset(name):
        return int(re.search(rf"`{name}` \| .* \| `(\d+)` \|", reference).group(1))

    assert seconds("keepalive_timeout") < int(settings["CUSTOMERD_IDLE_TIMEOUT_S"])
    assert seconds("proxy_read_timeout") * 1000 > preset("CUSTOMERD_REQUEST_TIMEOUT_MS")
    size = re.search(r"client_max_body_size (\d+)k;", nginx).group(1)
    assert int(size) * 1024 == preset("CUSTOMERD_BODY_MAX_BYTES")
    buffers = re.search(r"large_client_header_buffers (\d+) (\d+)k;", nginx)
    assert int(buffers.group(1)) * int(buffers.group(2)) < 16
