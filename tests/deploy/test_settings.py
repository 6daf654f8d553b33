"""The settings of the manifests, given to the program as Kubernetes would give them: it knows each name, says what is still
to be filled in, and starts when all is."""

import http.client
import re
import subprocess

import pytest

from conftest import OVERLAYS
from http_client import wait_until
from local_cluster import ports
from test_kubernetes import container_of, one

# What each overlay leaves to whoever applies it, by the setting that is empty until then.
LEFT_OPEN = {
    "eks-pod-identity": {"CUSTOMERD_DB_ENDPOINT", "CUSTOMERD_IAM_RESOURCE", "AWS_REGION"},
    "eks-irsa": {"CUSTOMERD_DB_ENDPOINT", "CUSTOMERD_IAM_RESOURCE", "AWS_REGION"},
    "plain": {"CUSTOMERD_DB_ENDPOINT"},
}
JWT = {"CUSTOMERD_JWT_JWKS", "CUSTOMERD_JWT_ISSUER", "CUSTOMERD_JWT_AUDIENCE"}


def environment_of(objects, pod_ip="127.0.0.1"):
    """What the container's process sees: envFrom, then env, with $(NAME) replaced by what stands before."""
    container, found = container_of(objects), {}
    for source in container.get("envFrom", []):
        config = one(objects, "ConfigMap", source["configMapRef"]["name"])
        found.update(config["data"])
    for entry in container.get("env", []):
        value = entry.get("value", "")
        if "valueFrom" in entry:
            assert entry["valueFrom"] == {"fieldRef": {"fieldPath": "status.podIP"}}
            value = pod_ip
        found[entry["name"]] = re.sub(r"\$\((\w+)\)", lambda match: found.get(match.group(1), match.group(0)), value)
    return found


def run(binary, command, environment):
    return subprocess.run([str(binary), command], env=environment, capture_output=True, text=True, timeout=30)


@pytest.fixture
def filled(newest, root, tmp_path):
    """filled(overlay): the environment with everything filled in, on free ports, and with a database that nobody is at."""
    subprocess.run([root / "deploy" / "first-token", "--folder", tmp_path, "--issuer", "x", "--audience", "x"], check=True,
                   capture_output=True)
    secret = tmp_path / "password"
    secret.write_text("not-a-real-password\n")

    def fill(overlay):
        public, private, nobody = ports.choose(3)
        found = environment_of(newest[overlay])
        found.update(CUSTOMERD_DB_ENDPOINT=f"127.0.0.1:{nobody}", CUSTOMERD_JWT_JWKS=str(tmp_path / "jwks.json"),
                     CUSTOMERD_JWT_ISSUER="https://issuer.example.com/", CUSTOMERD_JWT_AUDIENCE="customerd",
                     CUSTOMERD_LISTEN=f"127.0.0.1:{public}",
                     CUSTOMERD_ADMIN_LISTEN=found["CUSTOMERD_ADMIN_LISTEN"].replace(":8081", f":{private}"))
        if overlay == "plain":
            found.update(CUSTOMERD_DB_PASSWORD_FILE=str(secret), CUSTOMERD_DB_CA_FILE="/etc/ssl/certs/ca-certificates.crt")
        else:
            found.update(CUSTOMERD_IAM_RESOURCE="customerd", AWS_REGION="eu-west-1", AWS_EC2_METADATA_DISABLED="true")
        return found

    return fill


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_program_knows_every_setting(newest, binary, overlay):
    environment = environment_of(newest[overlay])
    said = run(binary, "config", environment)
    assert said.returncode == 0, said.stderr
    for name in environment:
        if name.startswith("CUSTOMERD_") and environment[name]:
            assert re.search(rf"{name}\b.*environment", said.stdout), f"{name} is not taken:\n{said.stdout}"
    misspelt = run(binary, "config", {**environment, "CUSTOMERD_JWT_JWK": "x"})
    assert misspelt.returncode != 0 and "CUSTOMERD_JWT_JWK:" in misspelt.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_is_left_open_is_empty(newest, overlay):
    environment = environment_of(newest[overlay])
    assert {name for name, value in environment.items() if value == ""} == LEFT_OPEN[overlay] | JWT


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_it_says_what_is_still_to_be_filled_in(filled, binary, overlay):
    """One at a time, all others filled in; an open AWS_REGION is told by its own sentence."""
    for name in sorted(LEFT_OPEN[overlay] | JWT):
        said = run(binary, "serve", {**filled(overlay), name: ""})
        assert said.returncode == 1, f"{name} is empty, and it started"
        assert name in said.stderr and len(said.stderr.splitlines()) == 1, said.stderr


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_it_starts_when_all_is_filled_in(filled, binary, overlay, tmp_path):
    """It listens, is alive, asks for tokens, and is not ready, since there is no database."""
    environment = filled(overlay)
    with open(tmp_path / "log", "wb") as log:
        process = subprocess.Popen([str(binary), "serve"], env=environment, stdout=log, stderr=subprocess.STDOUT)
    try:
        def ask(setting, path):
            if process.poll() is not None:
                pytest.fail("it ended: " + (tmp_path / "log").read_text())
            host, _, port = environment[setting].rpartition(":")
            connection = http.client.HTTPConnection(host, int(port), timeout=5)
            try:
                connection.request("GET", path)
                return connection.getresponse().status
            finally:
                connection.close()

        wait_until(lambda: ask("CUSTOMERD_ADMIN_LISTEN", "/livez") == 200, 20, "alive")
        assert ask("CUSTOMERD_ADMIN_LISTEN", "/readyz") == 503
        assert ask("CUSTOMERD_LISTEN", "/customers") == 401
    finally:
        process.kill()  # the drain would take the time that its settings give it
        process.wait(10)
