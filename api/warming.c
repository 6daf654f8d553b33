#include "warming.h"

#include "customerd/aws/s3.h"
#include "customerd/core/json_utf8.h"

#include <errno.h>
#include <stdlib.h>

#define LOOK_MS 100
#define LIST_TRIES 5
#define OBJECT_TRIES 3
#define FIRST_PAUSE_MS 200
#define FAILURES_MAX 20 /* in a row; then it is not the objects that are at fault */
#define LINE_MAX_BYTES 65536
#define FAILURES_MAX_BYTES (16u << 20)

/* ---- waiting, with the run locked ---- */

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* False when the run stops meanwhile. */
static bool wait_until(struct warming *w, int64_t until_ms)
{
    for (int64_t left = until_ms - now_ms(); left > 0 && !w->stop; left = until_ms - now_ms())
        monitor_wait_ms(&w->monitor, left);
    return !w->stop;
}

/* Before the next try; twice as long each time. */
static bool pause_before(struct warming *w, int attempt)
{
    return wait_until(w, now_ms() + ((int64_t)FIRST_PAUSE_MS << attempt));
}

static void give_up(struct warming *w, const struct error *why)
{
    if (!w->stop)
        w->end = *why;
    w->stop = true;
    monitor_notify(&w->monitor);
}

static void give_up_for(struct warming *w, enum status code, const char *why)
{
    struct error err;
    (void)error_set(&err, code, "%s", why);
    give_up(w, &err);
}

/* ---- finding ---- */

struct pace {
    int64_t begin_ms;
    int64_t n; /* since then */
};

/* Objects are let go one by one, at even distances; what was missed in a stall is not caught up with. */
static bool keep_pace(struct warming *w, struct pace *pace)
{
    int64_t rate = w->options->rate;
    if (rate == 0)
        return !w->stop;
    int64_t due_ms = pace->begin_ms + pace->n * 1000 / rate;
    if (pace->n == 0 || now_ms() - due_ms > 1000) {
        *pace = (struct pace){ .begin_ms = now_ms() };
        due_ms = pace->begin_ms;
    }
    pace->n++;
    return wait_until(w, due_ms);
}

/* A name that the service can take from somebody; others can't be in the cache. */
static bool is_servable(struct slice key)
{
    struct utf8_facts facts = utf8_look(key);
    return key.len >= 1 && key.len <= OBJECT_KEY_MAX_BYTES && facts.valid && !facts.has_nul;
}

/* Hands a name over as soon as there is room and its turn has come; false when the run stops. */
static bool push(struct warming *w, struct pace *pace, struct slice key, uint64_t line, int64_t size)
{
    bool too_long = size > w->options->command->settings->bounds.cache_max_bytes;
    monitor_lock(&w->monitor);
    bool goes_on = too_long ? !w->stop : keep_pace(w, pace);
    while (goes_on && warm_queue_is_full(&w->queue)) {
        monitor_wait_ms(&w->monitor, LOOK_MS);
        goes_on = !w->stop;
    }
    if (goes_on && !is_servable(key))
        w->queue.counts[WARM_UNSERVABLE]++;
    else if (goes_on)
        warm_queue_push(&w->queue, key, line, size);
    monitor_notify(&w->monitor);
    monitor_unlock(&w->monitor);
    return goes_on;
}

static void give_up_listing(struct warming *w, const struct error *reason)
{
    struct error why;
    (void)error_set(&why, reason->code, "the bucket can't be listed: %.200s", reason->detail);
    monitor_lock(&w->monitor);
    give_up(w, &why);
    monitor_unlock(&w->monitor);
}

/* One page: the first, behind a key or from the beginning, or the one that the token names. False when the run stops, or S3
 * gives none. */
static bool list_page(struct warming *w, struct slice start_after, const struct buf *token, struct s3_page *page)
{
    const struct warm_scope *scope = &w->options->scope;
    struct error err = { .code = STATUS_OK };
    bool goes_on = true;
    for (int attempt = 0; goes_on; attempt++) {
        const struct s3_list list = {
            .bucket = slice_cstr(scope->bucket),
            .prefix = slice_cstr(scope->prefix),
            .start_after = start_after,
            .continuation_token = buf_slice(token),
            .deadline_ms = objects_command_deadline_ms(w->options->command),
        };
        memset(page, 0, sizeof *page);
        if (s3_list(objects_service_s3(w->options->command->service), &list, page, &err) == STATUS_OK)
            return true;
        s3_page_clean_up(page);
        monitor_lock(&w->monitor);
        goes_on = attempt + 1 < LIST_TRIES && pause_before(w, attempt);
        monitor_unlock(&w->monitor);
    }
    give_up_listing(w, &err);
    return false;
}

