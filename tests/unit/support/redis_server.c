#include "redis_server.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

int64_t monotonic_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool poll_until(bool (*condition)(void *ctx), void *ctx, int64_t timeout_ms)
{
    int64_t end = monotonic_ms() + timeout_ms;
    do {
        if (condition(ctx))
            return true;
        poll(NULL, 0, 2);
    } while (monotonic_ms() < end);
    return false;
}

static bool is_free(uint16_t port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = { htonl(INADDR_LOOPBACK) } };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool free = fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0;
    if (fd >= 0)
        close(fd);
    return free;
}

/* Below the ports that the kernel gives to clients, where any connection could take it before the server does. */
uint16_t free_port(void)
{
    for (int i = 0; i < 1000; i++) {
        uint16_t bits = 0;
        (void)!getrandom(&bits, sizeof bits, 0);
        uint16_t port = (uint16_t)(10000 + bits % 22000);
        if (is_free(port))
            return port;
    }
    return 0;
}

static bool certify(struct lab *lab)
{
    char command[2048];
    snprintf(command, sizeof command,
             "cd %s && exec >/dev/null 2>&1 && "
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=test-ca "
             "-keyout ca.key -out ca.pem && "
             "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=other-ca "
             "-keyout other.key -out other.pem && "
             "openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=node "
             "-keyout node.key -out node.csr && "
             "printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\\n' > san && "
             "openssl x509 -req -in node.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile san -out node.pem",
             lab->dir);
    return system(command) == 0;
}

bool lab_set_up(struct lab *lab)
{
    snprintf(lab->dir, sizeof lab->dir, "/tmp/customerd-test-XXXXXX");
    if (mkdtemp(lab->dir) == NULL || system("command -v redis-server openssl >/dev/null") != 0 || !certify(lab))
        return false;
    snprintf(lab->ca_file, sizeof lab->ca_file, "%s/ca.pem", lab->dir);
    snprintf(lab->other_ca_file, sizeof lab->other_ca_file, "%s/other.pem", lab->dir);
    return true;
}

void lab_tear_down(struct lab *lab)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", lab->dir);
    if (system(command) != 0)
        fprintf(stderr, "can't remove %s\n", lab->dir);
}

static bool answers(void *ctx)
{
    const struct redis *r = ctx;
    return strncmp(redis_command(r, "PING"), "+PONG", 5) == 0;
}

static bool serves(void *ctx)
{
    const struct redis *r = ctx;
    return strstr(redis_command(r, "CLUSTER INFO"), "cluster_state:ok") != NULL;
}

static void run_server(const struct redis *r)
{
    char command[2048];
    const char *dir = r->lab->dir;
    snprintf(command, sizeof command,
             "cd %s && exec redis-server --bind 127.0.0.1 --port %u --tls-port %u --tls-cert-file %s/node.pem "
             "--tls-key-file %s/node.key --tls-ca-cert-file %s/ca.pem --tls-auth-clients no --tls-cluster yes --save '' --dir %s "
             "--logfile %s/redis-%u.log --appendonly yes --appenddirname aof-%u --enable-debug-command yes "
             "--cluster-enabled %s --cluster-config-file nodes-%u.conf --cluster-port %u %s",
             dir, r->port, r->tls_port, dir, dir, dir, dir, dir, r->port, r->port, r->cluster_mode ? "yes" : "no",
             r->port, r->bus_port, r->extra);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl("/bin/sh", "sh", "-c", command, (char *)NULL);
    _exit(127);
}

/* Whether it answers, or has ended: of another one that has its port the answer would not be its own. */
static bool settles(void *ctx)
{
    struct redis *r = ctx;
    if (waitpid(r->pid, NULL, WNOHANG) == r->pid)
        r->pid = 0;
    return r->pid <= 0 || answers(r);
}

static bool start(struct redis *r)
{
    r->pid = fork();
    if (r->pid == 0)
        run_server(r);
    return poll_until(settles, r, 10000) && r->pid > 0;
}

static void give_up(const char *why)
{
    fprintf(stderr, "redis-server %s\n", why);
    abort();
}

void redis_start_again(struct redis *r)
{
    if (!start(r))
        give_up("does not start again");
}

static bool becomes_cluster(struct redis *r)
{
    redis_command(r, "CLUSTER ADDSLOTSRANGE 0 16383");
    return poll_until(serves, r, 10000);
}

/* Why it does not serve. */
static void tell_of(const struct redis *r)
{
    char command[128];
    snprintf(command, sizeof command, "tail -n 8 %s/redis-%u.log >&2", r->lab->dir, r->port);
    fprintf(stderr, "redis-server on port %u does not serve: %.400s\n", r->port, redis_command(r, "CLUSTER INFO"));
    if (system(command) != 0)
        fprintf(stderr, "it has no log\n");
}

void redis_start(struct redis *r, const struct lab *lab, bool cluster_mode, const char *extra)
{
    *r = (struct redis){ .lab = lab, .cluster_mode = cluster_mode, .extra = extra };
    for (int tries = 0;; tries++) {
        /* Another test may take one of them first. */
        r->port = free_port();
        r->tls_port = free_port();
        r->bus_port = free_port();
        if (start(r) && (!cluster_mode || becomes_cluster(r)))
            return;
        tell_of(r);
        if (tries == 5)
            give_up("does not start");
        redis_stop(r);
    }
}

void redis_signal(const struct redis *r, int number)
{
    kill(r->pid, number);
}

void redis_stop(struct redis *r)
{
    if (r->pid <= 0)
        return;
    kill(r->pid, SIGCONT);
    kill(r->pid, SIGKILL);
    waitpid(r->pid, NULL, 0);
    r->pid = 0;
}

const char *redis_command(const struct redis *r, const char *line)
{
    static char reply[4096];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(r->port),
                             .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct timeval timeout = { .tv_sec = 5 };
    ssize_t n = 0;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0 && dprintf(fd, "%s\r\n", line) > 0)
        n = read(fd, reply, sizeof reply - 1);
    reply[n > 0 ? n : 0] = '\0';
    close(fd);
    return reply;
}
