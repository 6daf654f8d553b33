/* tls: verified TLS over a non-blocking socket (OpenSSL).
 *
 * TLS 1.2 at least; the chain and the name are verified, always; sessions are resumed; a connection that ends without
 * close_notify was cut and counts as failed. Writes go through write(2): the program ignores SIGPIPE. One thread. */
#ifndef CUSTOMERD_MEMORYDB_TLS_H
#define CUSTOMERD_MEMORYDB_TLS_H

#include <sys/types.h>

#include "customerd/core/status.h"

struct tls_context;
struct tls_stream;

/* The last session with one node, to be resumed. A new name to verify needs a new one. */
struct tls_session {
    void *session;
    unsigned generation;
};

/* Also turns away what the streams that are open now will still be told about. */
void tls_session_clean_up(struct tls_session *s);

/* ca_file: PEM, or "" for the system's store. setting: what errors call it. */
struct tls_context *tls_context_new(const char *ca_file, const char *setting, struct error *err);
void tls_context_destroy(struct tls_context *c);

/* name: the host name (also sent as SNI) or the IP literal that the certificate must be for. The session must outlive
 * the stream. NULL when it can't be set up. */
struct tls_stream *tls_stream_new(struct tls_context *c, int fd, const char *name, struct tls_session *session);
/* Says close_notify if that can be done without waiting. Does not close fd. Accepts NULL. */
void tls_stream_destroy(struct tls_stream *s);

enum tls_result { TLS_OK, TLS_AGAIN, TLS_CLOSED, TLS_FAILED };

enum tls_result tls_handshake(struct tls_stream *s);
/* As read(2) and write(2), with *n bytes done when TLS_OK. */
enum tls_result tls_read(struct tls_stream *s, void *to, size_t cap, size_t *n);
enum tls_result tls_write(struct tls_stream *s, const void *from, size_t len, size_t *n);
/* Whether bytes that have left the socket wait inside, so that a poll of the socket would not tell. */
bool tls_has_pending(const struct tls_stream *s);
/* Whether the last TLS_AGAIN waits for the socket to become writable. */
bool tls_wants_write(const struct tls_stream *s);
/* Why the last call failed; constant or the stream's. */
const char *tls_failure(const struct tls_stream *s);

#endif