static void find_by_listing(struct warming *w, const struct warm_mark *begin)
{
    struct pace pace = { .n = 0 };
    struct buf token = BUF_INIT(4096);
    struct s3_page page;
    bool goes_on = list_page(w, slice_of(begin->key, begin->len), &token, &page);
    while (goes_on) {
        for (size_t i = 0; goes_on && i < page.n; i++)
            goes_on = push(w, &pace, page.entries[i].key, 0, page.entries[i].size);
        buf_clear(&token);
        buf_append(&token, page.next_token);
        s3_page_clean_up(&page);
        goes_on = goes_on && token.len > 0 && list_page(w, slice_of("", 0), &token, &page);
    }
    buf_clean_up(&token);
}

/* *more is false at the end. A line that is longer than any key is read to its end, and is no key. */
static struct slice read_line(FILE *file, char *line, bool *more)
{
    size_t n = 0;
    int c;
    while ((c = getc(file)) != EOF && c != '\n') {
        if (n < LINE_MAX_BYTES)
            line[n++] = (char)c;
    }
    *more = c != EOF || n > 0;
    return slice_of(line, n);
}

static void find_in_list(struct warming *w, const struct warm_mark *begin)
{
    struct pace pace = { .n = 0 };
    FILE *file = fopen(w->options->scope.list, "re");
    char *line = malloc(LINE_MAX_BYTES);
    bool more = file != NULL && line != NULL;
    for (uint64_t number = 1; more; number++) {
        struct slice key = read_line(file, line, &more);
        if (number <= begin->line || key.len == 0 || !slice_starts_with(key, w->options->scope.prefix))
            continue;
        more = push(w, &pace, key, number, -1) && more;
    }
    monitor_lock(&w->monitor);
    if (file == NULL || line == NULL || ferror(file))
        give_up_for(w, STATUS_INTERNAL, "--from-list: the list can't be read");
    monitor_unlock(&w->monitor);
    free(line);
    if (file != NULL)
        (void)fclose(file);
}

static void leave(struct warming *w)
{
    monitor_lock(&w->monitor);
    w->working--;
    monitor_notify(&w->monitor);
    monitor_unlock(&w->monitor);
}

static void *finder_run(void *arg)
{
    struct warming *w = arg;
    const struct warm_mark begin = w->queue.mark; /* no worker has anything yet that could move it */
    if (w->options->scope.list != NULL)
        find_in_list(w, &begin);
    else
        find_by_listing(w, &begin);
    monitor_lock(&w->monitor);
    w->found_all = true;
    monitor_unlock(&w->monitor);
    leave(w);
    return NULL;
}

/* ---- warming ---- */

static enum warm_outcome outcome_of(enum object_warmth warmth)
{
    switch (warmth) {
    case OBJECT_WAS_FRESH:
        return WARM_FRESH;
    case OBJECT_WARMED:
        return WARM_FILLED;
    case OBJECT_IS_ABSENT:
        return WARM_ABSENT;
    case OBJECT_IS_TOO_LONG:
        return WARM_TOO_LONG;
    case OBJECT_NOT_KEPT:
        break;
    }
    return WARM_BUSY;
}

/* Not locked. */
static enum warm_outcome warm_once(struct warming *w, const struct warm_item *item, struct error *err)
{
    struct objects_command *c = w->options->command;
    const struct object_name name = { slice_cstr(w->options->scope.bucket), slice_of(item->place.key, item->place.len) };
    enum object_warmth warmth = OBJECT_NOT_KEPT;
    if (item->size > c->settings->bounds.cache_max_bytes)
        return WARM_TOO_LONG;
    enum status status = objects_warm(objects_service_objects(c->service), &name, objects_command_deadline_ms(c), &warmth, err);
    if (status == STATUS_BAD_REQUEST)
        return WARM_UNSERVABLE;
    return status == STATUS_OK ? outcome_of(warmth) : WARM_FAILED;
}

