#include "store_fixture.h"

#include <stdio.h>

/* ---- the server and the replicas ---- */

int store_tests_run(const struct CMUnitTest *tests, size_t n)
{
    return redis_tests_run("store", tests, n, "--maxmemory-policy noeviction");
}

void replica_start(const struct fixture *f, struct replica *r, int64_t sweep_ms, int64_t scrub_ms)
{
    r->cluster = redis_tests_connect(f->redis);
    const struct customers_options options = {
        .cluster = r->cluster,
        .clock = clock_system(),
        .store = { .sweep_interval_ms = sweep_ms, .scrub_pause_ms = scrub_ms },
        .request_timeout_ms = FIXTURE_TIMEOUT_MS,
    };
    struct error err;
    r->customers = customers_new(&options, &err);
    assert_non_null(r->customers);
}

static bool is_ready(void *ctx)
{
    const struct replica *r = ctx;
    struct error err;
    return customers_ready(r->customers, &err) == STATUS_OK;
}

void replica_await_ready(struct replica *r)
{
    struct error err;
    if (!poll_until(is_ready, r, 20000))
        fail_msg("not ready: %s", customers_ready(r->customers, &err) == STATUS_OK ? "" : err.detail);
}

void replica_stop(struct replica *r)
{
    customers_destroy(r->customers);
    cluster_destroy(r->cluster);
    *r = (struct replica){ .cluster = NULL };
}

int store_set_up(void **state)
{
    static struct fixture f;
    f = (struct fixture){ .redis = redis_tests_server() };
    redis_command(redis_tests_server(), "CONFIG SET maxmemory 0");
    redis_command(redis_tests_server(), "FLUSHALL");
    replica_start(&f, &f.a, IDLE_MS, IDLE_MS);
    replica_start(&f, &f.b, IDLE_MS, IDLE_MS);
    replica_await_ready(&f.a);
    replica_await_ready(&f.b);
    *state = &f;
    return 0;
}

int store_tear_down(void **state)
{
    struct fixture *f = *state;
    replica_stop(&f->a);
    replica_stop(&f->b);
    return 0;
}

/* ---- requests ---- */

int64_t soon_ms(void)
{
    return monotonic_ms() + FIXTURE_TIMEOUT_MS;
}

struct write_options options_keyed(const char *method, const char *key)
{
    return (struct write_options){
        .idempotency = { .given = key != NULL,
                         .method = slice_cstr(method),
                         .path = slice_cstr("/customers"),
                         .key = slice_cstr(key) },
    };
}

struct write_options options_if_match(uint64_t version)
{
    return (struct write_options){ .if_match = { .given = true, .n_versions = 1, .versions = { version } } };
}

static struct outcome outcome_begin(const struct write_options *given, struct write_options *options)
{
    struct outcome o = { .err = { .code = STATUS_OK } };
    answer_init(&o.answer);
    *options = given == NULL ? (struct write_options){ .deadline_ms = 0 } : *given;
    if (options->deadline_ms == 0)
        options->deadline_ms = soon_ms();
    return o;
}

void outcome_clean_up(struct outcome *o)
{
    answer_clean_up(&o->answer);
}

static void parse(const char *json, enum customer_mode mode, struct customer *out)
{
    struct findings f;
    struct error err;
    findings_init(&f);
    customer_init(out);
    if (customer_parse(slice_cstr(json), mode, NULL, out, &f, &err) != STATUS_OK)
        fail_msg("%s: %.*s", json, (int)f.json.len, f.json.data == NULL ? "" : f.json.data);
    findings_clean_up(&f);
}

struct outcome do_create(const struct replica *r, const char *json, const struct write_options *given)
{
    struct write_options options;
    struct customer customer;
    struct outcome o = outcome_begin(given, &options);
    parse(json, CUSTOMER_CREATE, &customer);
    o.status = customers_create(r->customers, &customer, &options, &o.answer, &o.err);
    customer_clean_up(&customer);
    return o;
}

