/* Stands before one Redis node and holds replies back as MemoryDB does, which answers a write when its log has it.
 *
 *   hold_proxy PORT NODE_SOCKET CERTIFICATE KEY
 *
 * Clients come by TLS; behind it is the node's Unix socket, so that the work of TLS is done once, as without a proxy.
 * Commands go to the node at once. SIGUSR1: from now on replies to writes are held until their commit, and replies to
 * reads until the commits of the keys that they name. SIGUSR2: no more. A log commits in order and so does
 * this: a commit is never before an earlier one. Most take HOLD_NS; in one millisecond out of STALL_ONE_IN they take
 * STALL_NS, and those behind wait with them: a median of 3 ms, and 6 ms at the 99th percentile (of 100 ms, the writes of one
 * take so long, and those of the next ones less by as much as they come later).
 * Keys are told apart by a hash; two that share one wait for each other, one in a thousand at the most. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define HOLD_NS 3000000
#define STALL_NS 6000000
#define STALL_ONE_IN 100
#define TICK_NS 1000000
#define KEY_TABLE (1U << 20)
#define KEYS_MAX 6
#define CHUNK 65536
#define EVENTS 64
#define INCOMPLETE (-1)

struct bytes {
    char *data;
    size_t start, len, size;
};

/* What a reply waits for, in the order of the commands. */
struct expected {
    bool write;
    int keys;
    unsigned key[KEYS_MAX];
};

struct held {
    long long due_ns;
    size_t len;
};

struct pair {
    int client, node;
    SSL *ssl;
    bool dead, blocked;
    struct bytes commands, replies, out;
    struct bytes expected, held; /* of struct expected, struct held */
    struct pair *next;
};

static volatile sig_atomic_t holding;
static long long committed_ns[KEY_TABLE];
static long long last_commit_ns;
static const char *node_path;

static void fail(const char *what)
{
    fprintf(stderr, "hold_proxy: %s: %s\n", what, strerror(errno));
    ERR_print_errors_fp(stderr);
    exit(1);
}

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000000000 + t.tv_nsec;
}

static char *room(struct bytes *b, size_t wanted)
{
    if (b->start > 0 && (b->len == 0 || b->start + b->len + wanted > b->size)) {
        memmove(b->data, b->data + b->start, b->len);
        b->start = 0;
    }
    if (b->len + wanted > b->size) {
        b->size = 2 * (b->len + wanted);
        b->data = realloc(b->data, b->size);
        if (b->data == NULL)
            fail("no memory");
    }
    return b->data + b->start + b->len;
}

static void append(struct bytes *b, const void *data, size_t len)
{
    memcpy(room(b, len), data, len);
    b->len += len;
}

static const char *head(const struct bytes *b)
{
    return b->data + b->start;
}

static void drop(struct bytes *b, size_t len)
{
    b->start += len;
    b->len -= len;
}

/* ---- RESP ---- */

/* The length of the line at `at`, its end included, or INCOMPLETE. */
static long line_length(const char *data, size_t len, size_t at)
{
    const char *end = at < len ? memchr(data + at, '\n', len - at) : NULL;
    return end == NULL ? INCOMPLETE : end - (data + at) + 1;
}

/* The length of the value at the start, or INCOMPLETE. Arrays add what they hold to what is still to come. */
static long value_length(const char *data, size_t len)
{
    size_t at = 0;
    for (long left = 1; left > 0; left--) {
        long line = line_length(data, len, at);
        if (line == INCOMPLETE)
            return INCOMPLETE;
        long number = strtol(data + at + 1, NULL, 10);
        char kind = data[at];
        at += (size_t)line;
        if (kind == '$' && number >= 0)
            at += (size_t)number + 2;
        else if (kind == '*' && number > 0)
            left += number;
        if (at > len)
            return INCOMPLETE;
    }
    return (long)at;
}

static unsigned hash(const char *word, size_t len)
{
    unsigned h = 2166136261U;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)word[i]) * 16777619U;
    return (h ^ h >> 20) % KEY_TABLE;
}

