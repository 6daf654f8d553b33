#include "customerd/api/reserve.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A connection and its request take some fifty small blocks and a few large ones: there is room for a few of them at once. */
#define SMALL_BYTES 256
#define SMALL_BLOCKS 512
#define LARGE_BLOCKS 64

struct shelf {
    size_t block_bytes;
    size_t capacity;
    size_t n;
    void *blocks[SMALL_BLOCKS];
};

static void end_program(void)
{
    static const char words[] = "customerd: out of memory, and the reserve is used up\n";
    (void)!write(STDERR_FILENO, words, sizeof words - 1);
    _exit(EXIT_FAILURE);
}

/* The libraries' functions for memory are the process's, and have no context; so is this. */
static struct {
    struct reserve_functions from;
    pthread_mutex_t lock;
    atomic_bool drawn; /* something is missing on the shelves */
    struct shelf small, large;
} reserve = {
    .from = { .malloc = malloc, .realloc = realloc, .exhausted = end_program },
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .small = { .block_bytes = SMALL_BYTES, .capacity = SMALL_BLOCKS },
    .large = { .block_bytes = RESERVE_MAX_BYTES, .capacity = LARGE_BLOCKS },
};

static bool fill(struct shelf *shelf)
{
    while (shelf->n < shelf->capacity) {
        void *block = reserve.from.malloc(shelf->block_bytes);
        if (block == NULL)
            return false;
        shelf->blocks[shelf->n++] = block;
    }
    return true;
}

static bool fill_all(void)
{
    bool full = fill(&reserve.large) && fill(&reserve.small);
    atomic_store(&reserve.drawn, !full);
    return full;
}

static void empty(struct shelf *shelf)
{
    while (shelf->n > 0)
        free(shelf->blocks[--shelf->n]);
}

bool reserve_init(const struct reserve_functions *underlying)
{
    if (underlying != NULL)
        reserve.from = *underlying;
    if (fill_all())
        return true;
    reserve_clean_up();
    return false;
}

void reserve_clean_up(void)
{
    empty(&reserve.small);
    empty(&reserve.large);
    reserve.from = (struct reserve_functions){ .malloc = malloc, .realloc = realloc, .exhausted = end_program };
}

static void *draw(size_t size)
{
    struct shelf *shelf = size <= SMALL_BYTES ? &reserve.small : &reserve.large;
    if (size > RESERVE_MAX_BYTES)
        return NULL;
    (void)pthread_mutex_lock(&reserve.lock);
    if (shelf->n == 0)
        shelf = &reserve.large;
    void *block = shelf->n == 0 ? NULL : shelf->blocks[--shelf->n];
    atomic_store(&reserve.drawn, true);
    (void)pthread_mutex_unlock(&reserve.lock);
    if (block == NULL)
        reserve.from.exhausted();
    return block;
}

/* There is memory again. */
static void replace_drawn(void)
{
    if (!atomic_load_explicit(&reserve.drawn, memory_order_relaxed) || pthread_mutex_trylock(&reserve.lock) != 0)
        return;
    (void)fill_all();
    (void)pthread_mutex_unlock(&reserve.lock);
}

void *reserve_malloc(size_t size)
{
    void *block = reserve.from.malloc(size);
    if (block == NULL)
        return draw(size);
    replace_drawn();
    return block;
}

void *reserve_realloc(void *block, size_t size)
{
    void *grown = reserve.from.realloc(block, size);
    if (grown != NULL || size == 0)
        return grown;
    grown = draw(size);
    if (grown == NULL || block == NULL)
        return grown;
    size_t had = malloc_usable_size(block);
    memcpy(grown, block, had < size ? had : size);
    free(block);
    return grown;
}
