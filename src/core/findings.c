#include "customerd/core/findings.h"

#include <stdarg.h>
#include <stdio.h>

#define DETAIL_SIZE 256
#define TOKENS_MAX 8
/* Each byte of a token takes up to six in JSON. */
#define FINDING_MAX_BYTES (TOKENS_MAX * (FINDINGS_TOKEN_MAX_BYTES * 6 + 4) + DETAIL_SIZE * 6 + 64)

void findings_init(struct findings *f)
{
    *f = (struct findings){ .json = BUF_INIT((size_t)FINDINGS_MAX * FINDING_MAX_BYTES) };
}

void findings_clean_up(struct findings *f)
{
    if (f == NULL)
        return;
    buf_clean_up(&f->json);
    findings_init(f);
}

/* The longest start that fits and ends between two code points. */
static struct slice cut_token(struct slice token)
{
    if (token.len <= FINDINGS_TOKEN_MAX_BYTES)
        return token;
    size_t len = FINDINGS_TOKEN_MAX_BYTES;
    while (len > 0 && ((unsigned char)token.ptr[len] & 0xC0) == 0x80)
        len--;
    return slice_of(token.ptr, len);
}

static void append_token(struct buf *json, struct slice token)
{
    struct slice kept = cut_token(token);
    size_t plain_from = 0;
    buf_append_byte(json, '/');
    for (size_t i = 0; i < kept.len; i++) {
        if (kept.ptr[i] != '~' && kept.ptr[i] != '/')
            continue;
        buf_append_json_escaped(json, slice_of(kept.ptr + plain_from, i - plain_from));
        buf_append_cstr(json, kept.ptr[i] == '~' ? "~0" : "~1");
        plain_from = i + 1;
    }
    buf_append_json_escaped(json, slice_from(kept, plain_from));
    if (kept.len < token.len)
        buf_append_cstr(json, "\xE2\x80\xA6");
}

static void add(struct findings *f, const struct slice *tokens, size_t n_tokens, const char *detail)
{
    if (f->count++ >= FINDINGS_MAX)
        return;
    if (f->json.len > 0)
        buf_append_byte(&f->json, ',');
    buf_append_cstr(&f->json, "{\"pointer\":\"");
    for (size_t i = 0; i < n_tokens && i < TOKENS_MAX; i++)
        append_token(&f->json, tokens[i]);
    buf_append_cstr(&f->json, "\",\"detail\":\"");
    buf_append_json_escaped(&f->json, slice_cstr(detail));
    buf_append_cstr(&f->json, "\"}");
}

void findings_add(struct findings *f, struct slice member, struct slice sub, const char *format, ...)
{
    char detail[DETAIL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    const struct slice tokens[] = { member, sub };
    size_t n_tokens = sub.len > 0 ? 2 : member.len > 0 ? 1 : 0;
    add(f, tokens, n_tokens, detail);
}

void findings_add_at(struct findings *f, const struct slice *tokens, size_t n_tokens, const char *format, ...)
{
    char detail[DETAIL_SIZE];
    va_list args;
    va_start(args, format);
    vsnprintf(detail, sizeof detail, format, args);
    va_end(args);
    add(f, tokens, n_tokens, detail);
}
