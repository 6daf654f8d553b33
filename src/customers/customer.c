#include "customerd/customers/customer.h"

#include "customerd/customers/email.h"
#include "customer_members.h"
#include "customerd/core/json_read.h"

/* Room enough that the size rule finds a customer too large, not the buffer: 50 metadata members in which every
 * character is escaped take some 160 KiB. */
#define STORAGE_MAX_BYTES ((size_t)4 * CUSTOMER_MAX_BYTES)

void customer_init(struct customer *c)
{
    *c = (struct customer){ .email_normal = BUF_INIT(EMAIL_NORMAL_MAX_BYTES), .storage = BUF_INIT(STORAGE_MAX_BYTES) };
}

void customer_clean_up(struct customer *c)
{
    if (c == NULL)
        return;
    buf_clean_up(&c->email_normal);
    buf_clean_up(&c->storage);
    customer_init(c);
}

enum status customer_parse(struct slice body, enum customer_mode mode, const struct uuid *id, struct customer *out,
                           struct findings *f, struct error *err)
{
    json_t *object = NULL;
    enum status status = json_read_object(body, &object, f, err);
    if (status != STATUS_OK)
        return status;
    customer_clean_up(out);
    members_check_names(object, id, f);
    status = members_check(object, mode == CUSTOMER_CREATE ? MEMBERS_CREATE : MEMBERS_REPLACE, &out->email_normal, f, err);
    if (status == STATUS_OK)
        status = members_fill(object, out, f, err);
    json_decref(object);
    return status;
}

static void check_lookup_names(json_t *object, struct findings *f)
{
    const char *key;
    size_t key_len;
    json_t *value;
    json_object_keylen_foreach(object, key, key_len, value)
    {
        struct slice name = slice_of(key, key_len);
        if (!slice_is(name, "email"))
            findings_add_at(f, &name, 1, "unknown member; expected \"email\" alone");
    }
}

enum status customer_lookup_parse(struct slice body, struct buf *email_normal, struct findings *f, struct error *err)
{
    json_t *object = NULL;
    enum status status = json_read_object(body, &object, f, err);
    if (status != STATUS_OK)
        return status;
    check_lookup_names(object, f);
    const json_t *email = json_object_get(object, "email");
    const struct slice path[] = { slice_cstr("email") };
    const char *expected = "an e-mail address as a string";
    if (json_is_string(email))
        expected = email_normalize(json_text(email), email_normal);
    if (expected != NULL)
        findings_add_at(f, path, 1, "expected %s", expected);
    if (!buf_ok(email_normal))
        status = error_set(err, STATUS_INTERNAL, "out of memory");
    else if (f->count > 0)
        status = json_invalid(f, err);
    json_decref(object);
    return status;
}
