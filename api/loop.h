/* loop: the HTTP library on the clusters' I/O thread, and each request on a fiber of it. Between a request and the database or the
 * cache, and on its way back, no thread has to be woken. */
#ifndef CUSTOMERD_API_LOOP_H
#define CUSTOMERD_API_LOOP_H

#include <microhttpd.h>

#include "customerd/core/attributes.h"

#include "client.h"

struct io_thread;
struct loop;

/* NULL when out of memory. The thread must outlive it. */
struct loop *loop_new(struct io_thread *io);
/* After loop_end, if it was begun. Accepts NULL. */
void loop_destroy(struct loop *loop);
/* For the client_context of the daemon that it runs. */
struct client_loop *loop_clients(struct loop *loop);

/* Begins to run the daemon, which has no threads of its own and polls by epoll. False when the kernel refuses. */
bool loop_begin(struct loop *loop, struct MHD_Daemon *daemon) MUST_USE;
/* Accepts no more connections; false when the library won't let go of the listening socket. */
bool loop_quiesce(struct loop *loop);
/* Begins no more requests, waits until those that run have ended, which they do by their deadlines, and lets go of the
 * daemon. */
void loop_end(struct loop *loop);

#endif
