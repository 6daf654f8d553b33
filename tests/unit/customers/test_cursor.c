#include "customerd/customers/cursor.h"

#include "unit.h"

static const uint8_t key[CURSOR_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[CURSOR_KEY_BYTES] = { 1, 2, 4 };

static struct cursor some_cursor(void)
{
    struct cursor c = { .bounds = { UINT64_MAX, UINT64_C(0x017f22e279b07cc3), 0 } };
    assert_true(uuid_parse(slice_cstr("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &c.last));
    for (size_t b = 0; b < BUCKETS; b++)
        c.levels[b] = (uint8_t)(b * b / 3 % (CURSOR_LEVELS + 1));
    return c;
}

static void it_comes_back(void **state)
{
    (void)state;
    struct cursor cursor = some_cursor(), back;
    struct buf text = BUF_INIT(CURSOR_TEXT_LEN + 1);
    cursor_encode(key, &cursor, &text);
    assert_int_equal(text.len, CURSOR_TEXT_LEN);
    assert_true(cursor_decode(key, buf_slice(&text), &back));
    assert_memory_equal(cursor.last.bytes, back.last.bytes, UUID_BYTES);
    assert_memory_equal(cursor.bounds, back.bounds, sizeof cursor.bounds);
    assert_memory_equal(cursor.levels, back.levels, sizeof cursor.levels);
    buf_clean_up(&text);
}

static void another_deployments_is_refused(void **state)
{
    (void)state;
    struct cursor cursor = some_cursor(), back;
    struct buf text = BUF_INIT(CURSOR_TEXT_LEN + 1);
    cursor_encode(other_key, &cursor, &text);
    assert_false(cursor_decode(key, buf_slice(&text), &back));
    buf_clean_up(&text);
}

static void each_change_of_a_character_is_noticed(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ";
    struct cursor cursor = some_cursor(), back;
    struct buf text = BUF_INIT(CURSOR_TEXT_LEN + 1);
    cursor_encode(key, &cursor, &text);
    for (size_t i = 0; i < text.len; i++) {
        char was = text.data[i];
        for (size_t k = 0; k < sizeof alphabet; k++) {
            text.data[i] = alphabet[k];
            assert_true(cursor_decode(key, buf_slice(&text), &back) == (alphabet[k] == was));
        }
        text.data[i] = was;
    }
    buf_clean_up(&text);
}

static void each_truncation_is_refused(void **state)
{
    (void)state;
    struct cursor cursor = some_cursor(), back;
    struct buf text = BUF_INIT(CURSOR_TEXT_LEN + 1);
    cursor_encode(key, &cursor, &text);
    for (size_t len = 0; len < text.len; len++) {
        char *part = exact_copy(text.data, len);
        assert_false(cursor_decode(key, slice_of(part, len), &back));
        free(part);
    }
    buf_append_byte(&text, 'A');
    assert_false(cursor_decode(key, buf_slice(&text), &back));
    buf_clean_up(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_comes_back),
        cmocka_unit_test(another_deployments_is_refused),
        cmocka_unit_test(each_change_of_a_character_is_noticed),
        cmocka_unit_test(each_truncation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
