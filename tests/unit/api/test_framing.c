#include "customerd/api/framing.h"

#include "unit.h"

struct field {
    const char *name;
    const char *value;
};

#define FIELDS_MAX 4

static const char *check(const struct field fields[FIELDS_MAX], bool http_1_0)
{
    struct headers h = { .n = 0 };
    for (size_t i = 0; i < FIELDS_MAX && fields[i].name != NULL; i++)
        headers_add(&h, slice_cstr(fields[i].name), slice_cstr(fields[i].value));
    return framing_check(&h, http_1_0);
}

static void ordinary_heads_pass(void **state)
{
    (void)state;
    const struct field heads[][FIELDS_MAX] = {
        { { "Host", "a.example:8080" } },
        { { "Host", "" } },
        { { "Host", "a \t" } },
        { { "Host", "[::1]:80" } },
        { { "Host", "a" }, { "Content-Length", "0" } },
        { { "Host", "a" }, { "Content-Length", "0013" } },
        { { "Host", "a" }, { "Transfer-Encoding", "chunked" } },
        { { "host", "a" }, { "transfer-encoding", "Chunked" } },
        { { "Host", "a" }, { "X", "tab\there \xc3\xa4" } },
    };
    for (size_t i = 0; i < COUNT(heads); i++)
        assert_null(check(heads[i], false));
}

static void doubtful_framing_is_refused(void **state)
{
    (void)state;
    const struct field heads[][FIELDS_MAX] = {
        { { "Host", "a" }, { "Content-Length", "5" }, { "Transfer-Encoding", "chunked" } },
        { { "Host", "a" }, { "Content-Length", "5" }, { "Content-Length", "5" } },
        { { "Host", "a" }, { "Content-Length", "5" }, { "content-length", "6" } },
        { { "Host", "a" }, { "Content-Length", "+5" } },
        { { "Host", "a" }, { "Content-Length", "5, 5" } },
        { { "Host", "a" }, { "Content-Length", "0x5" } },
        { { "Host", "a" }, { "Content-Length", "" } },
        { { "Host", "a" }, { "Content-Length", "-1" } },
        { { "Host", "a" }, { "Content-Length", "18446744073709551617" } },
        { { "Host", "a" }, { "Transfer-Encoding", "xchunked" } },
        { { "Host", "a" }, { "Transfer-Encoding", "chunked, identity" } },
        { { "Host", "a" }, { "Transfer-Encoding", "gzip, chunked" } },
        { { "Host", "a" }, { "Transfer-Encoding", "identity" } },
        { { "Host", "a" }, { "Transfer-Encoding", "chunked\t" } },
        { { "Host", "a" }, { "Transfer-Encoding", "" } },
        { { "Host", "a" }, { "Transfer-Encoding", "chunked" }, { "Transfer-Encoding", "chunked" } },
        { { "Host", "a" }, { "Transfer-Encoding ", "chunked" } },
    };
    for (size_t i = 0; i < COUNT(heads); i++)
        assert_non_null(check(heads[i], false));
}

static void host_must_stand_there_once_and_be_one(void **state)
{
    (void)state;
    const struct field none[FIELDS_MAX] = { { "X", "y" } };
    const struct field two[FIELDS_MAX] = { { "Host", "a" }, { "Host", "a" } };
    const struct field blank[FIELDS_MAX] = { { "Host", "a b" } };
    const struct field path[FIELDS_MAX] = { { "Host", "a/b" } };
    assert_non_null(check(none, false));
    assert_null(check(none, true));
    assert_non_null(check(two, false));
    assert_non_null(check(two, true));
    assert_non_null(check(blank, false));
    assert_non_null(check(path, false));
}

static void http_1_0_has_no_transfer_encoding(void **state)
{
    (void)state;
    const struct field head[FIELDS_MAX] = { { "Transfer-Encoding", "chunked" } };
    assert_non_null(check(head, true));
}

static void control_characters_and_folded_lines_are_refused(void **state)
{
    (void)state;
    const struct field carriage_return[FIELDS_MAX] = { { "Host", "a" }, { "X", "b\rc" } };
    const struct field one[FIELDS_MAX] = { { "Host", "a" }, { "X", "b\x01" } };
    const struct field delete[FIELDS_MAX] = { { "Host", "a" }, { "X", "\x7f" } };
    assert_non_null(check(carriage_return, false));
    assert_non_null(check(one, false));
    assert_non_null(check(delete, false));
    struct headers h = { .folded = true };
    headers_add(&h, slice_cstr("Host"), slice_cstr("a"));
    assert_non_null(framing_check(&h, false));
    h.folded = false;
    assert_null(framing_check(&h, false));
    h.cut = true;
    assert_non_null(framing_check(&h, false));
}

static void an_announced_length_is_a_number(void **state)
{
    (void)state;
    struct headers h = { .n = 0 };
    uint64_t length;
    assert_false(framing_length(&h, &length));
    headers_add(&h, slice_cstr("content-length"), slice_cstr("0013"));
    assert_true(framing_length(&h, &length));
    assert_int_equal(length, 13);
    h.items[0].value = slice_cstr("9999999999999999999");
    assert_true(framing_length(&h, &length));
    assert_true(length == UINT64_C(9999999999999999999));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_heads_pass),
        cmocka_unit_test(doubtful_framing_is_refused),
        cmocka_unit_test(host_must_stand_there_once_and_be_one),
        cmocka_unit_test(http_1_0_has_no_transfer_encoding),
        cmocka_unit_test(control_characters_and_folded_lines_are_refused),
        cmocka_unit_test(an_announced_length_is_a_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
