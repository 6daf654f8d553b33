#include "customerd/aws/provider.h"

#include "customerd/core/file.h"

#include <stdarg.h>
#include <stdio.h>

#define ACCESS_KEY_ID_MAX_BYTES 256
#define SECRET_ACCESS_KEY_MAX_BYTES 1024
/* Percent-encoding triples it, and the token that it becomes part of has a bound too. */
#define SESSION_TOKEN_MAX_BYTES 16384

const char *provider_getenv(const struct credentials_env *env, const char *name)
{
    const char *value = env->getenv(env->getenv_ctx, name);
    return value == NULL || *value == '\0' ? NULL : value;
}

enum credentials_result provider_fail(struct error *err, const char *format, ...)
{
    char text[sizeof err->detail];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)error_set(err, STATUS_UNAVAILABLE, "%s", text);
    return CREDENTIALS_FAILED;
}

bool provider_is_one_line(struct slice text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.ptr[i] < 0x20 || text.ptr[i] == 0x7f)
            return false;
    return true;
}

static const char *part_fault(struct slice part, size_t max_bytes)
{
    if (part.len > max_bytes)
        return "is too long";
    return provider_is_one_line(part) ? NULL : "holds a control character";
}

static enum credentials_result keys_check(const char *source, const struct provider_keys *keys, int64_t now_ms,
                                          struct error *err)
{
    if (keys->access_key_id.len == 0 || keys->secret_access_key.len == 0)
        return provider_fail(err, "%s: the access key or its secret is empty", source);
    const char *fault = part_fault(keys->access_key_id, ACCESS_KEY_ID_MAX_BYTES);
    if (fault != NULL)
        return provider_fail(err, "%s: the access key id %s", source, fault);
    fault = part_fault(keys->secret_access_key, SECRET_ACCESS_KEY_MAX_BYTES);
    if (fault != NULL)
        return provider_fail(err, "%s: the secret access key %s", source, fault);
    fault = part_fault(keys->session_token, SESSION_TOKEN_MAX_BYTES);
    if (fault != NULL)
        return provider_fail(err, "%s: the session token %s", source, fault);
    if (keys->expires_at_ms <= now_ms)
        return provider_fail(err, "%s: the credentials have expired", source);
    return CREDENTIALS_FOUND;
}

enum credentials_result provider_fill(const char *source, const struct provider_keys *keys, int64_t now_ms,
                                      struct credentials *out, struct error *err)
{
    enum credentials_result result = keys_check(source, keys, now_ms, err);
    if (result != CREDENTIALS_FOUND)
        return result;
    if (!secret_set(&out->access_key_id, keys->access_key_id) ||
        !secret_set(&out->secret_access_key, keys->secret_access_key) ||
        !secret_set(&out->session_token, keys->session_token)) {
        credentials_clean_up(out);
        return provider_fail(err, "%s: out of memory", source);
    }
    out->expires_at_ms = keys->expires_at_ms;
    out->source = source;
    return CREDENTIALS_FOUND;
}

enum credentials_result provider_read_file(const char *path, struct buf *out, struct error *err)
{
    return file_read(path, out, NULL, err) == STATUS_OK ? CREDENTIALS_FOUND : CREDENTIALS_FAILED;
}
