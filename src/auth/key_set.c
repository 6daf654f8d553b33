#include "key_set.h"

#include "customerd/core/json_memory.h"

#include "signature.h"

#include <jansson.h>
#include <stdatomic.h>
#include <stdlib.h>

struct key {
    char kid[JWT_KID_SIZE];
    bool serves[JWT_ALGS];
    char *json;
};

struct key_set {
    atomic_int refs;
    size_t n;
    struct key keys[KEY_SET_MAX_KEYS];
};

struct key_set *key_set_acquire(struct key_set *s)
{
    (void)atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void key_set_release(struct key_set *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->keys[i].json);
    free(s);
}

static bool is_text(const json_t *value, const char *text)
{
    return json_is_string(value) && strcmp(json_string_value(value), text) == 0;
}

/* RFC 7517 sections 4.2 and 4.3: what the key's owner says that it is for. */
static bool is_for_verifying(const json_t *key)
{
    const json_t *use = json_object_get(key, "use");
    const json_t *operations = json_object_get(key, "key_ops");
    size_t i;
    const json_t *one;
    if (use != NULL && !is_text(use, "sig"))
        return false;
    if (operations == NULL)
        return true;
    json_array_foreach(operations, i, one)
        if (is_text(one, "verify"))
            return true;
    return false;
}

/* The members that make a public key, and no others: what else stands there (a certificate, an address of one) is not
 * looked at by the library then. NULL when the key is not public. */
static char *public_json(const json_t *key)
{
    static const char *const members[] = { "kty", "n", "e", "crv", "x", "y" };
    static const char *const private[] = { "d", "p", "q", "dp", "dq", "qi", "oth", "k" };
    for (size_t i = 0; i < sizeof private / sizeof *private; i++)
        if (json_object_get(key, private[i]) != NULL)
            return NULL;
    json_t *public = json_object();
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        json_t *value = json_object_get(key, members[i]);
        if (value != NULL)
            (void)json_object_set(public, members[i], value);
    }
    char *text = json_dumps(public, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(public);
    return text;
}

static bool choose_algs(const json_t *key, struct key *out)
{
    const json_t *alg = json_object_get(key, "alg");
    bool any = false;
    for (int i = 0; i < JWT_ALGS; i++) {
        out->serves[i] = (alg == NULL || is_text(alg, jwt_alg_name((enum jwt_alg)i))) &&
                         signature_key_fits(out->json, (enum jwt_alg)i);
        any = any || out->serves[i];
    }
    return any;
}

static bool read_key(const json_t *key, struct key *out)
{
    const json_t *kid = json_object_get(key, "kid");
    if (!json_is_string(kid) || json_string_length(kid) == 0 || json_string_length(kid) >= sizeof out->kid ||
        strlen(json_string_value(kid)) != json_string_length(kid) || !is_for_verifying(key))
        return false;
    memcpy(out->kid, json_string_value(kid), json_string_length(kid) + 1);
    out->json = public_json(key);
    if (out->json != NULL && choose_algs(key, out))
        return true;
    free(out->json);
    *out = (struct key){ .json = NULL };
    return false;
}

static enum status read_keys(const json_t *document, struct key_set *s, struct error *err)
{
    const json_t *keys = json_object_get(document, "keys");
    size_t i;
    const json_t *key;
    if (!json_is_array(keys))
        return error_set(err, STATUS_UNAVAILABLE, "not a JSON Web Key Set: it has no array \"keys\"");
    json_array_foreach(keys, i, key)
        if (s->n < KEY_SET_MAX_KEYS && json_is_object(key) && read_key(key, &s->keys[s->n]))
            s->n++;
    return STATUS_OK;
}

struct key_set *key_set_parse(struct slice json, struct error *err)
{
    json_error_t why;
    json_t *document = json_memory_load(json.ptr, json.len, JSON_REJECT_DUPLICATES, &why);
    struct key_set *s = calloc(1, sizeof *s);
    enum status status = STATUS_OK;
    if (s != NULL)
        atomic_init(&s->refs, 1);
    if (s == NULL)
        status = error_set(err, STATUS_INTERNAL, "out of memory");
    else if (document == NULL)
        status = error_set(err, STATUS_UNAVAILABLE, "not JSON: line %d, column %d", why.line, why.column);
    else
        status = read_keys(document, s, err);
    json_decref(document);
    if (status == STATUS_OK)
        return s;
    key_set_release(s);
    return NULL;
}

size_t key_set_count(const struct key_set *s)
{
    return s->n;
}

const char *key_set_find(const struct key_set *s, const struct jwt_header *header)
{
    for (size_t i = 0; i < s->n; i++)
        if (s->keys[i].serves[header->alg] && strcmp(s->keys[i].kid, header->kid) == 0)
            return s->keys[i].json;
    return NULL;
}

bool key_set_is_within(const struct key_set *s, const struct key_set *other)
{
    for (size_t i = 0; i < s->n; i++) {
        bool found = false;
        for (size_t j = 0; j < other->n && !found; j++)
            found = strcmp(s->keys[i].kid, other->keys[j].kid) == 0 &&
                    strcmp(s->keys[i].json, other->keys[j].json) == 0 &&
                    memcmp(s->keys[i].serves, other->keys[j].serves, sizeof s->keys[i].serves) == 0;
        if (!found)
            return false;
    }
    return true;
}
