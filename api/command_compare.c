#include "customerd/api/command_options.h"
#include "customerd/aws/s3.h"
#include "customerd/core/json_utf8.h"
#include "customerd/objects/comparison.h"

#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "objects_command.h"

#define REQUESTS_MAX 100000
#define OUT_MAX_BYTES (256u << 10)
#define WARM_TRIES 3

struct compare_arguments {
    const char *bucket;
    const char *key;
    const char *requests;
    const char *svg;
    bool json;
    int64_t n;
};

struct measurement {
    struct objects_command command;
    struct object_name name;
    int64_t *s3_ns, *cache_ns; /* room for all requests */
    size_t n_s3, n_cache;
    struct comparison result;
    struct error reason;       /* of the last read that failed */
};

static void print_help(void)
{
    puts("usage: customerd compare --bucket NAME --key KEY [OPTIONS] [FLAGS]\n\n"
         "Reads one object again and again, in turn from S3 and from the cache, and tells how long that took: average,\n"
         "minimum, maximum, percentiles, a histogram, and by how much the cache shortens the average. The object is brought\n"
         "into the cache first, and the first read of each is not counted: it opens connections.\n\n"
         "  --bucket NAME    one of CUSTOMERD_OBJECT_BUCKETS\n"
         "  --key KEY        the object's key, as S3 has it\n"
         "  --requests N     reads of each, 1 to 100000 (100)\n"
         "  --json           JSON instead of the table\n"
         "  --svg FILE       draws a picture, too\n\n"
         "exit status:\n"
         "  0   measured\n"
         "  1   not measured: the settings, S3, or the cache; the object is absent, or too long to be kept\n"
         "  2   an option is wrong\n"
         "  3   measured, but some reads failed\n\n"
         "It takes the settings of `customerd serve`; each flag is also an environment variable, and a flag wins.\n\nflags:");
    objects_command_print_flags(stdout);
}

/* ---- reads ---- */

static int64_t now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* -1 when it failed. */
static int64_t read_s3(struct measurement *m)
{
    const struct s3_get get = {
        .bucket = m->name.bucket,
        .key = m->name.key,
        .body_max = (size_t)m->command.settings->bounds.cache_max_bytes,
        .deadline_ms = objects_command_deadline_ms(&m->command),
    };
    struct s3_reply reply = { .status = 0 };
    int64_t begin = now_ns();
    enum status status = s3_get(objects_service_s3(m->command.service), &get, &reply, &m->reason);
    int64_t taken = now_ns() - begin;
    if (status == STATUS_OK && reply.status != 200)
        status = error_set(&m->reason, STATUS_NOT_FOUND, "S3 answered %d", reply.status);
    else if (status == STATUS_OK && reply.stream != NULL)
        status = error_set(&m->reason, STATUS_BODY_TOO_LARGE, "the object has become too long to be kept");
    else if (status == STATUS_OK)
        m->result.size = reply.body.len;
    s3_reply_clean_up(&reply);
    return status == STATUS_OK ? taken : -1;
}

/* *hit: the cache alone answered. */
static int64_t read_cache(struct measurement *m, bool *hit)
{
    const struct object_wish wish = { .head = false };
    struct object_view view;
    object_view_init(&view);
    int64_t begin = now_ns();
    enum status status = objects_get(objects_service_objects(m->command.service), &m->name, &wish,
                                     objects_command_deadline_ms(&m->command), &view, &m->reason);
    int64_t taken = now_ns() - begin;
    *hit = view.source == OBJECT_HIT;
    object_view_clean_up(&view);
    return status == STATUS_OK ? taken : -1;
}

static void count_s3(struct measurement *m)
{
    int64_t ns = read_s3(m);
    if (ns < 0)
        m->result.s3.failures++;
    else
        m->s3_ns[m->n_s3++] = ns;
}

static void count_cache(struct measurement *m)
{
    bool hit = false;
    int64_t ns = read_cache(m, &hit);
    if (ns < 0)
        m->result.cache.failures++;
    else if (!hit)
        m->result.misses++;
    else
        m->cache_ns[m->n_cache++] = ns;
}

/* ---- the whole ---- */

static enum status bring_into_cache(struct measurement *m, struct error *err)
{
    enum object_warmth warmth = OBJECT_NOT_KEPT;
    for (int i = 0; i < WARM_TRIES && warmth == OBJECT_NOT_KEPT; i++) {
        enum status status = objects_warm(objects_service_objects(m->command.service), &m->name,
                                          objects_command_deadline_ms(&m->command), &warmth, err);
        if (status != STATUS_OK)
            return status;
    }
    if (warmth == OBJECT_IS_ABSENT)
        return error_set(err, STATUS_NOT_FOUND, "there is no such object");
    if (warmth == OBJECT_IS_TOO_LONG)
        return error_set(err, STATUS_BAD_PARAMETER, "the object is longer than CUSTOMERD_OBJECT_CACHE_MAX_BYTES, and never kept");
    if (warmth == OBJECT_NOT_KEPT)
        return error_set(err, STATUS_NOT_READY, "the object is being written, and not kept meanwhile; try again");
    return STATUS_OK;
}