/* A list has a name a line: one with a line feed can't stand in it. */
static void keep_failure(struct warming *w, struct slice key)
{
    if (memchr(key.ptr, '\n', key.len) != NULL)
        return;
    buf_append(&w->failures, key);
    buf_append_byte(&w->failures, '\n');
}

/* Locked, but for what takes long. */
static void warm(struct warming *w, struct warm_item *item)
{
    enum warm_outcome outcome = WARM_FAILED;
    struct error err = { .code = STATUS_OK };
    bool goes_on = true;
    for (int attempt = 0; outcome == WARM_FAILED && goes_on; attempt++) {
        monitor_unlock(&w->monitor);
        outcome = warm_once(w, item, &err);
        monitor_lock(&w->monitor);
        goes_on = attempt + 1 < OBJECT_TRIES && outcome == WARM_FAILED && pause_before(w, attempt);
    }
    if (outcome == WARM_FAILED && w->stop)
        return; /* it was not tried to the end: it stays unfinished, and the mark before it */
    if (outcome == WARM_FAILED) {
        w->last = err;
        keep_failure(w, slice_of(item->place.key, item->place.len));
    }
    warm_queue_finish(&w->queue, item, outcome);
    if (w->queue.failing >= FAILURES_MAX) {
        struct error why;
        (void)error_set(&why, w->last.code, "%d objects in a row failed: %.200s", FAILURES_MAX, w->last.detail);
        give_up(w, &why);
    }
    monitor_notify(&w->monitor);
}

static void *worker_run(void *arg)
{
    struct warming *w = arg;
    monitor_lock(&w->monitor);
    while (!w->stop) {
        struct warm_item *item = warm_queue_take(&w->queue);
        if (item != NULL)
            warm(w, item);
        else if (w->found_all)
            break;
        else
            monitor_wait_ms(&w->monitor, LOOK_MS);
    }
    monitor_unlock(&w->monitor);
    leave(w);
    return NULL;
}

/* ---- the run ---- */

static enum status start_threads(struct warming *w, struct error *err)
{
    bool ok = true;
    monitor_lock(&w->monitor);
    for (; ok && w->n_workers < (int)w->options->jobs; w->n_workers += ok)
        ok = monitor_start_thread(&w->workers[w->n_workers], worker_run, w);
    w->working = w->n_workers;
    bool finder = ok && monitor_start_thread(&w->finder, finder_run, w);
    w->working += finder;
    w->found_all = !finder;
    w->stop = !finder;
    monitor_unlock(&w->monitor);
    if (finder)
        return STATUS_OK;
    for (int i = 0; i < w->n_workers; i++)
        (void)pthread_join(w->workers[i], NULL);
    return error_set(err, STATUS_INTERNAL, "no thread can be started: use less --jobs");
}

enum status warming_start(struct warming *w, const struct warming_options *options, const struct warm_mark *begin,
                          struct error *err)
{
    memset(w, 0, sizeof *w);
    w->options = options;
    buf_init(&w->failures, FAILURES_MAX_BYTES);
    if (!monitor_init(&w->monitor))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    enum status status = warm_queue_init(&w->queue, begin) ? start_threads(w, err)
                                                           : error_set(err, STATUS_INTERNAL, "out of memory");
    if (status == STATUS_OK)
        return status;
    warm_queue_clean_up(&w->queue);
    monitor_clean_up(&w->monitor);
    return status;
}

bool warming_runs(struct warming *w)
{
    monitor_lock(&w->monitor);
    bool runs = w->working > 0;
    monitor_unlock(&w->monitor);
    return runs;
}

void warming_stop(struct warming *w)
{
    monitor_lock(&w->monitor);
    w->stop = true;
    monitor_notify(&w->monitor);
    monitor_unlock(&w->monitor);
}

void warming_clean_up(struct warming *w)
{
    warming_stop(w);
    (void)pthread_join(w->finder, NULL);
    for (int i = 0; i < w->n_workers; i++)
        (void)pthread_join(w->workers[i], NULL);
    warm_queue_clean_up(&w->queue);
    buf_clean_up(&w->failures);
    monitor_clean_up(&w->monitor);
}
