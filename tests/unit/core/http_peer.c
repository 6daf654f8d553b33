#include "http_peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define TURN_MS 10
#define PIECE_BYTES 16384

static void drop(struct http_peer *peer, size_t i)
{
    close(peer->at[i].fd);
    peer->at[i] = peer->at[--peer->n];
}

/* The whole head is there: how much of the body is to come. */
static bool head_ends(struct http_peer_connection *c)
{
    c->head[c->len] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n");
    if (end == NULL)
        return false;
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    size_t body = length == NULL || length > end ? 0 : strtoul(length + 17, NULL, 10);
    size_t there = c->len - (size_t)(end + 4 - c->head);
    c->body_left = body > there ? body - there : 0;
    return true;
}

static void request_ends(struct http_peer *peer, struct http_peer_connection *c)
{
    int n = atomic_load(&peer->requests);
    if (n < HTTP_PEER_REQUESTS_MAX)
        memcpy(peer->heads[n], c->head, c->len + 1);
    c->answer = &peer->answers[(size_t)n < peer->n_answers ? (size_t)n : peer->n_answers - 1];
    c->sent = 0;
    atomic_store(&peer->requests, n + 1);
}

/* False when the client is gone. */
static bool receive(struct http_peer *peer, struct http_peer_connection *c)
{
    char rest[PIECE_BYTES];
    bool in_body = c->body_left > 0;
    char *to = in_body || c->answer != NULL ? rest : c->head + c->len;
    size_t room = to == rest ? sizeof rest : sizeof c->head - 1 - c->len;
    ssize_t got = recv(c->fd, to, room, MSG_DONTWAIT);
    if (got <= 0)
        return false;
    if (c->answer != NULL)
        return true;
    if (in_body) {
        c->body_left -= (size_t)got < c->body_left ? (size_t)got : c->body_left;
        if (c->body_left == 0)
            request_ends(peer, c);
        return true;
    }
    c->len += (size_t)got;
    if (head_ends(c) && c->body_left == 0)
        request_ends(peer, c);
    return true;
}

/* What stands at an offset of an answer. */
static size_t piece(const struct http_peer_answer *answer, size_t at, char *out)
{
    size_t text_len = answer->text == NULL ? 0 : strlen(answer->text);
    size_t n = 0;
    for (; n < PIECE_BYTES; n++, at++) {
        if (at < text_len)
            out[n] = answer->text[at];
        else if (answer->repeat != NULL)
            out[n] = answer->repeat[(at - text_len) % strlen(answer->repeat)];
        else if (at - text_len < answer->fill)
            out[n] = http_peer_byte(at - text_len);
        else
            break;
    }
    return n;
}

/* False when the connection is to be closed. */
static bool answer(struct http_peer *peer, struct http_peer_connection *c)
{
    char bytes[PIECE_BYTES];
    size_t n = piece(c->answer, c->sent, bytes);
    ssize_t sent = n == 0 ? 0 : send(c->fd, bytes, n, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno == EAGAIN)
        return true;
    if (sent < 0) {
        atomic_fetch_add(&peer->closed, 1);
        return false;
    }
    c->sent += (size_t)sent;
    atomic_fetch_add(&peer->sent, (size_t)sent);
    if (piece(c->answer, c->sent, bytes) > 0)
        return true;
    if (c->answer->then == PEER_CLOSES)
        return false;
    c->holds = c->answer->then == PEER_HOLDS;
    if (!c->holds) {
        c->answer = NULL;
        c->len = 0;
    }
    return true;
}

static void welcome(struct http_peer *peer)
{
    int fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    atomic_fetch_add(&peer->connections, 1);
    if (peer->n == HTTP_PEER_CONNECTIONS_MAX) {
        close(fd);
        return;
    }
    peer->at[peer->n++] = (struct http_peer_connection){ .fd = fd };
}

static bool is_answering(struct http_peer *peer, const struct http_peer_connection *c)
{
    return c->answer != NULL && !c->holds && !atomic_load(&peer->waits);
}

static void turn(struct http_peer *peer)
{
    struct pollfd items[HTTP_PEER_CONNECTIONS_MAX + 1];
    size_t n = peer->n;
    for (size_t i = 0; i < n; i++)
        items[i] = (struct pollfd){ .fd = peer->at[i].fd,
                                    .events = is_answering(peer, &peer->at[i]) ? POLLIN | POLLOUT : POLLIN };
    items[n] = (struct pollfd){ .fd = peer->listener, .events = POLLIN };
    if (poll(items, n + 1, TURN_MS) <= 0)
        return;
    /* From the last one on, since a closed one gives its place to the last. */
    for (size_t i = n; i-- > 0;) {
        struct http_peer_connection *c = &peer->at[i];
        bool there = true;
        if ((items[i].revents & (POLLIN | POLLHUP | POLLERR)) != 0 && !receive(peer, c)) {
            atomic_fetch_add(&peer->closed, 1);
            there = false;
        }
        if (there && (items[i].revents & POLLOUT) != 0 && c->answer != NULL)
            there = answer(peer, c);
        if (!there)
            drop(peer, i);
    }
    if ((items[n].revents & POLLIN) != 0)
        welcome(peer);
}

static void *run(void *arg)
{
    struct http_peer *peer = arg;
    while (!atomic_load(&peer->stops))
        turn(peer);
    while (peer->n > 0)
        drop(peer, peer->n - 1);
    return NULL;
}

void http_peer_start(struct http_peer *peer, const struct http_peer_answer *answers, size_t n)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    memset(peer, 0, sizeof *peer);
    peer->answers = answers;
    peer->n_answers = n;
    peer->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_int_equal(bind(peer->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(peer->listener, HTTP_PEER_CONNECTIONS_MAX), 0);
    assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&address, &size), 0);
    peer->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&peer->thread, NULL, run, peer), 0);
}

void http_peer_stop(struct http_peer *peer)
{
    atomic_store(&peer->stops, true);
    pthread_join(peer->thread, NULL);
    close(peer->listener);
}
