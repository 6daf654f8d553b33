#include "customerd/api/server.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG 1024

static int try_address(const struct addrinfo *address)
{
    const int on = 1;
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP);
    if (fd < 0)
        return -1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 &&
        bind(fd, address->ai_addr, address->ai_addrlen) == 0 && listen(fd, BACKLOG) == 0)
        return fd;
    int saved = errno;
    (void)close(fd);
    errno = saved;
    return -1;
}

static uint16_t port_of(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = { .v6 = { .sin6_family = AF_UNSPEC } };
    socklen_t len = sizeof address;
    if (getsockname(fd, &address.any, &len) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

int server_listen(const char *setting, const struct host_port *address, uint16_t *port, struct error *err)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV };
    struct addrinfo *found = NULL;
    char service[8];
    (void)snprintf(service, sizeof service, "%u", (unsigned)address->port);
    int failure = getaddrinfo(address->host, service, &hints, &found);
    if (failure != 0) {
        (void)error_set(err, STATUS_UNAVAILABLE, "%s: can't listen on %.120s: %s", setting, address->host,
                        gai_strerror(failure));
        return -1;
    }
    int fd = -1;
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = try_address(a);
    if (fd < 0) {
        char reason[64];
        (void)error_set(err, STATUS_UNAVAILABLE, "%s: can't listen on %.120s port %u: %s", setting, address->host,
                        (unsigned)address->port, strerror_r(errno, reason, sizeof reason));
    } else {
        *port = port_of(fd);
    }
    freeaddrinfo(found);
    return fd;
}
