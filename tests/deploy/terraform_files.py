"""The Terraform files, read by an HCL reader from npm (tests/deploy/hcl), since Debian has no terraform."""

import json
import shutil
import subprocess
from pathlib import Path

SOURCE = Path(__file__).resolve().parent / "hcl"


def read(build, paths):
    """{path: {"body": ..., "references": [...]}}; the reader is installed below `build` at the first use."""
    reader = Path(build) / "hcl"
    lock = (SOURCE / "package-lock.json").read_text(encoding="utf-8")
    mark = reader / "node_modules" / ".installed"
    reader.mkdir(parents=True, exist_ok=True)
    if not mark.exists() or mark.read_text(encoding="utf-8") != lock:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(SOURCE / name, reader / name)
        run = subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=reader, capture_output=True, text=True)
        assert run.returncode == 0, f"npm ci: {run.stdout}{run.stderr}"
        mark.write_text(lock, encoding="utf-8")
    shutil.copy(SOURCE / "read.js", reader / "read.js")
    run = subprocess.run(["node", reader / "read.js", *map(str, paths)], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


class Module:
    """The .tf files of one folder, together."""

    def __init__(self, build, folder):
        self.folder = Path(folder)
        files = read(build, sorted(self.folder.glob("*.tf")))
        bodies = [file["body"] for file in files.values()]
        self.references = sorted({name for file in files.values() for name in file["references"]})
        self.variables = {k: v[0] for body in bodies for k, v in body.get("variable", {}).items()}
        self.outputs = {k: v[0] for body in bodies for k, v in body.get("output", {}).items()}
        self.locals = {k: v for body in bodies for block in body.get("locals", []) for k, v in block.items()}
        self.modules = {k: v[0] for body in bodies for k, v in body.get("module", {}).items()}
        self.resources = {f"{kind}.{name}": block[0] for body in bodies
                          for kind, named in body.get("resource", {}).items() for name, block in named.items()}
        self.data = {f"{kind}.{name}": block[0] for body in bodies
                     for kind, named in body.get("data", {}).items() for name, block in named.items()}
        self.settings = [block for body in bodies for block in body.get("terraform", [])]

    def declared(self):
        """What references may begin with."""
        return ({f"var.{name}" for name in self.variables} | {f"local.{name}" for name in self.locals}
                | set(self.resources) | {f"data.{name}" for name in self.data} | {f"module.{name}" for name in self.modules}
                | {"each.key", "each.value", "path.module", "string", "number", "bool"})
