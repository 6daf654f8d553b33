#include "customerd/aws/provider.h"

#include <stdio.h>

/* Amazon ECS gives a path on its own address, EKS Pod Identity a whole URL. Plain http is bounded to the loopback and
 * AWS's link-local addresses by the HTTP client, which judges the address that it dials. */
#define ECS_HOST "http://169.254.170.2"
#define AUTHORIZATION_MAX_BYTES 16384

static enum credentials_result url_find(const struct credentials_env *env, struct buf *url, struct error *err)
{
    const char *relative = provider_getenv(env, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = provider_getenv(env, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (relative != NULL && *relative != '/')
        return provider_fail(err, "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI must begin with /");
    if (relative != NULL) {
        buf_append_cstr(url, ECS_HOST);
        buf_append_cstr(url, relative);
    } else if (full != NULL) {
        if (strncmp(full, "http://", 7) != 0 && strncmp(full, "https://", 8) != 0)
            return provider_fail(err, "container: AWS_CONTAINER_CREDENTIALS_FULL_URI must begin with http:// or https://");
        buf_append_cstr(url, full);
    } else {
        return CREDENTIALS_ABSENT;
    }
    if (!buf_ok(url) || !provider_is_one_line(buf_slice(url)))
        return provider_fail(err, "container: the credentials' URL is too long or holds a control character");
    return CREDENTIALS_FOUND;
}

/* The header line, or none. The file comes first and is read anew each time: Kubernetes rotates it. */
static enum credentials_result authorization_find(const struct credentials_env *env, struct buf *line, struct error *err)
{
    const char *file = provider_getenv(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = provider_getenv(env, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    if (file == NULL && token == NULL)
        return CREDENTIALS_ABSENT;
    buf_append_cstr(line, "Authorization: ");
    size_t prefix = line->len;
    if (file == NULL)
        buf_append_cstr(line, token);
    else if (provider_read_file(file, line, err) != CREDENTIALS_FOUND)
        return CREDENTIALS_FAILED;
    if (!buf_ok(line) || line->len == prefix || !provider_is_one_line(buf_slice(line)))
        return provider_fail(err, "container: the authorization token is empty, too long, or holds a line break");
    return CREDENTIALS_FOUND;
}

static enum credentials_result ask(const struct credentials_env *env, const char *url, const char *authorization,
                                   struct credentials *out, struct error *err)
{
    static const struct provider_json form = { .source = "container", .token_member = "Token", .temporary = true };
    const char *headers[] = { "Accept: application/json", authorization };
    struct http_request request = { .method = "GET", .url = url, .headers = headers,
                                    .n_headers = authorization == NULL ? 1 : 2 };
    struct provider_bounds bounds = provider_bounds(env);
    struct http_response response = { .status = 0 };
    enum credentials_result result;
    if (provider_send(env, &request, &bounds, &response, err) != STATUS_OK)
        result = provider_fail(err, "container: %s", err->detail);
    else if (response.status != 200)
        result = provider_fail(err, "container: the endpoint answered %d", response.status);
    else
        result = provider_parse_json(&form, buf_slice(&response.body), clock_realtime_ms(env->clock), out, err);
    buf_clean_up_secure(&response.body);
    return result;
}

enum credentials_result credentials_from_container(const struct credentials_env *env, struct credentials *out,
                                                   struct error *err)
{
    struct buf url = BUF_INIT(4096);
    struct buf authorization = BUF_INIT(AUTHORIZATION_MAX_BYTES);
    enum credentials_result result = url_find(env, &url, err);
    if (result != CREDENTIALS_FOUND)
        goto out;
    result = authorization_find(env, &authorization, err);
    if (result == CREDENTIALS_FAILED)
        goto out;
    result = ask(env, url.data, result == CREDENTIALS_FOUND ? authorization.data : NULL, out, err);
out:
    buf_clean_up_secure(&authorization);
    buf_clean_up(&url);
    return result;
}
