/* S3's events. An entry that goes is not fetched again here: its next reader does that, under the lease, and what nobody reads
 * costs nothing more. */
#include "inner.h"

#define AT_ONCE 64

static bool is_ours(const struct objects *o, const struct object_event *event, struct cache_key *key)
{
    struct error ignored;
    const struct object_name name = { event->bucket, event->key };
    return objects_settings_has_bucket(o->options.settings, event->bucket) &&
           cache_key_of(&name, key, &ignored) == STATUS_OK;
}

static enum status judge(struct objects *o, struct call *const *calls, size_t n, size_t *dropped, struct error *err)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < n; i++) {
        if (call_status(calls[i]) != STATUS_OK)
            continue;
        enum cache_drop result = cache_drop_result(call_reply(calls[i]));
        metrics_count(o->metrics.events, (const size_t[]){ result }, 1);
        *dropped += result == CACHE_DROP_DROPPED;
        if (result == CACHE_DROPS)
            status = error_set(err, STATUS_RECORD_DAMAGED, "the cache's answer makes no sense");
    }
    return status;
}

/* So many of them as are run at once. *taken: how many events that were. */
static enum status forget_some(struct objects *o, const struct object_event *events, size_t n, int64_t deadline_ms,
                               size_t *taken, size_t *dropped, struct error *err)
{
    struct call *calls[AT_ONCE];
    struct cache_key key;
    size_t n_calls = 0;
    enum status status = STATUS_OK;
    for (*taken = 0; status == STATUS_OK && *taken < n && n_calls < AT_ONCE; ++*taken) {
        if (!is_ours(o, &events[*taken], &key))
            continue;
        calls[n_calls] = cache_drop_call(&key, events[*taken].etag);
        if (calls[n_calls] == NULL)
            status = error_set(err, STATUS_INTERNAL, "out of memory");
        else
            n_calls++;
    }
    if (status == STATUS_OK && n_calls > 0) {
        status = cluster_run(o->cache.cluster, calls, n_calls, deadline_ms, err);
        enum status judged = judge(o, calls, n_calls, dropped, err);
        status = status == STATUS_OK ? judged : status;
    }
    for (size_t i = 0; i < n_calls; i++)
        call_release(calls[i]);
    return status;
}

enum status objects_forget(struct objects *o, const struct object_event *events, size_t n, int64_t deadline_ms,
                           size_t *dropped, struct error *err)
{
    enum status status = STATUS_OK;
    *dropped = 0;
    for (size_t at = 0, taken = 0; status == STATUS_OK && at < n; at += taken)
        status = forget_some(o, events + at, n - at, deadline_ms, &taken, dropped, err);
    return status;
}
