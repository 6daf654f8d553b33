#include "claims.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#define ADMIN "admin"

struct claims {
    atomic_int refs;
    int64_t end_ms;
    struct slice subject; /* these two lie behind */
    struct slice scopes;  /* each with a blank before and after it */
    char text[];
};

struct claims *claims_new(const struct jwt_claims *from, int64_t leeway_s)
{
    size_t subject_len = strlen(from->subject);
    struct claims *c = malloc(sizeof *c + subject_len + from->scopes.len);
    if (c == NULL)
        return NULL;
    atomic_init(&c->refs, 1);
    c->end_ms = (from->expires_s + leeway_s) * 1000;
    memcpy(c->text, from->subject, subject_len);
    memcpy(c->text + subject_len, from->scopes.data, from->scopes.len);
    c->subject = slice_of(c->text, subject_len);
    c->scopes = slice_of(c->text + subject_len, from->scopes.len);
    return c;
}

struct claims *claims_acquire(struct claims *c)
{
    (void)atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    return c;
}

void claims_release(struct claims *c)
{
    if (c != NULL && atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) == 1)
        free(c);
}

int64_t claims_end_ms(const struct claims *c)
{
    return c->end_ms;
}

struct slice claims_subject(const struct claims *c)
{
    return c->subject;
}

static bool has(const struct claims *c, const char *scope)
{
    char word[64];
    int len = snprintf(word, sizeof word, " %s ", scope);
    return len > 0 && (size_t)len < sizeof word && memmem(c->scopes.ptr, c->scopes.len, word, (size_t)len) != NULL;
}

bool claims_allow(const struct claims *c, const char *scope)
{
    return has(c, scope) || has(c, ADMIN);
}
