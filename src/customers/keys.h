/* keys: the names of everything that is stored of customers.
 *
 * In the buckets (memorydb/bucket.h):
 *
 *   {tag}c<id>      the record, a string (record.h)
 *   {tag}u<hh>      claims, a hash: e-mail hash -> claim; hh is the hash's second byte, so that each hash stays small
 *   {tag}i          listing index, a sorted set of ids, all with score 0
 *   {tag}p          intents, a hash: id -> a begun e-mail change
 *   {tag}r          releases, a set of claims that have lost their backing
 *   {tag}k<op>      marker of an operation, a string that expires
 *   {tag}o<op>      opened Idempotency-Key, a string that expires
 *   {tag}e          fence, a string: the pass of the latest restore
 *   customerd:meta  salt, schema, number of buckets, epoch, pass, whether a restore runs
 */
#ifndef CUSTOMERD_CUSTOMERS_KEYS_H
#define CUSTOMERD_CUSTOMERS_KEYS_H

#include <stdint.h>

#include "customerd/core/uuid.h"
#include "customerd/memorydb/bucket.h"

#define EMAIL_HASH_BYTES 16
#define OPERATION_BYTES 16
#define META_KEY "customerd:meta"

struct key key_record(const struct uuid *id);
struct key key_claims(const uint8_t eh[EMAIL_HASH_BYTES]);
struct key key_marker(uint8_t bucket, const uint8_t operation[OPERATION_BYTES]);
struct key key_opened(uint8_t bucket, const uint8_t operation[OPERATION_BYTES]);
/* kind is 'i', 'p', 'r' or 'e'. */
struct key key_of_bucket(uint8_t bucket, char kind);
/* The claims of one bucket and second byte. */
struct key key_claims_at(uint8_t bucket, uint8_t second);

/* The bucket of an e-mail: the first byte of its hash. */
static inline uint8_t email_bucket(const uint8_t eh[EMAIL_HASH_BYTES])
{
    return eh[0];
}

#endif
