#include "customerd/api/idempotency_key.h"

#include "unit.h"

static bool parse(struct slice value, struct idempotency_key *key)
{
    struct error err;
    return idempotency_key_parse(value, key, &err) == STATUS_OK;
}

static void assert_key(const char *value, const char *expected)
{
    struct idempotency_key key;
    assert_true(parse(slice_cstr(value), &key));
    assert_true(slice_is(slice_of(key.text, key.len), expected));
}

static void quoted_and_bare_are_the_same_key(void **state)
{
    (void)state;
    assert_key("8e03978e-40d5-43e8-bc93-6894a57f9324", "8e03978e-40d5-43e8-bc93-6894a57f9324");
    assert_key("\"8e03978e-40d5-43e8-bc93-6894a57f9324\"", "8e03978e-40d5-43e8-bc93-6894a57f9324");
    assert_key(" \"a\" ", "a");
    assert_key("a\"b", "a\"b");
    assert_key("\"a\\\"b\\\\c\"", "a\"b\\c");
    assert_key("a,b;c=d", "a,b;c=d");
}

static void what_is_no_key_is_refused(void **state)
{
    (void)state;
    const char *const wrong[] = { "", " ", "\"\"", "\"", "\"a", "\"a\"b\"", "\"a\";p=1", "a b", "\"a b\"", "\"a\\\"",
                                  "\"a\\n\"", "\xc3\xa4", "\"\xc3\xa4\"", "a\x7f", "a\tb" };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        struct idempotency_key key;
        if (parse(slice_cstr(wrong[i]), &key))
            fail_msg("accepted: %s", wrong[i]);
    }
    struct idempotency_key key;
    assert_false(parse(slice_of("a\0b", 3), &key));
}

static void the_length_is_bounded(void **state)
{
    (void)state;
    char value[IDEMPOTENCY_KEY_MAX_CHARS + 3];
    struct idempotency_key key;
    memset(value, 'k', sizeof value);
    assert_true(parse(slice_of(value, IDEMPOTENCY_KEY_MAX_CHARS), &key));
    assert_int_equal(key.len, IDEMPOTENCY_KEY_MAX_CHARS);
    assert_false(parse(slice_of(value, IDEMPOTENCY_KEY_MAX_CHARS + 1), &key));
    value[0] = value[IDEMPOTENCY_KEY_MAX_CHARS + 1] = '"';
    assert_true(parse(slice_of(value, IDEMPOTENCY_KEY_MAX_CHARS + 2), &key));
    assert_int_equal(key.len, IDEMPOTENCY_KEY_MAX_CHARS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoted_and_bare_are_the_same_key),
        cmocka_unit_test(what_is_no_key_is_refused),
        cmocka_unit_test(the_length_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
