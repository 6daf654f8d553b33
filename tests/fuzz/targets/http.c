/* The whole HTTP stack: the bytes of one connection, given to the library's daemon by a socket pair, through gate, router and
 * handlers to a store in memory. The first byte chooses one of two services (anybody may call; or tokens, a rate limit, required
 * preconditions and CORS), the second how the store fails, the third cuts the bytes.
 *
 * What must hold: the connection ends; every answer is framed by its length, names its request, and holds JSON where it says so
 * (the library's own answers, in HTML, close the connection); and the bytes in pieces are answered like the bytes at once. */
#include "fuzz.h"

#include <jansson.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <ulfius.h>
#include <unistd.h>

#include "customerd/api/http_metrics.h"
#include "customerd/api/rate_limiter.h"
#include "customerd/api/resource.h"
#include "customerd/api/route.h"
#include "customerd/api/server.h"
#include "customerd/auth/authenticator.h"
#include "customerd/core/http_client.h"
#include "fake_store.h"

#define NOW_MS 1700000000000
#define ANSWERS_MAX_BYTES (64u << 20)
#define WAIT_MS 20000 /* for a thread that has everything it waits for */

/* Of the token in the dictionary. */
#define JWKS "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"1qPHOox3kOBX2r9m3-mcCBrn0omSoKO1Y7JgBqV-Jvw\"}]}"

struct service_under_test {
    struct config config;
    struct app app;
    struct resources resources;
    const struct route *routes[ROUTE_TABLES_SIZE];
    struct server *server;
    struct MHD_Daemon *daemon;
};

static struct service_under_test services[2];

/* ---- the services ---- */

static int64_t standing_clock(void *ctx)
{
    (void)ctx;
    return NOW_MS;
}

static const struct clock standing = { .realtime_ms = standing_clock, .monotonic_ms = standing_clock };
static struct MHD_Daemon *last_daemon;

int __real_ulfius_start_framework_with_mhd_options(struct _u_instance *instance, unsigned int flags,
                                                   struct MHD_OptionItem *options);
int __wrap_ulfius_start_framework_with_mhd_options(struct _u_instance *instance, unsigned int flags,
                                                   struct MHD_OptionItem *options);

/* The daemon is the server's own affair; connections are handed to it here. */
int __wrap_ulfius_start_framework_with_mhd_options(struct _u_instance *instance, unsigned int flags,
                                                   struct MHD_OptionItem *options)
{
    int result = __real_ulfius_start_framework_with_mhd_options(instance, flags, options);
    last_daemon = instance->mhd_daemon;
    return result;
}

static void configure(struct config *out, bool guarded)
{
    static char *const plain_settings[] = { "CUSTOMERD_DOCS=off", "CUSTOMERD_LISTEN=127.0.0.1:0", NULL };
    static char *const guarded_settings[] = { "CUSTOMERD_DOCS=off", "CUSTOMERD_LISTEN=127.0.0.1:0",
                                              "CUSTOMERD_REQUIRE_IF_MATCH=on", "CUSTOMERD_CORS_ORIGINS=https://app.example",
                                              NULL };
    struct config_sources sources;
    struct error err;
    const struct config_input input = { .environment = guarded ? guarded_settings : plain_settings };
    REQUIRE(config_load(&input, out, &sources, &err) == STATUS_OK);
}

static void guard(struct app *app)
{
    static char path[32];
    const struct rate_limit limit = { .per_s = 1000000, .burst = 1000000 };
    struct error err;
    int fd = memfd_create("jwks", 0);
    REQUIRE(fd >= 0 && write(fd, JWKS, sizeof JWKS - 1) == (ssize_t)sizeof JWKS - 1);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    const struct authenticator_options options = { .jwks = path, .issuer = "i", .audience = "a", .clock = &standing };
    app->authenticator = authenticator_new(&options, &err);
    app->rate_limiter = rate_limiter_new(&limit);
    REQUIRE(app->authenticator != NULL && app->rate_limiter != NULL);
}

