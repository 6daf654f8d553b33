#include "resolver.h"

#include "redis_server.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void ignore(void *ctx)
{
    (void)ctx;
}

struct taking {
    struct resolver *resolver;
    struct question *taken;
};

static bool take(void *ctx)
{
    struct taking *t = ctx;
    t->taken = resolver_take(t->resolver);
    return t->taken != NULL;
}

static void literals_need_no_look_up(void **state)
{
    (void)state;
    struct addresses a = { .count = 0 };
    assert_true(resolver_literal("127.0.0.1", 6379, &a));
    assert_int_equal(a.count, 1);
    assert_int_equal(a.at[0].storage.ss_family, AF_INET);
    assert_int_equal(((struct sockaddr_in *)&a.at[0].storage)->sin_port, htons(6379));
    assert_true(resolver_literal("::1", 6379, &a));
    assert_int_equal(a.at[0].storage.ss_family, AF_INET6);
    assert_false(resolver_literal("localhost", 6379, &a));
    assert_false(resolver_literal("127.1", 6379, &a));
}

static void names_are_looked_up_elsewhere(void **state)
{
    (void)state;
    int owners[2];
    struct taking t = { .resolver = resolver_new(ignore, NULL) };
    assert_non_null(resolver_ask(t.resolver, "localhost", 6379, &owners[0]));
    assert_non_null(resolver_ask(t.resolver, "localhost", 6379, &owners[1]));
    for (int i = 0; i < 2; i++) {
        assert_true(poll_until(take, &t, 10000));
        assert_in_range(t.taken->answer.count, 1, ADDRESSES_MAX);
        assert_true(t.taken->owner == &owners[0] || t.taken->owner == &owners[1]);
        free(t.taken);
    }
    assert_null(resolver_take(t.resolver));
    resolver_destroy(t.resolver);
}

static void an_unknown_name_has_no_addresses(void **state)
{
    (void)state;
    struct taking t = { .resolver = resolver_new(ignore, NULL) };
    assert_non_null(resolver_ask(t.resolver, "no such name", 1, NULL));
    assert_true(poll_until(take, &t, 30000));
    assert_int_equal(t.taken->answer.count, 0);
    free(t.taken);
    resolver_destroy(t.resolver);
}

static void it_can_be_destroyed_with_questions_open(void **state)
{
    (void)state;
    struct resolver *r = resolver_new(ignore, NULL);
    for (int i = 0; i < 20; i++)
        assert_non_null(resolver_ask(r, "localhost", (uint16_t)(1 + i), NULL));
    resolver_destroy(r);
    resolver_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literals_need_no_look_up),
        cmocka_unit_test(names_are_looked_up_elsewhere),
        cmocka_unit_test(an_unknown_name_has_no_addresses),
        cmocka_unit_test(it_can_be_destroyed_with_questions_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
