#include "customerd/core/json_scan.h"

#include <stdio.h>

#include "customerd/core/json_utf8.h"

#define DEPTH_LIMIT 64 /* of the bit set below */
#define SAFE_INTEGER_LEN 18 /* with its sign, well within 64 bits */

enum expect { ANY_VALUE, VALUE_OR_END, NAME_OR_END, NAME, COLON, COMMA_OR_END, NOTHING_MORE };

struct scan {
    char *text;
    size_t len, at;
    unsigned depth, max_depth;
    uint64_t objects; /* bit n: level n + 1 is an object, not an array */
    enum expect expect;
    struct json_scan_result result;
};

/* -1 at the end. */
static int peek(const struct scan *s)
{
    return s->at < s->len ? (unsigned char)s->text[s->at] : -1;
}

static bool fail(struct scan *s, const char *expected)
{
    struct json_fault *fault = &s->result.fault;
    int c = peek(s);
    fault->offset = s->at;
    fault->expected = expected;
    if (c < 0)
        snprintf(fault->found, sizeof fault->found, "the end of the body");
    else if (c != '\0' && strchr("{}[]:,\"", c) != NULL)
        snprintf(fault->found, sizeof fault->found, "'%c'", c);
    else if (c < 0x20)
        snprintf(fault->found, sizeof fault->found, "a control character");
    return false;
}

static void skip_space(struct scan *s)
{
    while (s->at < s->len && (s->text[s->at] == ' ' || s->text[s->at] == '\t' || s->text[s->at] == '\n' ||
                              s->text[s->at] == '\r'))
        s->at++;
}

static bool is_digit(int c)
{
    return c >= '0' && c <= '9';
}

static bool in_object(const struct scan *s)
{
    return s->depth > 0 && (s->objects >> (s->depth - 1) & 1) != 0;
}

