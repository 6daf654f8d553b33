#include "topology.h"

#include "reply_parser.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static bool read_first(struct reply_parser *p, struct slice bytes, struct topology_range *out)
{
    struct reply *r = reply_parse(p, bytes);
    if (r == NULL)
        fail_msg("not parsed: %.*s", (int)bytes.len, bytes.ptr);
    bool ok = topology_count(r) > 0 && topology_range(r, 0, "asked.example", out);
    reply_free(r);
    return ok;
}

/* One range with one node whose host is the given RESP value. */
static bool read_host(struct reply_parser *p, const char *host, struct topology_range *out)
{
    char text[1024];
    snprintf(text, sizeof text, "*1\r\n*3\r\n:0\r\n:5460\r\n*3\r\n%s:6379\r\n$2\r\nid\r\n", host);
    return read_first(p, slice_cstr(text), out);
}

static void a_name_is_the_host(void **state)
{
    struct topology_range range;
    assert_true(read_host(*state, "$14\r\nnode-1.example\r\n", &range));
    assert_string_equal(range.host, "node-1.example");
    assert_string_equal(range.tls_name, "");
    assert_int_equal(range.first, 0);
    assert_int_equal(range.last, 5460);
    assert_int_equal(range.port, 6379);
}

static void nobody_means_the_host_that_was_asked(void **state)
{
    struct topology_range range;
    assert_true(read_host(*state, "$0\r\n\r\n", &range));
    assert_string_equal(range.host, "asked.example");
    assert_true(read_host(*state, "$-1\r\n", &range));
    assert_string_equal(range.host, "asked.example");
}

static void addresses_of_both_families_are_hosts(void **state)
{
    struct topology_range range;
    assert_true(read_host(*state, "$9\r\n127.0.0.1\r\n", &range));
    assert_string_equal(range.host, "127.0.0.1");
    assert_true(read_host(*state, "$11\r\n2001:db8::1\r\n", &range));
    assert_string_equal(range.host, "2001:db8::1");
}

static bool read_metadata(struct reply_parser *p, const char *hostname, struct topology_range *out)
{
    char text[1024];
    snprintf(text, sizeof text, "*1\r\n*3\r\n:0\r\n:1\r\n*4\r\n$9\r\n127.0.0.1\r\n:1\r\n$2\r\nid\r\n"
                                "*4\r\n$2\r\nip\r\n$0\r\n\r\n$8\r\nhostname\r\n%s", hostname);
    return read_first(p, slice_cstr(text), out);
}

static void a_host_name_in_the_metadata_is_what_the_certificate_is_for(void **state)
{
    struct topology_range range;
    assert_true(read_metadata(*state, "$14\r\nnode-1.example\r\n", &range));
    assert_string_equal(range.host, "127.0.0.1");
    assert_string_equal(range.tls_name, "node-1.example");
    assert_true(read_metadata(*state, "$0\r\n\r\n", &range));
    assert_string_equal(range.tls_name, "");
    assert_true(read_metadata(*state, "$-1\r\n", &range));
    assert_string_equal(range.tls_name, "");
}

static void foreign_bytes_in_a_host_are_refused(void **state)
{
    struct slice with_nul = SLICE("*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$3\r\na\0b\r\n:1\r\n");
    struct topology_range range;
    assert_false(read_host(*state, "$1\r\n?\r\n", &range));
    assert_false(read_host(*state, "$3\r\na b\r\n", &range));
    assert_false(read_host(*state, "$3\r\na\r\n\r\n", &range));
    assert_false(read_host(*state, "$3\r\na/b\r\n", &range));
    assert_false(read_host(*state, ":7\r\n", &range));
    assert_false(read_host(*state, "*0\r\n", &range));
    assert_false(read_first(*state, with_nul, &range));
}

static void a_host_of_255_bytes_is_the_longest(void **state)
{
    char out[HOST_SIZE], name[HOST_SIZE];
    (void)state;
    memset(name, 'a', sizeof name);
    assert_true(topology_host(slice_of(name, 255), out));
    assert_int_equal(strlen(out), 255);
    assert_false(topology_host(slice_of(name, 256), out));
    assert_false(topology_host(slice_of(name, 0), out));
    assert_false(topology_host(slice_cstr(".example.net"), out)); /* any name below it, to a certificate check */
    assert_false(topology_host(slice_cstr("-x.example.net"), out));
}

static void malformed_ranges_are_refused(void **state)
{
    const char *const bad[] = {
        "*1\r\n:1\r\n", "*1\r\n*0\r\n", "*1\r\n*2\r\n:0\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n*0\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n:2\r\n", "*1\r\n*3\r\n:2\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n:-1\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:16384\r\n*2\r\n$1\r\na\r\n:1\r\n",
        "*1\r\n*3\r\n$1\r\n0\r\n:1\r\n*2\r\n$1\r\na\r\n:1\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:0\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n:65536\r\n", "*1\r\n*3\r\n:0\r\n:1\r\n*2\r\n$1\r\na\r\n$1\r\n1\r\n",
        "*1\r\n*3\r\n:0\r\n:1\r\n*1\r\n$1\r\na\r\n",
    };
    struct topology_range range;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (read_first(*state, slice_cstr(bad[i]), &range))
            fail_msg("taken: %s", bad[i]);
    }
}

static void an_empty_or_foreign_reply_is_no_topology(void **state)
{
    const char *const none[] = { "*0\r\n", "*-1\r\n", "+OK\r\n", ":3\r\n", "-LOADING wait\r\n", "$2\r\nab\r\n" };
    struct topology_range range;
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_false(read_first(*state, slice_cstr(none[i]), &range));
}

static bool standalone(struct reply_parser *p, const char *text)
{
    struct reply *r = reply_parse(p, slice_cstr(text));
    bool is = topology_is_standalone(r);
    reply_free(r);
    return is;
}

static void only_the_servers_own_words_mean_no_cluster_mode(void **state)
{
    assert_true(standalone(*state, "-ERR This instance has cluster support disabled\r\n"));
    assert_false(standalone(*state, "-ERR unknown command\r\n"));
    assert_false(standalone(*state, "+ERR This instance has cluster support disabled\r\n"));
}

static int make_parser(void **state)
{
    *state = reply_parser_new();
    return *state == NULL;
}

static int free_parser(void **state)
{
    reply_parser_destroy(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_the_host),
        cmocka_unit_test(nobody_means_the_host_that_was_asked),
        cmocka_unit_test(addresses_of_both_families_are_hosts),
        cmocka_unit_test(a_host_name_in_the_metadata_is_what_the_certificate_is_for),
        cmocka_unit_test(foreign_bytes_in_a_host_are_refused),
        cmocka_unit_test(a_host_of_255_bytes_is_the_longest),
        cmocka_unit_test(malformed_ranges_are_refused),
        cmocka_unit_test(an_empty_or_foreign_reply_is_no_topology),
        cmocka_unit_test(only_the_servers_own_words_mean_no_cluster_mode),
    };
    return cmocka_run_group_tests(tests, make_parser, free_parser);
}
