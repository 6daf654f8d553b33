#include "loop.h"

#include "customerd/core/fiber.h"
#include "customerd/core/monitor.h"
#include "customerd/memorydb/io_thread.h"

#include <stdatomic.h>
#include <stdlib.h>

/* The library says that it has something to do as long as it waits for an answer: then it is asked no more often. What it really
 * has to do is told by events, by requests that have run, and by its callbacks (struct client_loop, `wanted`), but for the end of
 * an answer that was sent in several pieces, and for bytes behind a head that filled its memory. A kernel's timer of a millisecond
 * costs as much as the rest of a request's way through the library, so that it is set for the former alone. */
#define SENDING_PERIOD_MS 1
#define WAITING_PERIOD_MS 10
/* The library listens again after it had run out of descriptors, and has no event for that. */
#define LOOK_PERIOD_MS 1000
/* Turns of the library in one of the loop's, so that the database's replies are not kept waiting by new requests. */
#define TURNS_MAX 4

struct loop {
    struct client_loop clients;
    struct io_thread *io;
    struct io_guest guest;
    struct MHD_Daemon *daemon;
    int64_t library_due_ms;
    atomic_bool wanted;     /* something of what follows */
    struct monitor monitor; /* guards what follows; notified when something of it was done */
    bool wants_quiesce, quiesced;
    bool wants_end, ended;
    MHD_socket let_go; /* by the library */
};

static void wake(void *ctx)
{
    struct loop *loop = ctx;
    io_thread_nudge(loop->io);
}

/* ---- on the I/O thread ---- */

static int64_t library_due_ms(const struct loop *loop, int64_t now_ms)
{
    MHD_UNSIGNED_LONG_LONG left_ms;
    if (MHD_get_timeout(loop->daemon, &left_ms) != MHD_YES || left_ms > LOOK_PERIOD_MS)
        return now_ms + LOOK_PERIOD_MS;
    if (left_ms > 0)
        return now_ms + (int64_t)left_ms;
    if (fiber_loop_count(loop->clients.fibers) == 0)
        return now_ms;
    return now_ms + (loop->clients.answers > 0 ? SENDING_PERIOD_MS : WAITING_PERIOD_MS);
}

static bool is_wanted(const struct client_loop *clients)
{
    size_t n = clients->ended && fiber_loop_count(clients->fibers) > 0;
    for (size_t i = 1; i <= LIBRARY_RUNS_AHEAD; i++)
        n += clients->wanted[(clients->run + i) % (LIBRARY_RUNS_AHEAD + 1)];
    return n > 0;
}

/* Where several requests are on their way another look finds more of them, and all go to the database in one write; one that is
 * alone is sent at once. */
static bool gathers(const struct client_loop *clients)
{
    return clients->begun > 0 && fiber_loop_count(clients->fibers) > 1;
}

/* An answer is queued in one turn of the library and sent in the next; a body comes in several. */
static void run_library(struct loop *loop, int64_t now_ms)
{
    struct client_loop *clients = &loop->clients;
    int turns = 0;
    do {
        clients->ran = clients->begun = 0;
        clients->ended = false;
        clients->run++;
        clients->wanted[clients->run % (LIBRARY_RUNS_AHEAD + 1)] = 0;
        (void)MHD_run(loop->daemon);
    } while ((is_wanted(clients) || gathers(clients)) && ++turns < TURNS_MAX);
    loop->library_due_ms = is_wanted(clients) ? now_ms : library_due_ms(loop, now_ms);
}

static void do_what_is_wanted(struct loop *loop)
{
    monitor_lock(&loop->monitor);
    if (loop->wants_quiesce && !loop->quiesced) {
        loop->let_go = MHD_quiesce_daemon(loop->daemon);
        loop->quiesced = true;
    }
    loop->clients.stopping = loop->wants_end;
    loop->ended = loop->wants_end && fiber_loop_count(loop->clients.fibers) == 0;
    atomic_store(&loop->wanted, loop->wants_end && !loop->ended);
    monitor_notify(&loop->monitor);
    monitor_unlock(&loop->monitor);
}

static int64_t turn(void *ctx, bool readable, int64_t now_ms)
{
    struct loop *loop = ctx;
    struct fiber_loop *fibers = loop->clients.fibers;
    if (loop->ended)
        return INT64_MAX; /* the last look at the library was the last that it gets */
    fiber_loop_run(fibers, now_ms);
    if (readable || loop->clients.ran > 0 || now_ms >= loop->library_due_ms)
        run_library(loop, now_ms);
    if (atomic_load_explicit(&loop->wanted, memory_order_acquire))
        do_what_is_wanted(loop);
    int64_t fibers_due_ms = fiber_loop_due_ms(fibers);
    return fibers_due_ms < loop->library_due_ms ? fibers_due_ms : loop->library_due_ms;
}

/* ---- on others ---- */

struct loop *loop_new(struct io_thread *io)
{
    struct loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL || !monitor_init(&loop->monitor)) {
        free(loop);
        return NULL;
    }
    loop->io = io;
    loop->clients.fibers = fiber_loop_new(wake, loop);
    if (loop->clients.fibers != NULL)
        return loop;
    loop_destroy(loop);
    return NULL;
}

void loop_destroy(struct loop *loop)
{
    if (loop == NULL)
        return;
    fiber_loop_destroy(loop->clients.fibers);
    monitor_clean_up(&loop->monitor);
    free(loop);
}

struct client_loop *loop_clients(struct loop *loop)
{
    return &loop->clients;
}

bool loop_begin(struct loop *loop, struct MHD_Daemon *daemon)
{
    loop->daemon = daemon;
    loop->guest = (struct io_guest){
        .fd = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
        .turn = turn,
        .ctx = loop,
    };
    return io_thread_host(loop->io, &loop->guest);
}

/* Says what is wanted, and waits until it is done. */
static void ask(struct loop *loop, bool *wants, const bool *done)
{
    monitor_lock(&loop->monitor);
    *wants = true;
    atomic_store_explicit(&loop->wanted, true, memory_order_release);
    io_thread_nudge(loop->io);
    while (!*done)
        monitor_wait_ms(&loop->monitor, 1000);
    monitor_unlock(&loop->monitor);
}

bool loop_quiesce(struct loop *loop)
{
    ask(loop, &loop->wants_quiesce, &loop->quiesced);
    return loop->let_go != MHD_INVALID_SOCKET;
}

void loop_end(struct loop *loop)
{
    if (loop->daemon == NULL)
        return;
    ask(loop, &loop->wants_end, &loop->ended);
    (void)io_thread_host(loop->io, NULL);
}
