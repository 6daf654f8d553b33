#include "config_rows.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

_Static_assert(sizeof(enum db_auth) == sizeof(unsigned int) && sizeof(enum log_level) == sizeof(unsigned int) &&
                   sizeof(enum http_auth) == sizeof(unsigned int),
               "a word's index is stored as an unsigned int");

static void *member_of(const struct config_place *place)
{
    return (char *)place->values + place->row->offset;
}

/* Decimal digits with an optional sign, nothing around them. */
static bool parse_int(struct slice text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = slice_starts_with(text, "-");
    struct slice digits = slice_from(text, negative ? 1 : 0);
    int64_t value = 0;
    if (digits.len == 0 || digits.len > 18)
        return false;
    for (size_t i = 0; i < digits.len; i++) {
        if (digits.ptr[i] < '0' || digits.ptr[i] > '9')
            return false;
        value = value * 10 + (digits.ptr[i] - '0');
    }
    *out = negative ? -value : value;
    return *out >= min && *out <= max;
}

static bool is_host_name(struct slice host)
{
    if (host.len == 0 || host.len > 253 || host.ptr[0] == '-' || host.ptr[0] == '.')
        return false;
    for (size_t i = 0; i < host.len; i++) {
        char c = host.ptr[i];
        bool fits = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                    c == '.' || c == '_';
        if (!fits)
            return false;
    }
    return true;
}

static bool is_ipv6(struct slice host)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (host.len >= sizeof text || memchr(host.ptr, '\0', host.len) != NULL)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool parse_host_port(struct slice text, int64_t min_port, struct host_port *out)
{
    int64_t port = 0;
    const char *colon = text.len == 0 ? NULL : memrchr(text.ptr, ':', text.len);
    if (colon == NULL)
        return false;
    struct slice host = slice_of(text.ptr, (size_t)(colon - text.ptr));
    struct slice port_text = slice_from(text, host.len + 1);
    if (port_text.len > 5 || slice_starts_with(port_text, "-") || !parse_int(port_text, min_port, 65535, &port))
        return false;
    if (host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']') {
        host = slice_of(host.ptr + 1, host.len - 2);
        if (!is_ipv6(host))
            return false;
    } else if (!is_host_name(host)) {
        return false;
    }
    memcpy(out->host, host.ptr, host.len);
    out->host[host.len] = '\0';
    out->port = (uint16_t)port;
    return true;
}

static bool parse_bool(struct slice text, bool *out)
{
    *out = slice_is_nocase(text, "on") || slice_is_nocase(text, "true") || slice_is(text, "1");
    return *out || slice_is_nocase(text, "off") || slice_is_nocase(text, "false") || slice_is(text, "0");
}

static bool parse_text(struct slice text, char *out, size_t size)
{
    if (text.len >= size)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f)
            return false;
    }
    if (text.len > 0)
        memcpy(out, text.ptr, text.len);
    memset(out + text.len, 0, size - text.len);
    return true;
}

static bool parse_word(const struct config_row *row, struct slice text, void *member)
{
    size_t at = 0;
    while (row->words[at] != NULL && !slice_is(text, row->words[at]))
        at++;
    if (row->words[at] == NULL)
        return false;
    const unsigned int which = (unsigned int)at;
    if (row->size != sizeof which)
        return parse_text(text, member, row->size);
    memcpy(member, &which, sizeof which);
    return true;
}

static void describe_failure(const struct config_row *row, char *out, size_t size)
{
    char values[160];
    config_describe_values(row, values, sizeof values);
    switch (row->type) {
    case CONFIG_HOST_PORT:
        snprintf(out, size, "host:port (for example %s)",
                 row->default_text[0] != '\0' ? row->default_text : "clustercfg.example.com:6379");
        break;
    case CONFIG_INT:
        snprintf(out, size, "a whole number from %" PRId64 " to %" PRId64, row->min, row->max);
        break;
    case CONFIG_TEXT:
        snprintf(out, size, "text of at most %zu bytes without control characters", row->size - 1);
        break;
    default:
        snprintf(out, size, "one of %s", values);
    }
}

bool config_parse(const struct config_place *place, struct slice text, char *expected, size_t expected_size)
{
    const struct config_row *row = place->row;
    void *member = member_of(place);
    bool valid = false;
    switch (row->type) {
    case CONFIG_HOST_PORT:
        valid = parse_host_port(text, row->min, member);
        break;
    case CONFIG_INT:
        valid = parse_int(text, row->min, row->max, member);
        break;
    case CONFIG_BOOL:
        valid = parse_bool(text, member);
        break;
    case CONFIG_WORD:
        valid = parse_word(row, text, member);
        break;
    case CONFIG_TEXT:
        valid = parse_text(text, member, row->size);
        break;
    }
    if (!valid)
        describe_failure(row, expected, expected_size);
    return valid;
}

static void format_host_port(const struct host_port *value, char *out, size_t size)
{
    bool bare_ipv6 = strchr(value->host, ':') != NULL;
    if (value->host[0] == '\0')
        out[0] = '\0';
    else
        snprintf(out, size, bare_ipv6 ? "[%s]:%u" : "%s:%u", value->host, (unsigned int)value->port);
}

static const char *word_of(const struct config_row *row, const void *member)
{
    unsigned int at = 0;
    if (row->size != sizeof at)
        return member;
    memcpy(&at, member, sizeof at);
    return row->words[at];
}

void config_format(const struct config_place *place, char *out, size_t size)
{
    const struct config_row *row = place->row;
    const void *member = member_of(place);
    switch (row->type) {
    case CONFIG_HOST_PORT:
        format_host_port(member, out, size);
        break;
    case CONFIG_INT:
        snprintf(out, size, "%" PRId64, *(const int64_t *)member);
        break;
    case CONFIG_BOOL:
        snprintf(out, size, "%s", *(const bool *)member ? "on" : "off");
        break;
    case CONFIG_WORD:
        snprintf(out, size, "%s", word_of(row, member));
        break;
    case CONFIG_TEXT:
        snprintf(out, size, "%s", (const char *)member);
        break;
    }
}

void config_describe_values(const struct config_row *row, char *out, size_t size)
{
    struct buf words = BUF_INIT(size - 1);
    switch (row->type) {
    case CONFIG_HOST_PORT:
        snprintf(out, size, "host:port");
        break;
    case CONFIG_INT:
        snprintf(out, size, "%" PRId64 "..%" PRId64, row->min, row->max);
        break;
    case CONFIG_BOOL:
        snprintf(out, size, "on, off");
        break;
    case CONFIG_WORD:
        for (size_t i = 0; row->words[i] != NULL; i++)
            buf_appendf(&words, "%s%s", i == 0 ? "" : ", ", row->words[i]);
        snprintf(out, size, "%s", words.data == NULL ? "" : words.data);
        break;
    case CONFIG_TEXT:
        snprintf(out, size, "text");
        break;
    }
    buf_clean_up(&words);
}
