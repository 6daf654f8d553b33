/* An open loop: HTTP/1.1 GETs at times that are given, however late the answers are.
 *
 *   open_loop PORT CONNECTIONS RATE SECONDS IDS PREFIX SUFFIX AUTHORIZATION
 *
 * Request k is due k / RATE seconds after the start, on connection k modulo CONNECTIONS: the connections' turns lie evenly
 * apart. A connection has one request under way; when its next is due before the answer is there, that one goes as soon as
 * it is. A latency counts from when its request was due, so that all waiting is in it. late_us is how long after that a
 * request went whose connection was free: this program's own share.
 *
 * IDS has a line for each; the path is PREFIX, one of them at random, and SUFFIX. AUTHORIZATION may be "".
 * Prints BENCH and a JSON object, as requests.lua does. status_errors: answers other than 200; socket_errors: requests that
 * had no answer, since a connection ended or GRACE_S were over. Each answer needs a Content-Length.
 * One thread; it sleeps until a request is due or an answer comes. It has no higher priority than the service: with one it
 * took the processor from it at each request, and the latencies grew tenfold. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define ARGUMENTS 9
#define CONNECTIONS_MAX 10000
#define REQUESTS_MAX 100000000
#define IDS_MAX 10000
#define HEAD_MAX 16384
#define BODY_CHUNK 65536
#define EVENTS 64
#define START_NS 1000000LL
#define SECOND_NS 1000000000LL
#define GRACE_S 20

struct connection {
    int fd;
    bool waits;           /* for the answer to `under_way` */
    long under_way, next; /* requests, by number */
    size_t head_len;
    long body_left; /* of an answer whose head is read */
    int status;
    char head[HEAD_MAX];
};

/* Of each request, by its number. */
struct times {
    float *latency_us, *late_us;
};

struct load {
    double rate;
    long requests, due, answered, wrong; /* due: so many have been due so far */
    bool lost;
    int poll, n;
    struct connection *connections;
    struct iovec before, after; /* of a request, around the id */
    struct iovec ids[IDS_MAX];
    size_t ids_n;
    long long start_ns;
    struct times times;
};

static void fail(const char *what)
{
    fprintf(stderr, "open_loop: %s: %s\n", what, strerror(errno));
    exit(1);
}

static long long now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static long long due_ns(const struct load *l, long request)
{
    return l->start_ns + (long long)((double)request / l->rate * (double)SECOND_NS);
}

/* ---- set up ---- */

static struct iovec text_of(char *text)
{
    if (text == NULL)
        fail("no memory");
    return (struct iovec){ text, strlen(text) };
}

static void compose(struct load *l, char **argv)
{
    char *before = NULL, *after = NULL;
    const char *name = argv[8][0] != '\0' ? "Authorization: " : "", *end = argv[8][0] != '\0' ? "\r\n" : "";
    if (asprintf(&before, "GET %s", argv[6]) < 0 ||
        asprintf(&after, "%s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n%s%s%s\r\n", argv[7], argv[1], name, argv[8], end) < 0)
        fail("no memory");
    l->before = text_of(before);
    l->after = text_of(after);
}

static void read_ids(struct load *l, const char *path)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        fail(path);
    for (;;) {
        char *line = NULL;
        size_t size = 0;
        ssize_t len = getline(&line, &size, file);
        if (len <= 0) {
            free(line);
            break;
        }
        if (l->ids_n == IDS_MAX)
            fail("too many ids");
        line[strcspn(line, "\n")] = '\0';
        l->ids[l->ids_n++] = text_of(line);
    }
    fclose(file);
    if (l->ids_n == 0)
        fail("no ids");
}

static int connect_to(const char *port)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("no connection");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void connect_all(struct load *l, const char *port)
{
    l->poll = epoll_create1(EPOLL_CLOEXEC);
    for (int i = 0; i < l->n; i++) {
        struct connection *c = &l->connections[i];
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
        c->fd = connect_to(port);
        c->next = i;
        if (epoll_ctl(l->poll, EPOLL_CTL_ADD, c->fd, &event) != 0)
            fail("epoll");
    }
}

/* ---- requests ---- */

