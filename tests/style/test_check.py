#!/usr/bin/python3
"""Shows that each style check fails on the tree that it is for, and that none fails on a clean one."""
import os
import subprocess
import tempfile
import unittest

import c_source
import check
import hardening

GOOD_HEADER = "#ifndef A_H\n#define A_H\n#include <stdint.h>\nint a(uint8_t x);\n#endif\n"
CLEAN = {
    "README.md": "",
    ".ci/run": "",
    "build/anything.c": "int TO" + "DO;\n",
    "include/customerd/core/a.h": GOOD_HEADER,
    "src/core/a.c": '#include "customerd/core/a.h"\n#include <curl_is_not_meant.h>\nint a(uint8_t x)\n{\n    return x;\n}\n',
    "src/core/http_client.c": "#include <curl/curl.h>\n",
    "src/core/crypto.c": "#include <openssl/evp.h>\n",
    "src/memorydb/tls.c": '#include <openssl/ssl.h>\n#include "customerd/core/a.h"\n',
    "src/memorydb/reply.c": "#include <hiredis/hiredis.h>\n",
    "src/customers/b.c": '#include "made_by_the_build.h"\n#include "customerd/core/a.h"\n',
    "api/server.c": '#include <ulfius.h>\n#include "customerd/core/a.h"\n',
    "tests/unit/test_a.c": "/* strcpy( */ const char *s = \"gets(\"; void f(void) { my_atoi(s); p->ctime(s); gmtime_r(); }\n",
}


def function_of(lines, name="f"):
    return "int %s(void)\n{\n%s}\n" % (name, "    g();\n" * (lines - 3))


def problems(changes):
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, **changes}.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        tree = check.Tree(root)
        return {c.__name__: list(c(tree)) for c in check.CHECKS}


class Checks(unittest.TestCase):
    def assert_only(self, name, changes, count=1):
        """Exactly the named check complains, `count` times."""
        found = {k: v for k, v in problems(changes).items() if v}
        self.assertEqual({name: count} if count else {}, {k: len(v) for k, v in found.items()}, found)

    def test_a_clean_tree_passes(self):
        self.assert_only("none", {}, 0)

    def test_long_files(self):
        self.assert_only("file_sizes", {"src/core/long.c": "\n" * 801})
        self.assert_only("file_sizes", {"src/core/long.c": "\n" * 800}, 0)

    def test_long_functions(self):
        self.assert_only("function_sizes", {"src/core/f.c": function_of(101)})
        self.assert_only("function_sizes", {"src/core/f.c": function_of(100)}, 0)
        self.assert_only("function_sizes", {"tests/unit/f.c": function_of(5) + function_of(101)})

    def test_long_handlers(self):
        self.assert_only("function_sizes", {"api/f.c": function_of(41, "handle_get")})
        self.assert_only("function_sizes", {"api/f.c": function_of(40, "handle_get")}, 0)
        self.assert_only("function_sizes", {"api/things_handlers.c": function_of(41, "get")})
        self.assert_only("function_sizes", {"api/f.c": function_of(41, "other"), "src/core/f.c": function_of(41, "handle_x")},
                         0)

    def test_deep_nesting(self):
        four = "int f(void)\n{\n if (a)\n  while (b)\n   for (;;)\n    %s\n}\n"
        self.assert_only("function_nesting", {"src/core/f.c": four % "switch (c) { case 1: g(); }"}, 0)
        self.assert_only("function_nesting", {"src/core/f.c": four % "switch (c) { case 1: if (d) g(); }"})
        self.assert_only("function_nesting", {"src/core/f.c": four % "each(a, b) { do g(); while (x); }"})

    def test_banned_functions(self):
        for name in check.BANNED:
            self.assert_only("banned_functions", {"src/core/f.c": "int f(void)\n{\n    return %s(x);\n}\n" % name})

    def test_includes_against_the_direction(self):
        for path, name in (("src/core/f.c", "aws"), ("src/aws/f.c", "memorydb"), ("src/memorydb/f.c", "customers"),
                           ("src/sessions/f.c", "customers"), ("src/customers/f.c", "objects"),
                           ("include/customerd/customers/f.h", "unknown")):
            header = "#ifndef F_H\n#define F_H\n%s#endif\n" if path.endswith(".h") else "%s"
            changes = {path: header % '#include "customerd/%s/x.h"\n' % name}
            self.assertEqual(1, len(problems(changes)["include_direction"]))
        self.assert_only("none", {"src/aws/f.c": '#include "customerd/core/a.h"\n'}, 0)

    def test_private_headers_of_others(self):
        private = {"src/aws/private.h": GOOD_HEADER.replace("A_H", "P_H")}
        self.assert_only("include_direction", {**private, "api/f.c": '#include "private.h"\n'})
        self.assert_only("include_direction", {**private, "api/f.c": '#include "../src/aws/private.h"\n'})
        self.assert_only("include_direction", {**private, "src/aws/f.c": '#include "private.h"\n'}, 0)

    def test_libraries_in_the_wrong_module(self):
        for path, name in (("src/core/f.c", "ulfius.h"), ("src/customers/f.c", "microhttpd.h"),
                           ("api/f.c", "openssl/ssl.h"), ("src/memorydb/f.c", "openssl/ssl.h"),
                           ("src/core/f.c", "openssl/ssl.h"), ("src/aws/f.c", "curl/curl.h")):
            self.assert_only("library_includes", {path: "#include <%s>\n" % name})

    def test_hiredis_in_two_files(self):
        self.assert_only("library_includes", {"src/memorydb/f.c": "#include <hiredis/read.h>\n"})

    def test_headers_that_do_not_compile_alone(self):
        text = "#ifndef F_H\n#define F_H\nuint8_t f(void);\n#endif\n"
        self.assert_only("headers_compile", {"src/core/f.h": text})

    def test_headers_without_a_guard(self):
        self.assert_only("header_guards", {"src/core/f.h": "int f(void);\n"})
        self.assert_only("header_guards", {"src/core/f.h": "#ifndef F_H\n#define G_H\nint f(void);\n#endif\n"})

    def test_headers_that_cannot_be_included_twice(self):
        found = problems({"src/core/f.h": "struct f { int x; };\n"})
        self.assertEqual(1, len(found["headers_compile"]))

    def test_two_headers_with_one_guard(self):
        self.assert_only("header_guards", {"src/core/f.h": GOOD_HEADER})

    def test_markers(self):
        for word in ("TO" + "DO", "FIX" + "ME", "XX" + "X"):
            self.assert_only("markers", {"src/customers/scripts/f.lua": "-- %s: later\n" % word})
        self.assert_only("markers", {"src/core/f.c": 'char path[] = "/tmp/x-XXXXXX";\n'}, 0)

    def test_strangers_at_the_top(self):
        self.assert_only("top_level", {"notes.txt": ""})
        self.assert_only("top_level", {"docs/x.md": ""})


