#include "fake_env.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *get_variable(void *ctx, const char *name)
{
    const struct fake_env *f = ctx;
    for (size_t i = f->n_variables; i-- > 0;)
        if (strcmp(f->variables[i].name, name) == 0)
            return f->variables[i].value;
    return NULL;
}

static int64_t get_realtime(void *ctx)
{
    struct fake_env *f = ctx;
    return f->realtime_ms;
}

static int64_t get_monotonic(void *ctx)
{
    struct fake_env *f = ctx;
    return f->monotonic_ms;
}

static void record(struct fake_env *f, const struct http_request *request)
{
    if (f->n_requests < FAKE_MAX) {
        struct fake_request *r = &f->requests[f->n_requests];
        snprintf(r->method, sizeof r->method, "%s", request->method);
        snprintf(r->url, sizeof r->url, "%s", request->url);
        snprintf(r->body, sizeof r->body, "%.*s", (int)request->body.len, request->body.len > 0 ? request->body.ptr : "");
        size_t at = 0;
        for (size_t i = 0; i < request->n_headers; i++)
            at += (size_t)snprintf(r->headers + at, sizeof r->headers - at, "%s\n", request->headers[i]);
    }
    f->n_requests++;
}

static enum status fetch(void *ctx, const struct http_request *request, struct http_response *out, struct error *err)
{
    struct fake_env *f = ctx;
    size_t at = f->n_requests < f->n_replies ? f->n_requests : f->n_replies - 1;
    record(f, request);
    if (f->n_replies == 0 || f->replies[at].status == 0)
        return error_set(err, STATUS_UNAVAILABLE, "the fake transport failed");
    out->status = f->replies[at].status;
    buf_append_cstr(&out->body, f->replies[at].body == NULL ? "" : f->replies[at].body);
    if (!buf_ok(&out->body))
        return error_set(err, STATUS_UNAVAILABLE, "the answer is too long");
    return STATUS_OK;
}

void fake_env_init(struct fake_env *f)
{
    memset(f, 0, sizeof *f);
    f->realtime_ms = FAKE_NOW_MS;
    f->monotonic_ms = 1000;
    f->clock = (struct clock){ get_realtime, get_monotonic, f };
    f->http = (struct http_client){ fetch, f };
    f->env = (struct credentials_env){ get_variable, f, &f->clock, &f->http, NULL };
}

void fake_set(struct fake_env *f, const char *name, const char *value)
{
    assert_true(f->n_variables < FAKE_MAX);
    f->variables[f->n_variables].name = name;
    f->variables[f->n_variables++].value = value;
}

void fake_reply(struct fake_env *f, int status, const char *body)
{
    assert_true(f->n_replies < FAKE_MAX);
    f->replies[f->n_replies++] = (struct fake_reply){ status, body };
}

static char scratch[64];
static char paths[64][128];
static size_t n_paths;

static void scratch_remove(void)
{
    for (size_t i = 0; i < n_paths; i++)
        unlink(paths[i]);
    rmdir(scratch);
}

const char *fake_file(const char *name, const char *text)
{
    if (scratch[0] == '\0') {
        snprintf(scratch, sizeof scratch, "/tmp/customerd-test-XXXXXX");
        assert_non_null(mkdtemp(scratch));
        atexit(scratch_remove);
    }
    assert_true(n_paths < sizeof paths / sizeof *paths);
    char *path = paths[n_paths++];
    snprintf(path, sizeof paths[0], "%s/%s", scratch, name);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    fputs(text, f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, 0700), 0);
    return path;
}

void expect_found(enum credentials_result result, struct credentials *c, const char *source, const char *id,
                  const char *secret, const char *token)
{
    assert_int_equal(result, CREDENTIALS_FOUND);
    assert_string_equal(c->source, source);
    assert_string_equal(c->access_key_id.ptr, id);
    assert_string_equal(c->secret_access_key.ptr, secret);
    assert_true(slice_is(secret_slice(&c->session_token), token));
    credentials_clean_up(c);
}

void expect_failed(enum credentials_result result, const struct error *err, const char *word)
{
    assert_int_equal(result, CREDENTIALS_FAILED);
    if (strstr(err->detail, word) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", err->detail, word);
}
