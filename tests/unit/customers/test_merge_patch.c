#include "merge_patch.h"

#include <stdio.h>

#include "customerd/customers/customer.h"
#include "unit.h"

static void expect_merge(const char *target, const char *patch, const char *expected)
{
    struct buf out = BUF_INIT(4096);
    struct error err;
    assert_int_equal(merge_patch_text(slice_cstr(target), slice_cstr(patch), &out, &err), STATUS_OK);
    assert_slice(buf_slice(&out), expected);
    buf_clean_up(&out);
}

static void nulls_remove_and_objects_merge(void **state)
{
    (void)state;
    expect_merge("{\"a\":1,\"b\":{\"c\":1,\"d\":2}}", "{\"a\":null,\"b\":{\"c\":null,\"e\":{\"f\":null,\"g\":3}},\"x\":null}",
                 "{\"b\":{\"d\":2,\"e\":{\"g\":3}}}");
    expect_merge("[1,2]", "{\"a\":1}", "{\"a\":1}");
    expect_merge("{\"a\":1}", "[null]", "[null]");
}

static void integers_stay_exact_and_members_in_place(void **state)
{
    (void)state;
    expect_merge("{\"z\":1,\"balance\":0,\"a\":2}", "{\"balance\":-9007199254740991,\"n\":9223372036854775807}",
                 "{\"z\":1,\"balance\":-9007199254740991,\"a\":2,\"n\":9223372036854775807}");
}

static void texts_that_are_no_json_are_refused(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(64);
    struct error err;
    assert_int_equal(merge_patch_text(slice_cstr("{"), slice_cstr("{}"), &out, &err), STATUS_MALFORMED_JSON);
    assert_int_equal(merge_patch_text(slice_cstr("{}"), slice_cstr(""), &out, &err), STATUS_MALFORMED_JSON);
    buf_clean_up(&out);
}

static void the_patch_is_not_changed(void **state)
{
    (void)state;
    json_t *patch = json_loads("{\"m\":{\"a\":{\"x\":1},\"gone\":null}}", 0, NULL);
    json_t *before = json_deep_copy(patch);
    json_t *once = merge_patch_take(NULL, patch);
    json_t *other = json_loads("{\"m\":{\"a\":{\"x\":9,\"y\":2}}}", 0, NULL);
    once = merge_patch_take(once, other); /* a merge into what came of the patch must not reach the patch */
    assert_true(json_equal(patch, before));
    json_decref(other);
    json_decref(once);
    json_decref(before);
    json_decref(patch);
}

static json_t *published_cases(void)
{
    const char *folder = getenv("CUSTOMERD_TEST_DATA");
    const char *source = getenv("CUSTOMERD_SOURCE_DIR");
    char path[4096];
    if (folder != NULL && folder[0] != '\0')
        snprintf(path, sizeof path, "%s/merge-patch/rfc7396.json", folder);
    else
        snprintf(path, sizeof path, "%s/../shared/data/merge-patch/rfc7396.json", source == NULL ? "." : source);
    return json_load_file(path, 0, NULL);
}

static void dump(const json_t *value, char *out, size_t size)
{
    size_t len = json_dumpb(value, out, size, JSON_COMPACT | JSON_ENCODE_ANY);
    assert_in_range(len, 1, size - 1);
    out[len] = '\0';
}

static void the_rfcs_cases_pass(void **state)
{
    json_t *cases = *state;
    size_t i;
    json_t *item;
    if (cases == NULL) {
        printf("skipped: the cases of RFC 7396 are absent (CUSTOMERD_TEST_DATA)\n");
        skip();
    }
    assert_int_equal(json_array_size(cases), 15);
    json_array_foreach(cases, i, item)
    {
        char target[512], patch[512];
        struct buf out = BUF_INIT(4096);
        struct error err;
        dump(json_object_get(item, "original"), target, sizeof target);
        dump(json_object_get(item, "patch"), patch, sizeof patch);
        assert_int_equal(merge_patch_text(slice_cstr(target), slice_cstr(patch), &out, &err), STATUS_OK);
        json_t *got = json_loadb(out.data, out.len, JSON_DECODE_ANY, NULL);
        if (!json_equal(got, json_object_get(item, "result")))
            fail_msg("case %zu: got %s", i + 1, out.data);
        json_decref(got);
        buf_clean_up(&out);
    }
}

int main(void)
{
    json_t *cases = published_cases();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nulls_remove_and_objects_merge),
        cmocka_unit_test(integers_stay_exact_and_members_in_place),
        cmocka_unit_test(texts_that_are_no_json_are_refused),
        cmocka_unit_test(the_patch_is_not_changed),
        cmocka_unit_test_prestate(the_rfcs_cases_pass, cases),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    int code = failed != 0 ? 1 : cases == NULL ? 77 : 0;
    json_decref(cases);
    return code;
}
