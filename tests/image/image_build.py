"""Builds the image as deploy/README.md tells, without a container engine or a registry: debootstrap makes the base, buildah
builds in a chroot. Everything lies below build/image; the base stays there between runs."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

BASE = "docker.io/library/debian:trixie-slim"
EPOCH = 1700000000
CREATED = "2023-11-14T22:13:20Z"
REVISION = "0123456789abcdef0123456789abcdef01234567"
DOCKERFILE = Path("deploy/image/Dockerfile")


def run(*command, log=None, cwd=None):
    """Its standard output; when it fails, the last of what it said."""
    done = subprocess.run([str(word) for word in command], cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True)
    if log:
        Path(log).write_text(done.stdout + done.stderr, encoding="utf-8")
    assert done.returncode == 0, f"{' '.join(map(str, command))[:300]}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


class Workshop:
    """folder: where everything is kept."""

    def __init__(self, root, folder):
        self.root, self.folder = Path(root), Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)

    def buildah(self, *words, **options):
        return run("buildah", "--storage-driver", "vfs", "--root", self.folder / "storage", "--runroot",
                   self.folder / "run", *words, **options)

    def has_image(self, name):
        return name in self.buildah("images", "--format", "{{.Name}}:{{.Tag}}").split()

    def make_base(self):
        """What `docker pull debian:trixie-slim` would give, nearly."""
        if self.has_image(BASE):
            return
        tree, archive = self.folder / "base", self.folder / "base.tar"
        shutil.rmtree(tree, ignore_errors=True)
        run("debootstrap", "--variant=minbase", "trixie", tree, log=self.folder / "debootstrap.log")
        run("tar", "-C", tree, "--exclude=./var/cache/apt/archives/*.deb", "-cf", archive, ".")
        shutil.rmtree(tree)
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", container, archive, "/")
        self.buildah("commit", "--rm", container, BASE)
        archive.unlink()

    def version(self):
        return re.search(r"project\(customerd VERSION ([\d.]+)", (self.root / "CMakeLists.txt").read_text()).group(1)

    def build(self, name, context):
        """Builds `name` from a tree."""
        self.buildah("bud", "--isolation", "chroot", "--pull-never", "--layers=false", "--timestamp", EPOCH,
                     "--ignorefile", Path(context) / (str(DOCKERFILE) + ".dockerignore"),
                     "--secret", "id=ca,src=/etc/ssl/certs/ca-certificates.crt",
                     "--build-arg", f"SOURCE_DATE_EPOCH={EPOCH}", "--build-arg", f"CREATED={CREATED}",
                     "--build-arg", f"VERSION={self.version()}", "--build-arg", f"REVISION={REVISION}",
                     "--tag", name, "--file", Path(context) / DOCKERFILE, context,
                     log=self.folder / f"{name.replace(':', '-')}.log")

    def copy_tree(self, to):
        """The same sources at another place, with other times and modes."""
        shutil.rmtree(to, ignore_errors=True)
        kept = re.findall(r"^!(\S+)", (self.root / (str(DOCKERFILE) + ".dockerignore")).read_text(), re.M)
        for name in kept:
            source, target = self.root / name, Path(to) / name
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, copy_function=shutil.copyfile, dirs_exist_ok=True,
                                ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
            elif source.exists():
                shutil.copyfile(source, target)
        for at, _, files in os.walk(to):
            for file in files:
                os.chmod(os.path.join(at, file), 0o600)
                os.utime(os.path.join(at, file), (1, 1))

    def unpack(self, name):
        """The image's files, in a folder that is nobody else's."""
        target = self.folder / "unpacked" / name.replace(":", "-")
        shutil.rmtree(target, ignore_errors=True)
        target.parent.mkdir(exist_ok=True)
        container = self.buildah("from", "--pull-never", name).strip()
        try:
            run("cp", "-a", self.buildah("mount", container).strip(), target)
        finally:
            self.buildah("rm", container)
        return target

    def inspect(self, name):
        return json.loads(self.buildah("inspect", "--type", "image", name))

    def compressed_bytes(self, name):
        """What a registry keeps, and a node fetches: the manifest, the configuration and the layers."""
        target = self.folder / "oci"
        shutil.rmtree(target, ignore_errors=True)
        self.buildah("push", name, f"oci:{target}:image")
        return sum(path.stat().st_size for path in (target / "blobs").rglob("*") if path.is_file())
