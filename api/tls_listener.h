/* tls_listener: the public listener's certificate, given to the HTTP library's GnuTLS at each handshake, and read again when
 * its files change; and the demand for a client's certificate. TLS 1.2 at least. Any thread. */
#ifndef CUSTOMERD_API_TLS_LISTENER_H
#define CUSTOMERD_API_TLS_LISTENER_H

#include "customerd/core/clock.h"
#include "customerd/core/config.h"
#include "customerd/core/log.h"

struct tls_listener;

/* NULL and err when a file can't be used. */
struct tls_listener *tls_listener_new(const struct config_tls *files, const struct clock *clock, struct log *log,
                                      struct error *err);
/* After the last session has ended. Accepts NULL. */
void tls_listener_destroy(struct tls_listener *t);

/* Options for the HTTP library, one after another from `to` on; returns how many (TLS_LISTENER_OPTIONS at most). */
#define TLS_LISTENER_OPTIONS 3
struct MHD_OptionItem;
size_t tls_listener_options(struct tls_listener *t, struct MHD_OptionItem *to);

/* What a session is told; lives as long as its connection. */
struct tls_client {
    void (*established)(void *ctx); /* the handshake is over; in the thread that serves it */
    void *ctx;
    struct tls_listener *listener;  /* filled by tls_listener_begin */
};

/* For the library's notice of a new connection, before the handshake. Without a client (memory is out) it will fail. */
struct MHD_Connection;
void tls_listener_begin(struct tls_listener *t, struct MHD_Connection *http, struct tls_client *client);

/* When the certificate that is served ends, in seconds since 1970. */
int64_t tls_listener_expires_s(struct tls_listener *t);

#endif
