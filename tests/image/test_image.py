"""The image: the same bytes each time, nothing in it that isn't needed, a list of all of it, and it serves."""

import hashlib
import json
import os
import re
import stat
import subprocess
import sys

import pytest

from conftest import NAMES
from http_client import Client
from image_build import BASE, CREATED, REVISION
from image_run import Container
from local_cluster import LocalCluster

SIZE_MAX_BYTES = 45 * 1024 * 1024
SBOM = "usr/share/customerd/sbom.spdx.json"


def entries(root):
    """{path: what it is}, times and owners included."""
    found = {}
    for at, folders, files in os.walk(root):
        for name in [*folders, *files]:
            path = os.path.join(at, name)
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            found[os.path.relpath(path, root)] = (oct(status.st_mode), status.st_uid, status.st_gid, status.st_mtime, content)
    return found


def regular_files(root):
    return {path for path in entries(root) if os.path.isfile(root / path) and not os.path.islink(root / path)}


# ---- reproducible ----

def test_two_builds_have_the_same_files_with_the_same_contents(unpacked):
    first, second = map(entries, unpacked)
    assert len(first) > 100
    differing = {path for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    assert not differing, {path: (first.get(path), second.get(path)) for path in sorted(differing)[:10]}


def test_two_builds_are_the_same_image(workshop):
    first, second = [workshop.inspect(name) for name in NAMES]
    assert first["OCIv1"]["rootfs"] == second["OCIv1"]["rootfs"]
    assert first["FromImageID"] == second["FromImageID"]


def test_no_time_but_the_given_one(image):
    times = {entry[3] for entry in entries(image).values()}
    assert times == {1700000000.0}


# ---- small ----

def test_it_is_small(workshop):
    size = workshop.compressed_bytes(NAMES[0])
    print(f"compressed: {size / 1024 / 1024:.1f} MiB")
    assert 4 * 1024 * 1024 < size < SIZE_MAX_BYTES


def test_nothing_can_be_executed_but_the_program_and_its_libraries(image):
    executable = {path for path in regular_files(image) if os.stat(image / path).st_mode & 0o111}
    assert "usr/bin/customerd" in executable
    others = {path for path in executable if not re.fullmatch(r"usr/lib/[\w-]+/(lib[\w+.-]+\.so(\.\d+)*|ld-[\w.-]+\.so\.\d+)", path)}
    assert others == {"usr/bin/customerd"}
    assert not [path for path in entries(image) if re.search(r"(^|/)(sh|dash|bash|busybox|apt|dpkg|perl|python\S*)$", path)]


def test_every_library_is_needed(image):
    """Each is loaded by the program, or by glibc when a thread ends."""
    def needed(path):
        said = subprocess.run(["readelf", "-d", image / path], capture_output=True, text=True, check=True).stdout
        return set(re.findall(r"\(NEEDED\).*\[(.+)\]", said))

    names = {os.path.basename(path): path for path in entries(image) if ".so" in path}
    reached, left = set(), {"usr/bin/customerd"}
    while left:
        wanted = needed(left.pop()) - reached
        reached |= wanted
        left |= {names[name] for name in wanted}
    files = {os.path.realpath(image / names[name]) for name in reached | {"libgcc_s.so.1"}}
    assert {str(image / path) for path in regular_files(image) if ".so" in path} == files


def test_owners_modes_and_links_are_plain(image):
    for path, (mode, owner, group, _, _) in entries(image).items():
        kind = int(mode, 8)
        assert (owner, group) == (0, 0), path
        assert not kind & 0o7000, f"{path} is setuid, setgid or sticky"
        if stat.S_ISLNK(kind):
            target = os.readlink(image / path)
            inside = image / target.lstrip("/") if target.startswith("/") else (image / path).parent / target
            assert inside.exists(), f"{path} leads nowhere"
        else:
            assert stat.S_ISREG(kind) or stat.S_ISDIR(kind), path
            assert not kind & 0o022, f"{path} can be written by others"


def test_the_program_is_hardened(image, root):
    check = subprocess.run([sys.executable, "-B", root / "tests/style/hardening.py", image / "usr/bin/customerd", "optimised"],
                           capture_output=True, text=True)
    assert check.returncode == 0, check.stdout + check.stderr
    assert b"/source" not in (image / "usr/bin/customerd").read_bytes(), "it tells where it was built"


# ---- what registries and runtimes are told ----

def test_user_command_and_ports(workshop):
    config = workshop.inspect(NAMES[0])["OCIv1"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/usr/bin/customerd"] and config["Cmd"] == ["serve"]
    assert set(config["ExposedPorts"]) == {"8080/tcp", "8081/tcp"}
    assert [entry.partition("=")[0] for entry in config["Env"]] == ["PATH"]
    assert not config.get("Volumes")


def test_labels(workshop):
    prefix = "org.opencontainers.image."
    labels = workshop.inspect(NAMES[0])["OCIv1"]["config"]["Labels"]
    ours = {key[len(prefix):]: value for key, value in labels.items() if key.startswith(prefix)}
    assert ours.pop("description")
    assert ours == {"title": "customerd", "version": workshop.version(), "revision": REVISION, "created": CREATED,
                    "base.name": BASE}


# ---- what is in it ----

@pytest.fixture(scope="module")
def sbom(image):
    return json.loads((image / SBOM).read_text(encoding="utf-8"))


def test_the_list_is_an_spdx_document(sbom):
    assert sbom["spdxVersion"] == "SPDX-2.3" and sbom["dataLicense"] == "CC0-1.0" and sbom["SPDXID"] == "SPDXRef-DOCUMENT"
    assert sbom["creationInfo"] == {"created": CREATED, "creators": ["Tool: customerd-deploy-image-sbom"]}
    assert sbom["documentNamespace"].startswith("urn:")
    ids = [thing["SPDXID"] for thing in sbom["packages"] + sbom["files"]]
    assert len(ids) == len(set(ids)) and all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in ids)
    known = {*ids, "SPDXRef-DOCUMENT"}
    for relation in sbom["relationships"]:
        assert relation["spdxElementId"] in known and relation["relatedSpdxElement"] in known
        assert relation["relationshipType"] in ("DESCRIBES", "CONTAINS", "DEPENDS_ON")
    for package in sbom["packages"]:
        assert package["name"] and package["versionInfo"] and package["downloadLocation"] and package["filesAnalyzed"] is False


def test_the_list_has_every_file_with_its_digest_and_no_other(sbom, image):
    listed = {}
    for file in sbom["files"]:
        digests = {digest["algorithm"]: digest["checksumValue"] for digest in file["checksums"]}
        listed[file["fileName"][2:]] = (digests["SHA1"], digests["SHA256"])
    there = {}
    for path in regular_files(image) - {SBOM}:
        data = (image / path).read_bytes()
        there[path] = (hashlib.sha1(data).hexdigest(), hashlib.sha256(data).hexdigest())
    assert listed == there


def owners(sbom):
    """{path: the package that contains it}"""
    names = {package["SPDXID"]: package for package in sbom["packages"]}
    files = {file["SPDXID"]: file["fileName"][2:] for file in sbom["files"]}
    found = {}
    for relation in sbom["relationships"]:
        if relation["relationshipType"] == "CONTAINS" and relation["relatedSpdxElement"] in files:
            path = files[relation["relatedSpdxElement"]]
            assert path not in found, f"{path} is in two packages"
            found[path] = names[relation["spdxElementId"]]
    return found


def test_every_file_belongs_to_a_package(sbom):
    of = owners(sbom)
    assert of.keys() == {file["fileName"][2:] for file in sbom["files"]}
    ours = {path for path, package in of.items() if package["name"] == "customerd"}
    assert ours == {"usr/bin/customerd", "etc/passwd", "etc/group", "etc/nsswitch.conf"}
    for path, package in of.items():
        if path not in ours:
            purl = package["externalRefs"][0]["referenceLocator"]
            assert re.match(r"pkg:deb/debian/[a-z0-9.+-]+@\S+\?arch=\w+&distro=trixie$", purl), purl
            assert "built from the source package" in package["sourceInfo"]


def test_every_package_comes_with_its_licence(sbom, image):
    debian = [package for package in sbom["packages"] if package["SPDXID"].startswith("SPDXRef-deb-")]
    assert len(debian) > 20
    for package in debian:
        assert (image / f"usr/share/doc/{package['name']}/copyright").is_file(), package["name"]
    texts = "".join((image / f"usr/share/doc/{p['name']}/copyright").read_text(errors="replace") for p in debian)
    for name in set(re.findall(r"/usr/share/common-licenses/([\w.+-]*\w)", texts)):
        assert (image / "usr/share/common-licenses" / name).exists(), name


def test_both_tls_stacks_are_listed(sbom, image):
    names = {package["name"] for package in sbom["packages"]}
    assert {name for name in names if name.startswith("libssl3")} and {name for name in names if name.startswith("libgnutls30")}
    assert owners(sbom)[SSL := next(p for p in regular_files(image) if "/libssl.so" in p)]["name"].startswith("libssl3"), SSL


def test_what_the_program_carries_from_npm_is_listed(sbom, root):
    """The documentation page's packages, where there is one."""
    wanted = set()
    for path in (root / "openapi").rglob("package-lock.json"):
        if "node_modules" not in path.parts:
            for at, entry in json.loads(path.read_text(encoding="utf-8"))["packages"].items():
                if at and not entry.get("dev") and not entry.get("link"):
                    wanted.add((entry.get("name") or at.rpartition("node_modules/")[2], entry["version"]))
    listed = {(p["name"], p["versionInfo"]) for p in sbom["packages"] if p["SPDXID"].startswith("SPDXRef-npm-")}
    assert listed == wanted


# ---- it runs ----

def test_it_runs_without_anything_else(image, tmp_path, workshop):
    container = Container(image, tmp_path)
    said = subprocess.run([container.program, "version"], capture_output=True, text=True, timeout=30)
    assert (said.returncode, said.stdout) == (0, f"customerd {workshop.version()}\n"), said.stderr


def test_its_root_is_read_only_and_its_user_is_not_root(image, tmp_path):
    """The test's own footing: without it the next one would show little."""
    container = Container(image, tmp_path)
    probe = container.root / "usr/bin/customerd"
    probe.unlink()
    source = tmp_path / "probe.c"
    source.write_text("""
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>
int main(void)
{
    const char *paths[] = { "/probe", "/etc/probe", "/run/customerd/probe", "/usr/bin/probe" };
    printf("%d %d", (int)getuid(), (int)getgid());
    for (int i = 0; i < 4; i++)
        printf(" %d", open(paths[i], O_WRONLY | O_CREAT, 0600) < 0 ? errno : 0);
    puts("");
    return 0;
}
""", encoding="utf-8")
    subprocess.run(["gcc", "-static", "-o", probe, source], check=True)
    said = subprocess.run([container.program], capture_output=True, text=True, timeout=30)
    assert said.stdout == "65532 65532 30 30 30 30\n", said  # 30: EROFS


def test_it_serves_a_request(image, tmp_path):
    """Signed in by IAM, over TLS whose CA it finds among the system's."""
    container = Container(image, tmp_path / "container")
    cluster = LocalCluster(tmp_path / "cluster", container.program, shards=2, replicas=0)
    cluster.start(service=False)
    try:
        settings = cluster.client_settings()
        container.trust(settings["CUSTOMERD_DB_CA_FILE"])
        token_file = container.secret(settings["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"])
        instance = cluster.start_instance({"CUSTOMERD_DB_CA_FILE": "", "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token_file,
                                           "CUSTOMERD_DRAIN_WAIT_MS": "0"})
        status = (instance_status(instance.pid))
        assert status["Uid"].split() == ["65532"] * 4 and status["CapEff"] == "0" * 16 and status["NoNewPrivs"] == "1"
        with Client(instance.url) as client:
            made = client.create(name="Grüße", email="ada@bücher.example")
            assert client.get(f"/customers/{made['id']}").expect(200).json() == made
            assert client.find("ADA@XN--BCHER-KVA.example")["id"] == made["id"]
        assert instance.stop() == 0
        assert instance.error_path.read_text() == ""
    finally:
        cluster.stop()


def instance_status(pid):
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)


# ---- its libraries ----

def test_what_depends_on_the_libraries_holds_with_its_own(image, root, tmp_path):
    """The image's Debian has other versions of the HTTP and TLS libraries than the machine that tests it may have: the tests
    of framing, listeners and callers are run on its program, loaded with its libraries."""
    (loader,) = (image / "usr" / "lib").glob("*/ld-linux-*.so.*")
    program = tmp_path / "customerd"
    program.write_text(f'#!/bin/sh\nexec {loader} --library-path {loader.parent} {image}/usr/bin/customerd "$@"\n')
    program.chmod(0o755)
    tests = [root / "tests" / "http" / f"test_{name}.py" for name in ("framing", "http", "listener_tls", "callers", "admin")]
    environment = {**os.environ, "CUSTOMERD_TEST_BINARY": str(program)}
    run = subprocess.run([sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", "-n", "2", "--dist", "loadfile", *tests],
                         capture_output=True, text=True, env=environment)
    assert run.returncode == 0, run.stdout[-8000:] + run.stderr[-2000:]
    print(run.stdout.splitlines()[-1])
