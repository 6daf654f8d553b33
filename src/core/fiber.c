/* A stack is entered for the first time by swapcontext; afterwards the switch is setjmp and longjmp, which, unlike
 * swapcontext, don't ask the kernel for the signal mask each time. The sanitizers are told of every switch. */
#include "customerd/core/fiber.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

/* gcc and clang tell it in different ways. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define FIBER_ASAN
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN
#endif
#ifdef FIBER_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#ifdef FIBER_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* Address space; what a fiber does not touch takes no memory. */
#define STACK_BYTES (512 * 1024)
/* Stacks that nobody needed for so long are given back. */
#define STACKS_KEPT_MS 1000
/* So many at a time: the thread has other work. */
#define TRIMMED_MAX 64

/* One side of a switch. */
struct context {
    jmp_buf at;
    const void *stack; /* its lowest byte */
    size_t stack_bytes;
    void *fake_stack; /* AddressSanitizer's */
    void *sanitized;  /* ThreadSanitizer's */
};

struct fiber {
    struct fiber_loop *loop;
    struct context context;
    void (*run)(void *arg);
    void *arg;
    void *mapping; /* the guard page and the stack; NULL: none now */
    struct fiber *prev, *next;  /* among those that wait, or those that are free (next alone) */
    bool waits;
    bool returned;
    int64_t until_ms;
    atomic_bool woken; /* is in the loop's list of those */
    struct fiber *next_woken;
};

struct fiber_loop {
    void (*wake)(void *ctx);
    void *ctx;
    pthread_t thread;
    bool has_thread;
    struct context outside;
    struct fiber *waiting;
    struct fiber *free; /* with a stack each */
    struct fiber *bare; /* free as well, without one */
    int64_t due_ms; /* not after the earliest until_ms of those that wait */
    size_t count;
    size_t stacks_kept, least_kept; /* in `free`; the least of it since the last trim */
    int64_t trim_ms;
    _Atomic(struct fiber *) woken; /* the last one first */
};

static _Thread_local struct fiber *current;
static _Thread_local struct fiber *entering;

/* ---- the switch ---- */

static void before_switch(struct context *from, const struct context *to)
{
    (void)from, (void)to;
#ifdef FIBER_ASAN
    __sanitizer_start_switch_fiber(&from->fake_stack, to->stack, to->stack_bytes);
#endif
#ifdef FIBER_TSAN
    __tsan_switch_to_fiber(to->sanitized, 0);
#endif
}

/* Where the loop's own stack lies becomes known when it is left for the first time. */
static void after_switch(struct context *to, struct context *from)
{
    (void)to, (void)from;
#ifdef FIBER_ASAN
    __sanitizer_finish_switch_fiber(to->fake_stack, &from->stack, &from->stack_bytes);
#endif
}

static void switch_context(struct context *from, struct context *to)
{
    if (_setjmp(from->at) == 0) {
        before_switch(from, to);
        _longjmp(to->at, 1);
    }
    after_switch(from, to);
}

/* The first instructions on a new stack. They never return: the next function runs where the last one did. */
static void run_for_ever(void)
{
    struct fiber *f = entering;
    struct context *outside = &f->loop->outside;
    after_switch(&f->context, outside);
    for (;;) {
        f->run(f->arg);
        f->returned = true;
        switch_context(&f->context, outside);
    }
}

static void enter(struct fiber *f)
{
    ucontext_t here;
    ucontext_t there;
    struct context *outside = &f->loop->outside;
    /* cppcheck-suppress getcontextCalled ; POSIX dropped it and the two below for threads; glibc keeps them */
    (void)getcontext(&there);
    there.uc_stack.ss_sp = (char *)f->mapping + sysconf(_SC_PAGESIZE);
    there.uc_stack.ss_size = STACK_BYTES;
    there.uc_link = NULL;
    /* cppcheck-suppress makecontextCalled ; as for getcontext */
    makecontext(&there, run_for_ever, 0);
    entering = f;
    if (_setjmp(outside->at) == 0) {
        before_switch(outside, &f->context);
        /* cppcheck-suppress swapcontextCalled ; as for getcontext */
        (void)swapcontext(&here, &there);
    }
    after_switch(outside, &f->context);
}

/* ---- stacks ---- */

