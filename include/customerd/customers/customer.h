/* customer: what a client says of a customer: parsing, validation, patching, and the JSON that is served.
 *
 * The client-owned members are kept as the JSON text that is served (escaped, compact, UTF-8), so that storing and
 * serving never parse. Server-owned members (id, created_at, updated_at, version) in a body are ignored, except an id
 * that differs from the path. null means absent. Unknown members are findings that name the nearest known one. */
#ifndef CUSTOMERD_CUSTOMERS_CUSTOMER_H
#define CUSTOMERD_CUSTOMERS_CUSTOMER_H

#include "customerd/core/status.h"
#include "customerd/core/findings.h"
#include "customerd/core/uuid.h"

#define CUSTOMER_MAX_BYTES 65536 /* the JSON as it is served, whatever its version: the longest one is counted */
#define CUSTOMER_NAME_MAX_CHARS 256
#define CUSTOMER_PHONE_MAX_CHARS 32
#define CUSTOMER_ADDRESS_MAX_CHARS 1024
#define CUSTOMER_BALANCE_MAX 9007199254740991 /* 2^53 - 1, either sign */
#define CUSTOMER_METADATA_MAX_MEMBERS 50
#define CUSTOMER_METADATA_KEY_MAX_CHARS 40
#define CUSTOMER_METADATA_VALUE_MAX_CHARS 500

/* In the order in which they are served, between id and created_at. */
enum customer_member {
    CUSTOMER_NAME,
    CUSTOMER_EMAIL,
    CUSTOMER_PHONE,
    CUSTOMER_ADDRESS,
    CUSTOMER_BALANCE,
    CUSTOMER_METADATA,
    CUSTOMER_MEMBERS
};

struct customer {
    struct slice json[CUSTOMER_MEMBERS]; /* JSON text of each member; empty: absent (metadata {} is kept as absent) */
    struct buf email_normal;             /* the normal form; empty without e-mail */
    struct buf storage;                  /* owns the texts, unless they are borrowed from a record */
};

/* Zeroes, with the buffers' maxima. */
void customer_init(struct customer *c);
void customer_clean_up(struct customer *c);

enum customer_mode {
    CUSTOMER_CREATE, /* balance defaults to 0 */
    CUSTOMER_REPLACE /* balance must be stated */
};

/* Parses and validates a whole customer. id is the path's, NULL on create. Fails with MALFORMED_JSON (line, column and
 * offset in f) or INVALID (f lists all); *out is initialised by the caller and filled on success. */
enum status customer_parse(struct slice body, enum customer_mode mode, const struct uuid *id, struct customer *out,
                           struct findings *f, struct error *err) MUST_USE;

/* The body of a lookup, {"email":...}: appends the normal form to email_normal. Fails as customer_parse does. */
enum status customer_lookup_parse(struct slice body, struct buf *email_normal, struct findings *f,
                                  struct error *err) MUST_USE;

/* A parsed JSON merge patch (RFC 7396). Parsing finds all that is wrong whatever the customer is; what depends on the
 * customer (the size, the number of metadata members) is found when it is applied. A patch can't remove the name or the
 * balance. */
struct customer_patch;
enum status customer_patch_parse(struct slice body, const struct uuid *id, struct customer_patch **out,
                                 struct findings *f, struct error *err) MUST_USE;
void customer_patch_destroy(struct customer_patch *patch);
/* Applies the patch to base and validates the result as a whole. May be called again with another base, and with an out
 * that was filled before, but which base does not borrow from. */
enum status customer_patch_apply(const struct customer_patch *patch, const struct customer *base, struct customer *out,
                                 struct findings *f, struct error *err) MUST_USE;

/* Bytes that are equal for bodies of the same meaning (member order and white space don't count): for fingerprints.
 * Server-owned members don't count either. out fails when memory is out. */
void customer_canonical(const struct customer *c, struct buf *out);
void customer_patch_canonical(const struct customer_patch *patch, struct buf *out);

/* RFC 7396 itself, over JSON texts: the merge of patch into target, compact. For the patch and for its tests. */
enum status merge_patch_text(struct slice target, struct slice patch, struct buf *out, struct error *err) MUST_USE;

/* The stored body: for each member that is present, in order, a tag byte ('n' 'e' 'p' 'a' 'b' 'm'), the length of its
 * JSON text as a base-128 varint (least significant group first), and the text. */
void customer_encode(const struct customer *c, struct buf *out);
/* Borrows from body, which must outlive *out. email_normal is not filled. False when body is not the encoding of a
 * customer with a name and a balance; the JSON texts themselves are trusted. */
bool customer_decode(struct slice body, struct customer *out) MUST_USE;

/* What the server adds. */
struct customer_stamp {
    struct uuid id;
    int64_t created_ms;
    int64_t updated_ms;
    uint64_t version;
};
/* Appends the customer as it is served: {"id":...,"name":...,...,"created_at":...,"updated_at":...,"version":N}. */
void customer_render(const struct customer_stamp *stamp, const struct customer *c, struct buf *out);

#endif
