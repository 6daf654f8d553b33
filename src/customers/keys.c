#include "keys.h"

struct key key_record(const struct uuid *id)
{
    return bucket_key(uuid_bucket(id), 'c', slice_of(id->bytes, UUID_BYTES));
}

struct key key_claims(const uint8_t eh[EMAIL_HASH_BYTES])
{
    return bucket_key(eh[0], 'u', slice_of(eh + 1, 1));
}

struct key key_claims_at(uint8_t bucket, uint8_t second)
{
    return bucket_key(bucket, 'u', slice_of(&second, 1));
}

struct key key_marker(uint8_t bucket, const uint8_t operation[OPERATION_BYTES])
{
    return bucket_key(bucket, 'k', slice_of(operation, OPERATION_BYTES));
}

struct key key_opened(uint8_t bucket, const uint8_t operation[OPERATION_BYTES])
{
    return bucket_key(bucket, 'o', slice_of(operation, OPERATION_BYTES));
}

struct key key_of_bucket(uint8_t bucket, char kind)
{
    return bucket_key(bucket, kind, slice_of("", 0));
}
