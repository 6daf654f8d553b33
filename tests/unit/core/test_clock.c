#include "customerd/core/clock.h"

#include <stdlib.h>
#include <time.h>

#include "unit.h"

static void realtime_is_the_time_of_day(void **state)
{
    (void)state;
    int64_t ours = clock_realtime_ms(clock_system());
    assert_true(llabs(ours / 1000 - (long long)time(NULL)) <= 2);
}

static void monotonic_advances_and_never_goes_back(void **state)
{
    (void)state;
    int64_t first = clock_monotonic_ms(clock_system());
    int64_t last = first;
    while (last < first + 5) {
        int64_t now = clock_monotonic_ms(clock_system());
        assert_true(now >= last);
        last = now;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(realtime_is_the_time_of_day),
        cmocka_unit_test(monotonic_advances_and_never_goes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
