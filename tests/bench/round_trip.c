/* The bare cost of one command: a blocking client of one Redis node over verified TLS, one connection, one GET at a time.
 *
 *   round_trip PORT CA_FILE USER PASSWORD SECONDS KEY...
 *
 * Prints the latencies as JSON, in microseconds. Each key must be there. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FIRST_KEY 6
#define COMMAND_MAX 1024
#define REPLY_MAX 65536
#define SAMPLES_MAX 10000000

static void fail(const char *what)
{
    fprintf(stderr, "round_trip: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static double now_us(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static SSL *connect_to(const char *port, const char *ca_file)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtoul(port, NULL, 10)) };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int one = 1;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        fail("no connection");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (context == NULL || SSL_CTX_load_verify_locations(context, ca_file, NULL) != 1)
        fail("no CA file");
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    SSL *ssl = SSL_new(context);
    if (ssl == NULL || SSL_set1_host(ssl, "localhost") != 1 || SSL_set_tlsext_host_name(ssl, "localhost") != 1 ||
        SSL_set_fd(ssl, fd) != 1 || SSL_connect(ssl) != 1)
        fail("no TLS");
    return ssl;
}

static int encode(char out[COMMAND_MAX], const char *const *words, int n)
{
    int len = snprintf(out, COMMAND_MAX, "*%d\r\n", n);
    for (int i = 0; i < n && len < COMMAND_MAX; i++)
        len += snprintf(out + len, (size_t)(COMMAND_MAX - len), "$%zu\r\n%s\r\n", strlen(words[i]), words[i]);
    if (len >= COMMAND_MAX)
        fail("a word is too long");
    return len;
}

/* One status line or one bulk string. */
static void exchange(SSL *ssl, const char *command, int len, char kind)
{
    static char reply[REPLY_MAX];
    int got = 0;
    long wanted = 0;
    if (SSL_write(ssl, command, len) != len)
        fail("the connection ended");
    do {
        int n = SSL_read(ssl, reply + got, REPLY_MAX - 1 - got);
        if (n <= 0)
            fail("the connection ended");
        got += n;
        reply[got] = '\0';
        const char *end = strstr(reply, "\r\n");
        if (reply[0] != kind || strncmp(reply, "$-1", 3) == 0)
            fail(reply);
        if (end != NULL)
            wanted = end - reply + 2 + (kind == '$' ? strtol(reply + 1, NULL, 10) + 2 : 0);
    } while (wanted == 0 || got < wanted);
}

static int by_value(const void *a, const void *b)
{
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static void print(float *samples, size_t n, double took_us)
{
    static const char *const names[] = { "1", "5", "10", "25", "50", "75", "90", "95", "99", "99.9", "99.99" };
    qsort(samples, n, sizeof *samples, by_value);
    printf("BENCH {\"requests\":%zu,\"duration_us\":%.0f,\"socket_errors\":0,\"status_errors\":0,\"max_us\":%.0f,"
           "\"latency_us\":{", n, took_us, (double)samples[n - 1]);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        size_t at = (size_t)(strtod(names[i], NULL) / 100 * (double)n);
        printf("%s\"%s\":%.1f", i > 0 ? "," : "", names[i], (double)samples[at < n ? at : n - 1]);
    }
    puts("}}");
}

int main(int argc, char **argv)
{
    if (argc <= FIRST_KEY)
        fail("PORT CA_FILE USER PASSWORD SECONDS KEY...");
    char command[COMMAND_MAX];
    SSL *ssl = connect_to(argv[1], argv[2]);
    const char *sign_in[] = { "AUTH", argv[3], argv[4] };
    exchange(ssl, command, encode(command, sign_in, 3), '+');
    float *samples = malloc(SAMPLES_MAX * sizeof *samples);
    if (samples == NULL)
        fail("no memory");
    size_t n = 0;
    double start = now_us(), end = start + strtod(argv[5], NULL) * 1e6, before = start;
    while (before < end && n < SAMPLES_MAX) {
        const char *get[] = { "GET", argv[FIRST_KEY + (int)(n % (size_t)(argc - FIRST_KEY))] };
        int len = encode(command, get, 2);
        before = now_us();
        exchange(ssl, command, len, '$');
        samples[n++] = (float)(now_us() - before);
    }
    print(samples, n, now_us() - start);
    free(samples);
    SSL_free(ssl);
    return 0;
}
