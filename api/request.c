#include "customerd/api/request.h"

#include "customerd/core/crypto.h"

void request_init(struct request *r)
{
    memset(r, 0, sizeof *r);
    query_init(&r->params);
}

void request_clean_up(struct request *r)
{
    query_clean_up(&r->params);
}

/* What follows the authority of http://authority/path; an absolute target without a path means "/". */
static struct slice strip_authority(struct slice target)
{
    struct slice rest;
    if (target.len >= 7 && strncasecmp(target.ptr, "http://", 7) == 0)
        rest = slice_from(target, 7);
    else if (target.len >= 8 && strncasecmp(target.ptr, "https://", 8) == 0)
        rest = slice_from(target, 8);
    else
        return target;
    while (rest.len > 0 && rest.ptr[0] != '/' && rest.ptr[0] != '?')
        rest = slice_from(rest, 1);
    return rest;
}

void request_set_target(struct request *r, struct slice target)
{
    struct slice rest = strip_authority(target);
    r->target = target;
    r->path = slice_take(&rest, '?');
    if (r->path.len == 0 && target.len > 0)
        r->path = slice_of("/", 1);
    r->query = rest;
}

static bool is_sane_id(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        char c = id.ptr[i];
        bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!alphanumeric && (c == '\0' || strchr("/+_=.:-", c) == NULL))
            return false;
    }
    return id.len > 0 && id.len <= REQUEST_ID_MAX_CHARS;
}

static void make_id(uint8_t b[UUID_BYTES], char out[REQUEST_ID_SIZE])
{
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    struct uuid id;
    memcpy(id.bytes, b, UUID_BYTES);
    uuid_format(&id, out);
}

void request_new_id(char out[REQUEST_ID_SIZE])
{
    uint8_t random[UUID_BYTES] = { 0 };
    (void)!random_ids(random, sizeof random);
    make_id(random, out);
}

void request_identify(struct request *r)
{
    struct slice given;
    uint8_t random[UUID_BYTES + TRACE_RANDOM_BYTES] = { 0 };
    (void)!random_ids(random, sizeof random);
    trace_begin(&r->headers, random + UUID_BYTES, &r->trace);
    if (headers_get(&r->headers, "X-Request-Id", &given) == 1 && is_sane_id(headers_trim(given))) {
        given = headers_trim(given);
        memcpy(r->id, given.ptr, given.len);
        r->id[given.len] = '\0';
        return;
    }
    make_id(random, r->id);
}
