#include "customerd/core/secret.h"

#include <openssl/crypto.h>

#include <stdint.h>
#include <stdlib.h>

bool secret_set(struct secret *s, struct slice bytes)
{
    /* Copied before the old bytes go, since `bytes` may be a part of them. */
    char *copy = bytes.len < SIZE_MAX ? malloc(bytes.len + 1) : NULL;
    if (copy != NULL) {
        if (bytes.len > 0)
            memcpy(copy, bytes.ptr, bytes.len);
        copy[bytes.len] = '\0';
    }
    secret_clean_up(s);
    if (copy == NULL)
        return false;
    s->ptr = copy;
    s->len = bytes.len;
    return true;
}

void secret_clean_up(struct secret *s)
{
    if (s == NULL)
        return;
    if (s->ptr != NULL) {
        OPENSSL_cleanse(s->ptr, s->len);
        free(s->ptr);
    }
    *s = (struct secret)SECRET_INIT;
}
