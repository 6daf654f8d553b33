#include "customerd/api/trace.h"

#include "customerd/core/crypto.h"

#define VERSION_00_LEN 55
#define TRACE_ID_AT 3
#define PARENT_ID_AT 36

static bool is_lower_hex(struct slice text)
{
    bool zero = true;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')))
            return false;
        zero = zero && c == '0';
    }
    return !zero;
}

static bool is_version(struct slice value)
{
    bool hex = hex_digit(value.ptr[0]) >= 0 && hex_digit(value.ptr[1]) >= 0;
    if (!hex || (value.ptr[0] == 'f' && value.ptr[1] == 'f'))
        return false;
    if (value.ptr[0] == '0' && value.ptr[1] == '0')
        return value.len == VERSION_00_LEN;
    return value.len == VERSION_00_LEN || value.ptr[VERSION_00_LEN] == '-';
}

/* version "-" trace-id "-" parent-id "-" flags: two, 32, 16 and two digits. */
static bool parse(struct slice value, struct trace *out)
{
    if (value.len < VERSION_00_LEN || !is_version(value) || value.ptr[2] != '-' || value.ptr[35] != '-' ||
        value.ptr[52] != '-' || hex_digit(value.ptr[53]) < 0 || hex_digit(value.ptr[54]) < 0)
        return false;
    struct slice trace_id = slice_of(value.ptr + TRACE_ID_AT, TRACE_ID_SIZE - 1);
    struct slice parent_id = slice_of(value.ptr + PARENT_ID_AT, SPAN_ID_SIZE - 1);
    if (!is_lower_hex(trace_id) || !is_lower_hex(parent_id))
        return false;
    memcpy(out->trace_id, trace_id.ptr, trace_id.len);
    out->trace_id[trace_id.len] = '\0';
    memcpy(out->parent_id, parent_id.ptr, parent_id.len);
    out->parent_id[parent_id.len] = '\0';
    return true;
}

void trace_begin(const struct headers *h, const uint8_t random[TRACE_RANDOM_BYTES], struct trace *out)
{
    struct slice value;
    bool goes_on = headers_get(h, "traceparent", &value) == 1 && parse(headers_trim(value), out);
    if (!goes_on) {
        hex_encode(random, 16, out->trace_id);
        out->parent_id[0] = '\0';
    }
    hex_encode(random + 16, 8, out->span_id);
}
