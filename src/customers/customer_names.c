#include "customerd/core/edit_distance.h"

#include "customer_members.h"
#include "customerd/core/json_read.h"

/* Longer names are near to none. */
#define NEAR_MAX_BYTES 20

static const char *const client_owned[CUSTOMER_MEMBERS] = { "name", "email", "phone", "address", "balance", "metadata" };
static const char *const server_owned[] = { "id", "created_at", "updated_at", "version" };

#define SERVER_OWNED (sizeof server_owned / sizeof server_owned[0])

const char *customer_member_name(enum customer_member member)
{
    return client_owned[member];
}

const char *members_nearest(struct slice name)
{
    const char *nearest = NULL;
    size_t least = 0;
    if (name.len > NEAR_MAX_BYTES)
        return NULL;
    for (size_t i = 0; i < CUSTOMER_MEMBERS + SERVER_OWNED; i++) {
        const char *known = i < CUSTOMER_MEMBERS ? client_owned[i] : server_owned[i - CUSTOMER_MEMBERS];
        size_t distance = edit_distance(name, slice_cstr(known), EDIT_CASE_IGNORED);
        bool near = distance * 2 < strlen(known) || (distance == 1 && name.len >= 2);
        if (near && (nearest == NULL || distance < least)) {
            nearest = known;
            least = distance;
        }
    }
    return nearest;
}

static bool is_listed(struct slice name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (slice_is(name, list[i]))
            return true;
    }
    return false;
}

static void check_id(const json_t *value, const struct uuid *id, struct findings *f)
{
    struct uuid stated;
    if (json_is_null(value))
        return;
    if (!json_is_string(value) || !uuid_parse(json_text(value), &stated) ||
        memcmp(stated.bytes, id->bytes, UUID_BYTES) != 0)
        findings_add(f, slice_cstr("id"), slice_cstr(NULL), "expected the id of the path, or none");
}

static void add_unknown(struct slice name, struct findings *f)
{
    const char *nearest = members_nearest(name);
    if (nearest != NULL)
        findings_add_at(f, &name, 1, "unknown member; did you mean \"%s\"?", nearest);
    else
        findings_add_at(f, &name, 1, "unknown member; expected name, email, phone, address, balance or metadata");
}

void members_check_names(json_t *object, const struct uuid *id, struct findings *f)
{
    const char *key;
    size_t key_len;
    json_t *value;
    json_object_keylen_foreach(object, key, key_len, value)
    {
        struct slice name = slice_of(key, key_len);
        if (slice_is(name, "id") && id != NULL)
            check_id(value, id, f);
        else if (!is_listed(name, client_owned, CUSTOMER_MEMBERS) && !is_listed(name, server_owned, SERVER_OWNED))
            add_unknown(name, f);
    }
}

void members_drop_server_owned(json_t *object)
{
    for (size_t i = 0; i < SERVER_OWNED; i++)
        json_object_del(object, server_owned[i]);
}
