#include "client.h"

#include "customerd/api/problem.h"

#include "head.h"
#include "task.h"
#include "tls_listener.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

/* So often the library may ask in vain for an answer before its connection is suspended, which costs three system calls, each as
 * much as some ten of such questions. A read is answered sooner; of many writes that a database holds back the library would else
 * ask for each at each turn. */
#define VISITS_MAX 32

struct client {
    struct connection connection; /* the first member: the watchdog knows no other */
    struct tls_client tls;
    const struct client_context *context;
    struct MHD_Connection *http;
    struct task *task; /* of the request that is on its way */
    unsigned visits; /* of the library, which asked in vain for its answer */
    uint64_t wants_until; /* this run of the library; 0: none */
    bool suspended;
    bool answered; /* is counted in its loop's answers */
    uint8_t peer[PEER_BYTES];
    bool linger;
    char request_id[REQUEST_ID_SIZE];
    atomic_bool named;             /* request_id holds the request's, and is not changed before the next */
    char late_id[REQUEST_ID_SIZE]; /* the watchdog's, for a request that it cut before it had a name */
};

static struct client *client_of(struct MHD_Connection *http)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

/* ---- what the library is wanted for ---- */

static void want_no_runs(struct client *client)
{
    struct client_loop *loop = client->context->loop;
    if (loop != NULL && client->wants_until > loop->run)
        loop->wanted[client->wants_until % (LIBRARY_RUNS_AHEAD + 1)]--;
    client->wants_until = 0;
}

/* The library has something to do for this client that no event will tell of, and needs so many runs for it. */
static void want_runs(struct client *client, unsigned n)
{
    struct client_loop *loop = client->context->loop;
    want_no_runs(client);
    if (loop == NULL)
        return;
    client->wants_until = loop->run + n;
    loop->wanted[client->wants_until % (LIBRARY_RUNS_AHEAD + 1)]++;
}

/* The next request may be here already. While others wait for the database the library doesn't tell (loop.c). */
static void after_answer(struct client *client)
{
    struct client_loop *loop = client->context->loop;
    if (loop == NULL)
        return;
    loop->answers -= client->answered;
    client->answered = false;
    loop->ended = true;
    want_no_runs(client);
}

/* ---- the connection ---- */

/* IPv4 is mapped into IPv6. Of IPv6 the network counts: whoever has one has 2^64 addresses in it. */
static void note_peer(struct MHD_Connection *http, uint8_t peer[PEER_BYTES])
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info == NULL || info->client_addr == NULL)
        return;
    if (info->client_addr->sa_family == AF_INET) {
        const struct sockaddr_in *v4 = (const void *)info->client_addr;
        peer[10] = peer[11] = 0xff;
        memcpy(peer + 12, &v4->sin_addr, 4);
    } else if (info->client_addr->sa_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const void *)info->client_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr);
        memcpy(peer, &v6->sin6_addr, mapped ? PEER_BYTES : PEER_BYTES / 2);
    }
}

void client_peer(const struct client *client, uint8_t peer[PEER_BYTES])
{
    memcpy(peer, client->peer, PEER_BYTES);
}

/* The handshake is over: from here on the connection is idle, and not a request that trickles in. */
static void client_established(void *ctx)
{
    struct client *client = ctx;
    connection_restart_phase(client->context->connections, &client->connection);
    want_runs(client, 1); /* the first request may have come with the handshake's end */
}

static struct client *client_new(const struct client_context *shared, struct MHD_Connection *http)
{
    struct client *client = calloc(1, sizeof *client);
    if (client == NULL)
        return NULL;
    client->tls = (struct tls_client){ .established = client_established, .ctx = client };
    client->context = shared;
    client->http = http;
    return client;
}

/* A task that still runs ends alone. */
static void leave_task(struct client *client)
{
    struct task *task = client->task;
    client->task = NULL;
    if (task == NULL)
        return;
    task->client = NULL;
    if (!task->runs)
        task_end(task);
}

