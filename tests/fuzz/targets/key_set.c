/* Key sets, and tokens that are to be verified with their keys. A key that serves an algorithm is one that the library
 * takes for it, a set is within itself, and no key verifies a token that nobody signed. */
#include "fuzz.h"

#include "key_set.h"
#include "signature.h"

static const char *const tokens[JWT_ALGS] = {
    [JWT_RS256] = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2lnbmF0dXJl",
    [JWT_PS256] = "eyJhbGciOiJQUzI1NiIsImtpZCI6ImsifQ.e30.c2lnbmF0dXJl",
    [JWT_ES256] = "eyJhbGciOiJFUzI1NiIsImtpZCI6ImsifQ.e30.c2lnbmF0dXJl",
    [JWT_EDDSA] = "eyJhbGciOiJFZERTQSIsImtpZCI6ImsifQ.e30.c2lnbmF0dXJl",
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    REQUIRE(signature_global_init());
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err;
    char *copy = fuzz_copy(slice_of(data, size));
    struct key_set *set = key_set_parse(slice_of(copy, size), &err);
    free(copy);
    if (set == NULL) {
        REQUIRE(err.code == STATUS_UNAVAILABLE);
        return 0;
    }
    REQUIRE(key_set_count(set) <= KEY_SET_MAX_KEYS && key_set_is_within(set, set));
    for (int alg = 0; alg < JWT_ALGS; alg++) {
        struct jwt_header header = { .alg = (enum jwt_alg)alg, .kid = "k" };
        const char *key = key_set_find(set, &header);
        if (key == NULL)
            continue;
        REQUIRE(signature_key_fits(key, header.alg));
        REQUIRE(!signature_verify(slice_cstr(tokens[alg]), header.alg, key));
    }
    key_set_release(set);
    return 0;
}
