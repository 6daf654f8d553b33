#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "customerd/aws/iam_refresher.h"
#include "../support/http_globals.h"

#define DEADLINE_MS 20000
#define START_MS 1700000000000 /* 2023-11-14T22:13:20Z */

/* A container endpoint whose credentials live as long as the test says, with a clock that the test moves. */
struct scene {
    struct credentials_env env;
    struct clock clock;
    struct http_client http;
    pthread_mutex_t lock;
    int64_t realtime_ms;
    int64_t monotonic_ms;
    int64_t credentials_life_ms;
    int http_status;
    int fetches;
    uint64_t looks; /* at the monotonic clock */
    struct iam_refresher *refresher;
};

static const char *get_variable(void *ctx, const char *name)
{
    (void)ctx;
    if (strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0)
        return "http://127.0.0.1/";
    if (strcmp(name, "AWS_CONFIG_FILE") == 0 || strcmp(name, "AWS_SHARED_CREDENTIALS_FILE") == 0)
        return "/nonexistent";
    return NULL;
}

static int64_t locked_get(struct scene *s, const int64_t *value)
{
    pthread_mutex_lock(&s->lock);
    int64_t copy = *value;
    pthread_mutex_unlock(&s->lock);
    return copy;
}

static int64_t get_realtime(void *ctx)
{
    struct scene *s = ctx;
    return locked_get(s, &s->realtime_ms);
}

static int64_t get_monotonic(void *ctx)
{
    struct scene *s = ctx;
    pthread_mutex_lock(&s->lock);
    s->looks++;
    pthread_mutex_unlock(&s->lock);
    return locked_get(s, &s->monotonic_ms);
}

static enum status fetch(void *ctx, const struct http_request *request, struct http_response *out, struct error *err)
{
    struct scene *s = ctx;
    char expires[32];
    struct tm utc;
    (void)request;
    pthread_mutex_lock(&s->lock);
    s->fetches++;
    int status = s->http_status;
    time_t end_s = (time_t)((s->realtime_ms + s->credentials_life_ms) / 1000);
    int n = s->fetches;
    pthread_mutex_unlock(&s->lock);
    if (status == 0)
        return error_set(err, STATUS_UNAVAILABLE, "the endpoint is away");
    out->status = status;
    gmtime_r(&end_s, &utc);
    strftime(expires, sizeof expires, "%Y-%m-%dT%H:%M:%SZ", &utc);
    buf_appendf(&out->body, "{\"AccessKeyId\":\"id%d\",\"SecretAccessKey\":\"s\",\"Token\":\"t\",\"Expiration\":\"%s\"}", n,
                expires);
    return STATUS_OK;
}

static void scene_begin(struct scene *s, int64_t ttl_s, int64_t credentials_life_s, int http_status)
{
    struct error err;
    *s = (struct scene){ .realtime_ms = START_MS, .monotonic_ms = 5000, .http_status = http_status,
                         .credentials_life_ms = credentials_life_s * 1000 };
    pthread_mutex_init(&s->lock, NULL);
    s->clock = (struct clock){ get_realtime, get_monotonic, s };
    s->http = (struct http_client){ fetch, s };
    s->env = (struct credentials_env){ get_variable, NULL, &s->clock, &s->http, NULL };
    struct iam_refresher_options options = {
        .token = { .service = "memorydb", .resource = "c", .user = "u", .region = "r", .ttl_s = ttl_s }, .env = &s->env
    };
    s->refresher = iam_refresher_new(&options, &err);
    assert_non_null(s->refresher);
}

static void scene_end(struct scene *s)
{
    iam_refresher_destroy(s->refresher);
    pthread_mutex_destroy(&s->lock);
}

static void move_clocks(struct scene *s, int64_t realtime_ms, int64_t monotonic_ms)
{
    pthread_mutex_lock(&s->lock);
    s->realtime_ms += realtime_ms;
    s->monotonic_ms += monotonic_ms;
    pthread_mutex_unlock(&s->lock);
}

static void set_status(struct scene *s, int http_status)
{
    pthread_mutex_lock(&s->lock);
    s->http_status = http_status;
    pthread_mutex_unlock(&s->lock);
}

