#include "customerd/sessions/settings.h"

#include "unit.h"

static void the_idle_time_is_within_the_longest(void **state)
{
    (void)state;
    struct error err;
    const struct sessions_settings equal = { .idle_s = 60, .absolute_s = 60 };
    const struct sessions_settings more = { .idle_s = 61, .absolute_s = 60 };
    assert_int_equal(sessions_settings_check(&equal, &err), STATUS_OK);
    assert_int_equal(sessions_settings_check(&more, &err), STATUS_BAD_PARAMETER);
    assert_string_equal(err.detail,
                        "CUSTOMERD_SESSION_IDLE_S: \"61\" is more than CUSTOMERD_SESSION_ABSOLUTE_S, and could never be reached");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_idle_time_is_within_the_longest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
