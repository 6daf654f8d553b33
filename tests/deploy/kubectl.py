"""The kubectls that the manifests must work with: Debian's own, and whatever else the machine has."""

import glob
import os
import re
import shutil
import subprocess
from pathlib import Path


def debian_kubectl(folder):
    """Debian's, unpacked from its package below `folder`: /usr/bin/kubectl may be somebody else's, which dpkg would not
    replace."""
    program = Path(folder) / "root" / "usr" / "bin" / "kubectl"
    if program.exists():
        return program
    Path(folder).mkdir(parents=True, exist_ok=True)
    download = ["apt-get", "-q", "download", "kubernetes-client"]
    run = subprocess.run(download, cwd=folder, capture_output=True, text=True)
    if run.returncode != 0:  # the lists may be old, or not there yet
        subprocess.run(["apt-get", "-q", "update"], check=True, capture_output=True)
        run = subprocess.run(download, cwd=folder, capture_output=True, text=True)
    assert run.returncode == 0, f"kubernetes-client can't be downloaded: {run.stderr}"
    package = glob.glob(str(Path(folder) / "kubernetes-client_*.deb"))[0]
    subprocess.run(["dpkg-deb", "-x", package, Path(folder) / "unpacked"], check=True)
    os.replace(Path(folder) / "unpacked", Path(folder) / "root")
    return program


def all_kubectls(folder):
    """{version: path}"""
    found = {}
    for program in (debian_kubectl(folder), shutil.which("kubectl")):
        if program:
            said = subprocess.run([program, "version", "--client", "-o", "json"], capture_output=True, text=True).stdout
            found[re.search(r'"gitVersion": *"([^"]+)"', said).group(1)] = str(program)
    return found


def kustomize(program, folder):
    run = subprocess.run([program, "kustomize", str(folder)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, f"{program} kustomize {folder}: {run.stderr}"
    return run.stdout
