/* Times: an accepted one within the years that are written is written as itself, in milliseconds and UTC. */
#include "fuzz.h"

#include "customerd/core/timestamp.h"

#define YEAR_10000_MS INT64_C(253402300800000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int64_t ms = 0;
    int64_t again = 0;
    char written[TIMESTAMP_RFC3339_MS_SIZE];
    char *copy = fuzz_copy(slice_of(data, size));
    bool ok = timestamp_parse_rfc3339(slice_of(copy, size), &ms);
    free(copy);
    if (!ok || ms < 0 || ms >= YEAR_10000_MS)
        return 0;
    timestamp_rfc3339_ms(ms, written);
    REQUIRE(timestamp_parse_rfc3339(slice_of(written, sizeof written - 1), &again) && again == ms);
    return 0;
}