static struct iam_refresher_state state_of(struct scene *s)
{
    struct iam_refresher_state state;
    iam_refresher_state(s->refresher, &state);
    return state;
}

/* Waits until the count that `count` reads reaches `want`. */
static void wait_for(struct scene *s, uint64_t (*count)(struct scene *s), uint64_t want)
{
    int64_t end_ms = clock_monotonic_ms(clock_system()) + DEADLINE_MS;
    while (count(s) < want) {
        assert_true(clock_monotonic_ms(clock_system()) < end_ms);
        struct timespec moment = { .tv_nsec = 2000000 };
        nanosleep(&moment, NULL);
    }
}

static uint64_t refreshes(struct scene *s)
{
    return state_of(s).refreshes;
}

static uint64_t failures(struct scene *s)
{
    return state_of(s).failures;
}

static uint64_t looks(struct scene *s)
{
    pthread_mutex_lock(&s->lock);
    uint64_t n = s->looks;
    pthread_mutex_unlock(&s->lock);
    return n;
}

static bool has_token(struct scene *s, const char *part)
{
    struct secret token = SECRET_INIT;
    struct error err;
    if (iam_refresher_token(s->refresher, &token, &err) != STATUS_OK)
        return false;
    bool has = strstr(token.ptr, part) != NULL;
    secret_clean_up(&token);
    return has;
}

static void the_first_token_comes_by_itself_and_is_renewed_before_its_end(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 900, 3600, 200);
    wait_for(&s, refreshes, 1);
    assert_true(has_token(&s, "X-Amz-Date=20231114T221320Z"));
    struct iam_refresher_state st = state_of(&s);
    assert_string_equal(st.source, "container");
    assert_int_equal(st.token_valid_until_ms, START_MS + 900000);
    assert_int_equal(st.credentials_expire_ms, START_MS + 3600000);

    move_clocks(&s, 500000, 500000); /* not yet two thirds */
    move_clocks(&s, 140000, 140000);
    wait_for(&s, refreshes, 2);
    assert_true(has_token(&s, "X-Amz-Date=20231114T222400Z"));
    scene_end(&s);
}

static void a_token_never_outlives_its_credentials(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 900, 40, 200);
    wait_for(&s, refreshes, 1);
    assert_int_equal(state_of(&s).token_valid_until_ms, START_MS + 40000);
    set_status(&s, 500);
    move_clocks(&s, 39000, 39000);
    wait_for(&s, failures, 1);
    assert_true(has_token(&s, "c/?"));
    move_clocks(&s, 1000, 1000);
    assert_false(has_token(&s, "c/?"));
    set_status(&s, 200);
    wait_for(&s, refreshes, 2);
    assert_true(has_token(&s, "X-Amz-Date=20231114T221400Z"));
    scene_end(&s);
}

static void while_the_endpoint_is_away_tokens_are_made_of_the_credentials_at_hand(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 20, 120, 200);
    wait_for(&s, refreshes, 1);
    set_status(&s, 0);
    for (int step = 1; step <= 8; step++) { /* 112 seconds of outage, with tokens of 20 */
        uint64_t before = state_of(&s).failures;
        move_clocks(&s, 14000, 14000);
        wait_for(&s, failures, before + 1);
        assert_true(has_token(&s, "c/?"));
    }
    assert_int_equal(state_of(&s).refreshes, 1);
    assert_non_null(strstr(state_of(&s).last_failure, "away"));
    set_status(&s, 200);
    move_clocks(&s, 14000, 14000);
    wait_for(&s, refreshes, 2);
    assert_string_equal(state_of(&s).last_failure, "");
    scene_end(&s);
}

static void without_a_token_callers_are_told_why(void **state)
{
    (void)state;
    struct scene s;
    struct secret token = SECRET_INIT;
    struct error err;
    scene_begin(&s, 900, 3600, 403);
    wait_for(&s, failures, 1);
    assert_int_equal(iam_refresher_token(s.refresher, &token, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "403"));
    assert_int_equal(state_of(&s).token_minted_ms, 0);
    scene_end(&s);
}

