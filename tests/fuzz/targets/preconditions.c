/* If-Match and If-None-Match: a list that is written from what was read is read again as the same; strong comparison
 * matches no more than weak does. */
#include "fuzz.h"

#include <inttypes.h>

#include "customerd/api/preconditions.h"

static void check_rewritten(const struct precondition *p)
{
    struct precondition again;
    struct error err;
    struct buf text = BUF_INIT(1024);
    for (size_t i = 0; i < p->n_versions; i++)
        buf_appendf(&text, "%s\"%" PRIu64 "\"", i == 0 ? "" : ", ", p->versions[i]);
    if (p->any)
        buf_append_cstr(&text, "*");
    if (text.len > 0) {
        REQUIRE(precondition_parse("If-Match", buf_slice(&text), TAGS_STRONG, &again, &err) == STATUS_OK);
        REQUIRE(again.any == p->any && again.n_versions == p->n_versions);
        REQUIRE(memcmp(again.versions, p->versions, p->n_versions * sizeof *p->versions) == 0);
    }
    buf_clean_up(&text);
}

static void check_versions(struct slice value, const struct precondition *strong, const struct precondition *weak)
{
    struct error err;
    REQUIRE(strong->any == weak->any && strong->n_versions <= weak->n_versions);
    for (size_t i = 0; i < weak->n_versions; i++) {
        char tag[24];
        bool names = false;
        int len = snprintf(tag, sizeof tag, "%" PRIu64, weak->versions[i]);
        REQUIRE(weak->versions[i] > 0 && precondition_lists(weak, weak->versions[i]));
        REQUIRE(precondition_names("If-None-Match", value, slice_of(tag, (size_t)len), &names, &err) == STATUS_OK && names);
    }
    for (size_t i = 0; i < strong->n_versions; i++)
        REQUIRE(precondition_lists(weak, strong->versions[i]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct precondition strong;
    struct precondition weak;
    struct error err;
    bool names = false;
    char *copy = fuzz_copy(slice_of(data, size));
    struct slice value = slice_of(copy, size);
    enum status strong_status = precondition_parse("If-Match", value, TAGS_STRONG, &strong, &err);
    enum status weak_status = precondition_parse("If-None-Match", value, TAGS_WEAK, &weak, &err);
    enum status names_status = precondition_names("If-None-Match", value, slice_cstr("x"), &names, &err);
    /* More than so many versions are refused: weak comparison may find more of them. */
    REQUIRE(weak_status != STATUS_OK || (strong_status == STATUS_OK && names_status == STATUS_OK));
    if (weak_status == STATUS_OK) {
        check_versions(value, &strong, &weak);
        check_rewritten(&weak);
        check_rewritten(&strong);
    }
    free(copy);
    return 0;
}
