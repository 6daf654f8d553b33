#include "objects_fixture.h"

#include "cache.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY "a key"
#define TIMEOUT_MS 3000

/* ---- S3 ---- */

static enum fake_mood take_mood(struct fake_s3 *s)
{
    enum fake_mood mood = s->mood;
    if (!s->mood_lasts)
        s->mood = FAKE_WELL;
    return mood;
}

static bool gate_is_open(void *gate)
{
    return atomic_load(&((struct gate *)gate)->open);
}

void wait_at_gate(void *gate)
{
    (void)atomic_fetch_add(&((struct gate *)gate)->arrived, 1);
    (void)poll_until(gate_is_open, gate, 2000);
}

bool gate_is_reached(void *gate)
{
    return atomic_load(&((struct gate *)gate)->arrived) > 0;
}

static void call_back(void (*callback)(void *ctx), void *ctx)
{
    if (callback != NULL)
        callback(ctx);
}

/* The ETag is the content itself. */
static void fill_meta(const char *content, const char *type, struct s3_meta *out)
{
    char text[128];
    int n = snprintf(text, sizeof text, "\"%s\"%s", content, type);
    size_t etag_len = strlen(content) + 2;
    out->length = (int64_t)strlen(content);
    out->text = strdup(text);
    out->fields[S3_ETAG] = slice_of(out->text, etag_len);
    out->fields[S3_LAST_MODIFIED] = slice_cstr("Thu, 26 Nov 2026 13:00:00 GMT");
    out->fields[S3_CONTENT_TYPE] = slice_of(out->text + etag_len, (size_t)n - etag_len);
}

static enum status told_so(struct error *err, enum fake_mood mood)
{
    (void)error_set(err, mood == FAKE_IS_SLOW ? STATUS_S3_TIMED_OUT : STATUS_S3_UNAVAILABLE, "told so");
    err->applied = mood == FAKE_LOSES_ANSWER ? APPLIED_UNKNOWN : APPLIED_NO;
    return err->code;
}

static enum status fake_get(void *ctx, const struct s3_get *get, struct s3_reply *out, struct error *err)
{
    struct fake_s3 *s = ctx;
    (void)atomic_fetch_add(get->head ? &s->heads : &s->gets, 1);
    if (!get->head)
        call_back(s->before, s->ctx);
    pthread_mutex_lock(&s->lock);
    enum fake_mood mood = take_mood(s);
    char content[64], type[32];
    snprintf(content, sizeof content, "%s", s->content);
    snprintf(type, sizeof type, "%s", s->type);
    pthread_mutex_unlock(&s->lock);
    call_back(get->head ? s->after_head : s->after, s->ctx);
    if (mood != FAKE_WELL)
        return told_so(err, mood);
    out->status = content[0] == '\0' ? 404 : 200;
    if (out->status == 404)
        return STATUS_OK;
    fill_meta(content, type, &out->meta);
    buf_init(&out->body, 64);
    if (!get->head)
        buf_append_cstr(&out->body, content);
    return STATUS_OK;
}

static enum status change(struct fake_s3 *s, struct slice content, int status, struct s3_reply *out, struct error *err)
{
    call_back(s->before, s->ctx);
    pthread_mutex_lock(&s->lock);
    enum fake_mood mood = take_mood(s);
    if (mood == FAKE_WELL || mood == FAKE_LOSES_ANSWER)
        snprintf(s->content, sizeof s->content, "%.*s", (int)content.len, content.ptr);
    if (content.len > 0)
        fill_meta(s->content, s->type, &out->meta);
    pthread_mutex_unlock(&s->lock);
    call_back(s->after, s->ctx);
    out->status = mood == FAKE_REFUSES ? 412 : status;
    return mood == FAKE_WELL || mood == FAKE_REFUSES ? STATUS_OK : told_so(err, mood);
}

static enum status fake_put(void *ctx, const struct s3_put *what, struct s3_reply *out, struct error *err)
{
    struct fake_s3 *s = ctx;
    (void)atomic_fetch_add(&s->puts, 1);
    return change(s, what->body, 200, out, err);
}

static enum status fake_remove(void *ctx, const struct s3_delete *what, struct s3_reply *out, struct error *err)
{
    struct fake_s3 *s = ctx;
    (void)what;
    (void)atomic_fetch_add(&s->deletes, 1);
    return change(s, slice_of("", 0), 204, out, err);
}

void fake_set(struct fixture *f, const char *content)
{
    pthread_mutex_lock(&f->s3.lock);
    snprintf(f->s3.content, sizeof f->s3.content, "%s", content);
    pthread_mutex_unlock(&f->s3.lock);
}

/* ---- the server and the instances ---- */

int objects_tests_run(const struct CMUnitTest *tests, size_t n)
{
    return redis_tests_run("objects", tests, n, "");
}

static bool is_connected(void *ctx)
{
    struct cluster_state state;
    cluster_state(ctx, &state);
    return state.slots_served == 16384;
}

