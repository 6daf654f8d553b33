#include "customerd/core/json_utf8.h"

#include "customerd/core/utf8.h"

size_t utf8_decode(struct slice text, uint32_t *code_point)
{
    size_t len = utf8_character_len(text);
    if (len == 0)
        return 0;
    unsigned char first = (unsigned char)text.ptr[0];
    uint32_t value = len == 1 ? first : first & (0xFFU >> (len + 1));
    for (size_t i = 1; i < len; i++)
        value = value << 6 | ((unsigned char)text.ptr[i] & 0x3FU);
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