struct outcome do_get(const struct replica *r, const struct uuid *id)
{
    struct write_options options;
    struct outcome o = outcome_begin(NULL, &options);
    o.status = customers_get(r->customers, id, options.deadline_ms, &o.answer, &o.err);
    return o;
}

struct outcome do_replace(const struct replica *r, const struct uuid *id, const char *json,
                          const struct write_options *given)
{
    struct write_options options;
    struct customer customer;
    struct outcome o = outcome_begin(given, &options);
    parse(json, CUSTOMER_REPLACE, &customer);
    o.status = customers_replace(r->customers, id, &customer, &options, &o.answer, &o.err);
    customer_clean_up(&customer);
    return o;
}

struct outcome do_patch(const struct replica *r, const struct uuid *id, const char *json,
                        const struct write_options *given)
{
    struct write_options options;
    struct customer_patch *patch = NULL;
    struct findings f;
    struct outcome o = outcome_begin(given, &options);
    findings_init(&f);
    assert_int_equal(customer_patch_parse(slice_cstr(json), id, &patch, &f, &o.err), STATUS_OK);
    o.status = customers_patch(r->customers, id, patch, &options, &o.answer, &f, &o.err);
    customer_patch_destroy(patch);
    findings_clean_up(&f);
    return o;
}

struct outcome do_delete(const struct replica *r, const struct uuid *id, const struct write_options *given)
{
    struct write_options options;
    struct outcome o = outcome_begin(given, &options);
    o.status = customers_delete(r->customers, id, &options, &o.answer, &o.err);
    return o;
}

void assert_status(const struct outcome *o, enum status expected)
{
    if (o->status != expected)
        fail_msg("got %s (%s), expected %s", status_slug(o->status), o->status == STATUS_OK ? "" : o->err.detail,
                 status_slug(expected));
    if (expected != STATUS_OK)
        assert_int_equal(o->err.code, expected);
}

static void expect(struct outcome o, enum status expected)
{
    assert_status(&o, expected);
    outcome_clean_up(&o);
}

struct uuid create_ok(const struct replica *r, const char *json)
{
    struct outcome o = do_create(r, json, NULL);
    assert_status(&o, STATUS_OK);
    outcome_clean_up(&o);
    return o.answer.id;
}

void expect_create(const struct replica *r, const char *json, enum status expected)
{
    expect(do_create(r, json, NULL), expected);
}

void expect_get(const struct replica *r, const struct uuid *id, enum status expected)
{
    expect(do_get(r, id), expected);
}

void expect_replace(const struct replica *r, const struct uuid *id, const char *json, enum status expected)
{
    expect(do_replace(r, id, json, NULL), expected);
}

void expect_patch(const struct replica *r, const struct uuid *id, const char *json, enum status expected)
{
    expect(do_patch(r, id, json, NULL), expected);
}

void expect_delete(const struct replica *r, const struct uuid *id, enum status expected)
{
    expect(do_delete(r, id, NULL), expected);
}

void assert_holds(const struct answer *a, const char *text)
{
    struct slice json = buf_slice(&a->json);
    if (memmem(json.ptr, json.len, text, strlen(text)) == NULL)
        fail_msg("`%.*s` holds no `%s`", (int)json.len, json.ptr, text);
}

void assert_owner(const struct replica *r, const char *email, const struct uuid *id)
{
    struct page page;
    struct error err;
    page_init(&page);
    assert_int_equal(customers_find_by_email(r->customers, slice_cstr(email), soon_ms(), &page, &err), STATUS_OK);
    assert_int_equal(page.count, id == NULL ? 0 : 1);
    if (id != NULL) {
        char text[UUID_TEXT_SIZE];
        uuid_format(id, text);
        struct slice items = buf_slice(&page.items);
        if (memmem(items.ptr, items.len, text, sizeof text - 1) == NULL)
            fail_msg("%s belongs to %.*s", email, (int)items.len, items.ptr);
    }
    page_clean_up(&page);
}

/* ---- what is stored ---- */