int fixture_set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct error err;
    f->redis = redis_tests_server();
    redis_command(redis_tests_server(), "FLUSHALL");
    pthread_mutex_init(&f->s3.lock, NULL);
    snprintf(f->settings.buckets, sizeof f->settings.buckets, "%s", BUCKET);
    f->settings.cache.timeout_ms = 1000;
    f->settings.bounds = (struct objects_bounds){
        .cache_max_bytes = 40, .put_max_bytes = 1000, .ttl_s = 300, .stale_s = 3600, .absent_ttl_s = 10, .fence_ms = 30000,
    };
    f->settings.s3.timeout_ms = 2000;
    snprintf(f->s3.type, sizeof f->s3.type, "text/plain");
    for (int i = 0; i < INSTANCES; i++) {
        f->clusters[i] = redis_tests_connect(f->redis);
        assert_true(poll_until(is_connected, f->clusters[i], 5000));
        const struct objects_options options = {
            .cluster = f->clusters[i],
            .origin = { fake_get, fake_put, fake_remove, &f->s3 },
            .settings = &f->settings,
            .clock = clock_system(),
        };
        f->instances[i] = objects_new(&options, &err);
        assert_non_null(f->instances[i]);
    }
    *state = f;
    return 0;
}

int fixture_tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < INSTANCES; i++) {
        objects_destroy(f->instances[i]);
        cluster_destroy(f->clusters[i]);
    }
    pthread_mutex_destroy(&f->s3.lock);
    free(f);
    return 0;
}

/* ---- requests ---- */

static const struct object_name object = { SLICE(BUCKET), SLICE(KEY) };

struct got get_within(struct fixture *f, int instance, int64_t timeout_ms)
{
    struct got got = { .text = "failed" };
    struct object_view view;
    struct error err;
    const struct object_wish wish = { .head = false };
    object_view_init(&view);
    got.status = objects_get(f->instances[instance], &object, &wish, monotonic_ms() + timeout_ms, &view, &err);
    got.source = view.source;
    got.age_ms = view.age_ms;
    if (got.status == STATUS_OK)
        snprintf(got.text, sizeof got.text, "%.*s", (int)view.body.len, view.body.ptr);
    else if (got.status == STATUS_NOT_FOUND)
        snprintf(got.text, sizeof got.text, "absent");
    if (got.status == STATUS_OK) {
        char etag[80];
        snprintf(etag, sizeof etag, "\"%s\"", got.text);
        assert_true(slice_is(view.meta->fields[S3_ETAG], etag));
        assert_true(slice_is(view.meta->fields[S3_LAST_MODIFIED], "Thu, 26 Nov 2026 13:00:00 GMT"));
        snprintf(got.type, sizeof got.type, "%.*s", (int)view.meta->fields[S3_CONTENT_TYPE].len, view.meta->fields[S3_CONTENT_TYPE].ptr);
        assert_int_equal(view.meta->length, view.body.len);
    }
    object_view_clean_up(&view);
    return got;
}

struct got get(struct fixture *f, int instance)
{
    return get_within(f, instance, TIMEOUT_MS);
}

void assert_got(struct got got, enum object_source source, const char *text)
{
    assert_string_equal(got.text, text);
    assert_int_equal(got.source, source);
}

enum status put(struct fixture *f, int instance, const char *content, struct error *err)
{
    struct object_written written;
    const struct object_content c = { .body = slice_cstr(content), .content_type = SLICE("text/plain") };
    return objects_put(f->instances[instance], &object, &c, monotonic_ms() + TIMEOUT_MS, &written, err);
}

enum status delete(struct fixture *f, int instance, struct error *err)
{
    struct object_written written;
    return objects_delete(f->instances[instance], &object, slice_of("", 0), monotonic_ms() + TIMEOUT_MS, &written, err);
}

void forget(struct fixture *f, const char *etag)
{
    size_t dropped;
    struct error err;
    const struct object_event events[] = {
        { SLICE("other"), SLICE("x"), SLICE("") },
        { object.bucket, object.key, slice_cstr(etag) },
    };
    assert_int_equal(objects_forget(f->instances[0], events, 2, monotonic_ms() + TIMEOUT_MS, &dropped, &err), STATUS_OK);
}

/* ---- what the cache has ---- */

static const char *key_text(char letter)
{
    static char text[3][96];
    struct cache_key key;
    struct error err;
    char *out = text[letter == 'o' ? 0 : letter == 'l' ? 1 : 2];
    assert_int_equal(cache_key_of(&object, &key, &err), STATUS_OK);
    snprintf(out, sizeof text[0], "\"%.*s\"", (int)key.len, key.entry);
    strchr(out, '}')[1] = letter;
    return out;
}

const char *entry_key(void)
{
    return key_text('o');
}

const char *lease_key(void)
{
    return key_text('l');
}

char kept_kind(struct fixture *f)
{
    char line[128];
    snprintf(line, sizeof line, "GETRANGE %s 0 0", entry_key());
    const char *reply = redis_command(f->redis, line);
    return strncmp(reply, "$1\r\n", 4) == 0 ? reply[4] : '-';
}

static bool exists(struct fixture *f, const char *key)
{
    char line[128];
    snprintf(line, sizeof line, "EXISTS %s", key);
    return strncmp(redis_command(f->redis, line), ":1", 2) == 0;
}

bool has_lease(struct fixture *f)
{
    return exists(f, lease_key());
}

bool has_spare(struct fixture *f)
{
    return exists(f, key_text('s'));
}

bool keeps_nothing(void *fixture)
{
    return kept_kind(fixture) == '-';
}

void age_entry(struct fixture *f, int64_t ms)
{
    char line[160];
    snprintf(line, sizeof line, "PTTL %s", entry_key());
    long long left = atoll(redis_command(f->redis, line) + 1);
    snprintf(line, sizeof line, "PEXPIRE %s %lld", entry_key(), left - (long long)ms);
    assert_int_equal(strncmp(redis_command(f->redis, line), ":1", 2), 0);
}
