#include "verdict.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void the_first_word_decides(void **state)
{
    (void)state;
    const struct {
        const char *text;
        enum verdict verdict;
    } rows[] = {
        { "MOVED 3999 127.0.0.1:6381", VERDICT_MOVED },
        { "ERR MOVED 7572 host:6379", VERDICT_MOVED },
        { "ASK 3999 127.0.0.1:6381", VERDICT_ASK },
        { "TRYAGAIN Multiple keys request during rehashing of slot", VERDICT_AGAIN },
        { "LOADING Redis is loading the dataset in memory", VERDICT_AGAIN },
        { "MASTERDOWN Link with MASTER is down", VERDICT_AGAIN },
        { "BUSY Redis is busy running a script.", VERDICT_AGAIN },
        { "CLUSTERDOWN Hash slot not served", VERDICT_LOST },
        { "READONLY You can't write against a read only replica.", VERDICT_LOST },
        { "NOSCRIPT No matching script. Please use EVAL.", VERDICT_NO_SCRIPT },
        { "NOAUTH Authentication required.", VERDICT_RECONNECT },
        { "ERR max number of clients reached", VERDICT_RECONNECT },
        { "ERR wrong number of arguments", VERDICT_FINAL },
        { "BUSYGROUP Consumer Group name already exists", VERDICT_FINAL },
        { "MOVEDX 1 a:1", VERDICT_FINAL },
        { "", VERDICT_FINAL },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(verdict_of(slice_cstr(rows[i].text)), rows[i].verdict);
}

static enum status status_of(const char *text)
{
    return verdict_status(slice_cstr(text));
}

static void final_errors_are_mapped(void **state)
{
    (void)state;
    assert_int_equal(status_of("OOM command not allowed when used memory > 'maxmemory'."), STATUS_STORAGE_FULL);
    assert_int_equal(status_of("MISCONF Errors writing to the AOF file"), STATUS_STORAGE_FULL);
    assert_int_equal(status_of("NOREPLICAS Not enough good replicas to write."), STATUS_STORAGE_FULL);
    assert_int_equal(status_of("WRONGTYPE Operation against a key"), STATUS_RECORD_DAMAGED);
    assert_int_equal(status_of("NOPERM this user has no permissions"), STATUS_UNAVAILABLE);
    assert_int_equal(status_of("ERR unknown"), STATUS_UNAVAILABLE);
    assert_int_equal(status_of(""), STATUS_UNAVAILABLE);
}

static void only_a_known_refusal_means_that_a_script_wrote_nothing(void **state)
{
    (void)state;
    assert_true(verdict_not_executed(slice_cstr("OOM command not allowed when used memory > 'maxmemory'.")));
    assert_true(verdict_not_executed(slice_cstr("WRONGTYPE damaged record")));
    assert_true(verdict_not_executed(slice_cstr("NOSCRIPT No matching script. Please use EVAL.")));
    assert_false(verdict_not_executed(slice_cstr("ERR attempt to index a nil value script: x, on @user_script:7.")));
    assert_false(verdict_not_executed(slice_cstr("")));
}

static bool redirect(const char *text, struct verdict_redirect *to)
{
    return verdict_redirect(slice_cstr(text), to);
}

static void redirects_name_slot_host_and_port(void **state)
{
    (void)state;
    struct verdict_redirect to;
    assert_true(redirect("MOVED 16383 node-1.example:6381", &to));
    assert_int_equal(to.slot, 16383);
    assert_true(slice_is(to.host, "node-1.example"));
    assert_int_equal(to.port, 6381);
    assert_true(redirect("ERR MOVED 1 host:6379", &to));
    assert_true(slice_is(to.host, "host"));
    assert_true(redirect("ASK 0 2001:db8::1:6379", &to));
    assert_true(slice_is(to.host, "2001:db8::1"));
    assert_true(redirect("MOVED 0 [2001:db8::1]:6379", &to));
    assert_true(slice_is(to.host, "2001:db8::1"));
    assert_true(redirect("MOVED 0 :6379", &to));
    assert_int_equal(to.host.len, 0);
}

static void senseless_redirects_are_refused(void **state)
{
    (void)state;
    const char *const bad[] = {
        "MOVED", "MOVED ", "MOVED 1", "MOVED 1 ", "MOVED 1 host", "MOVED 1 host:", "MOVED 1 host:0", "MOVED 1 host:65536",
        "MOVED 16384 host:1", "MOVED -1 host:1", "MOVED x host:1", "MOVED 1 host:x", "MOVED  1 host:1", "MOVED 999999 h:1",
    };
    struct verdict_redirect to;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (redirect(bad[i], &to))
            fail_msg("taken: %s", bad[i]);
    }
}

static void only_a_plain_word_is_ever_logged(void **state)
{
    (void)state;
    assert_true(slice_is(verdict_word(slice_cstr("NOPERM user x has no permissions")), "NOPERM"));
    assert_true(slice_is(verdict_word(slice_cstr("danilop@example.net is unknown")), ""));
    assert_int_equal(verdict_word(slice_cstr("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")).len, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_word_decides),
        cmocka_unit_test(final_errors_are_mapped),
        cmocka_unit_test(only_a_known_refusal_means_that_a_script_wrote_nothing),
        cmocka_unit_test(redirects_name_slot_host_and_port),
        cmocka_unit_test(senseless_redirects_are_refused),
        cmocka_unit_test(only_a_plain_word_is_ever_logged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
