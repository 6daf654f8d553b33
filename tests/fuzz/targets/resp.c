/* The scan of a reply and its parser: a stream of replies is the same in pieces as in one; what the scan lets pass the
 * parser takes, and its values are those of the text. The first byte cuts the stream. */
#include "fuzz.h"

#include "customerd/core/buf.h"
#include "reply_parser.h"
#include "resp.h"

#define OUT_MAX_BYTES (1u << 22)

/* Writes the reply as a server would; a null array and a null string are both nil. */
static void render(const struct reply *r, struct buf *out)
{
    struct slice text = reply_text(r);
    switch (reply_type(r)) {
    case REPLY_NIL:
        buf_append_cstr(out, "$-1\r\n");
        break;
    case REPLY_STRING:
        buf_appendf(out, "$%zu\r\n", text.len);
        buf_append(out, text);
        buf_append_cstr(out, "\r\n");
        break;
    case REPLY_STATUS:
    case REPLY_ERROR:
        buf_append_byte(out, reply_type(r) == REPLY_STATUS ? '+' : '-');
        buf_append(out, text);
        buf_append_cstr(out, "\r\n");
        break;
    case REPLY_INTEGER:
        buf_append_byte(out, ':');
        buf_append_int(out, reply_integer(r));
        buf_append_cstr(out, "\r\n");
        break;
    case REPLY_ARRAY:
        buf_appendf(out, "*%zu\r\n", reply_count(r));
        for (size_t i = 0; i < reply_count(r); i++)
            render(reply_at(r, i), out);
        break;
    }
}

/* Whether every number is written as a server writes it; hiredis may refuse others. Skips over strings' bytes. */
static bool is_canonical(struct slice bytes)
{
    while (bytes.len > 0) {
        const char *cr = memchr(bytes.ptr, '\r', bytes.len);
        REQUIRE(cr != NULL);
        struct slice line = slice_of(bytes.ptr + 1, (size_t)(cr - bytes.ptr) - 1);
        char type = bytes.ptr[0];
        bytes = slice_from(bytes, line.len + 3);
        if (type == '+' || type == '-')
            continue;
        size_t sign = line.len > 0 && line.ptr[0] == '-' ? 1 : 0;
        bool zero = line.len > sign && line.ptr[sign] == '0';
        if ((zero && line.len > 1) || (type == '*' && slice_is(line, "-1")))
            return false;
        if (type == '$' && sign == 0)
            bytes = slice_from(bytes, strtoul(line.ptr, NULL, 10) + 2);
    }
    return true;
}

static void check_reply(struct reply_parser *parser, struct slice bytes)
{
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    struct reply *reply = reply_parse(parser, bytes);
    bool canonical = is_canonical(bytes);
    REQUIRE(reply != NULL || !canonical);
    if (reply != NULL) {
        render(reply, &out);
        REQUIRE(buf_ok(&out));
        REQUIRE(!canonical || slice_equal(buf_slice(&out), bytes));
    }
    reply_free(reply);
    buf_clean_up(&out);
}

/* The same bytes as they come in pieces, each a copy that ends where the piece does. */
static void check_pieces(struct slice bytes, size_t step, enum resp_result whole, size_t whole_len)
{
    struct resp_scan scan = { .at = 0 };
    enum resp_result result = RESP_PARTIAL;
    size_t len = 0;
    for (size_t have = step; result == RESP_PARTIAL; have += step) {
        struct slice seen = slice_of(bytes.ptr, have < bytes.len ? have : bytes.len);
        char *copy = fuzz_copy(seen);
        result = resp_scan(&scan, slice_of(copy, seen.len), &len);
        free(copy);
        if (seen.len == bytes.len)
            break;
    }
    REQUIRE(result == whole);
    REQUIRE(result != RESP_WHOLE || len == whole_len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply_parser *parser;
    struct slice rest = slice_of(data, size);
    size_t step = 1 + fuzz_byte(&rest) % 64;
    struct resp_scan scan = { .at = 0 };
    if (parser == NULL)
        parser = reply_parser_new();
    REQUIRE(parser != NULL);
    for (;;) {
        size_t len = 0;
        enum resp_result result = resp_scan(&scan, rest, &len);
        check_pieces(rest, step, result, len);
        if (result != RESP_WHOLE)
            return 0;
        REQUIRE(len > 0 && len <= rest.len);
        check_reply(parser, slice_of(rest.ptr, len));
        rest = slice_from(rest, len);
    }
}
