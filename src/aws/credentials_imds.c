#include "customerd/aws/provider.h"

#include <stdio.h>

/* IMDSv2 only: a session token by PUT, which a proxy or a forged GET can't make; never the first version. */
#define IPV4_ENDPOINT "http://169.254.169.254"
#define IPV6_ENDPOINT "http://[fd00:ec2::254]"
#define SESSION_TTL "X-aws-ec2-metadata-token-ttl-seconds: 21600"
#define ROLE_PATH "/latest/meta-data/iam/security-credentials/"
#define ATTEMPTS 2
#define ATTEMPT_TIMEOUT_MS 1000
#define DEADLINE_MS 6000
#define URL_MAX_BYTES 512

/* One conversation: all requests share the deadline. */
struct imds {
    const struct credentials_env *env;
    char endpoint[256];
    struct provider_bounds bounds;
    struct buf session_line; /* the header line */
};

static bool is_true(const char *text)
{
    return text != NULL && strcasecmp(text, "true") == 0;
}

static enum credentials_result endpoint_find(struct imds *imds, struct error *err)
{
    const char *given = provider_getenv(imds->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT");
    const char *mode = provider_getenv(imds->env, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE");
    if (given == NULL)
        given = mode != NULL && strcasecmp(mode, "ipv6") == 0 ? IPV6_ENDPOINT : IPV4_ENDPOINT;
    size_t n = strlen(given);
    while (n > 0 && given[n - 1] == '/')
        n--;
    if ((strncmp(given, "http://", 7) != 0 && strncmp(given, "https://", 8) != 0) || n >= sizeof imds->endpoint ||
        !provider_is_one_line(slice_of(given, n)))
        return provider_fail(err, "imds: AWS_EC2_METADATA_SERVICE_ENDPOINT is not an http URL");
    memcpy(imds->endpoint, given, n);
    imds->endpoint[n] = '\0';
    return CREDENTIALS_FOUND;
}

static enum credentials_result ask(const struct imds *imds, const char *method, const char *header, const char *path,
                                   struct http_response *response, struct error *err)
{
    char url[URL_MAX_BYTES];
    if (snprintf(url, sizeof url, "%s%s", imds->endpoint, path) >= (int)sizeof url)
        return provider_fail(err, "imds: the URL is too long");
    struct http_request request = { .method = method, .url = url, .headers = &header, .n_headers = 1 };
    if (provider_send(imds->env, &request, &imds->bounds, response, err) != STATUS_OK)
        return provider_fail(err, "imds: %s", err->detail);
    if (response->status != 200)
        return provider_fail(err, "imds: the metadata service answered %d to %s", response->status,
                             strcmp(method, "PUT") == 0 ? "the session's PUT" : "a GET");
    return CREDENTIALS_FOUND;
}

static enum credentials_result session_begin(struct imds *imds, struct error *err)
{
    struct http_response response = { .status = 0 };
    enum credentials_result result = ask(imds, "PUT", SESSION_TTL, "/latest/api/token", &response, err);
    struct slice token = buf_slice(&response.body);
    if (result == CREDENTIALS_FOUND) {
        buf_append_cstr(&imds->session_line, "X-aws-ec2-metadata-token: ");
        buf_append(&imds->session_line, token);
        if (token.len == 0 || !provider_is_one_line(token) || !buf_ok(&imds->session_line))
            result = provider_fail(err, "imds: the session's token is empty, too long, or holds a line break");
    }
    buf_clean_up_secure(&response.body);
    return result;
}

static bool is_role_name(struct slice name)
{
    static const char marks[] = "+=,.@_-";
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && memchr(marks, c, sizeof marks - 1) == NULL)
            return false;
    }
    return name.len > 0 && name.len <= 64;
}

static enum credentials_result role_find(const struct imds *imds, char *path, size_t size, struct error *err)
{
    struct http_response response = { .status = 0 };
    enum credentials_result result = ask(imds, "GET", imds->session_line.data, ROLE_PATH, &response, err);
    if (response.status == 404)
        result = provider_fail(err, "imds: the instance has no role; attach an instance profile to it");
    if (result == CREDENTIALS_FOUND) {
        struct slice name = buf_slice(&response.body);
        while (name.len > 0 && (name.ptr[name.len - 1] == '\n' || name.ptr[name.len - 1] == '\r'))
            name.len--;
        if (is_role_name(name))
            snprintf(path, size, ROLE_PATH "%.*s", (int)name.len, name.ptr);
        else
            result = provider_fail(err, "imds: the answer is not a role's name");
    }
    buf_clean_up(&response.body);
    return result;
}

static enum credentials_result role_keys(const struct imds *imds, const char *path, struct credentials *out,
                                         struct error *err)
{
    static const struct provider_json form = { .source = "imds", .token_member = "Token", .temporary = true,
                                               .stays_usable = true };
    struct http_response response = { .status = 0 };
    enum credentials_result result = ask(imds, "GET", imds->session_line.data, path, &response, err);
    if (result == CREDENTIALS_FOUND)
        result = provider_parse_json(&form, buf_slice(&response.body), clock_realtime_ms(imds->env->clock), out, err);
    buf_clean_up_secure(&response.body);
    return result;
}

enum credentials_result credentials_from_imds(const struct credentials_env *env, struct credentials *out,
                                              struct error *err)
{
    struct imds imds = { .env = env, .session_line = BUF_INIT(2048) };
    char path[sizeof ROLE_PATH + 64];
    if (is_true(provider_getenv(env, "AWS_EC2_METADATA_DISABLED")))
        return CREDENTIALS_ABSENT;
    imds.bounds = (struct provider_bounds){ .attempts = ATTEMPTS, .attempt_timeout_ms = ATTEMPT_TIMEOUT_MS,
                                            .deadline_ms = clock_monotonic_ms(env->clock) + DEADLINE_MS };
    enum credentials_result result = endpoint_find(&imds, err);
    if (result == CREDENTIALS_FOUND)
        result = session_begin(&imds, err);
    if (result == CREDENTIALS_FOUND)
        result = role_find(&imds, path, sizeof path, err);
    if (result == CREDENTIALS_FOUND)
        result = role_keys(&imds, path, out, err);
    buf_clean_up_secure(&imds.session_line);
    return result;
}