struct call *raw_call(const struct replica *r, const struct slice *words, size_t n)
{
    const struct call_options options = { .lane = CALL_WRITE, .target = CALL_TO_SLOT, .args = words, .n_args = n };
    struct call *call = call_new(&options);
    struct error err;
    assert_non_null(call);
    if (cluster_run(r->cluster, &call, 1, monotonic_ms() + 10000, &err) != STATUS_OK)
        fail_msg("%.*s: %s", (int)words[0].len, words[0].ptr, err.detail);
    return call;
}

int64_t raw_integer(const struct replica *r, const struct slice *words, size_t n)
{
    struct call *call = raw_call(r, words, n);
    int64_t value = reply_integer(call_reply(call));
    call_release(call);
    return value;
}

struct email_hash hash_of(const struct replica *r, const char *email)
{
    struct email_hash hash;
    struct error err;
    assert_int_equal(store_email_hash(r->customers, slice_cstr(email), hash.bytes, &err), STATUS_OK);
    return hash;
}

int64_t count_releases(const struct replica *r, const struct uuid *id)
{
    struct key key = key_of_bucket(uuid_bucket(id), 'r');
    return RAW(r, slice_cstr("SCARD"), key_slice(&key));
}

bool has_intent(const struct replica *r, const struct uuid *id)
{
    struct key key = key_of_bucket(uuid_bucket(id), 'p');
    return RAW(r, slice_cstr("HEXISTS"), key_slice(&key), slice_of(id->bytes, UUID_BYTES)) == 1;
}

bool claim_of(const struct replica *r, const char *email, struct claim *out)
{
    struct email_hash eh = hash_of(r, email);
    struct key key = key_claims(eh.bytes);
    const struct slice words[] = { SLICE("HGET"), key_slice(&key), slice_of(eh.bytes, sizeof eh.bytes) };
    struct call *call = raw_call(r, words, 3);
    bool found = claim_parse(reply_text(call_reply(call)), out);
    call_release(call);
    return found;
}

void set_claim(const struct replica *r, const char *email, const struct claim *claim)
{
    uint8_t text[CLAIM_BYTES];
    struct email_hash eh = hash_of(r, email);
    struct key key = key_claims(eh.bytes);
    claim_format(claim, text);
    RAW(r, slice_cstr("HSET"), key_slice(&key), slice_of(eh.bytes, sizeof eh.bytes), slice_of(text, sizeof text));
}

struct uuid insert_record(const struct replica *r, uint8_t bucket, int64_t created_ms, const char *name)
{
    char json[64];
    struct customer customer;
    struct uuid id;
    struct buf record = BUF_INIT(4096);
    static const char head[25] = { 1, 0, 0, 0, 0, 0, 1 }; /* format 1, version 1 */
    snprintf(json, sizeof json, "{\"name\":\"%s\"}", name);
    parse(json, CUSTOMER_CREATE, &customer);
    assert_true(uuid_new(created_ms, bucket, &id));
    buf_append(&record, slice_of(head, sizeof head));
    customer_encode(&customer, &record);
    struct key key = key_record(&id), index = key_of_bucket(bucket, 'i');
    RAW(r, slice_cstr("SET"), key_slice(&key), buf_slice(&record));
    RAW(r, slice_cstr("ZADD"), key_slice(&index), slice_cstr("0"), slice_of(id.bytes, UUID_BYTES));
    customer_clean_up(&customer);
    buf_clean_up(&record);
    return id;
}

/* ---- the steps of an e-mail change ---- */

/* Runs a script; what it says is the word and the first number behind it. */
static enum word step(const struct replica *r, const struct script *script, uint8_t bucket, const struct args *args,
                      int64_t *number)
{
    struct call *call = NULL;
    enum word word;
    struct error err;
    if (store_script(r->customers, script, bucket, args, soon_ms(), &call, &word, &err) != STATUS_OK)
        fail_msg("%s: %s", script->name, err.detail);
    if (number != NULL)
        *number = reply_integer(reply_at(call_reply(call), 1));
    call_release(call);
    return word;
}

/* The marker comes first; every step is an operation of its own. */
static struct key some_marker(uint8_t bucket, uint8_t operation[OPERATION_BYTES])
{
    assert_true(random_bytes(operation, OPERATION_BYTES));
    return key_marker(bucket, operation);
}