static bool is(const char *word, size_t len, const char *name)
{
    return len == strlen(name) && strncasecmp(word, name, len) == 0;
}

/* Reads a whole command: its name says whether it writes, and where its keys stand. A script may write. */
static struct expected look_at(const char *command)
{
    struct expected found = { 0 };
    char *at;
    long words = strtol(command + 1, &at, 10), first_key = 1, last_key = 1;
    at += 2;
    for (long i = 0; i < words && i <= last_key; i++) {
        size_t len = strtoul(at + 1, &at, 10);
        const char *word = at + 2;
        at += 2 + len + 2;
        if (i == 0 && (is(word, len, "EVALSHA") || is(word, len, "EVAL"))) {
            found.write = true;
            first_key = 3;
            last_key = 2;
        } else if (i == 0) {
            found.write = is(word, len, "SET") || is(word, len, "HSET") || is(word, len, "DEL");
        } else if (first_key == 3 && i == 2) {
            last_key = 2 + strtol(word, NULL, 10);
        } else if (i >= first_key && found.keys < KEYS_MAX) {
            found.key[found.keys++] = hash(word, len);
        }
    }
    return found;
}

/* ---- the hold ---- */

static long long next_commit(long long now)
{
    static long long tick, delay;
    if (now / TICK_NS != tick) {
        tick = now / TICK_NS;
        delay = random() % STALL_ONE_IN == 0 ? STALL_NS : HOLD_NS;
    }
    if (now + delay > last_commit_ns)
        last_commit_ns = now + delay;
    return last_commit_ns;
}

static long long due_at(const struct expected *command, long long now)
{
    long long due = now;
    if (!holding)
        return due;
    if (command->write)
        due = next_commit(now);
    for (int i = 0; i < command->keys; i++) {
        if (command->write)
            committed_ns[command->key[i]] = due;
        else if (committed_ns[command->key[i]] > due)
            due = committed_ns[command->key[i]];
    }
    return due;
}

/* ---- one client ---- */

static void send_to_node(struct pair *p, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = write(p->node, data, len); /* blocking: the node reads faster than anybody writes */
        if (n <= 0) {
            p->dead = true;
            return;
        }
        data += n;
        len -= (size_t)n;
    }
}

static void read_client(struct pair *p)
{
    int n;
    while ((n = SSL_read(p->ssl, room(&p->commands, CHUNK), CHUNK)) > 0)
        p->commands.len += (size_t)n;
    int why = SSL_get_error(p->ssl, n);
    p->dead = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
    ERR_clear_error();
    size_t whole = 0;
    long len;
    while ((len = value_length(head(&p->commands) + whole, p->commands.len - whole)) != INCOMPLETE) {
        struct expected command = look_at(head(&p->commands) + whole);
        append(&p->expected, &command, sizeof command);
        whole += (size_t)len;
    }
    send_to_node(p, head(&p->commands), whole);
    drop(&p->commands, whole);
}

static void read_node(struct pair *p)
{
    ssize_t n = recv(p->node, room(&p->replies, CHUNK), CHUNK, MSG_DONTWAIT);
    if (n <= 0) {
        p->dead = n == 0 || errno != EAGAIN;
        return;
    }
    p->replies.len += (size_t)n;
    long long now = now_ns(), last = 0;
    size_t whole = 0;
    long len;
    while ((len = value_length(head(&p->replies) + whole, p->replies.len - whole)) != INCOMPLETE && p->expected.len > 0) {
        struct expected command;
        memcpy(&command, head(&p->expected), sizeof command);
        drop(&p->expected, sizeof command);
        struct held reply = { due_at(&command, now), (size_t)len };
        if (reply.due_ns < last)
            reply.due_ns = last;
        last = reply.due_ns;
        append(&p->held, &reply, sizeof reply);
        whole += (size_t)len;
    }
    append(&p->out, head(&p->replies), whole);
    drop(&p->replies, whole);
}

