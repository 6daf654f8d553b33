#include <stdlib.h>

#include "customerd/customers/customer.h"
#include "customerd/customers/email.h"
#include "customer_members.h"
#include "customerd/core/json_read.h"
#include "merge_patch.h"

struct customer_patch {
    json_t *object; /* client-owned members only */
};

enum status customer_patch_parse(struct slice body, const struct uuid *id, struct customer_patch **out,
                                 struct findings *f, struct error *err)
{
    struct buf email_normal = BUF_INIT(EMAIL_NORMAL_MAX_BYTES);
    json_t *object = NULL;
    *out = NULL;
    enum status status = json_read_object(body, &object, f, err);
    if (status != STATUS_OK)
        goto out;
    members_check_names(object, id, f);
    status = members_check(object, MEMBERS_PATCH, &email_normal, f, err);
    if (status != STATUS_OK)
        goto out;
    members_drop_server_owned(object);
    *out = calloc(1, sizeof **out);
    if (*out == NULL) {
        status = error_set(err, STATUS_INTERNAL, "out of memory");
        goto out;
    }
    (*out)->object = json_incref(object);
out:
    json_decref(object);
    buf_clean_up(&email_normal);
    return status;
}

void customer_patch_destroy(struct customer_patch *patch)
{
    if (patch == NULL)
        return;
    json_decref(patch->object);
    free(patch);
}

/* NULL when the base is not JSON or memory is out. */
static json_t *tree_of(const struct customer *base)
{
    json_t *object = json_object();
    for (enum customer_member m = 0; object != NULL && m < CUSTOMER_MEMBERS; m++) {
        if (base->json[m].len == 0)
            continue;
        json_t *value = json_read_own(base->json[m]);
        if (json_object_set_new(object, customer_member_name(m), value) != 0) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

enum status customer_patch_apply(const struct customer_patch *patch, const struct customer *base, struct customer *out,
                                 struct findings *f, struct error *err)
{
    json_t *merged = tree_of(base);
    if (merged == NULL)
        return error_set(err, STATUS_RECORD_DAMAGED, "the stored customer can't be read");
    merged = merge_patch_take(merged, patch->object);
    if (merged == NULL)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    customer_clean_up(out);
    enum status status = members_check(merged, MEMBERS_REPLACE, &out->email_normal, f, err);
    if (status == STATUS_OK)
        status = members_fill(merged, out, f, err);
    json_decref(merged);
    return status;
}

void customer_patch_canonical(const struct customer_patch *patch, struct buf *out)
{
    json_append_sorted(patch->object, out);
}
