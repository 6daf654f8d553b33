"""clang-tidy, cppcheck and gcc's analyser find nothing in api and src: README.md."""

import re
import subprocess

import pytest
from conftest import units

# The analyser sees what the optimiser leaves: with one, stores to freed memory and reads of what was never set are gone.
ANALYSER = ["-fanalyzer", "-Werror", "-O0"]
CPPCHECK = ["--enable=warning,performance,portability", "--library=posix,gnu,openssl,libcurl", "--inline-suppr",
            "--error-exitcode=1", "--quiet", "--std=c11", "-j", "2"]
SUPPRESSION = re.compile(r"NOLINT|cppcheck-suppress|analyzer|#\s*pragma|-Wno-")
NARROW = re.compile(r"/\* cppcheck-suppress [A-Za-z]\w* ; \w.*\*/$|/\* NOLINTNEXTLINE\([a-z][\w.-]+\): \w.*\*/$")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


def settings(unit):
    """Where a unit's headers are and what is defined: flags that only one of the compilers knows are left out."""
    words = unit[1]
    kept = [w for w in words[1:] if re.match(r"-(I|D|std=)", w)]
    return kept + [w for i, w in enumerate(words) if w == "-isystem" or words[i - 1] == "-isystem"]


def clang_tidy(root, path, flags):
    return run("clang-tidy", "--quiet", f"--config-file={root}/.clang-tidy", str(path), "--", *flags)


def gcc_analyser(path, flags, out):
    return run("gcc", *ANALYSER, *flags, "-c", str(path), "-o", str(out))


def exhaustive():
    """Debian 13's version stops early in functions with many branches, and tells so, unless it is asked not to; Debian
    12's never stops, and does not know the word."""
    version = re.search(r"(\d+)\.(\d+)", run("cppcheck", "--version").stdout)
    return ["--check-level=exhaustive"] if (int(version[1]), int(version[2])) >= (2, 11) else []


def cppcheck(root, build, *arguments):
    """jansson's header is the one that is read, for its loops: cppcheck takes an unknown macro with a body for a function."""
    jansson = run("pkg-config", "--variable=includedir", "jansson").stdout.strip() + "/jansson.h"
    return run("cppcheck", *CPPCHECK, *exhaustive(), "-D_GNU_SOURCE", f"--include={jansson}", f"-I{root}/include",
               f"-I{build}", *map(str, arguments))


def sources(root):
    return [path for folder in ("api", "src", "include") for path in sorted((root / folder).rglob("*.[ch]"))]


def test_there_are_sources_to_analyse():
    assert len(units()) > 100


def test_clang_tidy(unit, root):
    result = clang_tidy(root, unit[0], settings(unit))
    assert result.returncode == 0, result.stdout[:4000] + result.stderr[-1000:]


def test_gcc_analyser(unit, tmp_path):
    result = gcc_analyser(unit[0], settings(unit), tmp_path / "unit.o")
    assert result.returncode == 0, result.stderr[:4000]


def test_cppcheck(root, build):
    result = cppcheck(root, build, root / "api", root / "src")
    assert result.returncode == 0, result.stderr[:6000]


def test_suppressions_name_one_check_and_a_reason(root):
    """None for a region, a file or everything, and none by a compiler's pragma."""
    lines = [(path, line.strip()) for path in sources(root) for line in path.read_text(encoding="utf-8").splitlines()]
    wide = [f"{path}: {line}" for path, line in lines if SUPPRESSION.search(line) and not NARROW.search(line)]
    assert not wide, "\n".join(wide)


@pytest.mark.parametrize("line, narrow", [
    ("/* cppcheck-suppress autoVariables ; it is taken out before the return */", True),
    ("/* cppcheck-suppress autoVariables */", False),
    ("/* cppcheck-suppress-file autoVariables ; all of it */", False),
    ("/* cppcheck-suppress-begin autoVariables ; from here */", False),
    ("/* NOLINTNEXTLINE(bugprone-branch-clone): the table reads better */", True),
    ("/* NOLINTNEXTLINE(bugprone-branch-clone) */", False),
    ("/* NOLINTNEXTLINE(bugprone-*): all */", False),
    ("f(); /* NOLINT */", False),
    ("/* NOLINTBEGIN(bugprone-branch-clone): from here */", False),
    ('#pragma GCC diagnostic ignored "-Wconversion"', False),
])
def test_what_is_a_narrow_suppression(line, narrow):
    assert SUPPRESSION.search(line)
    assert bool(NARROW.search(line)) == narrow


def test_no_suppression_of_clang_tidy_is_left_without_its_finding(root, tmp_path):
    for path, words in units():
        text = path.read_text(encoding="utf-8")
        suppressed = re.findall(r"NOLINTNEXTLINE\((.*?)\)", text)
        if not suppressed:
            continue
        bare = tmp_path / path.name
        bare.write_text(text.replace("NOLINTNEXTLINE", "not suppressed"), encoding="utf-8")
        told = clang_tidy(root, bare, [f"-iquote{path.parent}", *settings((path, words))]).stdout
        assert sorted(suppressed) == sorted(re.findall(r"error: .*\[([\w.-]+),-warnings-as-errors\]", told)), f"{path}\n{told}"


def test_no_suppression_of_cppcheck_is_left_without_its_finding(root, build):
    with_one = [path for path in sources(root) if "cppcheck-suppress" in path.read_text(encoding="utf-8")]
    told = cppcheck(root, build, "--enable=information", *with_one).stderr
    assert "unmatchedSuppression" not in told, told


@pytest.mark.parametrize("checker", ["clang-tidy", "gcc", "cppcheck"])
def test_each_checker_finds_what_is_wrong(checker, root, build, tmp_path):
    bad = tmp_path / "bad.c"
    bad.write_text("#include <stdlib.h>\nint f(int n);\nint f(int n)\n{\n    int *p = malloc(sizeof *p);\n    if (p == NULL)\n"
                   "        return 0;\n    free(p);\n    *p = n;\n    return 1;\n}\n", encoding="utf-8")
    result = {"clang-tidy": lambda: clang_tidy(root, bad, []), "gcc": lambda: gcc_analyser(bad, [], tmp_path / "bad.o"),
              "cppcheck": lambda: cppcheck(root, build, bad)}[checker]()
    assert result.returncode != 0
    assert re.search(r"bad\.c:9.*(after it is (freed|deallocated)|use after .free)", result.stdout + result.stderr)
