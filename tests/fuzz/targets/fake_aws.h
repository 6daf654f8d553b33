/* fake_aws: an environment for credential providers: variables in a table, a clock that stands, and an HTTP client whose
 * answers are the pieces of the input, one after another. */
#ifndef CUSTOMERD_TESTS_FUZZ_FAKE_AWS_H
#define CUSTOMERD_TESTS_FUZZ_FAKE_AWS_H

#include "customerd/aws/credentials.h"
#include "fuzz.h"

#define FAKE_NOW_MS 1700000000000

struct fake_variable {
    const char *name;
    const char *value;
};

struct fake_aws {
    struct credentials_env env;
    struct clock clock;
    struct http_client http;
    const struct fake_variable *variables; /* ended by a NULL name */
    struct slice answers;                  /* separated by NUL; the last one is given again */
};

static inline const char *fake_getenv(void *ctx, const char *name)
{
    const struct fake_aws *f = ctx;
    for (const struct fake_variable *v = f->variables; v->name != NULL; v++)
        if (strcmp(v->name, name) == 0)
            return v->value;
    return NULL;
}

static inline int64_t fake_now(void *ctx)
{
    (void)ctx;
    return FAKE_NOW_MS;
}

static inline enum status fake_fetch(void *ctx, const struct http_request *request, struct http_response *out,
                                     struct error *err)
{
    struct fake_aws *f = ctx;
    struct slice rest = f->answers;
    struct slice answer = slice_take(&rest, '\0');
    for (size_t i = 0; i < request->n_headers; i++)
        REQUIRE(strpbrk(request->headers[i], "\r\n") == NULL);
    if (rest.len > 0)
        f->answers = rest;
    out->status = 200;
    buf_append(&out->body, answer);
    return buf_ok(&out->body) ? STATUS_OK : error_set(err, STATUS_UNAVAILABLE, "the answer is too long");
}

static inline void fake_aws_init(struct fake_aws *f, const struct fake_variable *variables, struct slice answers)
{
    *f = (struct fake_aws){ .variables = variables, .answers = answers };
    f->clock = (struct clock){ .realtime_ms = fake_now, .monotonic_ms = fake_now };
    f->http = (struct http_client){ .fetch = fake_fetch, .ctx = f };
    f->env = (struct credentials_env){ .getenv = fake_getenv, .getenv_ctx = f, .clock = &f->clock, .http = &f->http };
}

/* What holds of every outcome; cleans up. */
static inline void fake_check(enum credentials_result result, struct credentials *c, const struct error *err)
{
    if (result == CREDENTIALS_FOUND) {
        REQUIRE(c->access_key_id.len > 0 && c->secret_access_key.len > 0 && c->expires_at_ms > FAKE_NOW_MS);
        REQUIRE(strlen(c->access_key_id.ptr) == c->access_key_id.len && strpbrk(c->access_key_id.ptr, "\r\n") == NULL);
        REQUIRE(strlen(c->secret_access_key.ptr) == c->secret_access_key.len);
        REQUIRE(c->session_token.len == 0 || strpbrk(c->session_token.ptr, "\r\n") == NULL);
    } else if (result == CREDENTIALS_FAILED) {
        REQUIRE(err->code == STATUS_UNAVAILABLE && err->detail[0] != '\0');
        for (const char *at = err->detail; *at != '\0'; at++)
            REQUIRE((unsigned char)*at >= ' ' && *at != 0x7f);
    }
    credentials_clean_up(c);
}

#endif