static bool map_stack(struct fiber *f)
{
    size_t guard = (size_t)sysconf(_SC_PAGESIZE);
    void *mapping = mmap(NULL, guard + STACK_BYTES, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (mapping == MAP_FAILED)
        return false;
    if (mprotect(mapping, guard, PROT_NONE) != 0) {
        (void)munmap(mapping, guard + STACK_BYTES);
        return false;
    }
    f->mapping = mapping;
    f->context.stack = (char *)mapping + guard;
    f->context.stack_bytes = STACK_BYTES;
#ifdef FIBER_TSAN
    f->context.sanitized = __tsan_create_fiber(0);
#endif
    return true;
}

static void unmap_stack(struct fiber *f)
{
    if (f->mapping == NULL)
        return;
#ifdef FIBER_ASAN
    __asan_unpoison_memory_region(f->context.stack, f->context.stack_bytes);
#endif
#ifdef FIBER_TSAN
    __tsan_destroy_fiber(f->context.sanitized);
#endif
    (void)munmap(f->mapping, (size_t)sysconf(_SC_PAGESIZE) + STACK_BYTES);
    f->mapping = NULL;
}

/* Fibers stay as long as their loop, so that a late wake-up finds one; only their stacks go. */
static struct fiber *fiber_new(struct fiber_loop *loop)
{
    struct fiber *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->loop = loop;
    return f;
}

static void fiber_destroy(struct fiber *f)
{
    unmap_stack(f);
    free(f);
}

/* ---- the loop ---- */

static void push(struct fiber **list, struct fiber *f)
{
    f->next = *list;
    *list = f;
}

static struct fiber *pop(struct fiber **list)
{
    struct fiber *f = *list;
    if (f != NULL)
        *list = f->next;
    return f;
}

struct fiber_loop *fiber_loop_new(void (*wake)(void *ctx), void *ctx)
{
    struct fiber_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL)
        return NULL;
    loop->wake = wake;
    loop->ctx = ctx;
    loop->due_ms = INT64_MAX;
    return loop;
}

void fiber_loop_destroy(struct fiber_loop *loop)
{
    if (loop == NULL)
        return;
    struct fiber *f;
    while ((f = pop(&loop->free)) != NULL || (f = pop(&loop->bare)) != NULL)
        fiber_destroy(f);
    free(loop);
}

static void adopt(struct fiber_loop *loop)
{
    if (loop->has_thread)
        return;
    loop->thread = pthread_self();
    loop->has_thread = true;
#ifdef FIBER_TSAN
    loop->outside.sanitized = __tsan_get_current_fiber();
#endif
}

static void unlink_waiting(struct fiber *f)
{
    if (f->prev != NULL)
        f->prev->next = f->next;
    else
        f->loop->waiting = f->next;
    if (f->next != NULL)
        f->next->prev = f->prev;
    f->prev = f->next = NULL;
    f->waits = false;
}

static void link_waiting(struct fiber *f, int64_t until_ms)
{
    struct fiber_loop *loop = f->loop;
    f->waits = true;
    f->until_ms = until_ms;
    f->prev = NULL;
    f->next = loop->waiting;
    if (f->next != NULL)
        f->next->prev = f;
    loop->waiting = f;
    if (until_ms < loop->due_ms)
        loop->due_ms = until_ms;
}

static void after_run(struct fiber *f)
{
    current = NULL;
    if (!f->returned)
        return;
    struct fiber_loop *loop = f->loop;
    loop->count--;
    loop->stacks_kept++;
    push(&loop->free, f);
}

/* One that waits no longer. */
static void resume(struct fiber *f)
{
    current = f;
    switch_context(&f->loop->outside, &f->context);
    after_run(f);
}

static struct fiber *take_free(struct fiber_loop *loop)
{
    struct fiber *f = pop(&loop->free);
    if (f != NULL) {
        loop->stacks_kept--;
        if (loop->stacks_kept < loop->least_kept)
            loop->least_kept = loop->stacks_kept;
        return f;
    }
    f = pop(&loop->bare);
    return f != NULL ? f : fiber_new(loop);
}

