"""Runs the image's program as a container would: in its own root, read-only, as its own user, with nothing but what runtimes
mount there."""

import shutil
import stat
from pathlib import Path

USER = 65532
SECRETS = "/run/customerd"

# $0 is the root. What stands under it is mounted where runtimes make a mount point for it; then nothing can be written.
ENTER = """\
#!/bin/sh
exec unshare --mount --propagation private sh -c '
set -e
mount --bind "$0" "$0"
mount -t proc -o ro,nosuid,nodev,noexec proc "$0/proc"
for device in null zero full random urandom; do mount --bind "/dev/$device" "$0/dev/$device"; done
mount -o remount,bind,ro "$0"
exec setpriv --no-new-privs --clear-groups chroot --userspec={user}:{user} "$0" /usr/bin/customerd "$@"
' {root} "$@"
"""


class Container:
    """program: a command that runs customerd inside."""

    def __init__(self, image, folder):
        self.root = Path(folder) / "root"
        shutil.copytree(image, self.root, symlinks=True)
        (self.root / "proc").mkdir()
        (self.root / "dev").mkdir()
        for device in ("null", "zero", "full", "random", "urandom"):
            (self.root / "dev" / device).touch()
        shutil.copy("/etc/hosts", self.root / "etc" / "hosts")
        shutil.copy("/etc/resolv.conf", self.root / "etc" / "resolv.conf")
        (self.root / SECRETS.lstrip("/")).mkdir(parents=True)
        for at in (Path(folder), *list(Path(folder).parents)[:3]):
            at.chmod(at.stat().st_mode | stat.S_IXOTH)
        self.program = Path(folder) / "customerd"
        self.program.write_text(ENTER.format(user=USER, root=self.root), encoding="utf-8")
        self.program.chmod(0o755)

    def secret(self, source):
        """The file, mounted as a secret is; where it is inside."""
        target = self.root / SECRETS.lstrip("/") / Path(source).name
        shutil.copyfile(source, target)
        shutil.chown(target, USER, USER)
        target.chmod(0o400)
        return f"{SECRETS}/{target.name}"

    def trust(self, ca_file):
        """Mounts a CA over the image's own, as companies do."""
        shutil.copyfile(ca_file, self.root / "etc/ssl/certs/ca-certificates.crt")
