#include "log_line.h"

#include <inttypes.h>
#include <stdio.h>

#include "customerd/core/timestamp.h"
#include "customerd/core/utf8.h"

#define ENDING "}\n"
#define ENDING_TRUNCATED ",\"truncated\":true}\n"
/* The endings have room of their own, so that a line can always be closed. */
#define LIMIT_BYTES (LOG_LINE_MAX_BYTES - sizeof ENDING_TRUNCATED)
#define CLOSING_QUOTE_BYTES 1

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

static void put_escaped(struct log_line *line, struct slice text)
{
    while (text.len > 0) {
        char escape[8] = "";
        size_t len = utf8_character_len(text);
        struct slice shown = slice_of(text.ptr, len);
        if (len == 0)
            shown = slice_cstr("\xEF\xBF\xBD");
        else
            escape_character(shown, escape);
        if (escape[0] != '\0')
            shown = slice_cstr(escape);
        if (!put(line, shown, CLOSING_QUOTE_BYTES))
            return;
        text = slice_from(text, len == 0 ? 1 : len);
    }
}

static const char *level_word(enum log_level level)
{
    static const char *const words[] = { "error", "warn", "info", "debug", "audit" };
    size_t at = (size_t)level;
    return words[at < sizeof words / sizeof *words ? at : LOG_DEBUG];
}

void log_line_begin(struct log_line *line, int64_t realtime_ms, enum log_level level, const char *event)
{
    char time[TIMESTAMP_RFC3339_MS_SIZE];
    timestamp_rfc3339_ms(realtime_ms, time);
    line->truncated = false;
    /* The fixed part takes some 60 bytes; the precision bounds the rest. */
    int len = snprintf(line->bytes, LIMIT_BYTES, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%.200s\"", time,
                       level_word(level), event);
    line->len = len < 0 ? 0 : (size_t)len;
}

static void put_micros(struct log_line *line, const char *key, int64_t micros)
{
    char text[128];
    uint64_t size = micros < 0 ? ~(uint64_t)micros + 1 : (uint64_t)micros;
    int len = snprintf(text, sizeof text, ",\"%.64s\":%s%" PRIu64 ".%03u", key, micros < 0 ? "-" : "", size / 1000,
                       (unsigned int)(size % 1000));
    if (len > 0)
        put(line, slice_of(text, (size_t)len), 0);
}

void log_line_add(struct log_line *line, const struct log_field *field)
{
    char text[128];
    int len = 0;
    switch (field->type) {
    case LOG_FIELD_STRING:
        len = snprintf(text, sizeof text, ",\"%.64s\":\"", field->key);
        if (len > 0 && put(line, slice_of(text, (size_t)len), CLOSING_QUOTE_BYTES)) {
            put_escaped(line, field->text);
            put(line, slice_cstr("\""), 0);
        }
        break;
    case LOG_FIELD_INT:
        len = snprintf(text, sizeof text, ",\"%.64s\":%" PRId64, field->key, field->number);
        put(line, slice_of(text, (size_t)len), 0);
        break;
    case LOG_FIELD_BOOL:
        len = snprintf(text, sizeof text, ",\"%.64s\":%s", field->key, field->number != 0 ? "true" : "false");
        put(line, slice_of(text, (size_t)len), 0);
        break;
    case LOG_FIELD_MICROS:
        put_micros(line, field->key, field->number);
        break;
    }
}

void log_line_end(struct log_line *line)
{
    struct slice ending = slice_cstr(line->truncated ? ENDING_TRUNCATED : ENDING);
    memcpy(line->bytes + line->len, ending.ptr, ending.len);
    line->len += ending.len;
}
