/* scripted_http: a server on the loopback that takes one connection at a time and plays what it is told. */
#ifndef CUSTOMERD_TESTS_UNIT_CORE_SCRIPTED_HTTP_H
#define CUSTOMERD_TESTS_UNIT_CORE_SCRIPTED_HTTP_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct scripted_http {
    int listener;
    int port;
    const char *answer;   /* sent when the request has ended */
    bool hold;            /* keep the connection open, without more, until the client leaves */
    pthread_t thread;
    atomic_int connections;
    char request[8192];   /* the last one; read it after scripted_http_stop */
};

/* Fails the test when it can't listen. */
void scripted_http_start(struct scripted_http *server, const char *answer, bool hold);
void scripted_http_stop(struct scripted_http *server);

#endif
