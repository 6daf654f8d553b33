#include "customerd/aws/endpoint.h"

const char *aws_domain(const char *region)
{
    static const struct {
        const char *prefix;
        const char *domain;
    } partitions[] = {
        { "cn-", "amazonaws.com.cn" },
        { "us-iso-", "c2s.ic.gov" },
        { "us-isob-", "sc2s.sgov.gov" },
        { "us-isof-", "csp.hci.ic.gov" },
        { "eu-isoe-", "cloud.adc-e.uk" },
        { "eusc-", "amazonaws.eu" },
    };
    for (size_t i = 0; i < sizeof partitions / sizeof *partitions; i++)
        if (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) == 0)
            return partitions[i].domain;
    return "amazonaws.com";
}

/* Names below localhost are the loopback's, too (RFC 6761 section 6.3), and libcurl asks nobody about them: buckets stand there as part
 * of the host. */
static bool is_below_localhost(struct slice host)
{
    static const char end[] = ".localhost";
    size_t len = sizeof end - 1;
    return host.len > len && memcmp(host.ptr + host.len - len, end, len) == 0;
}

static bool is_loopback(struct slice host)
{
    if (slice_is(host, "localhost") || is_below_localhost(host) || slice_is(host, "[::1]"))
        return true;
    if (!slice_starts_with(host, "127."))
        return false;
    for (size_t i = 0; i < host.len; i++)
        if (host.ptr[i] != '.' && (host.ptr[i] < '0' || host.ptr[i] > '9'))
            return false;
    return true;
}

struct slice aws_endpoint_name(struct slice authority)
{
    for (size_t i = authority.len; i-- > 0;) {
        if (authority.ptr[i] == ']')
            return authority;
        if (authority.ptr[i] == ':')
            return slice_of(authority.ptr, i);
    }
    return authority;
}

static bool is_authority(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool ok = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' ||
                  c == ':' || c == '[' || c == ']';
        if (!ok)
            return false;
    }
    return text.len > 0;
}

static void host_set(struct slice authority, bool https, struct aws_endpoint *out)
{
    struct slice host = aws_endpoint_name(authority);
    const char *own_port = https ? ":443" : ":80";
    bool is_own_port = slice_is(slice_from(authority, host.len), own_port);
    struct slice shown = is_own_port ? host : authority;
    size_t n = 0;
    for (; n < shown.len; n++)
        out->host[n] = shown.ptr[n] >= 'A' && shown.ptr[n] <= 'Z' ? (char)(shown.ptr[n] - 'A' + 'a') : shown.ptr[n];
    out->host[n] = '\0';
}

enum status aws_endpoint_parse(const char *name, const char *url, struct aws_endpoint *out, struct error *err)
{
    struct slice text = slice_cstr(url);
    bool https = slice_starts_with(text, "https://");
    if (!https && !slice_starts_with(text, "http://"))
        return error_set(err, STATUS_UNAVAILABLE, "%s must begin with https://", name);
    struct slice authority = slice_from(text, strlen(https ? "https://" : "http://"));
    if (authority.len > 0 && authority.ptr[authority.len - 1] == '/')
        authority.len--;
    if (!is_authority(authority) || authority.len >= sizeof out->host)
        return error_set(err, STATUS_UNAVAILABLE, "%s must be a scheme, a host and perhaps a port", name);
    if (!https && !is_loopback(aws_endpoint_name(authority)))
        return error_set(err, STATUS_UNAVAILABLE, "%s must be https unless it is on the loopback", name);
    out->https = https;
    memcpy(out->authority, authority.ptr, authority.len);
    out->authority[authority.len] = '\0';
    host_set(authority, https, out);
    return STATUS_OK;
}