void client_on_connection(void *context, struct MHD_Connection *http, void **slot,
                          enum MHD_ConnectionNotificationCode code)
{
    const struct client_context *shared = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        /* What the library tells is valid only until it is asked the next thing. */
        int fd = MHD_get_connection_info(http, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        struct client *client = client_new(shared, http);
        *slot = client;
        if (shared->tls != NULL)
            tls_listener_begin(shared->tls, http, client == NULL ? NULL : &client->tls);
        if (client == NULL)
            return;
        note_peer(http, client->peer);
        if (shared->public)
            (void)atomic_fetch_add(&shared->app->connections, 1);
        /* The library would let it wait for a place, and its client wonder. */
        if (connections_add(shared->connections, &client->connection, fd) > shared->connections_max)
            (void)shutdown(fd, SHUT_RDWR);
    } else if (*slot != NULL) {
        struct client *client = *slot;
        *slot = NULL;
        connections_remove(shared->connections, &client->connection, client->linger);
        if (shared->public)
            (void)atomic_fetch_sub(&shared->app->connections, 1);
        leave_task(client);
        free(client);
    }
}

/* ---- a request ---- */

static bool is_stopping(const struct client_context *shared)
{
    return shared->loop != NULL && shared->loop->stopping;
}

/* Without a task the request is refused at its first call. */
void *client_on_request_line(void *context, const char *uri, struct MHD_Connection *http)
{
    const struct client_context *shared = context;
    struct client *client = client_of(http);
    if (client == NULL || is_stopping(shared) ||
        !connection_begin(shared->connections, &client->connection))
        return NULL;
    client->visits = 0;
    if (shared->loop != NULL)
        shared->loop->begun++;
    client->task = task_new(shared, client, uri);
    return NULL;
}

/* The request's name is chosen while its body may still be on the way, which it may stay. A body that must not be read is
 * refused before it comes: one of unknown coding has no end, and one over the limit need not be waited for. */
static bool take_head(struct client *client, const char *method, const char *version)
{
    struct task *task = client->task;
    if (!task_take_head(task, client->http, method, version))
        return false;
    memcpy(client->request_id, task->x.request.id, sizeof client->request_id);
    atomic_store(&client->named, true);
    if (head_brings_body(&task->x.request.headers))
        return task_start(task, TASK_ADMIT);
    task->step = TASK_BODY;
    return true;
}

static bool run(struct client *client)
{
    return connection_run(client->context->connections, &client->connection) && task_start(client->task, TASK_RUN);
}

/* What is answered before the body has come ends its connection: the library then takes no more of it. */
static enum MHD_Result answer(struct client *client)
{
    struct task *task = client->task;
    client->linger = task->linger;
    if (task->reply == NULL)
        return MHD_NO;
    if (task->step != TASK_RUN && !connection_run(client->context->connections, &client->connection))
        return MHD_NO;
    if (client->context->loop != NULL && !client->answered) {
        client->answered = true;
        client->context->loop->answers++;
    }
    /* In one it is sent, in another it is over. */
    want_runs(client, LIBRARY_RUNS_AHEAD);
    return MHD_queue_response(client->http, (unsigned)task->measure.http_status, task->reply);
}

/* The library comes back at its next turn, or when it is told to. While the head's admission runs it must be told: it
 * would begin to take the body. */
static enum MHD_Result come_back(struct client *client)
{
    want_no_runs(client);
    client->visits++;
    if (client->task->step == TASK_ADMIT || client->visits >= VISITS_MAX) {
        client->suspended = true;
        MHD_suspend_connection(client->http);
    }
    return MHD_YES;
}

/* The first call comes with the head, then one each with a piece of the body, and the last one, without `upload`, again and
 * again when the request is whole and until it is answered. A piece may be empty: where a request without a body expects
 * 100 Continue, and the next one is here already. */