class Source(unittest.TestCase):
    def names(self, text):
        return [f.name for f in c_source.functions(text)]

    def test_functions_are_found_among_other_braces(self):
        text = """
#define M(x) do { if (x) { \\
        f(); } } while (0)
struct s { int a; };
enum e { A, B };
static const struct s rows[] = { { 1 }, { F(2) } };
static int first(int (*callback)(void))
{
    struct s local = { .a = 1 }; /* } */
    char c = '{';
    return "}"[0] + c + callback();
}
static inline __attribute__((noreturn)) void second(void) { for (;;) { } }
const struct s *third(void)
{
    static const struct s one = { 1 };
    return &one;
}
"""
        self.assertEqual(["first", "second", "third"], self.names(text))
        self.assertEqual([6, 1, 5], [f.lines for f in c_source.functions(text)])

    def test_a_function_after_an_initialised_table_is_measured(self):
        text = "int t[] = { 1 };\n" + function_of(101)
        self.assertEqual([101], [f.lines for f in c_source.functions(text)])

    def test_nesting_counts_control_structures_not_braces(self):
        for body, deep in (("{ }", 0), ("{ if (a) b(); }", 1), ("{ if (a) { b(); } else { c(); } }", 1),
                           ("{ if (a) b(); else if (c) d(); else if (e) f(); }", 1),
                           ("{ if (a) for (;;) if (b) c(); }", 3), ("{ do { if (a) b(); } while (c); d(); }", 2),
                           ("{ switch (a) { case 1: if (b) c(); break; default: d(); } }", 2),
                           ("{ struct s x = { .f = { 1 } }; g((struct s){ 2 }); }", 0), ("{ { { a(); } } }", 2),
                           ("{ out: if (a) b(); }", 1), ("{ each(x, y) { if (a) b(); } }", 2)):
            self.assertEqual(deep, c_source.nesting(body), body)


class Hardening(unittest.TestCase):
    def findings(self, *flags):
        with tempfile.TemporaryDirectory() as folder:
            binary = os.path.join(folder, "program")
            text = "".join(f"int f{i}(int x) {{ return x + {i}; }}\n" for i in range(120))
            text += "#include <stdio.h>\nint main(int c, char **v) { char b[64]; snprintf(b, c, \"%s\", v[0]); return b[c]; }\n"
            subprocess.run(["gcc", "-x", "c", "-", "-o", binary, *flags], input=text, text=True, check=True)
            return list(hardening.findings(binary, True))

    def test_a_program_without_hardening_lacks_all_of_it(self):
        found = self.findings("-O0", "-U_FORTIFY_SOURCE", "-no-pie", "-fno-pie", "-fno-stack-protector", "-Wl,-z,norelro",
                              "-Wl,-z,lazy", "-Wl,-z,execstack", "-Wl,-rpath,/nowhere")
        self.assertEqual(8, len(found), found)

    def test_a_hardened_program_lacks_nothing(self):
        self.assertEqual([], self.findings("-O2", "-fcf-protection=full", "-U_FORTIFY_SOURCE", "-D_FORTIFY_SOURCE=2", "-fPIE", "-pie",
                                           "-fstack-protector-all", "-Wl,-z,relro,-z,now,-z,noexecstack"))


if __name__ == "__main__":
    unittest.main()
