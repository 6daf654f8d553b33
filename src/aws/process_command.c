#include "customerd/aws/process.h"

#define COMMAND_MAX_BYTES 8192

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Appends a quoted part, from behind its opening quote; returns the offset behind the closing one, or 0 without one. */
static size_t quoted_take(struct slice line, size_t at, struct buf *out)
{
    char quote = line.ptr[at++];
    for (; at < line.len; at++) {
        char c = line.ptr[at];
        if (c == quote)
            return at + 1;
        bool escapes = quote == '"' && c == '\\' && at + 1 < line.len &&
                       (line.ptr[at + 1] == '"' || line.ptr[at + 1] == '\\');
        if (escapes)
            at++;
        buf_append_byte(out, line.ptr[at]);
    }
    return 0;
}

/* Appends one argument and its NUL; returns the offset behind it, or 0 when it has no end. */
static size_t argument_take(struct slice line, size_t at, struct buf *out)
{
    while (at < line.len && !is_space(line.ptr[at])) {
        char c = line.ptr[at];
        if (c == '\'' || c == '"') {
            at = quoted_take(line, at, out);
            if (at == 0)
                return 0;
        } else if (c == '\\') {
            if (at + 1 == line.len)
                return 0;
            buf_append_byte(out, line.ptr[at + 1]);
            at += 2;
        } else {
            buf_append_byte(out, c);
            at++;
        }
    }
    buf_append_byte(out, '\0');
    return at;
}

static size_t spaces_skip(struct slice line, size_t at)
{
    while (at < line.len && is_space(line.ptr[at]))
        at++;
    return at;
}

enum status process_command_split(struct slice line, struct process_command *out, struct error *err)
{
    size_t starts[PROCESS_ARGUMENTS_MAX];
    size_t n = 0;
    buf_init(&out->text, COMMAND_MAX_BYTES);
    if (line.len > 0 && memchr(line.ptr, '\0', line.len) != NULL)
        return error_set(err, STATUS_UNAVAILABLE, "the command holds a NUL");
    for (size_t at = spaces_skip(line, 0); at < line.len; at = spaces_skip(line, at)) {
        if (n == PROCESS_ARGUMENTS_MAX)
            return error_set(err, STATUS_UNAVAILABLE, "the command has more than %d arguments", PROCESS_ARGUMENTS_MAX);
        starts[n++] = out->text.len;
        at = argument_take(line, at, &out->text);
        if (at == 0)
            return error_set(err, STATUS_UNAVAILABLE, "the command ends within a quotation");
    }
    if (n == 0)
        return error_set(err, STATUS_UNAVAILABLE, "the command is empty");
    if (!buf_ok(&out->text))
        return error_set(err, STATUS_UNAVAILABLE, "the command is too long");
    for (size_t i = 0; i < n; i++)
        out->argv[i] = out->text.data + starts[i];
    out->argv[n] = NULL;
    return STATUS_OK;
}

void process_command_clean_up(struct process_command *command)
{
    if (command == NULL)
        return;
    buf_clean_up_secure(&command->text);
    command->argv[0] = NULL;
}
