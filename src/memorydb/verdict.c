#include "verdict.h"

#include "customerd/memorydb/cluster.h"

struct row {
    const char *word;
    enum verdict verdict;
    enum status status; /* of VERDICT_FINAL */
};

static const struct row rows[] = {
    { "MOVED", VERDICT_MOVED, STATUS_OK },
    { "ASK", VERDICT_ASK, STATUS_OK },
    { "TRYAGAIN", VERDICT_AGAIN, STATUS_OK },
    { "LOADING", VERDICT_AGAIN, STATUS_OK },
    { "MASTERDOWN", VERDICT_AGAIN, STATUS_OK },
    { "BUSY", VERDICT_AGAIN, STATUS_OK },
    { "CLUSTERDOWN", VERDICT_LOST, STATUS_OK },
    { "READONLY", VERDICT_LOST, STATUS_OK },
    { "NOSCRIPT", VERDICT_NO_SCRIPT, STATUS_OK },
    { "NOAUTH", VERDICT_RECONNECT, STATUS_OK },
    { "OOM", VERDICT_FINAL, STATUS_STORAGE_FULL },
    { "MISCONF", VERDICT_FINAL, STATUS_STORAGE_FULL },
    { "NOREPLICAS", VERDICT_FINAL, STATUS_STORAGE_FULL },
    { "WRONGTYPE", VERDICT_FINAL, STATUS_RECORD_DAMAGED },
};

/* ElastiCache serverless has been seen to write "ERR MOVED ...". */
static struct slice without_prefix(struct slice text)
{
    if (slice_starts_with(text, "ERR MOVED ") || slice_starts_with(text, "ERR ASK "))
        return slice_from(text, 4);
    return text;
}

static const struct row *find(struct slice error_text)
{
    struct slice rest = without_prefix(error_text);
    struct slice word = slice_take(&rest, ' ');
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (slice_is(word, rows[i].word))
            return &rows[i];
    }
    return NULL;
}

enum verdict verdict_of(struct slice error_text)
{
    const struct row *row = find(error_text);
    if (row != NULL)
        return row->verdict;
    return slice_starts_with(error_text, "ERR max number of clients") ? VERDICT_RECONNECT : VERDICT_FINAL;
}

enum status verdict_status(struct slice error_text)
{
    const struct row *row = find(error_text);
    return row == NULL || row->verdict != VERDICT_FINAL ? STATUS_UNAVAILABLE : row->status;
}

bool verdict_not_executed(struct slice error_text)
{
    return find(error_text) != NULL || slice_starts_with(error_text, "ERR max number of clients");
}

static bool parse_below(struct slice text, unsigned long limit, unsigned long *out)
{
    unsigned long n = 0;
    if (text.len == 0 || text.len > 5)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        n = n * 10 + (unsigned long)(text.ptr[i] - '0');
    }
    *out = n;
    return n < limit;
}

/* "MOVED 3999 127.0.0.1:6381": the host may be a name, an IPv6 address with colons, or empty. */
bool verdict_redirect(struct slice error_text, struct verdict_redirect *out)
{
    struct slice rest = without_prefix(error_text);
    (void)slice_take(&rest, ' ');
    struct slice slot_text = slice_take(&rest, ' ');
    struct slice address = slice_take(&rest, ' ');
    const char *colon = address.len == 0 ? NULL : memrchr(address.ptr, ':', address.len);
    if (colon == NULL)
        return false;
    unsigned long slot = 0, port = 0;
    struct slice host = slice_of(address.ptr, (size_t)(colon - address.ptr));
    if (!parse_below(slot_text, CLUSTER_SLOTS, &slot) ||
        !parse_below(slice_from(address, host.len + 1), 65536, &port) || port == 0)
        return false;
    if (host.len >= 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']')
        host = slice_of(host.ptr + 1, host.len - 2);
    *out = (struct verdict_redirect){ .slot = (uint16_t)slot, .host = host, .port = (uint16_t)port };
    return true;
}

struct slice verdict_word(struct slice error_text)
{
    size_t n = 0;
    while (n < error_text.len && n < 32 &&
           ((error_text.ptr[n] >= 'A' && error_text.ptr[n] <= 'Z') ||
            (error_text.ptr[n] >= '0' && error_text.ptr[n] <= '9') || error_text.ptr[n] == '_'))
        n++;
    return slice_of(error_text.ptr, n);
}