static void a_refused_token_is_replaced_at_once_but_once_a_second(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 900, 3600, 200);
    wait_for(&s, refreshes, 1);
    iam_refresher_refused(s.refresher);
    wait_for(&s, refreshes, 2);
    assert_true(has_token(&s, "id2"));
    for (int i = 0; i < 100; i++)
        iam_refresher_refused(s.refresher);
    wait_for(&s, looks, looks(&s) + 6); /* the thread went round and decided, while the injected clock stood still */
    assert_int_equal(state_of(&s).refreshes, 2);
    move_clocks(&s, 1000, 1000);
    wait_for(&s, refreshes, 3);
    assert_true(has_token(&s, "id3"));
    scene_end(&s);
}

static void a_jump_of_the_clock_makes_a_new_token(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 900, 7200, 200);
    wait_for(&s, refreshes, 1);
    move_clocks(&s, 3600000, 0);
    wait_for(&s, refreshes, 2);
    assert_true(has_token(&s, "X-Amz-Date=20231114T231320Z"));
    move_clocks(&s, -3600000, 0);
    wait_for(&s, refreshes, 3);
    assert_true(has_token(&s, "X-Amz-Date=20231114T221320Z"));
    scene_end(&s);
}

static void a_clock_set_back_does_not_prolong_a_token(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 900, 7200, 200);
    wait_for(&s, refreshes, 1);
    set_status(&s, 403);
    move_clocks(&s, 0, 900000);
    assert_false(has_token(&s, "c/?"));
    wait_for(&s, failures, 1);
    scene_end(&s);
}

static void it_ends_at_once_while_it_waits(void **state)
{
    (void)state;
    struct scene s;
    scene_begin(&s, 900, 3600, 200);
    wait_for(&s, refreshes, 1);
    int64_t start_ms = clock_monotonic_ms(clock_system());
    scene_end(&s);
    assert_true(clock_monotonic_ms(clock_system()) - start_ms < 400);
    iam_refresher_destroy(NULL);
}

static const char *url_of_a_silent_server(void *ctx, const char *name)
{
    return strcmp(name, "AWS_CONTAINER_CREDENTIALS_FULL_URI") == 0 ? ctx : get_variable(NULL, name);
}

/* The real HTTP client, and a server that takes the connection and never answers. */
static void it_ends_soon_while_an_endpoint_hangs(void **state)
{
    (void)state;
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t size = sizeof address;
    char url[64];
    struct error err;
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(listener, 8), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &size), 0);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", ntohs(address.sin_port));

    const struct credentials_env env = { url_of_a_silent_server, url, clock_system(), http_client_curl(), NULL };
    struct iam_refresher_options options = {
        .token = { .service = "memorydb", .resource = "c", .user = "u", .region = "r", .ttl_s = 900 }, .env = &env
    };
    struct iam_refresher *r = iam_refresher_new(&options, &err);
    assert_non_null(r);
    struct pollfd item = { .fd = listener, .events = POLLIN };
    assert_int_equal(poll(&item, 1, DEADLINE_MS), 1);
    int64_t start_ms = clock_monotonic_ms(clock_system());
    iam_refresher_destroy(r);
    assert_true(clock_monotonic_ms(clock_system()) - start_ms < 1900); /* one attempt alone waits 2000 */
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_token_comes_by_itself_and_is_renewed_before_its_end),
        cmocka_unit_test(a_token_never_outlives_its_credentials),
        cmocka_unit_test(while_the_endpoint_is_away_tokens_are_made_of_the_credentials_at_hand),
        cmocka_unit_test(without_a_token_callers_are_told_why),
        cmocka_unit_test(a_refused_token_is_replaced_at_once_but_once_a_second),
        cmocka_unit_test(a_jump_of_the_clock_makes_a_new_token),
        cmocka_unit_test(a_clock_set_back_does_not_prolong_a_token),
        cmocka_unit_test(it_ends_at_once_while_it_waits),
        cmocka_unit_test(it_ends_soon_while_an_endpoint_hangs),
    };
    return cmocka_run_group_tests(tests, http_set_up, http_tear_down);
}
