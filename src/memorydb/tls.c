#include "tls.h"

#include "customerd/core/unconst.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct tls_context {
    SSL_CTX *ctx;
};

struct tls_stream {
    SSL *ssl;
    struct tls_session *session;
    unsigned generation; /* of the session's, when the stream began */
    char failure[128];
};

static void forget_session(struct tls_session *s)
{
    SSL_SESSION_free(s->session);
    s->session = NULL;
}

void tls_session_clean_up(struct tls_session *s)
{
    forget_session(s);
    s->generation++;
}

/* TLS 1.3 hands out tickets after the handshake, so the only place to hear of them is this callback.
 *
 * What is kept, and what is offered, are copies: OpenSSL marks the session of a connection that ends without a proper
 * goodbye as not resumable, and those are the very connections that are opened again. RFC 5246 section 7.2.1 allows it. */
static int keep_session(SSL *ssl, SSL_SESSION *session)
{
    struct tls_stream *stream = SSL_get_app_data(ssl);
    /* A ticket may come long after the name to verify has changed; resuming it would skip the new name's check. */
    bool wanted = stream != NULL && stream->generation == stream->session->generation;
    SSL_SESSION *copy = wanted ? SSL_SESSION_dup(session) : NULL;
    if (copy != NULL) {
        forget_session(stream->session);
        stream->session->session = copy;
    }
    return 0; /* the original stays OpenSSL's */
}

static void offer_session(SSL *ssl, const struct tls_session *kept)
{
    SSL_SESSION *copy = kept->session == NULL ? NULL : SSL_SESSION_dup(kept->session);
    if (copy != NULL)
        SSL_set_session(ssl, copy);
    SSL_SESSION_free(copy);
}

static bool configure(SSL_CTX *ctx, const char *ca_file)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    /* Not SSL_MODE_RELEASE_BUFFERS: the connections are few and busy, and it would allocate for every record. */
    SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* One read(2) takes all the records that wait; tls_has_pending tells of those not yet looked at. */
    SSL_CTX_set_read_ahead(ctx, 1);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(ctx, keep_session);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        return false;
    return (ca_file[0] == '\0' ? SSL_CTX_set_default_verify_paths(ctx)
                               : SSL_CTX_load_verify_file(ctx, ca_file)) == 1;
}

struct tls_context *tls_context_new(const char *ca_file, const char *setting, struct error *err)
{
    struct tls_context *c = calloc(1, sizeof *c);
    ERR_clear_error();
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    if (c == NULL || ctx == NULL) {
        error_set(err, STATUS_INTERNAL, "TLS can't be set up: out of memory");
        goto failed;
    }
    if (!configure(ctx, ca_file)) {
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        error_set(err, STATUS_INTERNAL, "%s: can't load certificates from %s: %s", setting,
                  ca_file[0] == '\0' ? "the system's store" : ca_file, reason == NULL ? "unreadable" : reason);
        goto failed;
    }
    c->ctx = ctx;
    return c;
failed:
    SSL_CTX_free(ctx);
    free(c);
    return NULL;
}

void tls_context_destroy(struct tls_context *c)
{
    if (c == NULL)
        return;
    SSL_CTX_free(c->ctx);
    free(c);
}

static bool expect_name(SSL *ssl, const char *name)
{
    unsigned char scratch[16];
    /* To OpenSSL no name means that none is checked, and a leading dot any name below it. */
    if (name[0] == '\0' || name[0] == '.')
        return false;
    if (inet_pton(AF_INET, name, scratch) == 1 || inet_pton(AF_INET6, name, scratch) == 1)
        return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name) == 1;
    SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* What SSL_set_tlsext_host_name stands for, whose own cast drops a qualifier. */
    return SSL_set1_host(ssl, name) == 1 &&
           SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, unconst(name)) == 1;
}

struct tls_stream *tls_stream_new(struct tls_context *c, int fd, const char *name, struct tls_session *session)
{
    struct tls_stream *s = calloc(1, sizeof *s);
    if (s == NULL)
        return NULL;
    ERR_clear_error();
    s->session = session;
    s->generation = session->generation;
    s->ssl = SSL_new(c->ctx);
    if (s->ssl == NULL || SSL_set_fd(s->ssl, fd) != 1 || !expect_name(s->ssl, name)) {
        SSL_free(s->ssl);
        free(s);
        return NULL;
    }
    SSL_set_app_data(s->ssl, s);
    SSL_set_connect_state(s->ssl);
    offer_session(s->ssl, session);
    return s;
}

void tls_stream_destroy(struct tls_stream *s)
{
    if (s == NULL)
        return;
    ERR_clear_error();
    /* SSL_shutdown is not allowed after a fatal error, and needless before the handshake's end. */
    if (s->failure[0] == '\0' && SSL_is_init_finished(s->ssl))
        SSL_shutdown(s->ssl);
    SSL_set_app_data(s->ssl, NULL);
    SSL_free(s->ssl);
    ERR_clear_error();
    free(s);
}

static void remember_failure(struct tls_stream *s, int number)
{
    char text[64];
    long verified = SSL_get_verify_result(s->ssl);
    unsigned long code = ERR_peek_last_error();
    const char *reason = code == 0 ? NULL : ERR_reason_error_string(code);
    if (verified != X509_V_OK)
        snprintf(s->failure, sizeof s->failure, "certificate refused: %s", X509_verify_cert_error_string(verified));
    else if (reason != NULL)
        snprintf(s->failure, sizeof s->failure, "TLS: %s", reason);
    else
        snprintf(s->failure, sizeof s->failure, "TLS: the connection broke: %s",
                 number == 0 ? "end of stream" : strerror_r(number, text, sizeof text));
}

/* The error queue is the thread's: every call below clears it first, or a stale entry would speak for it here. */
static enum tls_result judge(struct tls_stream *s, int returned)
{
    int number = errno;
    switch (SSL_get_error(s->ssl, returned)) {
    case SSL_ERROR_NONE:
        return TLS_OK;
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
        return TLS_AGAIN;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        remember_failure(s, number);
        ERR_clear_error();
        return TLS_FAILED;
    }
}

enum tls_result tls_handshake(struct tls_stream *s)
{
    ERR_clear_error();
    enum tls_result result = judge(s, SSL_do_handshake(s->ssl));
    /* A session that may have spoilt the handshake is not offered again. */
    if (result == TLS_FAILED || result == TLS_CLOSED)
        forget_session(s->session);
    return result;
}

enum tls_result tls_read(struct tls_stream *s, void *to, size_t cap, size_t *n)
{
    ERR_clear_error();
    return judge(s, SSL_read_ex(s->ssl, to, cap, n));
}

enum tls_result tls_write(struct tls_stream *s, const void *from, size_t len, size_t *n)
{
    ERR_clear_error();
    return judge(s, SSL_write_ex(s->ssl, from, len, n));
}

bool tls_has_pending(const struct tls_stream *s)
{
    return SSL_has_pending(s->ssl) == 1;
}

bool tls_wants_write(const struct tls_stream *s)
{
    return SSL_want_write(s->ssl);
}

const char *tls_failure(const struct tls_stream *s)
{
    return s->failure;
}