bool fiber_start(struct fiber_loop *loop, void (*run)(void *arg), void *arg)
{
    adopt(loop);
    struct fiber *f = take_free(loop);
    if (f == NULL)
        return false;
    bool fresh = f->mapping == NULL;
    if (fresh && !map_stack(f)) {
        push(&loop->bare, f);
        return false;
    }
    f->prev = f->next = NULL;
    f->run = run;
    f->arg = arg;
    f->returned = false;
    loop->count++;
    current = f;
    if (fresh)
        enter(f);
    else
        switch_context(&loop->outside, &f->context);
    after_run(f);
    return true;
}

/* Those that were woken since, the first one first. */
static struct fiber *take_woken(struct fiber_loop *loop)
{
    struct fiber *last = atomic_exchange_explicit(&loop->woken, NULL, memory_order_acquire);
    struct fiber *first = NULL;
    while (last != NULL) {
        struct fiber *before = last->next_woken;
        last->next_woken = first;
        first = last;
        last = before;
    }
    return first;
}

static void run_woken(struct fiber_loop *loop)
{
    struct fiber *next;
    for (struct fiber *f = take_woken(loop); f != NULL; f = next) {
        next = f->next_woken;
        atomic_store_explicit(&f->woken, false, memory_order_release);
        if (!f->waits)
            continue;
        unlink_waiting(f);
        resume(f);
    }
}

static void run_due(struct fiber_loop *loop, int64_t now_ms)
{
    struct fiber *due = NULL;
    loop->due_ms = INT64_MAX;
    for (struct fiber *f = loop->waiting, *next; f != NULL; f = next) {
        next = f->next;
        if (f->until_ms <= now_ms) {
            unlink_waiting(f);
            f->next = due;
            due = f;
        } else if (f->until_ms < loop->due_ms) {
            loop->due_ms = f->until_ms;
        }
    }
    while (due != NULL) {
        struct fiber *f = due;
        due = f->next;
        resume(f);
    }
}

/* Gives back the stacks that were there to spare all the time, which are the last ones: as many requests as there are at a time
 * find a stack that is mapped. */
static void trim(struct fiber_loop *loop, int64_t now_ms)
{
    size_t spare = loop->least_kept < TRIMMED_MAX ? loop->least_kept : TRIMMED_MAX;
    struct fiber **at = &loop->free;
    for (size_t others = loop->stacks_kept - spare; others > 0; others--)
        at = &(*at)->next;
    for (struct fiber *f = pop(at); f != NULL; f = pop(at)) {
        unmap_stack(f);
        push(&loop->bare, f);
    }
    loop->stacks_kept -= spare;
    loop->least_kept -= spare;
    if (loop->least_kept > 0)
        return; /* the rest in the next turns */
    loop->least_kept = loop->stacks_kept;
    loop->trim_ms = now_ms + STACKS_KEPT_MS;
}

void fiber_loop_run(struct fiber_loop *loop, int64_t now_ms)
{
    adopt(loop);
    if (atomic_load_explicit(&loop->woken, memory_order_relaxed) != NULL)
        run_woken(loop);
    if (now_ms >= loop->due_ms)
        run_due(loop, now_ms);
    if (now_ms >= loop->trim_ms)
        trim(loop, now_ms);
}

int64_t fiber_loop_due_ms(const struct fiber_loop *loop)
{
    return atomic_load_explicit(&loop->woken, memory_order_relaxed) == NULL ? loop->due_ms : INT64_MIN;
}

size_t fiber_loop_count(const struct fiber_loop *loop)
{
    return loop->count;
}

/* ---- fibers ---- */

struct fiber *fiber_current(void)
{
    return current;
}

void fiber_wait(int64_t until_ms)
{
    struct fiber *f = current;
    link_waiting(f, until_ms);
    switch_context(&f->context, &f->loop->outside);
}

void fiber_give_way(void)
{
    if (current != NULL)
        fiber_wait(0);
}

void fiber_wake(struct fiber *f)
{
    struct fiber_loop *loop = f->loop;
    if (atomic_exchange_explicit(&f->woken, true, memory_order_acq_rel))
        return;
    struct fiber *first = atomic_load_explicit(&loop->woken, memory_order_relaxed);
    do {
        f->next_woken = first;
    } while (!atomic_compare_exchange_weak_explicit(&loop->woken, &first, f, memory_order_release,
                                                    memory_order_relaxed));
    if (!pthread_equal(loop->thread, pthread_self()))
        loop->wake(loop->ctx);
}
