/* After a snapshot was restored, or a failover lost what had been acknowledged, the buckets are of different moments: claims
 * may be missing or name nobody, and claim numbers that were used may come again.
 *
 *   raise    the meta key: a later epoch, a new pass, "a restore runs"       no replica boots from now on
 *   close    the pass into the fence of every bucket                         no replica's write is let in from now on
 *   settle   every begun e-mail change is rolled back, every release done
 *   scrub    passes over everything, until one finds nothing to repair
 *   open     the meta key: "no restore runs"                                 replicas boot, in the new epoch
 *
 * Each step may be repeated. A restore that finds another's mark goes on with its epoch and pass, so that it may be killed
 * anywhere, and run twice at once. */
#include "customerd/customers/restore.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "healer.h"

#define PASSES_MAX 20
#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 500
#define UNTOLD_MS 1000 /* connecting takes a moment, of which nobody need be told */
#define TOLD_EVERY 32 /* buckets */

struct restore {
    struct customers *c;
    const struct restore_options *options;
    struct customers_state state;
    struct scrub scrub;
    struct meta meta;
    bool hopeless;    /* what failed will not be better in a while */
    atomic_bool stop; /* stays false: a signal ends the program, and the next run goes on */
};

__attribute__((format(printf, 2, 3))) static void say(const struct restore *r, const char *format, ...)
{
    char text[200];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    r->options->say(r->options->ctx, text);
}

static int64_t now_ms(const struct restore *r)
{
    return clock_monotonic_ms(r->c->options.clock);
}

static int64_t deadline_ms(const struct restore *r)
{
    return now_ms(r) + HEALER_STEP_MS;
}

typedef enum status step_fn(struct restore *r, struct error *err);

/* A shard may be away for a while: tries a step again until it has failed for as long as was allowed. */
static enum status persist(struct restore *r, step_fn *step, struct error *err)
{
    int64_t begun_ms = now_ms(r), pause_ms = PAUSE_MIN_MS;
    char told[sizeof err->detail] = "";
    for (;;) {
        enum status status = step(r, err);
        if (status == STATUS_OK || r->hopeless || now_ms(r) - begun_ms >= r->options->patience_ms)
            return status;
        if (now_ms(r) - begun_ms > UNTOLD_MS && strcmp(told, err->detail) != 0) {
            say(r, "waiting: %.150s", err->detail);
            snprintf(told, sizeof told, "%s", err->detail);
        }
        r->options->pause(r->options->ctx, pause_ms);
        pause_ms = pause_ms < PAUSE_MAX_MS ? 2 * pause_ms : PAUSE_MAX_MS;
    }
}

static enum status check(struct restore *r, struct error *err)
{
    return boot_check_shards(r->c, deadline_ms(r), err);
}

/* ---- raise ---- */

/* The latest epoch that any bucket was written in, the current restore's aside. */
static enum status read_fences(struct restore *r, const struct meta *meta, uint32_t *latest, struct error *err)
{
    struct call *calls[BUCKETS];
    for (int b = 0; b < BUCKETS; b++) {
        struct key fence = key_of_bucket((uint8_t)b, 'e');
        const struct slice words[] = { SLICE("GET"), key_slice(&fence) };
        calls[b] = store_command(CALL_READ, (uint8_t)b, words, 2);
    }
    enum status status = store_run(r->c, calls, BUCKETS, deadline_ms(r), err);
    for (int b = 0; b < BUCKETS; b++) {
        struct slice pass = status == STATUS_OK ? reply_text(call_reply(calls[b])) : slice_of("", 0);
        uint32_t epoch = 1;
        if (!(meta->restoring && slice_is(pass, meta->pass)) && pass_epoch(pass, &epoch) && epoch > *latest)
            *latest = epoch;
        call_release(calls[b]);
    }
    return status;
}

