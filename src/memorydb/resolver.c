#include "resolver.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define JOIN_TIMEOUT_S 1

struct question_queue {
    struct question *head, *tail;
};

struct resolver {
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct question_queue asked, answered;
    void (*notify)(void *ctx);
    void *ctx;
    int holders; /* the thread and the owner: whoever leaves last frees */
    bool stopping;
};

static void push(struct question_queue *q, struct question *question)
{
    question->next = NULL;
    if (q->tail == NULL)
        q->head = question;
    else
        q->tail->next = question;
    q->tail = question;
}

static struct question *pop(struct question_queue *q)
{
    struct question *question = q->head;
    if (question != NULL) {
        q->head = question->next;
        if (q->head == NULL)
            q->tail = NULL;
    }
    return question;
}

static void free_queue(struct question_queue *q)
{
    for (struct question *question = pop(q); question != NULL; question = pop(q))
        free(question);
}

/* Called with the lock held, which it gives back. */
static void leave(struct resolver *r)
{
    bool last = --r->holders == 0;
    pthread_mutex_unlock(&r->lock);
    if (!last)
        return;
    free_queue(&r->asked);
    free_queue(&r->answered);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    free(r);
}

static void look_up(const char *host, uint16_t port, struct addresses *out)
{
    char service[8];
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    snprintf(service, sizeof service, "%u", (unsigned)port);
    out->count = 0;
    if (getaddrinfo(host, service, &hints, &found) != 0)
        return;
    for (const struct addrinfo *a = found; a != NULL && out->count < ADDRESSES_MAX; a = a->ai_next) {
        struct address *to = &out->at[out->count];
        if (a->ai_addrlen > sizeof to->storage)
            continue;
        memcpy(&to->storage, a->ai_addr, a->ai_addrlen);
        to->len = a->ai_addrlen;
        out->count++;
    }
    freeaddrinfo(found);
}

/* A shard's lanes and a slow server's queue ask for the same name at once: one look-up answers them all. */
static void answer_all_alike(struct resolver *r, struct question *answered)
{
    struct question_queue others = r->asked;
    r->asked = (struct question_queue){ .head = NULL };
    for (struct question *q = pop(&others); q != NULL; q = pop(&others)) {
        if (q->port == answered->port && strcmp(q->host, answered->host) == 0) {
            q->answer = answered->answer;
            push(&r->answered, q);
        } else {
            push(&r->asked, q);
        }
    }
    push(&r->answered, answered);
}

static void *run(void *arg)
{
    struct resolver *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct question *q = pop(&r->asked);
        if (q == NULL) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        look_up(q->host, q->port, &q->answer);
        pthread_mutex_lock(&r->lock);
        answer_all_alike(r, q);
        if (!r->stopping)
            r->notify(r->ctx);
    }
    leave(r);
    return NULL;
}

struct resolver *resolver_new(void (*notify)(void *ctx), void *ctx)
{
    struct resolver *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->notify = notify;
    r->ctx = ctx;
    r->holders = 2;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
        free(r);
        return NULL;
    }
    return r;
}

void resolver_destroy(struct resolver *r)
{
    struct timespec until;
    if (r == NULL)
        return;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += JOIN_TIMEOUT_S;
    if (pthread_timedjoin_np(r->thread, NULL, &until) != 0)
        pthread_detach(r->thread);
    pthread_mutex_lock(&r->lock);
    leave(r);
}

struct question *resolver_ask(struct resolver *r, const char *host, uint16_t port, void *owner)
{
    struct question *q = calloc(1, sizeof *q);
    if (q == NULL)
        return NULL;
    snprintf(q->host, sizeof q->host, "%s", host);
    q->port = port;
    q->owner = owner;
    pthread_mutex_lock(&r->lock);
    push(&r->asked, q);
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    return q;
}

struct question *resolver_take(struct resolver *r)
{
    pthread_mutex_lock(&r->lock);
    struct question *q = pop(&r->answered);
    pthread_mutex_unlock(&r->lock);
    return q;
}

bool resolver_literal(const char *host, uint16_t port, struct addresses *out)
{
    struct address *a = &out->at[0];
    struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };
    if (inet_pton(AF_INET, host, &v4.sin_addr) == 1) {
        memcpy(&a->storage, &v4, sizeof v4);
        a->len = sizeof v4;
    } else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1) {
        memcpy(&a->storage, &v6, sizeof v6);
        a->len = sizeof v6;
    } else {
        return false;
    }
    out->count = 1;
    return true;
}
