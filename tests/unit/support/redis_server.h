/* redis_server: a real redis-server for a test, in a directory of its own, on free ports of the loopback. */
#ifndef CUSTOMERD_TESTS_REDIS_SERVER_H
#define CUSTOMERD_TESTS_REDIS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* A directory, with a CA and a certificate for localhost and 127.0.0.1, and another CA that signed nothing. */
struct lab {
    char dir[64];
    char ca_file[96], other_ca_file[96];
};

/* False when redis-server or openssl is missing. */
bool lab_set_up(struct lab *lab);
void lab_tear_down(struct lab *lab);

struct redis {
    const struct lab *lab;
    pid_t pid;
    uint16_t port, tls_port, bus_port;
    bool cluster_mode;
    const char *extra; /* more arguments, by blanks */
};

/* Starts (or starts again, on the same ports) and waits until it answers; in cluster mode it gets all slots. */
void redis_start(struct redis *r, const struct lab *lab, bool cluster_mode, const char *extra);
void redis_start_again(struct redis *r);
void redis_stop(struct redis *r);
void redis_signal(const struct redis *r, int number);
/* One inline command on the plain port; the first bytes of the reply, NUL-terminated, in a static buffer. */
const char *redis_command(const struct redis *r, const char *line);

uint16_t free_port(void);
int64_t monotonic_ms(void);
/* Lets a condition be polled until it holds; false at the deadline. */
bool poll_until(bool (*condition)(void *ctx), void *ctx, int64_t timeout_ms);

#endif
