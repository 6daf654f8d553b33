#include "customerd/api/response.h"

#include "unit.h"

static void count(void *ctx)
{
    ++*(int *)ctx;
}

static void a_source_is_let_go_of_once(void **state)
{
    (void)state;
    struct response r;
    int released = 0;
    response_init(&r);
    response_drop_source(&r);
    r.source = (struct response_source){ .kind = RESPONSE_SHARED, .length = 3, .bytes = { "tea", 3 }, .release = count, .ctx = &released };
    response_drop_source(&r);
    assert_int_equal(released, 1);
    assert_int_equal(r.source.kind, RESPONSE_OWN);
    response_drop_source(&r);
    response_clean_up(&r);
    assert_int_equal(released, 1);
    r.source = (struct response_source){ .kind = RESPONSE_STREAM, .release = count, .ctx = &released };
    response_clean_up(&r);
    assert_int_equal(released, 2);
    r.source = (struct response_source){ .kind = RESPONSE_LENGTH, .length = 3 };
    response_clean_up(&r);
}

static void of_what_is_discarded_nothing_is_held(void **state)
{
    (void)state;
    struct response r;
    int released = 0;
    response_init(&r);
    response_header(&r, "Age", "%d", 7);
    buf_append_cstr(&r.body, "tea");
    response_discard(&r);
    assert_int_equal(r.n_headers, 0);
    assert_int_equal(r.body.len, 0);
    assert_int_equal(r.body.cap, 0);
    r.source = (struct response_source){ .kind = RESPONSE_STREAM, .release = count, .ctx = &released };
    response_discard(&r);
    assert_int_equal(released, 1);
    response_clean_up(&r);
    assert_int_equal(released, 1);
}

static void its_text_is_wiped(void **state)
{
    (void)state;
    struct response r;
    static const char nothing[RESPONSE_HEADERS_TEXT_SIZE];
    memset(r.text, 0, sizeof r.text);
    response_init(&r);
    response_header(&r, "Set-Cookie", "%s", "token");
    response_header(&r, "Age", "%d", 7);
    response_clean_up(&r);
    assert_memory_equal(r.text, nothing, sizeof r.text);
}

static void a_field_stands_there_once(void **state)
{
    (void)state;
    struct response r;
    response_init(&r);
    response_header(&r, "Age", "%d", 7);
    response_header_text(&r, "age", "8");
    assert_int_equal(r.n_headers, 1);
    assert_string_equal(response_header_value(&r, "AGE"), "8");
    assert_null(response_header_value(&r, "X-Cache"));
    response_clean_up(&r);
}

static void what_does_not_fit_is_left_out(void **state)
{
    (void)state;
    static const char *const names[] = { "A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K", "L", "M",
                                         "N", "O", "P", "Q", "R", "S", "T", "U", "V", "W", "X", "Y", "Z" };
    struct response r;
    response_init(&r);
    for (size_t i = 0; i < COUNT(names); i++)
        response_header_text(&r, names[i], "1");
    assert_int_equal(r.n_headers, RESPONSE_HEADERS_MAX);
    char longer[2 * RESPONSE_HEADERS_TEXT_SIZE];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    response_header(&r, "A", "%s", longer);
    response_header(&r, "B", "%s", longer);
    assert_int_equal(strlen(response_header_value(&r, "A")), RESPONSE_HEADERS_TEXT_SIZE - 1);
    assert_string_equal(response_header_value(&r, "B"), "1");
    response_clean_up(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_source_is_let_go_of_once),
        cmocka_unit_test(of_what_is_discarded_nothing_is_held),
        cmocka_unit_test(its_text_is_wiped),
        cmocka_unit_test(a_field_stands_there_once),
        cmocka_unit_test(what_does_not_fit_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
