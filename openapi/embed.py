#!/usr/bin/python3
"""embed.py OUT.c PATH=FILE...: a C file that embeds the files, as the table that api/docs_files.h declares.

The assembler takes the bytes in (.incbin): a C array of a megabyte would take the compiler seconds. A file's entity tag
is a digest of its content."""

import hashlib
import pathlib
import sys

HEAD = """/* Made by openapi/embed.py. */
#include "docs_files.h"

#define EMBED(name, file) \\
    __asm__(".pushsection .rodata\\n\\t.balign 16\\n\\t.hidden " #name "\\n\\t.global " #name "\\n" #name \\
            ":\\n\\t.incbin \\"" file "\\"\\n\\t.byte 0\\n\\t.popsection"); \\
    extern const char name[]

"""


def main():
    out, pairs = sys.argv[1], [argument.split("=", 1) for argument in sys.argv[2:]]
    embeds, rows = [], []
    for i, (path, file) in enumerate(pairs):
        content = pathlib.Path(file).read_bytes()
        tag = hashlib.sha256(content).hexdigest()[:32]
        embeds.append(f'EMBED(docs_file_{i}, "{file}");\n')
        rows.append(f'    {{ "{path}", "{tag}", {{ docs_file_{i}, {len(content)} }} }},\n')
    text = HEAD + "".join(embeds) + "\nconst struct docs_file docs_files[] = {\n" + "".join(rows) + "    { .path = NULL },\n};\n"
    pathlib.Path(out).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
