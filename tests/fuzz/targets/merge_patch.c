/* Merge patches (RFC 7396): a document, a line feed, a patch. The merge is what the RFC's own pseudo-code makes of it; a patch
 * applied twice is the same as once; a patched customer is one that would have been accepted. */
#include "fuzz.h"

#include <jansson.h>

#include "customerd/customers/customer.h"

#define OUT_MAX_BYTES ((size_t)4 * CUSTOMER_MAX_BYTES)
#define JSON_FLAGS (JSON_DECODE_ANY | JSON_ALLOW_NUL)

/* RFC 7396 section 2, word by word; takes nothing, returns a new tree. */
static json_t *merged(const json_t *target, const json_t *patch)
{
    const char *key;
    size_t key_len;
    json_t *value;
    if (!json_is_object(patch))
        return json_deep_copy(patch);
    json_t *result = json_is_object(target) ? json_deep_copy(target) : json_object();
    json_object_keylen_foreach((json_t *)(uintptr_t)patch, key, key_len, value)
    {
        if (json_is_null(value))
            (void)json_object_deln(result, key, key_len);
        else
            REQUIRE(json_object_setn_new_nocheck(result, key, key_len, merged(json_object_getn(result, key, key_len), value)) == 0);
    }
    return result;
}

static void check_equal(struct slice text, const json_t *expected)
{
    json_error_t why;
    json_t *tree = json_loadb(text.ptr, text.len, JSON_FLAGS, &why);
    REQUIRE(tree != NULL && json_equal(tree, expected));
    json_decref(tree);
}

static void check_merge(struct slice target, struct slice patch)
{
    struct buf once = BUF_INIT(OUT_MAX_BYTES);
    struct buf twice = BUF_INIT(OUT_MAX_BYTES);
    struct error err;
    json_error_t why;
    if (merge_patch_text(target, patch, &once, &err) == STATUS_OK) {
        json_t *target_tree = json_loadb(target.ptr, target.len, JSON_FLAGS, &why);
        json_t *patch_tree = json_loadb(patch.ptr, patch.len, JSON_FLAGS, &why);
        json_t *expected = merged(target_tree, patch_tree);
        check_equal(buf_slice(&once), expected);
        REQUIRE(merge_patch_text(buf_slice(&once), patch, &twice, &err) == STATUS_OK);
        check_equal(buf_slice(&twice), expected);
        json_decref(expected);
        json_decref(target_tree);
        json_decref(patch_tree);
    }
    buf_clean_up(&once);
    buf_clean_up(&twice);
}

/* The result, written out and read again as a whole customer, is valid and the same. */
static void check_patched(const struct customer *c)
{
    const struct customer_stamp stamp = { .version = 1 };
    struct buf served = BUF_INIT(CUSTOMER_MAX_BYTES);
    struct customer again;
    struct findings f;
    struct error err;
    customer_init(&again);
    findings_init(&f);
    customer_render(&stamp, c, &served);
    REQUIRE(buf_ok(&served));
    REQUIRE(customer_parse(buf_slice(&served), CUSTOMER_REPLACE, NULL, &again, &f, &err) == STATUS_OK);
    for (int m = 0; m < CUSTOMER_MEMBERS; m++)
        REQUIRE(slice_equal(c->json[m], again.json[m]));
    customer_clean_up(&again);
    findings_clean_up(&f);
    buf_clean_up(&served);
}

static void check_apply(const struct customer *base, struct slice patch_text)
{
    struct customer_patch *patch = NULL;
    struct buf canonical = BUF_INIT(OUT_MAX_BYTES);
    struct customer once;
    struct customer twice;
    struct findings f;
    struct error err;
    customer_init(&once);
    customer_init(&twice);
    findings_init(&f);
    if (customer_patch_parse(patch_text, NULL, &patch, &f, &err) == STATUS_OK) {
        customer_patch_canonical(patch, &canonical);
        REQUIRE(buf_ok(&canonical) && canonical.len > 0);
        enum status status = customer_patch_apply(patch, base, &once, &f, &err);
        REQUIRE(status == STATUS_OK || status == STATUS_INVALID);
        if (status == STATUS_OK) {
            check_patched(&once);
            REQUIRE(customer_patch_apply(patch, &once, &twice, &f, &err) == STATUS_OK);
            for (int m = 0; m < CUSTOMER_MEMBERS; m++)
                REQUIRE(slice_equal(once.json[m], twice.json[m]));
        }
    }
    customer_patch_destroy(patch);
    customer_clean_up(&once);
    customer_clean_up(&twice);
    findings_clean_up(&f);
    buf_clean_up(&canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(slice_of(data, size));
    struct slice patch = slice_of(copy, size);
    struct slice target = slice_take(&patch, '\n');
    struct customer base;
    struct findings f;
    struct error err;
    customer_init(&base);
    findings_init(&f);
    check_merge(target, patch);
    if (customer_parse(target, CUSTOMER_CREATE, NULL, &base, &f, &err) == STATUS_OK)
        check_apply(&base, patch);
    customer_clean_up(&base);
    findings_clean_up(&f);
    free(copy);
    return 0;
}
