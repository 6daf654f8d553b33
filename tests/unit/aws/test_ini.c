#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "customerd/aws/ini.h"

static struct slice value_of(const struct ini *ini, const char *section, const char *key)
{
    for (size_t i = ini->n; i-- > 0;)
        if (slice_is(ini->entries[i].section, section) && slice_is(ini->entries[i].key, key))
            return ini->entries[i].value;
    return slice_cstr("(none)");
}

static void expect_text(const struct ini *ini, const char *section, const char *key, const char *want)
{
    struct slice got = value_of(ini, section, key);
    if (!slice_is(got, want))
        fail_msg("[%s] %s is \"%.*s\"", section, key, (int)got.len, got.ptr);
}

static void sections_keys_comments_and_nested_values_are_told_apart(void **state)
{
    (void)state;
    static const char text[] = "\xEF\xBB\xBF# a comment\r\n[default]\r\nregion = eu-west-1\r\n; another\n\n"
                               "[profile two]\n  a=b = c\n  arn: x:y\ns3 =\n   inner = 1\n   other = 2\n"
                               "process = /bin/x \\\n    --flag '#'\n[ spaced ]\nlast =";
    struct ini ini;
    struct error err;
    assert_int_equal(ini_parse(slice_cstr(text), &ini, &err), STATUS_OK);
    expect_text(&ini, "default", "region", "eu-west-1");
    expect_text(&ini, "profile two", "a", "b = c");
    expect_text(&ini, "profile two", "arn", "x:y");
    expect_text(&ini, "profile two", "inner", "(none)");
    expect_text(&ini, "profile two", "process", "/bin/x \\\n    --flag '#'");
    expect_text(&ini, "spaced", "last", "");
    ini_clean_up(&ini);
}

static void many_entries_are_kept(void **state)
{
    (void)state;
    struct buf text = BUF_INIT(1 << 20);
    buf_append_cstr(&text, "[s]\n");
    for (int i = 0; i < 1000; i++)
        buf_appendf(&text, "k%d = v%d\n", i, i);
    struct ini ini;
    struct error err;
    assert_int_equal(ini_parse(buf_slice(&text), &ini, &err), STATUS_OK);
    assert_int_equal(ini.n, 1001);
    expect_text(&ini, "s", "k999", "v999");
    ini_clean_up(&ini);
    buf_clean_up(&text);
}

static void expect_fault(const char *text, const char *line)
{
    struct ini ini;
    struct error err;
    assert_int_not_equal(ini_parse(slice_cstr(text), &ini, &err), STATUS_OK);
    assert_non_null(strstr(err.detail, line));
    assert_null(strstr(err.detail, "hush"));
    assert_null(ini.entries);
}

static void a_fault_names_its_line_and_not_its_text(void **state)
{
    (void)state;
    expect_fault("[a]\nk = v\nhush\n", "line 3");
    expect_fault("hush = 1\n", "line 1");
    expect_fault("[hush\n", "line 1");
    expect_fault("[a]\n = hush\n", "line 2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_keys_comments_and_nested_values_are_told_apart),
        cmocka_unit_test(many_entries_are_kept),
        cmocka_unit_test(a_fault_names_its_line_and_not_its_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
