#include "transport.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

/* A peer that vanished without a word is noticed by keepalive after about a minute when idle, by the user timeout after
 * ten seconds when bytes are on their way (the kernel's own retries would take many minutes). */
#define KEEPALIVE_IDLE_S 30
#define KEEPALIVE_INTERVAL_S 10
#define KEEPALIVE_PROBES 3
#define USER_TIMEOUT_MS 10000

static enum transport_result fail_errno(struct transport *t, const char *what, int number)
{
    char text[80];
    snprintf(t->failure, sizeof t->failure, "%s: %s", what, strerror_r(number, text, sizeof text));
    return TRANSPORT_FAILED;
}

/* None of these decides whether the connection works, so a refusal is not an error. */
static void set_options(int fd)
{
    const struct {
        int level, name, value;
    } options[] = {
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
        { IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S },
        { IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_PROBES },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS },
    };
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        (void)setsockopt(fd, options[i].level, options[i].name, &options[i].value, sizeof options[i].value);
}

enum transport_result transport_connect(struct transport *t, const struct address *to)
{
    transport_close(t);
    t->failure[0] = '\0';
    t->fd = socket(to->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (t->fd < 0)
        return fail_errno(t, "socket", errno);
    set_options(t->fd);
    if (connect(t->fd, (const struct sockaddr *)&to->storage, to->len) == 0)
        return TRANSPORT_OK;
    if (errno != EINPROGRESS)
        return fail_errno(t, "connect", errno);
    t->wants_write = true;
    return TRANSPORT_AGAIN;
}

enum transport_result transport_connected(struct transport *t)
{
    int number = 0;
    socklen_t len = sizeof number;
    if (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0)
        number = errno;
    t->wants_write = false;
    return number == 0 ? TRANSPORT_OK : fail_errno(t, "connect", number);
}

static enum transport_result from_tls(struct transport *t, enum tls_result result)
{
    t->wants_write = result == TLS_AGAIN && tls_wants_write(t->tls);
    switch (result) {
    case TLS_OK:
        return TRANSPORT_OK;
    case TLS_AGAIN:
        return TRANSPORT_AGAIN;
    case TLS_CLOSED:
        snprintf(t->failure, sizeof t->failure, "closed by the server");
        return TRANSPORT_FAILED;
    default:
        snprintf(t->failure, sizeof t->failure, "%s", tls_failure(t->tls));
        return TRANSPORT_FAILED;
    }
}

enum transport_result transport_start_tls(struct transport *t, struct tls_context *c, const char *name,
                                          struct tls_session *session)
{
    t->tls = tls_stream_new(c, t->fd, name, session);
    if (t->tls != NULL)
        return TRANSPORT_OK;
    snprintf(t->failure, sizeof t->failure, "TLS can't be set up");
    return TRANSPORT_FAILED;
}

enum transport_result transport_handshake(struct transport *t)
{
    return from_tls(t, tls_handshake(t->tls));
}

static enum transport_result from_errno(struct transport *t, const char *what, bool writing)
{
    if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) {
        t->wants_write = writing;
        return TRANSPORT_AGAIN;
    }
    return fail_errno(t, what, errno);
}

enum transport_result transport_read(struct transport *t, void *to, size_t cap, size_t *n)
{
    if (t->tls != NULL)
        return from_tls(t, tls_read(t->tls, to, cap, n));
    ssize_t got = recv(t->fd, to, cap, 0);
    if (got < 0)
        return from_errno(t, "read", false);
    if (got == 0) {
        snprintf(t->failure, sizeof t->failure, "closed by the server");
        return TRANSPORT_FAILED;
    }
    *n = (size_t)got;
    return TRANSPORT_OK;
}

enum transport_result transport_write(struct transport *t, const void *from, size_t len, size_t *n)
{
    if (t->tls != NULL)
        return from_tls(t, tls_write(t->tls, from, len, n));
    ssize_t put = send(t->fd, from, len, MSG_NOSIGNAL);
    if (put < 0)
        return from_errno(t, "write", true);
    t->wants_write = false;
    *n = (size_t)put;
    return TRANSPORT_OK;
}

bool transport_has_pending(const struct transport *t)
{
    return t->tls != NULL && tls_has_pending(t->tls);
}

void transport_close(struct transport *t)
{
    tls_stream_destroy(t->tls);
    t->tls = NULL;
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    t->wants_write = false;
}
