/* The sweeper. Most buckets have nothing to do: two small reads each, all pipelined. Samples are random, so that replicas
 * that sweep at once seldom repeat each other, and no entry waits for ever behind one that can't be healed now. */
#include "healer.h"

#define INTENTS_SAMPLE "16"
#define RELEASES_SAMPLE "32"

struct sweep {
    struct customers *c;
    struct customers_state *state;
    bool at_once; /* intents are rolled back whatever their deadline */
    size_t seen;
    int64_t deadline_ms; /* of the repairs: a shard that kept the reads waiting must not take their time too */
    struct slice releases[STORE_RELEASES_MAX]; /* borrowed from replies */
    size_t n_releases;
};

static struct call *ask(uint8_t bucket, bool intents)
{
    struct key key = key_of_bucket(bucket, intents ? 'p' : 'r');
    const struct slice of_intents[] = { SLICE("HRANDFIELD"), key_slice(&key), SLICE(INTENTS_SAMPLE), SLICE("WITHVALUES") };
    const struct slice of_releases[] = { SLICE("SRANDMEMBER"), key_slice(&key), SLICE(RELEASES_SAMPLE) };
    return intents ? store_command(CALL_READ, bucket, of_intents, 4) : store_command(CALL_READ, bucket, of_releases, 3);
}

/* Whether a deadline has passed is judged by the script, on the server's clock; most often none is there to be judged. */
static void sweep_intents(struct sweep *s, const struct reply *reply)
{
    for (size_t i = 0; i + 1 < reply_count(reply); i += 2) {
        struct slice name = reply_text(reply_at(reply, i));
        struct intent intent;
        if (name.len != UUID_BYTES || !intent_parse(reply_text(reply_at(reply, i + 1)), &intent))
            continue;
        struct uuid id;
        memcpy(id.bytes, name.ptr, UUID_BYTES);
        struct error ignored;
        enum word word;
        s->seen++;
        if (store_abort(s->c, &id, intent.n, !s->at_once, s->deadline_ms, &word, &ignored) == STATUS_OK &&
            word == WORD_ABORTED)
            s->state->fenced++;
    }
}

static void release(struct sweep *s)
{
    struct error ignored;
    enum status status =
        store_release(s->c, s->releases, s->n_releases, s->deadline_ms, &s->state->released, &ignored);
    (void)status; /* what stays listed is met again */
    s->n_releases = 0;
}

static void sweep_releases(struct sweep *s, const struct reply *reply)
{
    for (size_t i = 0; i < reply_count(reply); i++) {
        struct slice text = reply_text(reply_at(reply, i));
        if (text.len != RELEASE_BYTES)
            continue;
        s->seen++;
        s->releases[s->n_releases++] = text;
        if (s->n_releases == STORE_RELEASES_MAX)
            release(s);
    }
}

static int64_t step_from_now(const struct customers *c)
{
    return clock_monotonic_ms(c->options.clock) + HEALER_STEP_MS;
}

static enum status sweep(struct customers *c, struct customers_state *state, bool at_once, size_t *seen,
                         struct error *err)
{
    struct call *calls[2 * BUCKETS];
    for (int i = 0; i < 2 * BUCKETS; i++)
        calls[i] = ask((uint8_t)(i / 2), i % 2 == 0);
    enum status status = store_run(c, calls, 2 * BUCKETS, step_from_now(c), err);
    struct sweep s = { .c = c, .state = state, .at_once = at_once, .deadline_ms = step_from_now(c) };
    for (int i = 0; i < 2 * BUCKETS; i++) {
        if (calls[i] == NULL || call_status(calls[i]) != STATUS_OK)
            continue; /* a shard that does not answer must not keep the others from being swept */
        if (i % 2 == 0)
            sweep_intents(&s, call_reply(calls[i]));
        else
            sweep_releases(&s, call_reply(calls[i]));
    }
    release(&s);
    for (int i = 0; i < 2 * BUCKETS; i++)
        call_release(calls[i]);
    state->sweeps++;
    *seen = s.seen;
    return status;
}

enum status sweep_buckets(struct customers *c, struct customers_state *state, struct error *err)
{
    size_t ignored;
    return sweep(c, state, false, &ignored, err);
}

enum status sweep_everything(struct customers *c, struct customers_state *state, size_t *seen, struct error *err)
{
    return sweep(c, state, true, seen, err);
}