/* In turn, and the first one in turn, so that whatever else the machine does meets both alike. */
static enum status measure(struct measurement *m, int64_t n, struct error *err)
{
    bool hit;
    enum status status = bring_into_cache(m, err);
    if (status != STATUS_OK)
        return status;
    (void)read_s3(m);
    (void)read_cache(m, &hit);
    for (int64_t i = 0; i < n; i++) {
        if (i % 2 == 0)
            count_s3(m);
        count_cache(m);
        if (i % 2 != 0)
            count_s3(m);
    }
    if (m->n_s3 == 0)
        return error_set(err, m->reason.code, "no read from S3 went well: %.200s", m->reason.detail);
    if (m->n_cache == 0)
        return error_set(err, STATUS_UNAVAILABLE, "the cache never had it: %.200s",
                         m->result.cache.failures > 0 ? m->reason.detail : "it evicts, or somebody writes");
    m->result.requests = (size_t)n;
    m->result.s3.latency = latency_summarize(m->s3_ns, m->n_s3);
    m->result.cache.latency = latency_summarize(m->cache_ns, m->n_cache);
    return STATUS_OK;
}

static enum status write_picture(const struct comparison *c, const char *path, struct error *err)
{
    struct buf svg = BUF_INIT(OUT_MAX_BYTES);
    comparison_svg(c, &svg);
    FILE *file = buf_ok(&svg) ? fopen(path, "we") : NULL;
    bool written = file != NULL && fwrite(svg.data, 1, svg.len, file) == svg.len;
    written = file != NULL && fclose(file) == 0 && written;
    buf_clean_up(&svg);
    return written ? STATUS_OK : error_set(err, STATUS_INTERNAL, "--svg: %.200s can't be written", path);
}

static enum status print(const struct comparison *c, bool json, struct error *err)
{
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    if (json)
        comparison_json(c, &out);
    else
        comparison_table(c, &out);
    bool written = buf_ok(&out) && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_clean_up(&out);
    return written ? STATUS_OK : error_set(err, STATUS_INTERNAL, "the result can't be written");
}

static enum status run(struct measurement *m, const struct compare_arguments *a, struct error *err)
{
    enum status status = objects_command_start(&m->command, err);
    if (status == STATUS_OK)
        status = objects_command_wait(&m->command, NULL, NULL, err);
    if (status == STATUS_OK)
        status = measure(m, a->n, err);
    m->result.bucket = m->name.bucket;
    m->result.key = m->name.key;
    if (status == STATUS_OK && a->svg != NULL)
        status = write_picture(&m->result, a->svg, err);
    return status == STATUS_OK ? print(&m->result, a->json, err) : status;
}

static enum status check_arguments(struct compare_arguments *a, struct error *err)
{
    if (a->bucket == NULL || a->key == NULL)
        return error_set(err, STATUS_BAD_PARAMETER, "--bucket and --key are needed");
    struct slice key = slice_cstr(a->key);
    if (key.len < 1 || key.len > OBJECT_KEY_MAX_BYTES || !utf8_look(key).valid)
        return error_set(err, STATUS_BAD_PARAMETER, "--key: expected 1 to %d bytes of UTF-8", OBJECT_KEY_MAX_BYTES);
    a->n = 100;
    return command_option_number("--requests", a->requests, 1, REQUESTS_MAX, &a->n, err);
}

static int fail(const struct error *err, int code)
{
    fprintf(stderr, "customerd compare: %s\n", err->detail);
    return code;
}

/* The settings are whole; m is cleaned up by the caller. */
static int compare(struct measurement *m, const struct compare_arguments *a)
{
    struct error err = { .code = STATUS_OK };
    m->name = (struct object_name){ slice_cstr(a->bucket), slice_cstr(a->key) };
    m->s3_ns = calloc((size_t)a->n, sizeof *m->s3_ns);
    m->cache_ns = calloc((size_t)a->n, sizeof *m->cache_ns);
    if (m->s3_ns == NULL || m->cache_ns == NULL)
        return fail(&(struct error){ .detail = "out of memory" }, EXIT_FAILURE);
    enum status status = run(m, a, &err);
    objects_command_clean_up(&m->command);
    if (status != STATUS_OK)
        return fail(&err, EXIT_FAILURE);
    if (m->result.s3.failures + m->result.cache.failures == 0)
        return EXIT_SUCCESS;
    return fail(&m->reason, EXIT_IN_PART);
}

int command_compare(int argc, char *const *argv)
{
    struct compare_arguments a = { .bucket = NULL };
    struct error err = { .code = STATUS_OK };
    const struct command_option options[] = {
        { "--bucket", &a.bucket, NULL }, { "--key", &a.key, NULL }, { "--requests", &a.requests, NULL },
        { "--svg", &a.svg, NULL },       { "--json", NULL, &a.json }, { NULL, NULL, NULL },
    };
    int n_rest = 0;
    if (command_wants_help(argc, argv)) {
        print_help();
        return EXIT_SUCCESS;
    }
    struct measurement *m = calloc(1, sizeof *m);
    char **rest = calloc((size_t)argc, sizeof *rest);
    int code = EXIT_FAILURE;
    if (m == NULL || rest == NULL)
        code = fail(&(struct error){ .detail = "out of memory" }, EXIT_FAILURE);
    else if (command_options_take(argc, argv, options, rest, &n_rest, &err) != STATUS_OK || check_arguments(&a, &err) != STATUS_OK)
        code = fail(&err, EXIT_USAGE);
    else if (objects_command_configure(&m->command, n_rest, rest, &err) != STATUS_OK ||
             objects_command_check_bucket(&m->command, a.bucket, &err) != STATUS_OK)
        code = fail(&err, EXIT_FAILURE);
    else
        code = compare(m, &a);
    if (m != NULL) {
        free(m->s3_ns);
        free(m->cache_ns);
    }
    free(m);
    free(rest);
    return code;
}
