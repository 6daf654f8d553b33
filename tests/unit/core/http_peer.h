/* http_peer: a server on the loopback for many connections at once, which answers each request with what the test says. */
#ifndef CUSTOMERD_TESTS_UNIT_CORE_HTTP_PEER_H
#define CUSTOMERD_TESTS_UNIT_CORE_HTTP_PEER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define HTTP_PEER_CONNECTIONS_MAX 64
#define HTTP_PEER_REQUESTS_MAX 32
#define HTTP_PEER_HEAD_SIZE 8192

enum http_peer_then { PEER_KEEPS, PEER_CLOSES, PEER_HOLDS /* says no more */ };

struct http_peer_answer {
    const char *text;   /* sent first; NULL: nothing */
    const char *repeat; /* sent after it again and again; NULL: `fill` bytes of http_peer_byte */
    size_t fill;
    enum http_peer_then then;
};

struct http_peer_connection {
    int fd;
    char head[HTTP_PEER_HEAD_SIZE];
    size_t len;
    size_t body_left;
    const struct http_peer_answer *answer; /* NULL: while the request comes */
    size_t sent;
    bool holds;
};

struct http_peer {
    int listener;
    int port;
    const struct http_peer_answer *answers; /* one a request, in the order in which they came; the last one for all others */
    size_t n_answers;
    atomic_bool waits; /* while it is true, nothing is answered */
    atomic_bool stops;
    atomic_int connections;
    atomic_int closed;   /* of them, those that the client closed */
    atomic_int requests;
    atomic_size_t sent;  /* bytes */
    pthread_t thread;
    char heads[HTTP_PEER_REQUESTS_MAX][HTTP_PEER_HEAD_SIZE]; /* with the beginning of the body; read after http_peer_stop */
    struct http_peer_connection at[HTTP_PEER_CONNECTIONS_MAX];
    size_t n;
};

static inline char http_peer_byte(size_t i)
{
    return (char)(i % 251);
}

/* Fails the test when it can't listen. Large: not for a small stack. */
void http_peer_start(struct http_peer *peer, const struct http_peer_answer *answers, size_t n);
void http_peer_stop(struct http_peer *peer);

#endif
