#include "customerd/customers/cursor.h"

#include "unit.h"

static const uint8_t key[CURSOR_KEY_BYTES] = { 1, 2, 3 };
static const uint8_t other_key[CURSOR_KEY_BYTES] = { 1, 2, 4 };

static struct uuid some_id(void)
{
    struct uuid id;
    assert_true(uuid_parse(slice_cstr("017f22e2-79b0-7cc3-98c4-dc0c0c07398f"), &id));
    return id;
}

static void it_comes_back(void **state)
{
    (void)state;
    struct uuid id = some_id(), back;
    struct buf text = BUF_INIT(64);
    cursor_encode(key, &id, &text);
    assert_int_equal(text.len, CURSOR_TEXT_LEN);
    assert_true(cursor_decode(key, buf_slice(&text), &back));
    assert_memory_equal(id.bytes, back.bytes, UUID_BYTES);
    buf_clean_up(&text);
}

static void another_deployments_is_refused(void **state)
{
    (void)state;
    struct uuid id = some_id(), back;
    struct buf text = BUF_INIT(64);
    cursor_encode(other_key, &id, &text);
    assert_false(cursor_decode(key, buf_slice(&text), &back));
    buf_clean_up(&text);
}

static void each_change_of_a_character_is_noticed(void **state)
{
    (void)state;
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=+/ ";
    struct uuid id = some_id(), back;
    struct buf text = BUF_INIT(64);
    cursor_encode(key, &id, &text);
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
    struct uuid id = some_id(), back;
    struct buf text = BUF_INIT(64);
    cursor_encode(key, &id, &text);
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
