#include "resp.h"

#define LENGTH_MAX_DIGITS 9

/* The number of a header line, or false when it is not one. */
static bool parse_number(struct slice text, int64_t *value)
{
    bool negative = text.len > 0 && text.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == text.len || text.len - i > 19)
        return false;
    uint64_t n = 0;
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + (uint64_t)(text.ptr[i] - '0');
    }
    if (n > (uint64_t)INT64_MAX + (negative ? 1u : 0u))
        return false;
    *value = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

/* One value is complete: close the arrays that it completes. */
static void value_done(struct resp_scan *scan)
{
    while (scan->depth > 0 && --scan->left[scan->depth] == 0)
        scan->depth--;
}

static enum resp_result scan_array(struct resp_scan *scan, int64_t count)
{
    if (count < -1 || count > RESP_ELEMENTS_MAX - scan->elements)
        return RESP_BROKEN;
    if (count <= 0) {
        value_done(scan);
        return RESP_WHOLE;
    }
    if (scan->depth == RESP_DEPTH_MAX)
        return RESP_BROKEN;
    scan->elements += count;
    scan->left[++scan->depth] = count;
    return RESP_WHOLE;
}

static enum resp_result scan_string(struct resp_scan *scan, struct slice bytes, size_t body, int64_t len)
{
    if (len < -1 || len > RESP_REPLY_MAX_BYTES)
        return RESP_BROKEN;
    size_t end = body;
    if (len >= 0) {
        end = body + (size_t)len + 2;
        if (end > bytes.len)
            return end > RESP_REPLY_MAX_BYTES ? RESP_BROKEN : RESP_PARTIAL;
        if (memcmp(bytes.ptr + end - 2, "\r\n", 2) != 0)
            return RESP_BROKEN;
    }
    scan->at = end;
    value_done(scan);
    return RESP_WHOLE;
}

size_t resp_length(struct slice text, int64_t *length)
{
    size_t i = 1;
    int n = 0;
    if (text.len < 4)
        return 0;
    if (text.ptr[1] == '-') {
        *length = -1;
        return text.len >= 5 && memcmp(text.ptr + 1, "-1\r\n", 4) == 0 ? 5 : 0;
    }
    for (; i <= LENGTH_MAX_DIGITS && i < text.len && text.ptr[i] >= '0' && text.ptr[i] <= '9'; i++)
        n = n * 10 + (text.ptr[i] - '0');
    bool is_spelt_otherwise = i == 1 || (text.ptr[1] == '0' && i > 2);
    if (is_spelt_otherwise || text.len - i < 2 || text.ptr[i] != '\r' || text.ptr[i + 1] != '\n')
        return 0;
    *length = n;
    return i + 2;
}

static enum resp_result scan_counted(struct resp_scan *scan, struct slice bytes, char type, size_t next, int64_t number)
{
    if (type == '$')
        return scan_string(scan, bytes, next, number);
    scan->at = next;
    return scan_array(scan, number);
}

/* Steps over the header line at scan->at, and over a string's bytes. */
static enum resp_result scan_value(struct resp_scan *scan, struct slice bytes)
{
    int64_t number = 0;
    struct slice rest = slice_from(bytes, scan->at);
    bool has_length = rest.len > 0 && (rest.ptr[0] == '$' || rest.ptr[0] == '*');
    size_t short_line = has_length ? resp_length(rest, &number) : 0;
    if (short_line > 0)
        return scan_counted(scan, bytes, rest.ptr[0], scan->at + short_line, number);
    const char *cr = rest.len == 0 ? NULL : memchr(rest.ptr, '\r', rest.len);
    size_t line = cr == NULL ? rest.len : (size_t)(cr - rest.ptr);
    if (line > RESP_LINE_MAX_BYTES || (rest.len > 0 && memchr("+-:$*", rest.ptr[0], 5) == NULL))
        return RESP_BROKEN;
    if (cr == NULL || line + 1 == rest.len)
        return RESP_PARTIAL;
    bool plain = rest.ptr[0] == '+' || rest.ptr[0] == '-';
    if (line == 0 || cr[1] != '\n' || (!plain && !parse_number(slice_of(rest.ptr + 1, line - 1), &number)))
        return RESP_BROKEN;
    size_t next = scan->at + line + 2;
    if (has_length)
        return scan_counted(scan, bytes, rest.ptr[0], next, number);
    scan->at = next;
    value_done(scan);
    return RESP_WHOLE;
}

enum resp_result resp_scan(struct resp_scan *scan, struct slice bytes, size_t *len)
{
    do {
        enum resp_result result = scan_value(scan, bytes);
        if (result != RESP_WHOLE)
            return result;
        if (scan->at > RESP_REPLY_MAX_BYTES)
            return RESP_BROKEN;
    } while (scan->depth > 0);
    *len = scan->at;
    scan->at = 0;
    scan->elements = 0;
    return RESP_WHOLE;
}