static void start(struct service_under_test *s, bool guarded)
{
    struct error err;
    uint16_t port = 0;
    configure(&s->config, guarded);
    s->app.config = &s->config;
    s->app.clock = &standing;
    resources_init(&s->resources);
    REQUIRE(resources_choose(&s->resources, "customers", &err) == STATUS_OK);
    s->resources.slots[0].state = s; /* which the store in memory does not look at */
    s->app.resources = &s->resources;
    resources_routes(&s->resources, false, s->routes);
    s->app.metrics = http_metrics_new(s->routes, false);
    REQUIRE(s->app.metrics != NULL);
    if (guarded)
        guard(&s->app);
    const struct server_options options = {
        .app = &s->app,
        .listen_fd = server_listen("CUSTOMERD_LISTEN", &s->config.http.listen, &port, &err),
        .port = 1,
        .routes = s->routes,
        .connections_max = 64,
        .public = true,
    };
    s->server = server_new(&options, &err);
    s->daemon = last_daemon;
    REQUIRE(s->server != NULL && s->daemon != NULL);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err;
    (void)argc;
    (void)argv;
    (void)signal(SIGPIPE, SIG_IGN);
    REQUIRE(http_client_global_init(&err) == STATUS_OK);
    start(&services[0], false);
    start(&services[1], true);
    return 0;
}

/* ---- one connection ---- */

/* Until the other side has taken what was written, or says no more. */
static void await_taken(int fd)
{
    int left = 1;
    struct pollfd gone = { .fd = fd, .events = POLLRDHUP };
    while (ioctl(fd, SIOCOUTQ, &left) == 0 && left > 0 && poll(&gone, 1, 0) == 0)
        (void)sched_yield();
}

static void send_all(int fd, struct slice bytes, size_t step)
{
    while (bytes.len > 0) {
        struct slice piece = slice_of(bytes.ptr, step < bytes.len ? step : bytes.len);
        if (send(fd, piece.ptr, piece.len, MSG_NOSIGNAL) != (ssize_t)piece.len)
            return;
        bytes = slice_from(bytes, piece.len);
        await_taken(fd);
    }
}

static void read_all(int fd, struct buf *out)
{
    ssize_t n;
    do {
        struct pollfd wait = { .fd = fd, .events = POLLIN };
        REQUIRE(poll(&wait, 1, WAIT_MS) == 1);
        REQUIRE(buf_reserve(out, 65536));
        n = recv(fd, buf_tail(out), 65536, 0);
        if (n > 0)
            buf_advance(out, (size_t)n);
    } while (n > 0);
}

static void converse(struct MHD_Daemon *daemon, struct slice bytes, size_t step, struct buf *answers)
{
    int pair[2];
    const struct sockaddr address = { .sa_family = AF_UNIX };
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
    REQUIRE(MHD_add_connection(daemon, pair[0], &address, sizeof address) == MHD_YES);
    send_all(pair[1], bytes, step);
    (void)shutdown(pair[1], SHUT_WR);
    read_all(pair[1], answers);
    (void)close(pair[1]);
}

/* ---- the answers ---- */

struct answer_head {
    int status;
    bool json, has_id, closes, has_length;
    size_t length;
};

static struct slice take_line(struct slice *rest)
{
    const char *end = memmem(rest->ptr, rest->len, "\r\n", 2);
    REQUIRE(end != NULL);
    struct slice line = slice_of(rest->ptr, (size_t)(end - rest->ptr));
    *rest = slice_from(*rest, line.len + 2);
    return line;
}

/* Values that differ from run to run are overwritten. */
static void mask(struct slice value)
{
    memset((char *)(uintptr_t)value.ptr, '#', value.len);
}

static void mask_after(struct slice text, const char *before)
{
    size_t len = strlen(before);
    const char *at = memmem(text.ptr, text.len, before, len);
    if (at != NULL)
        mask(slice_of(at + len, strcspn(at + len, "\"")));
}