static enum status write_meta(struct restore *r, const struct meta *before, uint32_t epoch, const char *pass, bool runs,
                              struct error *err)
{
    char number[8];
    snprintf(number, sizeof number, "%u", epoch);
    const struct slice args[] = { SLICE(META_KEY), slice_cstr(before->pass), slice_cstr(before->restoring ? "1" : ""),
                                  slice_cstr(number), slice_cstr(pass), slice_cstr(runs ? "1" : "") };
    const struct call_options options = {
        .lane = CALL_WRITE,
        .target = CALL_TO_SLOT,
        .slot = cluster_key_slot(slice_cstr(META_KEY)),
        .script = &script_restore,
        .args = args,
        .n_args = 6,
        .n_keys = 1,
    };
    struct call *call = NULL;
    enum status status = store_run_take(r->c, call_new(&options), deadline_ms(r), &call, err);
    if (status == STATUS_OK && !slice_is(reply_text(reply_at(call_reply(call), 0)), "done"))
        status = error_set(err, STATUS_NOT_READY, "the key " META_KEY " was changed by somebody else");
    call_release(call);
    return status;
}

static enum status make_pass(uint32_t epoch, char pass[PASS_SIZE], struct error *err)
{
    uint8_t random[8];
    char hex[2 * sizeof random + 1];
    if (!random_bytes(random, sizeof random))
        return error_set(err, STATUS_INTERNAL, "no pass could be made");
    hex_encode(random, sizeof random, hex);
    snprintf(pass, PASS_SIZE, "%u-%s", epoch, hex);
    return STATUS_OK;
}

/* Goes on with the restore that runs, or begins one; afterwards r->meta is as the key tells. */
static enum status raise_epoch(struct restore *r, struct error *err)
{
    struct meta found;
    uint32_t latest = 0;
    char pass[PASS_SIZE];
    enum status status = meta_read(r->c, &found, deadline_ms(r), err);
    r->hopeless = status == STATUS_NOT_READY;
    if (status == STATUS_OK)
        status = read_fences(r, &found, &latest, err);
    if (status != STATUS_OK)
        return status;
    bool goes_on = found.restoring && latest < found.epoch;
    if (!goes_on) {
        uint32_t epoch = (found.epoch > latest ? found.epoch : latest) + 1;
        if (epoch > EPOCH_MAX)
            return error_set(err, STATUS_NOT_READY, "there is no later epoch than %u", found.epoch);
        status = make_pass(epoch, pass, err);
        if (status == STATUS_OK)
            status = write_meta(r, &found, epoch, pass, true, err);
        if (status == STATUS_OK)
            status = meta_read(r->c, &found, deadline_ms(r), err); /* what was written, be it by another */
    }
    if (status == STATUS_OK)
        status = boot_admit(r->c, &found, err);
    if (status != STATUS_OK)
        return status;
    r->meta = found;
    crypto_wipe(found.salt, sizeof found.salt);
    say(r, goes_on ? "going on with the restore to epoch %u" : "epoch %u: replicas admit nothing until this has ended",
        r->meta.epoch);
    return STATUS_OK;
}

/* ---- close ---- */

static enum status close_buckets(struct restore *r, struct error *err)
{
    struct call *calls[BUCKETS];
    for (int b = 0; b < BUCKETS; b++) {
        struct key fence = key_of_bucket((uint8_t)b, 'e');
        const struct slice words[] = { SLICE("SET"), key_slice(&fence), slice_cstr(r->meta.pass) };
        calls[b] = store_command(CALL_WRITE, (uint8_t)b, words, 3);
    }
    enum status status = store_run(r->c, calls, BUCKETS, deadline_ms(r), err);
    for (int b = 0; b < BUCKETS; b++)
        call_release(calls[b]);
    return status;
}

/* ---- settle and scrub ---- */

static enum status settle(struct restore *r, struct error *err)
{
    size_t seen = 1;
    enum status status = STATUS_OK;
    while (seen > 0 && status == STATUS_OK)
        status = sweep_everything(r->c, &r->state, &seen, err);
    return status;
}

