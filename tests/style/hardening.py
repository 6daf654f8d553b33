"""Proves that the program was built with its hardening: hardening.py BINARY [optimised]. Uses binutils' readelf and objdump."""

import re
import subprocess
import sys


def readelf(*arguments):
    return subprocess.run(["readelf", "--wide", *arguments], check=True, capture_output=True, text=True).stdout


def landing_pads(binary):
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], check=True, capture_output=True, text=True)
    return code.stdout.count("endbr64")


def findings(binary, optimised):
    header, dynamic, segments, symbols = (readelf(flag, binary) for flag in ("-h", "-d", "-l", "--dyn-syms"))
    if not re.search(r"Type:\s+DYN", header):
        yield "not position-independent (PIE)"
    if "GNU_RELRO" not in segments:
        yield "no RELRO segment"
    if "BIND_NOW" not in dynamic and not re.search(r"FLAGS_1.*\bNOW\b", dynamic):
        yield "symbols are bound lazily: the relocations stay writable"
    stack = re.search(r"GNU_STACK.* (R\w*) ", segments)
    if not stack or "E" in stack.group(1):
        yield "the stack is executable"
    if "__stack_chk_fail" not in symbols:
        yield "no stack protector"
    if optimised and not re.search(r"__(?:snprintf|memcpy|vsnprintf|read|strcat)_chk", symbols):
        yield "no fortified functions (_FORTIFY_SOURCE)"
    # Debian's start files carry no CET note, so that the linker drops ours: the landing pads themselves are counted.
    if "X86-64" in header and landing_pads(binary) < 100:
        yield "functions have no landing pads (-fcf-protection)"
    if "TEXTREL" in dynamic:
        yield "the code is relocated: it was writable"
    if re.search(r"LOAD.* RWE ", segments):
        yield "a segment is writable and executable"
    if "RPATH" in dynamic or "RUNPATH" in dynamic:
        yield "a library path is built in"


def main():
    found = list(findings(sys.argv[1], "optimised" in sys.argv[2:]))
    for finding in found:
        print(f"hardening: {sys.argv[1]}: {finding}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
