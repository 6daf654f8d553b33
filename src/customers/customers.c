#include "customerd/customers/customers.h"

#include <stdio.h>
#include <stdlib.h>

#include "healer.h"

struct customers *customers_new(const struct customers_options *options, struct error *err)
{
    struct customers *c = calloc(1, sizeof *c);
    if (c == NULL) {
        error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    c->options = *options;
    atomic_init(&c->checked, false);
    c->healer = healer_new(c, err);
    if (c->healer == NULL || healer_start(c->healer, err) != STATUS_OK) {
        healer_destroy(c->healer);
        free(c);
        return NULL;
    }
    return c;
}

void customers_destroy(struct customers *c)
{
    if (c == NULL)
        return;
    healer_stop(c->healer);
    healer_destroy(c->healer);
    crypto_wipe(&c->secrets, sizeof c->secrets);
    free(c);
}

enum status customers_ready(struct customers *c, struct error *err)
{
    if (atomic_load_explicit(&c->checked, memory_order_acquire))
        return STATUS_OK;
    char reason[200];
    healer_reason(c->healer, reason, sizeof reason);
    return error_set_retry(err, STATUS_NOT_READY, 1, "%s", reason);
}

void customers_state(struct customers *c, struct customers_state *out)
{
    healer_state(c->healer, out);
}
