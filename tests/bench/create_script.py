"""customerd's create.lua as it is sent to the database: with its libraries, as scripts/embed.cmake puts them together."""

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "src" / "customers" / "scripts"


def text():
    whole = (FOLDER / "create.lua").read_text()
    whole = re.sub(r"--@include ([a-z]+)", lambda found: (FOLDER / "lib" / f"{found[1]}.lua").read_text(), whole)
    return re.sub(r"\n\n+", "\n", re.sub(r"\n *--[^\n]*", "", whole))
