#include "customerd/core/utf8.h"

static bool is_continuation(unsigned char byte)
{
    return (byte & 0xc0) == 0x80;
}

/* The bytes that a sequence with this lead has, 0 for what is no lead. */
static size_t sequence_len(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xc2 && lead <= 0xdf)
        return 2;
    if (lead >= 0xe0 && lead <= 0xef)
        return 3;
    return lead >= 0xf0 && lead <= 0xf4 ? 4 : 0;
}

/* Overlong forms, surrogates and what lies above U+10FFFF show in the second byte. */
static bool second_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

size_t utf8_character_len(struct slice text)
{
    const unsigned char *at = (const unsigned char *)text.ptr;
    size_t len = text.len == 0 ? 0 : sequence_len(at[0]);
    if (len == 0 || len > text.len)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if (!is_continuation(at[i]))
            return 0;
    }
    return len == 1 || second_fits(at[0], at[1]) ? len : 0;
}

bool utf8_is_text(struct slice text)
{
    while (text.len > 0) {
        size_t len = text.ptr[0] == '\0' ? 0 : utf8_character_len(text);
        if (len == 0)
            return false;
        text = slice_from(text, len);
    }
    return true;
}
