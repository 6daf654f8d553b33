#include "../../../src/core/peer_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/un.h>

#include "unit.h"

static bool allowed(const char *text)
{
    struct sockaddr_storage storage = { 0 };
    struct sockaddr_in v4 = { .sin_family = AF_INET };
    struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        memcpy(&storage, &v4, sizeof v4);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
        memcpy(&storage, &v6, sizeof v6);
    }
    return peer_address_allows_plain_http((const struct sockaddr *)&storage);
}

static void loopback_and_aws_addresses_are_allowed(void **state)
{
    (void)state;
    static const char *const good[] = { "127.0.0.1", "127.255.255.255", "169.254.169.254", "169.254.170.2",
                                        "169.254.170.23", "::1", "fd00:ec2::254", "fd00:ec2::23",
                                        "::ffff:127.0.0.1", "::ffff:169.254.170.23" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(allowed(good[i]));
}

static void neighbours_of_those_are_not(void **state)
{
    (void)state;
    static const char *const bad[] = { "0.0.0.0", "126.255.255.255", "128.0.0.1", "169.254.169.253", "169.254.170.3",
                                       "169.254.170.24", "10.0.0.1", "::", "::2", "::127.0.0.1", "fd00:ec2::253",
                                       "fd00:ec2::24", "fd00:ec3::254", "fd00:ec2:1::254", "fe80::1",
                                       "::ffff:10.0.0.1", "2001:db8::1" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(allowed(bad[i]));
    struct sockaddr_un local = { .sun_family = AF_UNIX };
    assert_false(peer_address_allows_plain_http((const struct sockaddr *)&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_and_aws_addresses_are_allowed),
        cmocka_unit_test(neighbours_of_those_are_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