static void send_next(struct load *l, struct connection *c, bool was_free)
{
    struct iovec parts[] = { l->before, l->ids[(size_t)random() % l->ids_n], l->after };
    struct msghdr message = { .msg_iov = parts, .msg_iovlen = sizeof parts / sizeof parts[0] };
    ssize_t len = (ssize_t)(parts[0].iov_len + parts[1].iov_len + parts[2].iov_len);
    c->under_way = c->next;
    c->next += l->n;
    c->waits = true;
    if (was_free)
        l->times.late_us[c->under_way] = (float)((double)(now_ns() - due_ns(l, c->under_way)) / 1e3);
    if (sendmsg(c->fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != len)
        l->lost = true;
}

/* Returns when the next request is due. The one that is due is the next of its connection, or that waits for an answer. */
static long long send_due(struct load *l)
{
    long long now = now_ns();
    while (l->due < l->requests && due_ns(l, l->due) <= now) {
        struct connection *c = &l->connections[l->due++ % l->n];
        if (!c->waits)
            send_next(l, c, true);
    }
    return l->due < l->requests ? due_ns(l, l->due) : now + SECOND_NS;
}

/* ---- answers ---- */

/* False: it is not all there yet. */
static bool read_head(struct connection *c)
{
    char *end = memmem(c->head, c->head_len, "\r\n\r\n", 4);
    if (end == NULL && c->head_len < HEAD_MAX)
        return false;
    if (end != NULL)
        *end = '\0';
    const char *length = end == NULL ? NULL : strcasestr(c->head, "\r\nContent-Length:");
    if (length == NULL || strncmp(c->head, "HTTP/1.1 ", 9) != 0)
        fail("an answer without Content-Length");
    c->status = (int)strtol(c->head + 9, NULL, 10);
    c->body_left = strtol(strchr(length, ':') + 1, NULL, 10) - (c->head + c->head_len - (end + 4));
    c->head_len = 0;
    return true;
}

static void answered(struct load *l, struct connection *c)
{
    l->times.latency_us[c->under_way] = (float)((double)(now_ns() - due_ns(l, c->under_way)) / 1e3);
    l->answered++;
    l->wrong += c->status != 200;
    c->waits = false;
    if (c->next < l->due)
        send_next(l, c, false);
}

static void receive(struct load *l, struct connection *c)
{
    static char body[BODY_CHUNK];
    bool in_body = c->body_left > 0;
    ssize_t n = in_body ? recv(c->fd, body, sizeof body, MSG_DONTWAIT)
                        : recv(c->fd, c->head + c->head_len, HEAD_MAX - c->head_len, MSG_DONTWAIT);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        l->lost = true;
        return;
    }
    if (in_body)
        c->body_left -= n;
    else
        c->head_len += (size_t)n;
    if (!c->waits || c->body_left < 0)
        fail("more came than was asked for");
    if (!in_body && !read_head(c))
        return;
    if (c->body_left < 0)
        fail("more came than was asked for");
    if (c->body_left == 0)
        answered(l, c);
}

/* Returns how long it took, until the last answer. */
static long long run(struct load *l)
{
    l->start_ns = now_ns() + START_NS;
    long long deadline = due_ns(l, l->requests) + GRACE_S * SECOND_NS;
    while (l->answered < l->requests && !l->lost && now_ns() < deadline) {
        struct epoll_event events[EVENTS];
        long long wait = send_due(l) - now_ns();
        if (wait < 0)
            wait = 0;
        struct timespec timeout = { wait / SECOND_NS, wait % SECOND_NS };
        int n = epoll_pwait2(l->poll, events, EVENTS, &timeout, NULL);
        for (int i = 0; i < n && !l->lost; i++) {
            receive(l, events[i].data.ptr);
            send_due(l);
        }
    }
    return now_ns() - l->start_ns;
}

/* ---- what is printed ---- */

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double sorted_at(const float *sorted, long n, const char *percentile)
{
    long at = (long)(strtod(percentile, NULL) / 100 * (double)n);
    return n == 0 ? 0 : (double)sorted[at < n ? at : n - 1];
}

static void print(struct load *l, long long took_ns)
{
    static const char *const names[] = { "1", "5", "10", "25", "50", "75", "90", "95", "99", "99.9", "99.99" };
    float *latency = l->times.latency_us, *late = l->times.late_us;
    /* Without all answers the figures mean nothing, and nobody uses them. */
    qsort(latency, (size_t)l->requests, sizeof *latency, by_value);
    qsort(late, (size_t)l->requests, sizeof *late, by_value);
    printf("BENCH {\"requests\":%ld,\"duration_us\":%.0f,\"socket_errors\":%ld,\"status_errors\":%ld,\"max_us\":%.0f,"
           "\"late_us\":{\"50\":%.1f,\"99\":%.1f},\"latency_us\":{", l->answered, (double)took_ns / 1e3,
           l->requests - l->answered, l->wrong, sorted_at(latency, l->requests, "100"), sorted_at(late, l->requests, "50"),
           sorted_at(late, l->requests, "99"));
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        printf("%s\"%s\":%.1f", i > 0 ? "," : "", names[i], sorted_at(latency, l->requests, names[i]));
    puts("}}");
}

int main(int argc, char **argv)
{
    static struct load l;
    if (argc != ARGUMENTS)
        fail("PORT CONNECTIONS RATE SECONDS IDS PREFIX SUFFIX AUTHORIZATION");
    l.n = (int)strtol(argv[2], NULL, 10);
    l.rate = strtod(argv[3], NULL);
    double requests = l.rate * strtod(argv[4], NULL);
    if (l.n < 1 || l.n > CONNECTIONS_MAX || !(requests >= 1 && requests <= REQUESTS_MAX))
        fail("too few or too many");
    l.requests = (long)requests;
    l.connections = calloc((size_t)l.n, sizeof *l.connections);
    l.times.latency_us = calloc((size_t)l.requests, sizeof(float));
    l.times.late_us = calloc((size_t)l.requests, sizeof(float));
    if (l.connections == NULL || l.times.latency_us == NULL || l.times.late_us == NULL)
        fail("no memory");
    prctl(PR_SET_TIMERSLACK, 1UL); /* its default of 50 us would be in each latency */
    compose(&l, argv);
    read_ids(&l, argv[5]);
    connect_all(&l, argv[1]);
    print(&l, run(&l));
    return 0;
}