/* Sends what is due, in one record where it fits. Returns when the next reply is due, or 0. */
static long long send_due(struct pair *p, long long now)
{
    size_t due = 0, replies = 0;
    struct held reply = { 0 };
    while (replies * sizeof reply < p->held.len) {
        memcpy(&reply, head(&p->held) + replies * sizeof reply, sizeof reply);
        if (reply.due_ns > now)
            break;
        due += reply.len;
        replies++;
    }
    bool more = replies * sizeof reply < p->held.len;
    if (due > 0) {
        int n = SSL_write(p->ssl, head(&p->out), (int)due);
        p->blocked = n <= 0;
        if (n <= 0) {
            int why = SSL_get_error(p->ssl, n);
            p->dead = why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE;
            return 0;
        }
        drop(&p->out, due);
        drop(&p->held, replies * sizeof reply);
    }
    return more ? reply.due_ns : 0;
}

static struct pair *pair_new(int client, SSL_CTX *context, int poll)
{
    struct pair *p = calloc(1, sizeof *p);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int one = 1;
    if (p == NULL || strlen(node_path) >= sizeof address.sun_path)
        fail("no pair");
    memcpy(address.sun_path, node_path, strlen(node_path) + 1);
    p->client = client;
    p->node = socket(AF_UNIX, SOCK_STREAM, 0);
    p->ssl = SSL_new(context);
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (p->ssl == NULL || connect(p->node, (struct sockaddr *)&address, sizeof address) != 0 ||
        SSL_set_fd(p->ssl, client) != 1)
        fail("the node is not there");
    SSL_set_accept_state(p->ssl);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = p };
    epoll_ctl(poll, EPOLL_CTL_ADD, p->client, &event);
    epoll_ctl(poll, EPOLL_CTL_ADD, p->node, &event);
    return p;
}

static void pair_destroy(struct pair *p)
{
    SSL_free(p->ssl);
    close(p->client);
    close(p->node);
    struct bytes *all[] = { &p->commands, &p->replies, &p->out, &p->expected, &p->held };
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]->data);
    free(p);
}

/* ---- the program ---- */

static void on_signal(int number)
{
    holding = number == SIGUSR1;
}

static int listen_on(const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1024) != 0)
        fail("the port is taken");
    return fd;
}

/* Sends what is due on all pairs, and lets go of those that ended. Returns the time until more is due. */
static struct timespec settle(struct pair **first)
{
    long long now = now_ns(), soonest = now + 1000000000;
    for (struct pair **at = first; *at != NULL;) {
        struct pair *p = *at;
        long long due = p->dead ? 0 : send_due(p, now);
        if (p->blocked && !p->dead)
            due = now + TICK_NS;
        if (due > 0 && due < soonest)
            soonest = due;
        if (p->dead) {
            *at = p->next;
            pair_destroy(p);
        } else {
            at = &p->next;
        }
    }
    long long wait = soonest > now ? soonest - now : 0;
    return (struct timespec){ wait / 1000000000, wait % 1000000000 };
}

int main(int argc, char **argv)
{
    if (argc != 5)
        fail("PORT NODE_SOCKET CERTIFICATE KEY");
    signal(SIGPIPE, SIG_IGN);
    signal(SIGUSR1, on_signal);
    signal(SIGUSR2, on_signal);
    node_path = argv[2];
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL || SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1)
        fail("no certificate");
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    int listener = listen_on(argv[1]), poll = epoll_create1(0);
    struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL };
    epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event);
    struct pair *first = NULL;
    for (;;) {
        struct timespec wait = settle(&first);
        struct epoll_event events[EVENTS];
        int n = epoll_pwait2(poll, events, EVENTS, &wait, NULL);
        for (int i = 0; i < n; i++) {
            struct pair *p = events[i].data.ptr;
            if (p == NULL) {
                int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
                if (client >= 0) {
                    p = pair_new(client, context, poll);
                    p->next = first;
                    first = p;
                }
            } else {
                /* Either side may have something; asking both costs one system call. */
                if (!p->dead)
                    read_client(p);
                if (!p->dead)
                    read_node(p);
            }
        }
    }
}
