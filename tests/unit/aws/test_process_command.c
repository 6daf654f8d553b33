#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "customerd/aws/process.h"

static void expect_split(const char *line, size_t n, const char *const *want)
{
    struct process_command c;
    struct error err;
    assert_int_equal(process_command_split(slice_cstr(line), &c, &err), STATUS_OK);
    for (size_t i = 0; i < n; i++)
        assert_string_equal(c.argv[i], want[i]);
    assert_null(c.argv[n]);
    process_command_clean_up(&c);
}

static void a_line_is_split_as_shlex_splits_it(void **state)
{
    (void)state;
    expect_split("a b\t c\n", 3, (const char *const[]){ "a", "b", "c" });
    expect_split("'a b' \"c \\\" \\\\ \\x $d\" e\\ f", 3, (const char *const[]){ "a b", "c \" \\ \\x $d", "e f" });
    expect_split("x'y'\"z\" '' \"\"", 3, (const char *const[]){ "xyz", "", "" });
    expect_split("a # not a comment; $(b) | c", 8,
                 (const char *const[]){ "a", "#", "not", "a", "comment;", "$(b)", "|", "c" });
    expect_split("'a\\'", 1, (const char *const[]){ "a\\" });
}

static void what_has_no_end_is_refused(void **state)
{
    (void)state;
    static const char *const lines[] = { "", "  ", "'a", "\"a", "a\\", "\"a\\\"" };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct process_command c = { .argv = { NULL } };
        struct error err;
        assert_int_not_equal(process_command_split(slice_cstr(lines[i]), &c, &err), STATUS_OK);
        process_command_clean_up(&c);
    }
}

static void too_many_arguments_are_refused(void **state)
{
    (void)state;
    struct buf line = BUF_INIT(4096);
    for (int i = 0; i <= PROCESS_ARGUMENTS_MAX; i++)
        buf_append_cstr(&line, "a ");
    struct process_command c = { .argv = { NULL } };
    struct error err;
    assert_int_not_equal(process_command_split(buf_slice(&line), &c, &err), STATUS_OK);
    process_command_clean_up(&c);
    buf_clean_up(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_is_split_as_shlex_splits_it),
        cmocka_unit_test(what_has_no_end_is_refused),
        cmocka_unit_test(too_many_arguments_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
