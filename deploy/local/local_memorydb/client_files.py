"""What lets a shell join: the env file and the redis-cli beside it."""

import os
import shlex
from pathlib import Path

from .home import write_private

ROOT = Path(__file__).resolve().parents[3]
# The user's own account must not answer before the authority does, which stands late in the chain.
FOREIGN = ("AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE "
           "AWS_WEB_IDENTITY_TOKEN_FILE AWS_ROLE_ARN AWS_ROLE_SESSION_NAME AWS_CONTAINER_CREDENTIALS_RELATIVE_URI "
           "AWS_CONTAINER_AUTHORIZATION_TOKEN AWS_DEFAULT_REGION AWS_CREDENTIAL_EXPIRATION AWS_ENDPOINT_URL "
           "AWS_ENDPOINT_URL_S3")

ENV = """\
# Made by deploy/local/up; for `. {file}`. Afterwards these work, signed in to the local cluster:
#   redis-cli                   through a fresh token
#   customerd serve --listen 127.0.0.1:0 --admin-listen 127.0.0.1:0
#   customerd token             the password of user {user} for other programs, good for {ttl} s
unset {foreign}
{exports}
case ":$PATH:" in
*:{bin}:*) ;;
*) export PATH={bin}:"$PATH" ;;
esac
"""

CLI = """\
#!/bin/sh
CUSTOMERD_LOCAL_DIR={home} exec {cli} "$@"
"""


def write(home, settings, binary, token_ttl_s):
    """Writes them anew."""
    directory = home.path / "bin"
    directory.mkdir(mode=0o700, exist_ok=True)
    cli = directory / "redis-cli"
    write_private(cli, CLI.format(home=shlex.quote(str(home.path)), cli=shlex.quote(str(ROOT / "deploy/local/cli"))))
    cli.chmod(0o700)
    link = directory / "customerd"
    link.unlink(missing_ok=True)
    os.symlink(binary, link)
    exports = "\n".join(f"export {name}={shlex.quote(value)}" for name, value in settings.items())
    write_private(home.env_file, ENV.format(file=home.env_file, user=settings["CUSTOMERD_DB_USER"], ttl=token_ttl_s,
                                            foreign=FOREIGN, exports=exports, bin=shlex.quote(str(directory))))
