/* transport: one non-blocking TCP connection, with TLS or without. One thread. */
#ifndef CUSTOMERD_MEMORYDB_TRANSPORT_H
#define CUSTOMERD_MEMORYDB_TRANSPORT_H

#include "resolver.h"
#include "tls.h"

struct transport {
    int fd;                 /* -1 when closed */
    struct tls_stream *tls; /* NULL: plain */
    bool wants_write;       /* the last attempt waits for the socket to become writable */
    char failure[160];
};

#define TRANSPORT_CLOSED { .fd = -1 }

enum transport_result { TRANSPORT_OK, TRANSPORT_AGAIN, TRANSPORT_FAILED };

/* Opens the socket and begins to connect: OK or AGAIN (then transport_connected, when it becomes writable). */
enum transport_result transport_connect(struct transport *t, const struct address *to);
enum transport_result transport_connected(struct transport *t);
/* Begins TLS; then transport_handshake until it is not AGAIN. */
enum transport_result transport_start_tls(struct transport *t, struct tls_context *c, const char *name,
                                          struct tls_session *session);
enum transport_result transport_handshake(struct transport *t);
/* OK with *n > 0 bytes, or AGAIN. The end of the stream is a failure: nobody asked the server to go. */
enum transport_result transport_read(struct transport *t, void *to, size_t cap, size_t *n);
enum transport_result transport_write(struct transport *t, const void *from, size_t len, size_t *n);
bool transport_has_pending(const struct transport *t);
/* Accepts a closed one. */
void transport_close(struct transport *t);

#endif
