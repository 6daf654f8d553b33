#include "customerd/api/docs_contract.h"

#include "customerd/api/resource.h"
#include "customerd/core/crypto.h"

#include <stdlib.h>

#include "docs_files.h"

#define CONTRACT_MAX_BYTES (4u << 20)
#define TAG_BYTES 16

struct docs_contract {
    struct buf json;
    char tag[2 * TAG_BYTES + 1];
};

struct docs_contract *docs_contract_new(const struct resources *resources)
{
    uint8_t digest[SHA256_BYTES];
    struct docs_contract *d = calloc(1, sizeof *d);
    if (d == NULL)
        return NULL;
    buf_init(&d->json, CONTRACT_MAX_BYTES);
    for (const struct docs_part *part = openapi_parts; part->length > 0; part++)
        if (part->resource == NULL || resources_are_on(resources, part->resource))
            buf_append(&d->json, slice_of(part->text, part->length));
    if (!buf_ok(&d->json) || !sha256(buf_slice(&d->json), digest)) {
        docs_contract_destroy(d);
        return NULL;
    }
    hex_encode(digest, TAG_BYTES, d->tag);
    return d;
}

void docs_contract_destroy(struct docs_contract *d)
{
    if (d == NULL)
        return;
    buf_clean_up(&d->json);
    free(d);
}

struct slice docs_contract_json(const struct docs_contract *d)
{
    return buf_slice(&d->json);
}

const char *docs_contract_tag(const struct docs_contract *d)
{
    return d->tag;
}
