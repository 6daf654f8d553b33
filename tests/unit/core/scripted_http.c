#include "scripted_http.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "unit.h"

#define DEADLINE_MS 10000

/* Header fields and as much body as Content-Length says. */
static bool request_ended(const char *request, size_t len)
{
    const char *end = strstr(request, "\r\n\r\n");
    const char *length = strcasestr(request, "content-length:");
    if (end == NULL)
        return false;
    size_t body = length == NULL || length > end ? 0 : strtoul(length + 15, NULL, 10);
    return len >= (size_t)(end + 4 - request) + body;
}

static void converse(struct scripted_http *server, int fd)
{
    size_t len = 0;
    struct pollfd item = { .fd = fd, .events = POLLIN };
    memset(server->request, 0, sizeof server->request);
    while (!request_ended(server->request, len) && len < sizeof server->request - 1) {
        if (poll(&item, 1, DEADLINE_MS) != 1)
            return;
        ssize_t got = recv(fd, server->request + len, sizeof server->request - 1 - len, 0);
        if (got <= 0)
            return;
        len += (size_t)got;
    }
    send(fd, server->answer, strlen(server->answer), MSG_NOSIGNAL);
    char rest = 0;
    if (server->hold && poll(&item, 1, DEADLINE_MS) == 1)
        (void)!recv(fd, &rest, 1, 0);
}

static void *run(void *arg)
{
    struct scripted_http *server = arg;
    for (;;) {
        int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
        if (fd < 0)
            return NULL;
        atomic_fetch_add(&server->connections, 1);
        converse(server, fd);
        close(fd);
    }
}

void scripted_http_start(struct scripted_http *server, const char *answer, bool hold)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    memset(server->request, 0, sizeof server->request);
    server->answer = answer;
    server->hold = hold;
    atomic_init(&server->connections, 0);
    server->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server->listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(server->listener, 16), 0);
    assert_int_equal(getsockname(server->listener, (struct sockaddr *)&address, &size), 0);
    server->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&server->thread, NULL, run, server), 0);
}

void scripted_http_stop(struct scripted_http *server)
{
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}
