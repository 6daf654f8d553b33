#include "customerd/core/json_utf8.h"

#include "unit.h"

static size_t decode(const char *text, size_t len, uint32_t *code_point)
{
    char *copy = exact_copy(text, len);
    size_t n = utf8_decode(slice_of(copy, len), code_point);
    free(copy);
    return n;
}

/* Encodes without looking at what it is given. */
static size_t encode(uint32_t code_point, size_t len, char out[4])
{
    static const uint32_t lead[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    for (size_t i = len; i > 1; i--) {
        out[i - 1] = (char)(0x80 | (code_point & 0x3F));
        code_point >>= 6;
    }
    out[0] = (char)(lead[len] | code_point);
    return len;
}

static void every_code_point_comes_back(void **state)
{
    (void)state;
    for (uint32_t code_point = 0; code_point <= 0x10FFFF; code_point++) {
        char text[4];
        uint32_t back = 0;
        size_t len = encode(code_point, code_point < 0x80 ? 1 : code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4, text);
        bool surrogate = code_point >= 0xD800 && code_point < 0xE000;
        assert_int_equal(utf8_decode(slice_of(text, len), &back), surrogate ? 0 : len);
        assert_true(surrogate || back == code_point);
    }
}

static void overlong_forms_are_refused(void **state)
{
    (void)state;
    static const uint32_t below[] = { 0, 0, 0x80, 0x800, 0x10000 };
    for (size_t len = 2; len <= 4; len++) {
        for (uint32_t code_point = 0; code_point < below[len]; code_point++) {
            char text[4];
            uint32_t back;
            encode(code_point, len, text);
            assert_int_equal(utf8_decode(slice_of(text, len), &back), 0);
        }
    }
}

static void cut_and_foreign_bytes_are_refused(void **state)
{
    (void)state;
    static const char *const whole[] = { "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };
    uint32_t code_point;
    for (size_t i = 0; i < 3; i++) {
        for (size_t len = 0; len < strlen(whole[i]); len++)
            assert_int_equal(decode(whole[i], len, &code_point), 0);
    }
    assert_int_equal(decode("\x80", 1, &code_point), 0);
    assert_int_equal(decode("\xC3\x28", 2, &code_point), 0);
    assert_int_equal(decode("\xF4\x90\x80\x80", 4, &code_point), 0); /* U+110000 */
    assert_int_equal(decode("\xF8\x88\x80\x80\x80", 5, &code_point), 0);
    assert_int_equal(decode("\xFF", 1, &code_point), 0);
}

static void the_facts_are_told(void **state)
{
    (void)state;
    struct utf8_facts facts = utf8_look(slice_cstr("a\xC3\xA9\xF0\x9F\x98\x80"));
    assert_true(facts.valid && !facts.ascii && !facts.has_control && !facts.has_nul);
    assert_int_equal(facts.chars, 3);
    facts = utf8_look(slice_cstr("a\r\n\tb"));
    assert_true(facts.valid && facts.ascii && facts.has_control && !facts.has_unprintable);
    facts = utf8_look(slice_cstr("\xC2\x85"));
    assert_true(facts.valid && facts.has_control && facts.has_unprintable && !facts.has_nul);
    facts = utf8_look(slice_cstr("\xC2\xA0"));
    assert_true(facts.valid && !facts.has_control);
    facts = utf8_look(slice_cstr("\x7F"));
    assert_true(facts.has_unprintable);
    facts = utf8_look(slice_of("a\0", 2));
    assert_true(facts.has_nul && facts.has_unprintable);
    assert_false(utf8_look(slice_cstr("a\xC3")).valid);
    assert_int_equal(utf8_look(slice_cstr("")).chars, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_code_point_comes_back),
        cmocka_unit_test(overlong_forms_are_refused),
        cmocka_unit_test(cut_and_foreign_bytes_are_refused),
        cmocka_unit_test(the_facts_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
