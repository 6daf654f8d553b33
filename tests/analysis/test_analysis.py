"""clang-tidy, cppcheck and gcc's analyser find nothing in api and src. What is false is suppressed at its line, with the
reason; .clang-tidy and cppcheck's arguments here say which checks are not asked for, and why."""

import re
import subprocess

import pytest
from conftest import units

# gcc's analyser is for single functions of C: these of its warnings are followed within one file.
# -Wanalyzer-too-complex is off by default: it says that the analyser gave up, not that something is wrong.
ANALYSER = ["-fanalyzer", "-Werror", "-O1"]
CPPCHECK = [
    "--enable=warning,performance,portability", "--inline-suppr", "--error-exitcode=1", "--quiet", "--std=c11",
    "--suppress=missingIncludeSystem",  # the libraries' headers are not what is looked at
    "--suppress=internalAstError",  # it gives a file up; the two others have read it
    "--suppress=normalCheckLevelMaxBranches",  # Debian 13's version tells so that it did not follow every branch
    "--suppress=preprocessorErrorDirective",  # wants the macros that the compiler defines
]


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_there_are_sources_to_analyse():
    assert len(units()) > 100


def settings(unit):
    """Where a unit's headers are and what is defined: flags that only one of the compilers knows are left out."""
    words = unit[1]
    kept = [w for w in words[1:] if re.match(r"-(I|D|std=)", w)]
    return kept + [w for i, w in enumerate(words) if w == "-isystem" or words[i - 1] == "-isystem"]


def test_clang_tidy(unit, root):
    result = run("clang-tidy", "--quiet", f"--config-file={root}/.clang-tidy", str(unit[0]), "--", *settings(unit))
    assert result.returncode == 0, result.stdout[-4000:] + result.stderr[-1000:]


def test_gcc_analyser(unit, tmp_path):
    result = run("gcc", *ANALYSER, *settings(unit), "-c", str(unit[0]), "-o", str(tmp_path / "unit.o"))
    assert result.returncode == 0, result.stderr[-4000:]


def test_cppcheck(root, build):
    result = run("cppcheck", *CPPCHECK, "-j", "2", "-D_GNU_SOURCE", f"--include={root}/tests/analysis/jansson_loops.h", f"-I{root}/include", f"-I{build}",
                 f"{root}/api", f"{root}/src")
    assert result.returncode == 0, result.stderr[-6000:]


@pytest.mark.parametrize("checker", ["clang-tidy", "gcc", "cppcheck"])
def test_each_checker_finds_what_is_wrong(checker, root, tmp_path):
    bad = tmp_path / "bad.c"
    bad.write_text("#include <stdlib.h>\nint f(int n);\nint f(int n)\n{\n    int *p = malloc(sizeof *p);\n    if (p == NULL)\n"
                   "        return 0;\n    *p = n;\n    free(p);\n    return *p;\n}\n", encoding="utf-8")
    command = {
        "clang-tidy": ["clang-tidy", "--quiet", f"--config-file={root}/.clang-tidy", str(bad), "--"],
        "gcc": ["gcc", *ANALYSER, "-c", str(bad), "-o", str(tmp_path / "bad.o")],
        "cppcheck": ["cppcheck", *CPPCHECK, str(bad)],
    }[checker]
    result = run(*command)
    assert result.returncode != 0
    assert re.search(r"use.?after.?free|Use of memory after|after it is freed|deallocuse|Dereferencing 'p'",
                     result.stdout + result.stderr, re.IGNORECASE)