static void read_field(struct slice line, struct answer_head *head)
{
    struct slice name = slice_take(&line, ':');
    REQUIRE(line.len > 0 && line.ptr[0] == ' ' && name.len > 0);
    struct slice value = slice_from(line, 1);
    if (slice_is_nocase(name, "Content-Length")) {
        REQUIRE(!head->has_length);
        head->has_length = true;
        head->length = strtoul(value.ptr, NULL, 10);
    } else if (slice_is_nocase(name, "Content-Type")) {
        head->json = memmem(value.ptr, value.len, "json", 4) != NULL;
    } else if (slice_is_nocase(name, "X-Request-Id")) {
        head->has_id = true;
        mask(value);
    } else if (slice_is_nocase(name, "Date") || slice_is_nocase(name, "RateLimit")) {
        mask(value);
    } else if (slice_is_nocase(name, "Connection")) {
        head->closes = slice_is_nocase(value, "close");
    }
}

static struct answer_head take_head(struct slice *rest)
{
    struct answer_head head = { .status = 0 };
    struct slice line = take_line(rest);
    REQUIRE(line.len >= 12 && (slice_starts_with(line, "HTTP/1.1 ") || slice_starts_with(line, "HTTP/1.0 ")));
    head.status = (int)strtol(line.ptr + 9, NULL, 10);
    for (line = take_line(rest); line.len > 0; line = take_line(rest))
        read_field(line, &head);
    return head;
}

static void check_body(const struct answer_head *head, struct slice body)
{
    json_error_t why;
    if (!head->json)
        return;
    json_t *tree = json_loadb(body.ptr, body.len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &why);
    REQUIRE(json_is_object(tree));
    REQUIRE(head->status < 400 || json_integer_value(json_object_get(tree, "status")) == head->status);
    json_decref(tree);
    mask_after(body, "\"request_id\":\"");
    mask_after(body, "\"instance\":\"urn:customerd:request:");
}

/* libmicrohttpd 0.9.75 writes the head of its own refusal of a Content-Length twice; nothing else may follow what closes. */
static void check_order(struct slice all, const struct answer_head *before, const struct answer_head *head)
{
    if (!before->closes || (!before->has_id && !head->has_id && head->closes))
        return;
    fprintf(stderr, "behind the last answer:\n%.*s\n", (int)all.len, all.ptr);
    abort();
}

static void check_answers(struct slice rest)
{
    const struct slice all = rest;
    struct answer_head before = { .closes = false };
    while (rest.len > 0) {
        struct answer_head head = take_head(&rest);
        if (head.status == 100)
            continue;
        check_order(all, &before, &head);
        before = head;
        /* The answer to HEAD states a length and has no body: what follows is then another answer, or nothing. */
        bool bodiless = head.status == 204 || head.status == 304 || rest.len == 0 || slice_starts_with(rest, "HTTP/1.");
        REQUIRE(head.has_id || head.closes);
        REQUIRE(head.has_length || head.status == 204);
        if (bodiless)
            continue;
        REQUIRE(head.length <= rest.len);
        check_body(&head, slice_of(rest.ptr, head.length));
        rest = slice_from(rest, head.length);
    }
}

static void check_same(struct slice whole, struct slice pieces)
{
    if (slice_equal(whole, pieces))
        return;
    fprintf(stderr, "at once:\n%.*s\nin pieces:\n%.*s\n", (int)whole.len, whole.ptr, (int)pieces.len, pieces.ptr);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum status failures[] = { STATUS_OK, STATUS_UNAVAILABLE, STATUS_OUTCOME_UNKNOWN,
                                            STATUS_UPDATE_IN_PROGRESS, STATUS_IDEMPOTENCY_MISMATCH, STATUS_RECORD_DAMAGED };
    struct buf whole = BUF_INIT(ANSWERS_MAX_BYTES);
    struct buf pieces = BUF_INIT(ANSWERS_MAX_BYTES);
    struct slice rest = slice_of(data, size);
    struct MHD_Daemon *daemon = services[fuzz_byte(&rest) % 2].daemon;
    enum status failure = failures[fuzz_byte(&rest) % (sizeof failures / sizeof *failures)];
    size_t step = 1 + fuzz_byte(&rest);
    fake_store_reset(failure);
    converse(daemon, rest, SIZE_MAX, &whole);
    check_answers(buf_slice(&whole));
    fake_store_reset(failure);
    converse(daemon, rest, step, &pieces);
    check_answers(buf_slice(&pieces));
    check_same(buf_slice(&whole), buf_slice(&pieces));
    buf_clean_up(&whole);
    buf_clean_up(&pieces);
    return 0;
}
