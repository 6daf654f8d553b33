#include "token_cache.h"

#include "unit.h"

static struct claims *claims_for(const char *subject, int64_t expires_s)
{
    struct jwt_claims from;
    jwt_claims_init(&from);
    (void)snprintf(from.subject, sizeof from.subject, "%s", subject);
    from.expires_s = expires_s;
    buf_append_cstr(&from.scopes, " customers:read ");
    struct claims *c = claims_new(&from, 30);
    jwt_claims_clean_up(&from);
    assert_non_null(c);
    return c;
}

static void put(struct token_cache *c, const char *token, uint64_t generation, int64_t expires_s)
{
    uint8_t hash[SHA256_BYTES];
    struct claims *claims = claims_for(token, expires_s);
    assert_true(sha256(slice_cstr(token), hash));
    token_cache_put(c, hash, generation, claims);
    claims_release(claims);
}

static bool has(struct token_cache *c, const char *token, uint64_t generation, int64_t now_ms)
{
    uint8_t hash[SHA256_BYTES];
    assert_true(sha256(slice_cstr(token), hash));
    struct claims *claims = token_cache_get(c, hash, generation, now_ms);
    bool found = claims != NULL;
    if (found)
        assert_true(slice_is(claims_subject(claims), token));
    claims_release(claims);
    return found;
}

static void what_was_put_is_found_until_it_ends(void **state)
{
    (void)state;
    struct token_cache *c = token_cache_new();
    put(c, "one", 0, 1000);
    assert_true(has(c, "one", 0, 1029999));
    assert_false(has(c, "one", 0, 1030000));
    assert_false(has(c, "two", 0, 0));
    token_cache_destroy(c);
}

static void another_generation_is_not_believed(void **state)
{
    (void)state;
    struct token_cache *c = token_cache_new();
    put(c, "one", 1, 1000);
    assert_false(has(c, "one", 2, 0));
    put(c, "one", 2, 1000);
    assert_true(has(c, "one", 2, 0));
    assert_false(has(c, "one", 1, 0));
    token_cache_destroy(c);
}

/* Ten times as many as there is room for; the newest of each set is still there. */
static void memory_is_bounded_and_the_longest_unused_goes(void **state)
{
    (void)state;
    struct token_cache *c = token_cache_new();
    char token[32];
    size_t found = 0;
    const int n = 10 * TOKEN_CACHE_SETS * TOKEN_CACHE_WAYS;
    put(c, "always used", 0, 1000);
    for (int i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "token %d", i);
        put(c, token, 0, 1000);
        assert_true(has(c, token, 0, 0));
        assert_true(has(c, "always used", 0, 0));
    }
    for (int i = 0; i < n; i++) {
        (void)snprintf(token, sizeof token, "token %d", i);
        found += has(c, token, 0, 0);
    }
    assert_int_equal(found, TOKEN_CACHE_SETS * TOKEN_CACHE_WAYS - 1);
    token_cache_destroy(c);
}

static void a_scope_is_a_whole_word(void **state)
{
    (void)state;
    struct jwt_claims from;
    jwt_claims_init(&from);
    (void)snprintf(from.subject, sizeof from.subject, "s");
    buf_append_cstr(&from.scopes, " customers:read xcustomers:write customers:writex ");
    struct claims *c = claims_new(&from, 0);
    assert_true(claims_allow(c, "customers:read"));
    assert_false(claims_allow(c, "customers:write"));
    assert_false(claims_allow(c, "customers"));
    claims_release(c);
    buf_clear(&from.scopes);
    buf_append_cstr(&from.scopes, " admin ");
    c = claims_new(&from, 0);
    assert_true(claims_allow(c, "customers:write"));
    claims_release(c);
    claims_release(NULL);
    jwt_claims_clean_up(&from);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_until_it_ends),
        cmocka_unit_test(another_generation_is_not_believed),
        cmocka_unit_test(memory_is_bounded_and_the_longest_unused_goes),
        cmocka_unit_test(a_scope_is_a_whole_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
