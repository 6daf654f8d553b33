#include "customerd/aws/provider.h"
#include "customerd/core/crypto.h"
#include "customerd/core/json_memory.h"
#include "customerd/core/timestamp.h"
#include "customerd/core/unconst.h"

#include <jansson.h>

/* As AWS's own SDKs do when the metadata service can't renew: the keys usually still work. */
#define STAYS_USABLE_WITHIN_MS (5 * 60 * 1000)
#define STAYS_USABLE_MIN_MS (15 * 60 * 1000)
#define STAYS_USABLE_JITTER_MS (10 * 60 * 1000)

/* jansson frees its strings as they are. */
static void wipe_strings(json_t *object)
{
    const char *key;
    json_t *value;
    json_object_foreach(object, key, value)
        if (json_is_string(value))
            crypto_wipe(unconst(json_string_value(value)), json_string_length(value));
}

static enum credentials_result member(const struct provider_json *form, const json_t *object, const char *name,
                                      bool required, struct slice *out, struct error *err)
{
    const json_t *value = json_object_get(object, name);
    *out = slice_of("", 0);
    if (value == NULL || json_is_null(value)) {
        if (required)
            return provider_fail(err, "%s: the answer has no %s", form->source, name);
        return CREDENTIALS_ABSENT;
    }
    if (!json_is_string(value))
        return provider_fail(err, "%s: %s is not a string", form->source, name);
    *out = slice_of(json_string_value(value), json_string_length(value));
    if (out->len == 0 && required)
        return provider_fail(err, "%s: %s is empty", form->source, name);
    return CREDENTIALS_FOUND;
}

static int64_t local_life(int64_t now_ms)
{
    uint32_t random = 0;
    if (!random_bytes(&random, sizeof random))
        random = 0;
    return now_ms + STAYS_USABLE_MIN_MS + random % STAYS_USABLE_JITTER_MS;
}

static enum credentials_result expiry(const struct provider_json *form, const json_t *object, int64_t now_ms,
                                      int64_t *out, struct error *err)
{
    struct slice text;
    enum credentials_result found = member(form, object, "Expiration", form->temporary, &text, err);
    *out = CREDENTIALS_NEVER_EXPIRE;
    if (found == CREDENTIALS_FAILED)
        return found;
    if (text.len == 0)
        return CREDENTIALS_FOUND;
    if (!timestamp_parse_rfc3339(text, out))
        return provider_fail(err, "%s: Expiration is not an RFC 3339 time", form->source);
    if (form->stays_usable && *out - now_ms < STAYS_USABLE_WITHIN_MS)
        *out = local_life(now_ms);
    return CREDENTIALS_FOUND;
}

static enum credentials_result status_check(const struct provider_json *form, const json_t *object, struct error *err)
{
    if (form->versioned) {
        const json_t *version = json_object_get(object, "Version");
        if (!json_is_integer(version) || json_integer_value(version) != 1)
            return provider_fail(err, "%s: Version must be 1", form->source);
        return CREDENTIALS_FOUND;
    }
    /* IMDS answers 200 with another Code when the role gives nothing. */
    const json_t *code = json_object_get(object, "Code");
    if (code != NULL && (!json_is_string(code) || strcmp(json_string_value(code), "Success") != 0))
        return provider_fail(err, "%s: the answer's Code is not Success", form->source);
    return CREDENTIALS_FOUND;
}

static enum credentials_result keys_read(const struct provider_json *form, const json_t *object, int64_t now_ms,
                                         struct provider_keys *keys, struct error *err)
{
    enum credentials_result result = status_check(form, object, err);
    if (result != CREDENTIALS_FAILED)
        result = member(form, object, "AccessKeyId", true, &keys->access_key_id, err);
    if (result != CREDENTIALS_FAILED)
        result = member(form, object, "SecretAccessKey", true, &keys->secret_access_key, err);
    if (result != CREDENTIALS_FAILED)
        result = member(form, object, form->token_member, form->temporary, &keys->session_token, err);
    if (result != CREDENTIALS_FAILED)
        result = expiry(form, object, now_ms, &keys->expires_at_ms, err);
    return result;
}

enum credentials_result provider_parse_json(const struct provider_json *form, struct slice body, int64_t now_ms,
                                            struct credentials *out, struct error *err)
{
    struct provider_keys keys = { .expires_at_ms = 0 };
    json_error_t why;
    json_t *object = json_memory_load(body.ptr, body.len, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(object)) {
        json_decref(object);
        return provider_fail(err, "%s: the answer is not a JSON object", form->source);
    }
    enum credentials_result result = keys_read(form, object, now_ms, &keys, err);
    if (result != CREDENTIALS_FAILED)
        result = provider_fill(form->source, &keys, now_ms, out, err);
    wipe_strings(object);
    json_decref(object);
    return result;
}
