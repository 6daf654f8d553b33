#include "customerd/aws/ini.h"

#include <stdlib.h>

#define ENTRIES_MAX 4096

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct slice trim(struct slice text)
{
    while (text.len > 0 && is_blank(text.ptr[0]))
        text = slice_from(text, 1);
    while (text.len > 0 && is_blank(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

static size_t indent_of(struct slice line)
{
    size_t n = 0;
    while (n < line.len && is_blank(line.ptr[n]))
        n++;
    return n;
}

static bool entry_add(struct ini *ini, struct ini_entry entry)
{
    if (ini->n == ENTRIES_MAX)
        return false;
    if ((ini->n & (ini->n + 1)) == 0) { /* full at 0, 1, 3, 7, ... */
        struct ini_entry *grown = reallocarray(ini->entries, 2 * (ini->n + 1), sizeof *grown);
        if (grown == NULL)
            return false;
        ini->entries = grown;
    }
    ini->entries[ini->n++] = entry;
    return true;
}

struct parser {
    struct ini *ini;
    struct slice section;
    bool in_section;
    bool value_open; /* whether a deeper indented line goes on with the last value */
    size_t key_indent;
    int line_number;
};

static enum status section_begin(struct parser *p, struct slice line, struct error *err)
{
    if (line.ptr[line.len - 1] != ']')
        return error_set(err, STATUS_UNAVAILABLE, "line %d has no closing bracket", p->line_number);
    p->section = trim(slice_of(line.ptr + 1, line.len - 2));
    p->in_section = true;
    p->value_open = false;
    if (!entry_add(p->ini, (struct ini_entry){ .section = p->section }))
        return error_set(err, STATUS_UNAVAILABLE, "line %d is one too many", p->line_number);
    return STATUS_OK;
}

static enum status key_begin(struct parser *p, struct slice line, struct error *err)
{
    size_t at = 0;
    while (at < line.len && line.ptr[at] != '=' && line.ptr[at] != ':')
        at++;
    struct slice key = trim(slice_of(line.ptr, at));
    if (!p->in_section || at == line.len || key.len == 0)
        return error_set(err, STATUS_UNAVAILABLE, "line %d is neither a section nor a key with a value", p->line_number);
    if (!entry_add(p->ini, (struct ini_entry){ p->section, key, trim(slice_from(line, at + 1)) }))
        return error_set(err, STATUS_UNAVAILABLE, "line %d is one too many", p->line_number);
    p->value_open = true;
    return STATUS_OK;
}

static enum status line_take(struct parser *p, struct slice raw, struct error *err)
{
    size_t indent = indent_of(raw);
    struct slice line = trim(raw);
    if (line.len == 0)
        return STATUS_OK;
    if (line.ptr[0] == '#' || line.ptr[0] == ';') {
        p->value_open = false;
        return STATUS_OK;
    }
    if (p->value_open && indent > p->key_indent) {
        struct slice *value = &p->ini->entries[p->ini->n - 1].value;
        value->len = (size_t)(line.ptr + line.len - value->ptr);
        return STATUS_OK;
    }
    p->key_indent = indent;
    return line.ptr[0] == '[' ? section_begin(p, line, err) : key_begin(p, line, err);
}

enum status ini_parse(struct slice text, struct ini *out, struct error *err)
{
    *out = (struct ini){ .entries = NULL, .n = 0 };
    struct parser parser = { .ini = out };
    if (slice_starts_with(text, "\xEF\xBB\xBF"))
        text = slice_from(text, 3);
    while (text.len > 0) {
        struct slice line = slice_take(&text, '\n');
        parser.line_number++;
        enum status status = line_take(&parser, line, err);
        if (status != STATUS_OK) {
            ini_clean_up(out);
            return status;
        }
    }
    return STATUS_OK;
}

void ini_clean_up(struct ini *ini)
{
    if (ini == NULL)
        return;
    free(ini->entries);
    *ini = (struct ini){ .entries = NULL, .n = 0 };
}