static void value_ended(struct scan *s)
{
    s->expect = s->depth == 0 ? NOTHING_MORE : COMMA_OR_END;
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const struct scan *s, size_t at)
{
    int32_t value = 0;
    if (at + 4 > s->len)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        char c = s->text[i];
        if (is_digit(c))
            value = value << 4 | (c - '0');
        else if ((c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'))
            value = value << 4 | ((c | 0x20) - 'a' + 10);
        else
            return -1;
    }
    return value;
}

static bool scan_unicode_escape(struct scan *s, bool name)
{
    int32_t unit = hex4(s, s->at + 2);
    if (unit < 0)
        return fail(s, "four hexadecimal digits after \\u");
    if (unit >= 0xDC00 && unit < 0xE000)
        return fail(s, "no lone surrogate escape");
    if (unit >= 0xD800 && unit < 0xDC00) {
        bool escape = s->at + 8 <= s->len && s->text[s->at + 6] == '\\' && s->text[s->at + 7] == 'u';
        int32_t low = escape ? hex4(s, s->at + 8) : -1;
        if (low < 0xDC00 || low >= 0xE000)
            return fail(s, "a low surrogate after a high one");
        s->at += 6;
    }
    if (unit == 0 && name)
        s->result.nul_in_name = true;
    s->at += 6;
    return true;
}

static bool scan_escape(struct scan *s, bool name)
{
    char c = s->at + 1 < s->len ? s->text[s->at + 1] : '\0';
    if (c == 'u')
        return scan_unicode_escape(s, name);
    if (c == '\0' || strchr("\"\\/bfnrt", c) == NULL)
        return fail(s, "one of \", \\, /, b, f, n, r, t and u after a backslash");
    s->at += 2;
    return true;
}

static bool scan_string(struct scan *s, bool name)
{
    s->at++;
    for (;;) {
        int c = peek(s);
        uint32_t code_point = 0;
        if (c < 0)
            return fail(s, "a closing quote");
        if (c == '"')
            break;
        if (c < 0x20)
            return fail(s, "an escape instead of a control character");
        if (c == '\\') {
            if (!scan_escape(s, name))
                return false;
            continue;
        }
        size_t len = utf8_decode(slice_of(s->text + s->at, s->len - s->at), &code_point);
        if (len == 0)
            return fail(s, "valid UTF-8");
        s->at += len;
    }
    s->at++;
    return true;
}

static bool scan_digits(struct scan *s)
{
    if (!is_digit(peek(s)))
        return fail(s, "a digit");
    while (is_digit(peek(s)))
        s->at++;
    return true;
}

/* The shortest number that comes here, such as 1e9, has room for 0.0. */
static void make_fraction(char *number, size_t len)
{
    size_t at = number[0] == '-' ? 1 : 0;
    memset(number + at, '0', len - at);
    number[at + 1] = '.';
}

static bool scan_number(struct scan *s)
{
    size_t start = s->at;
    bool integer = true;
    if (peek(s) == '-')
        s->at++;
    if (peek(s) == '0')
        s->at++;
    else if (!scan_digits(s))
        return false;
    size_t integer_len = s->at - start;
    if (peek(s) == '.') {
        integer = false;
        s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (peek(s) == 'e' || peek(s) == 'E') {
        integer = false;
        s->at++;
        if (peek(s) == '+' || peek(s) == '-')
            s->at++;
        if (!scan_digits(s))
            return false;
    }
    if (!integer || integer_len > SAFE_INTEGER_LEN)
        make_fraction(s->text + start, s->at - start);
    return true;
}

static bool scan_word(struct scan *s)
{
    static const char *const words[] = { "true", "false", "null" };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (slice_starts_with(slice_of(s->text + s->at, s->len - s->at), words[i])) {
            s->at += strlen(words[i]);
            return true;
        }
    }
    return fail(s, s->expect == VALUE_OR_END ? "a value or ']'" : "a value");
}

static bool open_level(struct scan *s, bool object)
{
    if (s->depth == s->max_depth)
        return fail(s, "no deeper nesting");
    uint64_t bit = UINT64_C(1) << s->depth++;
    s->objects = object ? s->objects | bit : s->objects & ~bit;
    s->expect = object ? NAME_OR_END : VALUE_OR_END;
    s->at++;
    return true;
}

static bool close_level(struct scan *s)
{
    s->depth--;
    s->at++;
    value_ended(s);
    return true;
}

static bool scan_value(struct scan *s)
{
    int c = peek(s);
    if (c == '{' || c == '[')
        return open_level(s, c == '{');
    if (c == ']' && s->expect == VALUE_OR_END)
        return close_level(s);
    bool ok = c == '"' ? scan_string(s, false) : c == '-' || is_digit(c) ? scan_number(s) : scan_word(s);
    if (ok)
        value_ended(s);
    return ok;
}

static bool scan_name(struct scan *s)
{
    if (peek(s) == '}' && s->expect == NAME_OR_END)
        return close_level(s);
    if (peek(s) != '"')
        return fail(s, s->expect == NAME_OR_END ? "a member's name in quotes or '}'" : "a member's name in quotes");
    if (!scan_string(s, true))
        return false;
    s->expect = COLON;
    return true;
}

static bool scan_colon(struct scan *s)
{
    if (peek(s) != ':')
        return fail(s, "':'");
    s->at++;
    s->expect = ANY_VALUE;
    return true;
}

static bool scan_comma_or_end(struct scan *s)
{
    if (peek(s) == (in_object(s) ? '}' : ']'))
        return close_level(s);
    if (peek(s) != ',')
        return fail(s, in_object(s) ? "',' or '}'" : "',' or ']'");
    s->at++;
    s->expect = in_object(s) ? NAME : ANY_VALUE;
    return true;
}

static bool scan_next(struct scan *s)
{
    switch (s->expect) {
    case ANY_VALUE:
    case VALUE_OR_END:
        return scan_value(s);
    case NAME_OR_END:
    case NAME:
        return scan_name(s);
    case COLON:
        return scan_colon(s);
    case COMMA_OR_END:
        return scan_comma_or_end(s);
    case NOTHING_MORE:
        break;
    }
    return fail(s, "nothing after the value");
}

struct json_scan_result json_scan(char *text, size_t len, unsigned max_depth)
{
    struct scan s = { .text = text, .len = len, .max_depth = max_depth < DEPTH_LIMIT ? max_depth : DEPTH_LIMIT };
    if (slice_starts_with(slice_of(text, len), "\xEF\xBB\xBF")) {
        fail(&s, "no byte order mark");
        return s.result;
    }
    bool ok = true;
    do {
        skip_space(&s);
        if (s.expect == NOTHING_MORE && s.at == len)
            break;
        ok = scan_next(&s);
    } while (ok);
    s.result.well_formed = ok;
    return s.result;
}

void json_position(struct slice text, size_t offset, int *line, int *column)
{
    *line = 1;
    *column = 1;
    for (size_t i = 0; i < offset && i < text.len; i++) {
        if (text.ptr[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (((unsigned char)text.ptr[i] & 0xC0) != 0x80) {
            ++*column;
        }
    }
}
