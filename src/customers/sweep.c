/* The sweeper. Most buckets have nothing to do: two small reads each, all pipelined. Samples are random, so that replicas
 * that sweep at once seldom repeat each other, and no entry waits for ever behind one that can't be healed now. */
#include "healer.h"

#define INTENTS_SAMPLE "16"
#define RELEASES_SAMPLE "32"

static struct call *ask(uint8_t bucket, bool intents)
{
    struct key key = key_of_bucket(bucket, intents ? 'p' : 'r');
    const struct slice of_intents[] = { SLICE("HRANDFIELD"), key_slice(&key), SLICE(INTENTS_SAMPLE), SLICE("WITHVALUES") };
    const struct slice of_releases[] = { SLICE("SRANDMEMBER"), key_slice(&key), SLICE(RELEASES_SAMPLE) };
    const struct call_options options = {
        .lane = CALL_READ,
        .target = CALL_TO_SLOT,
        .slot = bucket_slot(bucket),
        .args = intents ? of_intents : of_releases,
        .n_args = intents ? 4 : 3,
    };
    return call_new(&options);
}

static void sweep_intents(struct customers *c, const struct reply *reply, int64_t deadline_ms,
                          struct customers_state *state)
{
    int64_t now_ms = clock_realtime_ms(c->options.clock);
    for (size_t i = 0; i + 1 < reply_count(reply); i += 2) {
        struct slice name = reply_text(reply_at(reply, i));
        struct intent intent;
        if (name.len != UUID_BYTES || !intent_parse(reply_text(reply_at(reply, i + 1)), &intent) ||
            intent.deadline_ms > now_ms)
            continue;
        struct uuid id;
        memcpy(id.bytes, name.ptr, UUID_BYTES);
        struct error ignored;
        enum word word;
        if (store_abort(c, &id, intent.n, true, deadline_ms, &word, &ignored) == STATUS_OK && word == WORD_ABORTED)
            state->fenced++;
    }
}

static void sweep_releases(struct customers *c, const struct reply *reply, int64_t deadline_ms,
                           struct customers_state *state)
{
    for (size_t i = 0; i < reply_count(reply); i++) {
        struct slice release = reply_text(reply_at(reply, i));
        struct error ignored;
        bool released = false;
        if (release.len == RELEASE_BYTES &&
            store_release(c, release, deadline_ms, &released, &ignored) == STATUS_OK && released)
            state->released++;
    }
}

enum status sweep_buckets(struct customers *c, int64_t deadline_ms, struct customers_state *state, struct error *err)
{
    struct call *calls[2 * BUCKETS] = { NULL };
    enum status status = STATUS_OK;
    for (int i = 0; i < 2 * BUCKETS && status == STATUS_OK; i++) {
        calls[i] = ask((uint8_t)(i / 2), i % 2 == 0);
        if (calls[i] == NULL)
            status = error_set(err, STATUS_INTERNAL, "out of memory");
    }
    if (status == STATUS_OK)
        status = cluster_run(c->options.cluster, calls, 2 * BUCKETS, deadline_ms, err);
    if (status != STATUS_INTERNAL) {
        /* A shard that does not answer must not keep the others from being swept. Intents first: fencing one lists its
         * claim for release. */
        for (int i = 0; i < 2 * BUCKETS; i++) {
            if (call_status(calls[i]) != STATUS_OK)
                continue;
            if (i % 2 == 0)
                sweep_intents(c, call_reply(calls[i]), deadline_ms, state);
            else
                sweep_releases(c, call_reply(calls[i]), deadline_ms, state);
        }
    }
    for (int i = 0; i < 2 * BUCKETS; i++)
        call_release(calls[i]);
    state->sweeps++;
    return status;
}
