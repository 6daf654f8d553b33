#!/usr/bin/python3
"""Checks the tree's style by machine: sizes, nesting, banned functions, the direction of includes, headers.

    check.py [ROOT]

Prints one line for each thing that exceeds its limit, and fails when there is one."""
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import c_source

FOLDERS = ("api", "src", "include", "openapi", "tests")
TOP_LEVEL = {"api", "src", "include", "openapi", "tests", "deploy", "CMakeLists.txt", "CMakePresets.json", "README.md",
             "build"}
FILE_LINES = 800
FUNCTION_LINES = 100
HANDLER_LINES = 40
NESTING = 4
BANNED = ("strcpy", "strcat", "sprintf", "vsprintf", "gets", "atoi", "atol", "strtok", "localtime", "gmtime", "ctime",
          "asctime")
# Each may include those to its right; those of one rank are apart, and may not include each other.
RANKS = (("api",), ("customers", "sessions", "objects"), ("memorydb",), ("aws",), ("auth",), ("core",))
RANK_OF = {module: rank for rank, modules in enumerate(RANKS) for module in modules}
LIBRARIES = (  # header, what may include it, in words
    (r"ulfius|microhttpd|orcania|yder", r"api/", "api/"),
    (r"openssl/", r"src/core/(crypto|secret)\.c$|src/memorydb/(transport|tls)\w*\.c$|tests/bench/",
     "src/core/crypto.c, src/core/secret.c, memorydb's transport and the benchmark's own programs"),
    (r"rhonabwy", r"src/auth/signature\.c$", "src/auth/signature.c"),
    (r"gnutls/", r"api/", "api/"),
    (r"curl/", r"src/core/http_\w+\.[ch]$", "the HTTP clients of src/core"),
    (r"hiredis", r"src/memorydb/", "one file of src/memorydb"),
)
# Spelled apart, so that this file does not hold them itself.
MARKERS = re.compile(r"\b(%s)\b" % "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")))
TEXT_ENDINGS = (".c", ".h", ".lua", ".py", ".sh", ".txt", ".cmake", ".md", ".json", ".yaml", ".yml", ".js", ".mjs", ".ts",
                ".html", ".css")


class Tree:
    def __init__(self, root):
        self.root = root

    def paths(self, *endings):
        """Paths below FOLDERS, relative to the root, in order."""
        found = []
        for folder in FOLDERS:
            for at, folders, files in os.walk(os.path.join(self.root, folder)):
                folders[:] = [f for f in folders if not f.startswith((".", "__"))]
                found += [os.path.relpath(os.path.join(at, f), self.root) for f in files if f.endswith(endings)]
        return sorted(found)

    def text(self, path):
        with open(os.path.join(self.root, path), encoding="utf-8", errors="replace") as file:
            return file.read()

    def exists(self, *parts):
        return os.path.exists(os.path.join(self.root, *parts))


def file_sizes(tree):
    for path in tree.paths(".c"):
        lines = tree.text(path).count("\n")
        if lines > FILE_LINES:
            yield "%s: %d lines (at most %d)" % (path, lines, FILE_LINES)


def is_handler(path, name):
    """What answers a request: all of api's *handlers.c files, and handle_ functions elsewhere in api."""
    return path.startswith("api/") and (path.endswith("handlers.c") or name.startswith("handle_"))


def function_sizes(tree):
    for path in tree.paths(".c", ".h"):
        for function in c_source.functions(tree.text(path)):
            where = "%s:%d: %s" % (path, function.line, function.name)
            limit = HANDLER_LINES if is_handler(path, function.name) else FUNCTION_LINES
            if function.lines > limit:
                yield "%s has %d lines (at most %d)" % (where, function.lines, limit)


def function_nesting(tree):
    for path in tree.paths(".c", ".h"):
        for function in c_source.functions(tree.text(path)):
            if function.nesting > NESTING:
                yield "%s:%d: %s nests %d deep (at most %d)" % (path, function.line, function.name, function.nesting,
                                                               NESTING)


def banned_functions(tree):
    call = re.compile(r"(?<![\w.>])(%s)\s*\(" % "|".join(BANNED))
    for path in tree.paths(".c", ".h"):
        for number, line in enumerate(c_source.blank(tree.text(path)).split("\n"), 1):
            for match in call.finditer(line):
                yield "%s:%d: calls %s" % (path, number, match.group(1))


