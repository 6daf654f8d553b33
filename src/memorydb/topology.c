#include "topology.h"

#include "customerd/memorydb/cluster.h"

#include <arpa/inet.h>

size_t topology_count(const struct reply *reply)
{
    size_t n = reply_count(reply);
    return n > CLUSTER_SLOTS ? 0 : n;
}

bool topology_is_standalone(const struct reply *reply)
{
    return reply_type(reply) == REPLY_ERROR &&
           slice_starts_with(reply_text(reply), "ERR This instance has cluster support disabled");
}

bool topology_host(struct slice text, char out[HOST_SIZE])
{
    if (text.len == 0 || text.len >= HOST_SIZE || text.ptr[0] == '.' || text.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && (c == '\0' || strchr("-._:%", c) == NULL))
            return false;
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return true;
}

/* The value after "hostname" in a flat list of names and values. */
static struct slice metadata_hostname(const struct reply *metadata)
{
    for (size_t i = 0; i + 1 < reply_count(metadata); i += 2) {
        if (slice_is(reply_text(reply_at(metadata, i)), "hostname"))
            return reply_text(reply_at(metadata, i + 1));
    }
    return slice_of("", 0);
}

static bool is_address(const char *host)
{
    unsigned char scratch[16];
    return inet_pton(AF_INET, host, scratch) == 1 || inet_pton(AF_INET6, host, scratch) == 1;
}

static bool read_slot(const struct reply *r, uint16_t *out)
{
    int64_t n = reply_integer(r);
    if (reply_type(r) != REPLY_INTEGER || n < 0 || n >= CLUSTER_SLOTS)
        return false;
    *out = (uint16_t)n;
    return true;
}

static bool read_node(const struct reply *node, const char *asked_host, struct topology_range *out)
{
    const struct reply *host = reply_at(node, 0), *port = reply_at(node, 1);
    if (reply_count(node) < 2 || reply_type(port) != REPLY_INTEGER || reply_integer(port) < 1 ||
        reply_integer(port) > 65535)
        return false;
    out->port = (uint16_t)reply_integer(port);
    out->tls_name[0] = '\0';
    if (reply_type(host) == REPLY_NIL || (reply_type(host) == REPLY_STRING && reply_text(host).len == 0))
        return topology_host(slice_cstr(asked_host), out->host);
    if (reply_type(host) != REPLY_STRING || !topology_host(reply_text(host), out->host))
        return false;
    struct slice name = metadata_hostname(reply_at(node, 3));
    if (is_address(out->host) && name.len > 0)
        return topology_host(name, out->tls_name);
    return true;
}

bool topology_range(const struct reply *reply, size_t i, const char *asked_host, struct topology_range *out)
{
    const struct reply *range = reply_at(reply, i);
    return reply_count(range) >= 3 && read_slot(reply_at(range, 0), &out->first) &&
           read_slot(reply_at(range, 1), &out->last) && out->first <= out->last &&
           read_node(reply_at(range, 2), asked_host, out);
}