static enum status scrub_next_bucket(struct restore *r, struct error *err)
{
    uint64_t violations = r->state.violations, damaged = r->scrub.damaged;
    enum status status = scrub_bucket(&r->scrub, (uint8_t)r->scrub.bucket, err);
    if (status == STATUS_OK) {
        r->scrub.bucket++;
    } else { /* it is gone over again, and must not count twice */
        r->state.violations = violations;
        r->scrub.damaged = damaged;
    }
    return status;
}

static enum status scrub_next_keys(struct restore *r, struct error *err)
{
    return scrub_keys(&r->scrub, err);
}

static uint64_t repairs(const struct customers_state *state)
{
    return state->repaired_claims + state->repaired_index + state->removed_orphans;
}

static enum status scrub_all(struct restore *r, int pass, struct error *err)
{
    enum status status = STATUS_OK;
    r->state.violations = 0;
    r->scrub = (struct scrub){ .c = r->c, .state = &r->state, .stop = &r->stop };
    while (r->scrub.bucket < BUCKETS && status == STATUS_OK) {
        status = persist(r, scrub_next_bucket, err);
        if (r->scrub.bucket % TOLD_EVERY == 0)
            say(r, "pass %d: %u of %d buckets compared, %llu repairs so far", pass, r->scrub.bucket, BUCKETS,
                (unsigned long long)repairs(&r->state));
    }
    size_t shards = cluster_shard_count(r->c->options.cluster);
    while (r->scrub.shard < shards && status == STATUS_OK)
        status = persist(r, scrub_next_keys, err);
    return status;
}

/* A pass that repairs may uncover what the next one repairs: an entry that is listed again has a claim to be looked at. */
static enum status scrub_until_clean(struct restore *r, struct error *err)
{
    for (int pass = 1; pass <= PASSES_MAX; pass++) {
        uint64_t before = repairs(&r->state);
        enum status status = scrub_all(r, pass, err);
        if (status != STATUS_OK || repairs(&r->state) == before)
            return status;
    }
    return error_set(err, STATUS_NOT_READY, "after %d passes there is still something to repair: does anything else write?",
                     PASSES_MAX);
}

/* ---- open ---- */

static enum status open_buckets(struct restore *r, struct error *err)
{
    struct meta now;
    enum status status = meta_read(r->c, &now, deadline_ms(r), err);
    if (status != STATUS_OK)
        return status;
    crypto_wipe(now.salt, sizeof now.salt);
    if (strcmp(now.pass, r->meta.pass) != 0)
        return error_set(err, STATUS_NOT_READY, "another restore has begun meanwhile, of epoch %u", now.epoch);
    return now.restoring ? write_meta(r, &now, now.epoch, now.pass, false, err) : STATUS_OK;
}

static enum status run(struct restore *r, struct error *err)
{
    static step_fn *const steps[] = { check, raise_epoch, close_buckets, settle };
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sizeof steps / sizeof *steps && status == STATUS_OK; i++)
        status = persist(r, steps[i], err);
    if (status == STATUS_OK)
        status = scrub_until_clean(r, err);
    return status == STATUS_OK ? persist(r, open_buckets, err) : status;
}

enum status customers_restore(const struct customers_options *options, const struct restore_options *how,
                              struct restore_report *out, struct error *err)
{
    struct customers *c = customers_new_unhealed(options, err);
    if (c == NULL)
        return err->code;
    struct restore r = { .c = c, .options = how };
    enum status status = run(&r, err);
    *out = (struct restore_report){
        .epoch = r.meta.epoch,
        .rolled_back = r.state.fenced,
        .released = r.state.released,
        .repaired_claims = r.state.repaired_claims,
        .repaired_index = r.state.repaired_index,
        .removed_claims = r.state.removed_orphans,
        .shared_emails = r.state.violations,
        .damaged = r.scrub.damaged,
    };
    crypto_wipe(r.meta.salt, sizeof r.meta.salt);
    customers_destroy(c);
    return status;
}
