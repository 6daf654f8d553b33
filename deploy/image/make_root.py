#!/usr/bin/python3
"""Makes the image's root from the machine that it runs on, a Debian with the program built on it:

    make_root.py --program FILE --version TEXT --epoch SECONDS --lock-files FOLDER --root FOLDER

The program, stripped; every shared library that it loads, with its package's copyright file; the CA certificates; the
files that glibc asks for; and the list of all that, an SPDX document, at /usr/share/customerd/sbom.spdx.json.
Nothing in it depends on the time or on the place where it was made."""

import argparse
import os
import shutil
import stat
import subprocess
from pathlib import Path

import sbom

PROGRAM = Path("usr/bin/customerd")
SBOM = Path("usr/share/customerd/sbom.spdx.json")
CA_BUNDLE = Path("etc/ssl/certs/ca-certificates.crt")
USER_ID = 65532

# glibc loads it when a thread ends by pthread_exit, as ulfius's and OpenSSL's may; no file names it.
LOADED_UNSEEN = ("libgcc_s.so.1",)

# Debian's usual links, since libraries are found by both names.
MERGED = {"bin": "usr/bin", "lib": "usr/lib", "lib64": "usr/lib64"}

# Where OpenSSL looks for the system's CAs by itself; libcurl and GnuTLS look for the bundle.
OPENSSL_DEFAULT_CA = Path("usr/lib/ssl/cert.pem")

TEXTS = {
    "etc/passwd": f"root:x:0:0:root:/:/nonexistent\ncustomerd:x:{USER_ID}:{USER_ID}:customerd:/:/nonexistent\n",
    "etc/group": f"root:x:0:\ncustomerd:x:{USER_ID}:\n",
    "etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}


def output_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def loaded_libraries(program):
    """The paths that the dynamic linker finds, as it names them."""
    found = set()
    for line in output_of("ldd", program).splitlines():
        words = line.split()
        if "not found" in line:
            raise SystemExit(f"make_root: {line.strip()}")
        if "=>" in words:
            found.add(words[words.index("=>") + 1])
        elif words[0].startswith("/"):
            found.add(words[0])
    folder = os.path.dirname(next(path for path in found if "/libc.so" in path))
    found.update(f"{folder}/{name}" for name in LOADED_UNSEEN)
    return sorted(found)


def in_merged(path):
    """The path below /usr that a library's path stands for, its own link not followed."""
    top, _, rest = path.lstrip("/").partition("/")
    return Path(MERGED.get(top, top)) / rest


class Root:
    """What is put in is remembered with the package that it comes from (None: this project)."""

    def __init__(self, path):
        self.path, self.sources = path, {}

    def _place(self, relative, package):
        self.sources[str(relative)] = package
        target = self.path / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def text(self, relative, text, package=None):
        self._place(relative, package).write_text(text, encoding="utf-8")

    def copy(self, source, relative, package, mode=0o644):
        target = self._place(relative, package)
        shutil.copyfile(source, target)
        target.chmod(mode)

    def link(self, relative, to):
        target = self.path / relative
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_symlink():
            target.symlink_to(to)


def package_of(path):
    """The Debian package that a file belongs to, without its architecture."""
    for name in (path, "/" + path.split("/usr/", 1)[-1]):
        run = subprocess.run(["dpkg-query", "-S", name], capture_output=True, text=True)
        if run.returncode == 0:
            return run.stdout.splitlines()[0].split(":")[0]
    raise SystemExit(f"make_root: {path} belongs to no package")


def add_library(root, path):
    """The file itself, and its name where that is a link to it."""
    real = os.path.realpath(path)
    package = package_of(real)
    target = in_merged(real)
    root.copy(real, target, package, mode=0o755)
    name = in_merged(path)
    if name != target:
        root.link(name, os.path.relpath(target, name.parent))
    return package


def add_licences(root, packages):
    for package in packages:
        path = f"usr/share/doc/{package}/copyright"
        root.copy(os.path.realpath("/" + path), path, package)
    for name in sorted(os.listdir("/usr/share/common-licenses")):
        source = Path("/usr/share/common-licenses") / name
        relative = Path("usr/share/common-licenses") / name
        if source.is_symlink():
            root.link(relative, os.readlink(source))
        else:
            root.copy(source, relative, "base-files")


def add_program(root, program):
    root.copy(program, PROGRAM, None, mode=0o755)
    subprocess.run(["strip", "--strip-all", root.path / PROGRAM], check=True)


def fill(root, program):
    for link, to in MERGED.items():
        (root.path / to).mkdir(parents=True, exist_ok=True)
        root.link(link, to)
    add_program(root, program)
    packages = {add_library(root, path) for path in loaded_libraries(program)}
    root.copy("/" + str(CA_BUNDLE), CA_BUNDLE, "ca-certificates")
    root.link(OPENSSL_DEFAULT_CA, "/" + str(CA_BUNDLE))
    add_licences(root, sorted(packages | {"ca-certificates", "base-files"}))
    for path, text in TEXTS.items():
        root.text(path, text)


def settle(path, epoch):
    """One owner, plain modes and one time for everything."""
    for at, folders, files in os.walk(path):
        for name in [*folders, *files]:
            entry = os.path.join(at, name)
            os.chown(entry, 0, 0, follow_symlinks=False)
            if not os.path.islink(entry):
                executable = os.path.isdir(entry) or os.stat(entry).st_mode & stat.S_IXUSR
                os.chmod(entry, 0o755 if executable else 0o644)
    for at, _, files in os.walk(path, topdown=False):
        for name in files:
            os.utime(os.path.join(at, name), (epoch, epoch), follow_symlinks=False)
        os.utime(at, (epoch, epoch))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--version", required=True)
    parser.add_argument("--epoch", type=int, required=True)
    parser.add_argument("--lock-files", required=True)
    parser.add_argument("--root", type=Path, required=True)
    options = parser.parse_args()
    options.root.mkdir(mode=0o755)
    root = Root(options.root)
    fill(root, options.program)
    (options.root / SBOM).parent.mkdir(parents=True)
    sbom.write(options.root / SBOM, sbom.Contents(root.path, root.sources, options.version, options.epoch,
                                                  sbom.bundled_packages(options.lock_files)))
    settle(options.root, options.epoch)


if __name__ == "__main__":
    main()
