#include "probe_calls.h"

#include <pthread.h>
#include <stdlib.h>

#include "customerd/core/crypto.h"
#include "probe_text.h"

#define WORDS_MAX_BYTES (64u << 20)

struct page {
    struct page *next;
    struct script script;
    struct buf source;
};

struct script_book {
    pthread_mutex_t lock;
    struct page *pages;
};

/* The words of one call, one after the other in one buffer. */
struct words {
    struct buf bytes;
    size_t *ends;
    struct slice *slices;
    size_t n;
};

struct script_book *script_book_new(void)
{
    struct script_book *book = calloc(1, sizeof *book);
    if (book != NULL)
        pthread_mutex_init(&book->lock, NULL);
    return book;
}

void script_book_destroy(struct script_book *book)
{
    if (book == NULL)
        return;
    while (book->pages != NULL) {
        struct page *page = book->pages;
        book->pages = page->next;
        buf_clean_up(&page->source);
        free(page);
    }
    pthread_mutex_destroy(&book->lock);
    free(book);
}

static struct page *page_new(const json_t *source)
{
    struct page *page = calloc(1, sizeof *page);
    if (page == NULL)
        return NULL;
    buf_init(&page->source, WORDS_MAX_BYTES);
    page->script.name = "probe";
    if (!probe_text_decode(source, &page->source) || !sha1_hex(buf_slice(&page->source), page->script.sha1)) {
        buf_clean_up(&page->source);
        free(page);
        return NULL;
    }
    page->script.source = buf_slice(&page->source);
    return page;
}

static const struct script *book_script(struct script_book *book, const json_t *source)
{
    struct page *page = page_new(source);
    if (page == NULL)
        return NULL;
    pthread_mutex_lock(&book->lock);
    page->next = book->pages;
    book->pages = page;
    pthread_mutex_unlock(&book->lock);
    return &page->script;
}

static bool words_add(struct words *words, const json_t *list)
{
    size_t i;
    json_t *word;
    json_array_foreach (list, i, word) {
        if (!probe_text_decode(word, &words->bytes))
            return false;
        words->ends[words->n++] = words->bytes.len;
    }
    return true;
}

static void words_slice(struct words *words)
{
    size_t start = 0;
    for (size_t i = 0; i < words->n; i++) {
        words->slices[i] = slice_of(buf_slice(&words->bytes).ptr + start, words->ends[i] - start);
        start = words->ends[i];
    }
}

static bool set_target(struct call_options *options, const json_t *description)
{
    const json_t *shard = json_object_get(description, "shard");
    if (shard != NULL) {
        options->target = CALL_TO_SHARD;
        options->shard = (size_t)json_integer_value(shard);
        return true;
    }
    struct buf key = BUF_INIT(WORDS_MAX_BYTES);
    bool ok = probe_text_decode(json_object_get(description, "slot_key"), &key);
    options->target = CALL_TO_SLOT;
    options->slot = cluster_key_slot(buf_slice(&key));
    buf_clean_up(&key);
    return ok;
}

static bool set_words(struct call_options *options, struct words *words, const json_t *description)
{
    const json_t *first = json_object_get(description, options->script != NULL ? "keys" : "args");
    const json_t *rest = json_object_get(description, "argv");
    size_t n = json_array_size(first) + json_array_size(rest);
    words->ends = calloc(n + 1, sizeof *words->ends);
    words->slices = calloc(n + 1, sizeof *words->slices);
    if (words->ends == NULL || words->slices == NULL || !words_add(words, first) || !words_add(words, rest))
        return false;
    words_slice(words);
    options->args = words->slices;
    options->n_args = words->n;
    options->n_keys = options->script != NULL ? json_array_size(first) : 0;
    return true;
}

struct call *probe_call_new(struct script_book *book, const json_t *description)
{
    struct call *call = NULL;
    struct words words = { .bytes = BUF_INIT(WORDS_MAX_BYTES) };
    struct call_options options = { 0 };
    const json_t *source = json_object_get(description, "script");
    const json_t *lane = json_object_get(description, "lane");
    options.lane = json_is_string(lane) && strcmp(json_string_value(lane), "read") == 0 ? CALL_READ : CALL_WRITE;
    if (source != NULL) {
        options.script = book_script(book, source);
        if (options.script == NULL)
            goto out;
    }
    if (set_target(&options, description) && set_words(&options, &words, description))
        call = call_new(&options);
out:
    buf_clean_up(&words.bytes);
    free(words.ends);
    free(words.slices);
    return call;
}
