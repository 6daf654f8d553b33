#include "customerd/api/request.h"

#include "unit.h"

static void assert_target(const char *target, const char *path, const char *query)
{
    struct request r;
    request_init(&r);
    request_set_target(&r, slice_cstr(target));
    assert_true(slice_is(r.path, path));
    assert_true(slice_is(r.query, query));
    request_clean_up(&r);
}

static void targets_are_split_and_not_decoded(void **state)
{
    (void)state;
    assert_target("/customers?limit=3&a=?", "/customers", "limit=3&a=?");
    assert_target("/customers", "/customers", "");
    assert_target("/a%2fb/../c//", "/a%2fb/../c//", "");
    assert_target("/?", "/", "");
    assert_target("*", "*", "");
    assert_target("http://h:1/customers?x", "/customers", "x");
    assert_target("HTTPS://h", "/", "");
    assert_target("http://h?x", "/", "x");
    assert_target("ftp://h/customers", "ftp://h/customers", "");
}

static void choose(struct request *r, const char *first, const char *second)
{
    request_init(r);
    if (first != NULL)
        headers_add(&r->headers, slice_cstr("X-Request-Id"), slice_cstr(first));
    if (second != NULL)
        headers_add(&r->headers, slice_cstr("x-request-id"), slice_cstr(second));
    request_identify(r);
}

static void a_sane_request_id_is_taken(void **state)
{
    (void)state;
    struct request r;
    char longest[REQUEST_ID_MAX_CHARS + 2];
    choose(&r, "a/B+9_=.:-", NULL);
    assert_string_equal(r.id, "a/B+9_=.:-");
    choose(&r, "abc \t", NULL);
    assert_string_equal(r.id, "abc");
    memset(longest, 'x', sizeof longest);
    longest[REQUEST_ID_MAX_CHARS] = '\0';
    choose(&r, longest, NULL);
    assert_string_equal(r.id, longest);
}

static void another_request_id_is_made_otherwise(void **state)
{
    (void)state;
    char too_long[REQUEST_ID_MAX_CHARS + 2];
    memset(too_long, 'x', sizeof too_long - 1);
    too_long[sizeof too_long - 1] = '\0';
    const char *const insane[] = { NULL, "", "a b", "a\"b", "a,b", "\xc3\xa4", "<a>", too_long };
    for (size_t i = 0; i < COUNT(insane); i++) {
        struct request r;
        choose(&r, insane[i], NULL);
        assert_int_equal(strlen(r.id), 36);
        assert_int_equal(r.id[14], '4');
    }
    struct request r;
    choose(&r, "a", "b");
    assert_int_equal(strlen(r.id), 36);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_split_and_not_decoded),
        cmocka_unit_test(a_sane_request_id_is_taken),
        cmocka_unit_test(another_request_id_is_made_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
