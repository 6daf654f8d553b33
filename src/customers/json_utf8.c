#include "json_utf8.h"

/* The smallest code point that needs so many bytes: a smaller one is overlong. */
static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };

static size_t sequence_len(unsigned char first)
{
    if (first < 0x80)
        return 1;
    if (first >= 0xC2 && first < 0xE0)
        return 2;
    if (first >= 0xE0 && first < 0xF0)
        return 3;
    return first >= 0xF0 && first < 0xF5 ? 4 : 0;
}

size_t utf8_decode(struct slice text, uint32_t *code_point)
{
    if (text.len == 0)
        return 0;
    unsigned char first = (unsigned char)text.ptr[0];
    size_t len = sequence_len(first);
    if (len == 0 || len > text.len)
        return 0;
    uint32_t value = len == 1 ? first : first & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        unsigned char next = (unsigned char)text.ptr[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3FU);
    }
    if (value < smallest[len] || value > 0x10FFFF || (value >= 0xD800 && value < 0xE000))
        return 0;
    *code_point = value;
    return len;
}

static void look_at(struct utf8_facts *facts, uint32_t code_point)
{
    facts->chars++;
    if (code_point >= 0x80)
        facts->ascii = false;
    if (code_point >= 0x20 && (code_point < 0x7F || code_point > 0x9F))
        return;
    facts->has_control = true;
    if (code_point == 0)
        facts->has_nul = true;
    if (code_point != '\n' && code_point != '\r' && code_point != '\t')
        facts->has_unprintable = true;
}

struct utf8_facts utf8_look(struct slice text)
{
    struct utf8_facts facts = { .valid = true, .ascii = true };
    while (text.len > 0) {
        uint32_t code_point = 0;
        size_t len = utf8_decode(text, &code_point);
        if (len == 0) {
            facts.valid = false;
            break;
        }
        look_at(&facts, code_point);
        text = slice_from(text, len);
    }
    return facts;
}