enum MHD_Result client_on_call(void *context, struct MHD_Connection *http, const char *url, const char *method,
                               const char *version, const char *upload, size_t *upload_len, void **slot)
{
    struct client *client = client_of(http);
    struct task *task = client == NULL ? NULL : client->task;
    bool ok = true;
    (void)url, (void)slot;
    if (task == NULL)
        return MHD_NO;
    if (task->runs)
        return come_back(client);
    if (is_stopping(context) && !task_is_answered(task))
        return MHD_NO;
    if (task->step == TASK_HEAD) {
        ok = take_head(client, method, version);
    } else if (upload != NULL) {
        ok = task_take_body(task, upload, *upload_len);
        *upload_len = 0;
    } else if (task->step == TASK_BODY) {
        ok = run(client);
    }
    if (!ok)
        return MHD_NO;
    if (task->runs)
        return come_back(client);
    if (task_is_answered(task))
        return answer(client);
    /* In one run the library may send 100 Continue and no more; what of the body is here already it takes in the next. */
    want_runs(client, task->step == TASK_ADMIT ? LIBRARY_RUNS_AHEAD : 1);
    if (task->step == TASK_ADMIT)
        task->step = TASK_BODY;
    return MHD_YES;
}

void client_task_ran(struct client *client)
{
    struct client_loop *loop = client->context->loop;
    if (loop == NULL)
        return;
    loop->ran++;
    if (client->suspended)
        MHD_resume_connection(client->http);
    client->suspended = false;
}

/* In the middle of an answer, where the library asks for its next piece. */
void client_pause(struct client *client)
{
    client->suspended = true;
    MHD_suspend_connection(client->http);
}

void client_sends(struct client *client)
{
    connection_restart_phase(client->context->connections, &client->connection);
    want_runs(client, 1);
}

void client_allow(struct client *client, int64_t extra_ms)
{
    connection_allow(&client->connection, extra_ms);
}

void client_on_completed(void *context, struct MHD_Connection *http, void **slot, enum MHD_RequestTerminationCode code)
{
    const struct client_context *shared = context;
    struct client *client = client_of(http);
    (void)slot, (void)code;
    if (client == NULL)
        return;
    struct task *task = client->task;
    after_answer(client);
    if (connection_end(shared->connections, &client->connection) && task != NULL && !task->runs && !task_is_answered(task))
        task_note_cut(task, client->late_id, shared->tls == NULL);
    leave_task(client);
    atomic_store(&client->named, false);
}

/* ---- too late ---- */

/* In the watchdog's thread, while the one that serves the connection may still be at work. */
static void name_timeout(struct client *client, char id[REQUEST_ID_SIZE])
{
    if (atomic_load(&client->named)) {
        memcpy(id, client->request_id, REQUEST_ID_SIZE);
        return;
    }
    request_new_id(client->late_id);
    memcpy(id, client->late_id, REQUEST_ID_SIZE);
}

/* Within TLS nothing can be said from another thread: there the connection ends without a word, and the log alone has the name. */
void client_say_timeout(void *context, struct connection *connection)
{
    const struct client_context *shared = context;
    struct client *client = (struct client *)connection;
    struct error err;
    struct response response;
    char id[REQUEST_ID_SIZE];
    name_timeout(client, id);
    if (shared->tls != NULL)
        return;
    (void)error_set(&err, STATUS_BAD_REQUEST, "The request did not arrive as a whole within %" PRId64 " ms",
                    shared->app->config->http.request_timeout_ms + atomic_load(&connection->extra_ms));
    response_init(&response);
    problem_render(&(struct problem){ .error = &err, .request_id = id }, &response);
    struct buf message = BUF_INIT(4096);
    buf_appendf(&message,
                "HTTP/1.1 400 Bad Request\r\nContent-Type: " CONTENT_TYPE_PROBLEM "\r\nContent-Length: %zu\r\n"
                "Cache-Control: no-store\r\nX-Request-Id: %s\r\nX-Content-Type-Options: nosniff\r\n"
                "Connection: close\r\n\r\n",
                response.body.len, id);
    buf_append(&message, buf_slice(&response.body));
    if (buf_ok(&message))
        (void)!send(connection->fd, message.data, message.len, MSG_DONTWAIT | MSG_NOSIGNAL);
    buf_clean_up(&message);
    response_clean_up(&response);
}
