#include "log_line.h"

#include <stdio.h>

#include "customerd/core/decimal.h"
#include "customerd/core/timestamp.h"
#include "customerd/core/utf8.h"

#define ENDING "}\n"
#define ENDING_TRUNCATED ",\"truncated\":true}\n"
/* The endings have room of their own, so that a line can always be closed. */
#define LIMIT_BYTES (LOG_LINE_MAX_BYTES - sizeof ENDING_TRUNCATED)
#define CLOSING_QUOTE_BYTES 1
#define KEY_MAX_CHARS 64
#define EVENT_MAX_CHARS 200

static bool put(struct log_line *line, struct slice bytes, size_t keep_free)
{
    if (bytes.len + keep_free > LIMIT_BYTES - line->len) {
        line->truncated = true;
        return false;
    }
    memcpy(line->bytes + line->len, bytes.ptr, bytes.len);
    line->len += bytes.len;
    return true;
}

/* Writes the JSON escape that the character needs, "" where it stands for itself. C1 controls are escaped too: some
 * terminals obey them. */
static void escape_character(struct slice character, char out[8])
{
    const unsigned char *at = (const unsigned char *)character.ptr;
    unsigned int code = at[0];
    out[0] = '\0';
    if (character.len == 2 && at[0] == 0xc2)
        code = at[1];
    else if (character.len > 1)
        return;
    if (code == '"' || code == '\\')
        snprintf(out, 8, "\\%c", (int)code);
    else if (code == '\n')
        snprintf(out, 8, "\\n");
    else if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
        snprintf(out, 8, "\\u%04x", code & 0xffffU);
}

/* Most of what is logged stands for itself, and is put in one piece. */
static size_t plain_len(struct slice text)
{
    size_t n = 0;
    while (n < text.len && text.ptr[n] >= 0x20 && text.ptr[n] < 0x7f && text.ptr[n] != '"' && text.ptr[n] != '\\')
        n++;
    return n;
}

/* The first character, and what stands for it. */
static size_t take_character(struct slice text, char escape[8], struct slice *shown)
{
    size_t len = utf8_character_len(text);
    *shown = slice_of(text.ptr, len);
    if (len == 0) {
        *shown = slice_cstr("\xEF\xBF\xBD");
        return 1;
    }
    escape_character(*shown, escape);
    if (escape[0] != '\0')
        *shown = slice_cstr(escape);
    return len;
}

static void put_escaped(struct log_line *line, struct slice text)
{
    while (text.len > 0) {
        char escape[8] = "";
        struct slice shown = slice_of(text.ptr, plain_len(text));
        size_t used = shown.len;
        if (used == 0 || used + CLOSING_QUOTE_BYTES > LIMIT_BYTES - line->len)
            used = take_character(text, escape, &shown);
        if (!put(line, shown, CLOSING_QUOTE_BYTES))
            return;
        text = slice_from(text, used);
    }
}

static const char *level_word(enum log_level level)
{
    static const char *const words[] = { "error", "warn", "info", "debug", "audit" };
    size_t at = (size_t)level;
    return words[at < sizeof words / sizeof *words ? at : LOG_DEBUG];
}

static char *copy(char *to, struct slice from)
{
    memcpy(to, from.ptr, from.len);
    return to + from.len;
}

static struct slice bounded(const char *literal, size_t max)
{
    return slice_of(literal, strnlen(literal, max));
}

#define COPY_LITERAL(to, literal) copy(to, slice_of(literal, sizeof(literal) - 1))

void log_line_begin(struct log_line *line, int64_t realtime_ms, enum log_level level, const char *event)
{
    char time[TIMESTAMP_RFC3339_MS_SIZE];
    char *at = line->bytes; /* the fixed part takes some 60 bytes; the event's bound keeps the rest within the line */
    timestamp_rfc3339_ms(realtime_ms, time);
    at = COPY_LITERAL(at, "{\"time\":\"");
    at = copy(at, slice_of(time, sizeof time - 1));
    at = COPY_LITERAL(at, "\",\"level\":\"");
    at = copy(at, slice_cstr(level_word(level)));
    at = COPY_LITERAL(at, "\",\"event\":\"");
    at = copy(at, bounded(event, EVENT_MAX_CHARS));
    *at++ = '"';
    line->truncated = false;
    line->len = (size_t)(at - line->bytes);
}

/* ,"key": */
static char *put_key(char *at, const char *key)
{
    at = COPY_LITERAL(at, ",\"");
    at = copy(at, bounded(key, KEY_MAX_CHARS));
    return COPY_LITERAL(at, "\":");
}

/* Milliseconds with three decimals. */
static char *put_micros(char *at, int64_t micros)
{
    uint64_t size = micros < 0 ? ~(uint64_t)micros + 1 : (uint64_t)micros;
    if (micros < 0)
        *at++ = '-';
    at += decimal_put(at, size / 1000);
    *at++ = '.';
    *at++ = (char)('0' + size / 100 % 10);
    *at++ = (char)('0' + size / 10 % 10);
    *at++ = (char)('0' + size % 10);
    return at;
}

void log_line_add(struct log_line *line, const struct log_field *field)
{
    char text[KEY_MAX_CHARS + 64];
    char *at = put_key(text, field->key);
    switch (field->type) {
    case LOG_FIELD_STRING:
        *at++ = '"';
        if (put(line, slice_of(text, (size_t)(at - text)), CLOSING_QUOTE_BYTES)) {
            put_escaped(line, field->text);
            put(line, slice_of("\"", 1), 0);
        }
        return;
    case LOG_FIELD_INT:
        at += decimal_put_signed(at, field->number);
        break;
    case LOG_FIELD_BOOL:
        at = copy(at, slice_cstr(field->number != 0 ? "true" : "false"));
        break;
    case LOG_FIELD_MICROS:
        at = put_micros(at, field->number);
        break;
    }
    put(line, slice_of(text, (size_t)(at - text)), 0);
}

void log_line_end(struct log_line *line)
{
    struct slice ending = slice_cstr(line->truncated ? ENDING_TRUNCATED : ENDING);
    memcpy(line->bytes + line->len, ending.ptr, ending.len);
    line->len += ending.len;
}
