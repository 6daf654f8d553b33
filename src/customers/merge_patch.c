#include "merge_patch.h"

#include "customerd/customers/customer.h"
#include "customerd/core/json_read.h"

/* NOLINTNEXTLINE(misc-no-recursion): as RFC 7396 writes it; JSON_DEPTH_MAX bounds the depth of what is parsed */
static bool merge_member(json_t *target, struct slice name, json_t *value)
{
    if (json_is_null(value)) {
        json_object_deln(target, name.ptr, name.len);
        return true;
    }
    json_t *merged = merge_patch_take(json_incref(json_object_getn(target, name.ptr, name.len)), value);
    return merged != NULL && json_object_setn_new_nocheck(target, name.ptr, name.len, merged) == 0;
}

/* The function MergePatch of RFC 7396 section 2. */
/* NOLINTNEXTLINE(misc-no-recursion): as for merge_member */
json_t *merge_patch_take(json_t *target, json_t *patch)
{
    const char *name;
    size_t name_len;
    json_t *value;
    if (!json_is_object(patch)) {
        json_decref(target);
        return json_incref(patch);
    }
    if (!json_is_object(target)) {
        json_decref(target);
        target = json_object();
    }
    json_object_keylen_foreach(patch, name, name_len, value)
    {
        if (target == NULL || !merge_member(target, slice_of(name, name_len), value)) {
            json_decref(target);
            return NULL;
        }
    }
    return target;
}

static int append(const char *bytes, size_t len, void *out)
{
    buf_append(out, slice_of(bytes, len));
    return buf_ok(out) ? 0 : -1;
}

enum status merge_patch_text(struct slice target, struct slice patch, struct buf *out, struct error *err)
{
    json_t *target_tree = json_read_own(target);
    json_t *patch_tree = json_read_own(patch);
    json_t *merged = NULL;
    enum status status = STATUS_OK;
    if (target_tree == NULL || patch_tree == NULL) {
        status = error_set(err, STATUS_MALFORMED_JSON, "the %s is not JSON", target_tree == NULL ? "target" : "patch");
        goto out;
    }
    merged = merge_patch_take(json_incref(target_tree), patch_tree);
    if (merged == NULL || json_dump_callback(merged, append, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0)
        status = error_set(err, STATUS_INTERNAL, "out of memory");
out:
    json_decref(merged);
    json_decref(patch_tree);
    json_decref(target_tree);
    return status;
}