def includes(tree, path):
    """(line number, opening character, name) of each include."""
    found = []
    for number, line in enumerate(tree.text(path).split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if match:
            found.append((number, match.group(1), match.group(2)))
    return found


def module_of(path):
    match = re.match(r"(?:src|include/customerd)/(\w+)/|(api)/", path)
    return match and (match.group(1) or match.group(2))


def include_direction(tree):
    for path in tree.paths(".c", ".h"):
        module = module_of(path)
        if module not in RANK_OF:
            continue
        for number, opening, name in includes(tree, path):
            where = "%s:%d" % (path, number)
            public = re.match(r"customerd/(\w+)/", name)
            if public and public.group(1) != module and RANK_OF.get(public.group(1), 0) <= RANK_OF[module]:
                yield "%s: %s must not include %s" % (where, module, name)
            elif not public and opening == '"' and not is_own(tree, path, name):
                yield "%s: %s is no public header and not of this folder" % (where, name)


def is_own(tree, path, name):
    """A header of the same folder, or one that the build makes (then it is nowhere in the tree)."""
    if "/" in name:
        return False
    if tree.exists(os.path.dirname(path), name):
        return True
    return not any(os.path.basename(other) == name for other in tree.paths(".h"))


def library_includes(tree):
    hiredis = []
    for path in tree.paths(".c", ".h"):
        if module_of(path) is None:
            continue
        for number, _, name in includes(tree, path):
            for header, allowed, words in LIBRARIES:
                if re.match(header, name) and not re.match(allowed, path):
                    yield "%s:%d: <%s> belongs in %s" % (path, number, name, words)
            if name.startswith("hiredis") and path not in hiredis:
                hiredis.append(path)
    if len(hiredis) > 1:
        yield "hiredis is included in more than one file: %s" % ", ".join(hiredis)


def header_guards(tree):
    owners = {}
    for path in tree.paths(".h"):
        directives = re.findall(r"^[ \t]*#[ \t]*(\w+)[ \t]*(\w*)", without_comments(tree.text(path)), re.M)
        if len(directives) < 3 or directives[0][0] != "ifndef" or directives[1] != ("define", directives[0][1]) \
                or directives[-1][0] != "endif":
            yield "%s: no include guard" % path
            continue
        guard = directives[0][1]
        if guard in owners:
            yield "%s: its guard %s is also that of %s" % (path, guard, owners[guard])
        owners[guard] = path


def without_comments(text):
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", text, flags=re.S)


def compile_header(tree, path):
    """Includes it twice in an otherwise empty file: the first needs nothing before it, the second meets the guard."""
    absolute = os.path.join(tree.root, path)
    command = ["gcc", "-fsyntax-only", "-std=c17", "-D_GNU_SOURCE", "-Werror=implicit-function-declaration",
               "-I" + os.path.join(tree.root, "include"), "-x", "c", "-"]
    source = '#include "%s"\n#include "%s"\n' % (absolute, absolute)
    run = subprocess.run(command, input=source, capture_output=True, text=True)
    if run.returncode == 0:
        return None
    errors = [line for line in run.stderr.split("\n") if "error:" in line]
    return "%s: does not compile by itself: %s" % (path, errors[0] if errors else run.stderr[:200])


def headers_compile(tree):
    with ThreadPoolExecutor(2) as pool:
        for problem in pool.map(lambda path: compile_header(tree, path), tree.paths(".h")):
            if problem:
                yield problem


def markers(tree):
    for path in tree.paths(*TEXT_ENDINGS):
        for number, line in enumerate(tree.text(path).split("\n"), 1):
            if MARKERS.search(line):
                yield "%s:%d: holds a marker: %s" % (path, number, line.strip()[:80])


def top_level(tree):
    for entry in sorted(os.listdir(tree.root)):
        if entry not in TOP_LEVEL and not entry.startswith("."):
            yield "%s: not an entry of the top level" % entry


CHECKS = (file_sizes, function_sizes, function_nesting, banned_functions, include_direction, library_includes,
          header_guards, headers_compile, markers, top_level)


def measure(tree):
    lines = sorted(f.lines for path in tree.paths(".c") for f in c_source.functions(tree.text(path)))
    sizes = sorted(tree.text(path).count("\n") for path in tree.paths(".c"))
    if not lines:
        return "no functions"
    return "%d files (median %d lines, longest %d), %d functions (median %d lines, longest %d)" % (
        len(sizes), sizes[len(sizes) // 2], sizes[-1], len(lines), lines[len(lines) // 2], lines[-1])


def main():
    root = os.path.abspath(sys.argv[1] if len(sys.argv) > 1 else os.path.join(os.path.dirname(__file__), "..", ".."))
    tree = Tree(root)
    problems = [problem for check in CHECKS for problem in check(tree)]
    for problem in problems:
        print(problem)
    print("style: %s; %d problems" % (measure(tree), len(problems)))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