static const uint8_t no_fingerprint[FINGERPRINT_BYTES];

uint64_t step_begin(const struct replica *r, const struct uuid *id, const char *email, int64_t life_ms)
{
    uint8_t bucket = uuid_bucket(id), operation[OPERATION_BYTES];
    const struct key keys[] = { some_marker(bucket, operation), key_record(id), key_of_bucket(bucket, 'p'),
                                key_of_bucket(bucket, 'r') };
    struct email_hash eh = hash_of(r, email);
    struct args args;
    int64_t n = 0;
    args_init_writing(&args, keys, 4);
    args_bytes(&args, no_fingerprint, sizeof no_fingerprint);
    args_bytes(&args, operation, ATTEMPT_BYTES);
    args_bytes(&args, id->bytes, UUID_BYTES);
    args_bytes(&args, eh.bytes, sizeof eh.bytes);
    args_first_number(&args, r->customers);
    args_number(&args, (uint64_t)life_ms);
    for (int i = 0; i < 3; i++)
        args_slice(&args, slice_cstr(""));
    args_bytes(&args, operation, OPERATION_BYTES);
    assert_int_equal(step(r, &script_begin, bucket, &args, &n), WORD_BEGUN);
    return (uint64_t)n;
}

enum word step_claim(const struct replica *r, const struct uuid *id, const char *email, uint64_t n)
{
    struct email_hash eh = hash_of(r, email);
    struct key claims = key_claims(eh.bytes);
    struct args args;
    args_init_writing(&args, &claims, 1);
    args_bytes(&args, eh.bytes, sizeof eh.bytes);
    args_bytes(&args, id->bytes, UUID_BYTES);
    args_number(&args, n);
    args_slice(&args, slice_cstr(""));
    return step(r, &script_claim, email_bucket(eh.bytes), &args, NULL);
}

enum word step_commit(const struct replica *r, const struct uuid *id, uint64_t n, const char *json)
{
    uint8_t bucket = uuid_bucket(id), operation[OPERATION_BYTES];
    const struct key keys[] = { some_marker(bucket, operation), key_record(id), key_of_bucket(bucket, 'p'),
                                key_of_bucket(bucket, 'r') };
    struct customer customer;
    struct buf body = BUF_INIT(CUSTOMER_MAX_BYTES);
    parse(json, CUSTOMER_REPLACE, &customer);
    customer_encode(&customer, &body);
    struct args args;
    args_init_writing(&args, keys, 4);
    args_bytes(&args, no_fingerprint, sizeof no_fingerprint);
    args_bytes(&args, operation, ATTEMPT_BYTES);
    args_number(&args, 60);
    args_slice(&args, slice_cstr("0"));
    args_bytes(&args, id->bytes, UUID_BYTES);
    args_number(&args, (uint64_t)clock_realtime_ms(clock_system()));
    args_slice(&args, buf_slice(&body));
    args_number(&args, n);
    for (int i = 0; i < 3; i++)
        args_slice(&args, slice_cstr(""));
    enum word word = step(r, &script_commit, bucket, &args, NULL);
    customer_clean_up(&customer);
    buf_clean_up(&body);
    return word;
}

void step_delete(const struct replica *r, const struct uuid *id)
{
    uint8_t bucket = uuid_bucket(id), operation[OPERATION_BYTES];
    const struct key keys[] = { some_marker(bucket, operation), key_record(id), key_of_bucket(bucket, 'i'),
                                key_of_bucket(bucket, 'r'), key_of_bucket(bucket, 'p') };
    struct args args;
    args_init_writing(&args, keys, 5);
    args_bytes(&args, no_fingerprint, sizeof no_fingerprint);
    args_bytes(&args, operation, ATTEMPT_BYTES);
    args_number(&args, 60);
    args_bytes(&args, id->bytes, UUID_BYTES);
    args_slice(&args, slice_cstr(""));
    args_slice(&args, slice_cstr(""));
    assert_int_equal(step(r, &script_delete, bucket, &args, NULL), WORD_DONE);
}
