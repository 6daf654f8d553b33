/* What CLUSTER SLOTS and redirections say: whatever a reply holds, only slots in range, ports and hosts that can be dialled
 * come out of it, and a redirection is understood as it is written. */
#include "fuzz.h"

#include "customerd/core/buf.h"
#include "customerd/memorydb/cluster.h"
#include "reply_parser.h"
#include "resp.h"
#include "topology.h"
#include "verdict.h"

static bool is_host(const char *host)
{
    for (const char *c = host; *c != '\0'; c++)
        if (*c <= ' ' || *c == 0x7f || strchr("/@\"'\\<>[]#?&", *c) != NULL)
            return false;
    return host[0] != '\0' && strlen(host) < HOST_SIZE;
}

static void check_topology(const struct reply *reply)
{
    size_t n = topology_count(reply);
    REQUIRE(n <= CLUSTER_SLOTS);
    for (size_t i = 0; i < n; i++) {
        struct topology_range range;
        if (!topology_range(reply, i, "asked.example", &range))
            continue;
        REQUIRE(range.first <= range.last && range.last < CLUSTER_SLOTS && range.port > 0);
        REQUIRE(is_host(range.host));
        REQUIRE(range.tls_name[0] == '\0' || is_host(range.tls_name));
    }
}

static void check_redirect(struct slice text)
{
    struct verdict_redirect redirect;
    struct verdict_redirect again;
    struct buf written = BUF_INIT(4096);
    if (!verdict_redirect(text, &redirect))
        return;
    REQUIRE(redirect.slot < CLUSTER_SLOTS && redirect.port > 0);
    buf_appendf(&written, "MOVED %u %.*s:%u", redirect.slot, (int)redirect.host.len, redirect.host.ptr, redirect.port);
    /* A host in two pairs of brackets loses one at a time; nothing that can be dialled has any. */
    bool bracketed = redirect.host.len >= 2 && redirect.host.ptr[0] == '[';
    if (buf_ok(&written) && !bracketed && memchr(redirect.host.ptr, '\0', redirect.host.len) == NULL) {
        REQUIRE(verdict_redirect(buf_slice(&written), &again));
        REQUIRE(again.slot == redirect.slot && again.port == redirect.port && slice_equal(again.host, redirect.host));
    }
    buf_clean_up(&written);
}

static void check_error(struct slice text)
{
    enum verdict verdict = verdict_of(text);
    enum status status = verdict_status(text);
    REQUIRE(status != STATUS_OK && status_http(status) == 503);
    REQUIRE(verdict == VERDICT_FINAL || status == STATUS_UNAVAILABLE);
    REQUIRE(verdict_word(text).len <= 32);
    (void)verdict_not_executed(text);
    check_redirect(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct reply_parser *parser;
    struct resp_scan scan = { .at = 0 };
    size_t len = 0;
    if (parser == NULL)
        parser = reply_parser_new();
    REQUIRE(parser != NULL);
    if (resp_scan(&scan, slice_of(data, size), &len) != RESP_WHOLE) {
        check_error(slice_of(data, size));
        return 0;
    }
    struct reply *reply = reply_parse(parser, slice_of(data, len));
    if (reply == NULL)
        return 0;
    check_topology(reply);
    REQUIRE(!topology_is_standalone(reply) || reply_type(reply) == REPLY_ERROR);
    if (reply_type(reply) == REPLY_ERROR)
        check_error(reply_text(reply));
    reply_free(reply);
    return 0;
}
