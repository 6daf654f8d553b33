#include "signature.h"

#include <rhonabwy.h>

static const struct {
    jwa_alg jwa;
    unsigned int type;
} algs[JWT_ALGS] = {
    [JWT_RS256] = { R_JWA_ALG_RS256, R_KEY_TYPE_PUBLIC | R_KEY_TYPE_RSA },
    [JWT_PS256] = { R_JWA_ALG_PS256, R_KEY_TYPE_PUBLIC | R_KEY_TYPE_RSA },
    [JWT_ES256] = { R_JWA_ALG_ES256, R_KEY_TYPE_PUBLIC | R_KEY_TYPE_EC },
    [JWT_EDDSA] = { R_JWA_ALG_EDDSA, R_KEY_TYPE_PUBLIC | R_KEY_TYPE_EDDSA },
};

bool signature_global_init(void)
{
    return r_global_init() == RHN_OK;
}

void signature_global_clean_up(void)
{
    r_global_close();
}

static bool has_curve(jwk_t *jwk, const char *curve)
{
    const char *given = r_jwk_get_property_str(jwk, "crv");
    return given != NULL && strcmp(given, curve) == 0;
}

static bool fits(jwk_t *jwk, enum jwt_alg alg)
{
    unsigned int bits = 0;
    int type = r_jwk_key_type(jwk, &bits, 0);
    if ((unsigned int)type != algs[alg].type)
        return false;
    if (alg == JWT_ES256)
        return has_curve(jwk, "P-256");
    return alg == JWT_EDDSA ? has_curve(jwk, "Ed25519") : bits >= RSA_MIN_BITS;
}

bool signature_key_fits(const char *key, enum jwt_alg alg)
{
    jwk_t *jwk = NULL;
    bool ok = r_jwk_init(&jwk) == RHN_OK && r_jwk_import_from_json_str(jwk, key) == RHN_OK && fits(jwk, alg);
    r_jwk_free(jwk);
    return ok;
}

/* The key is imported anew each time: nothing of the library's is then shared between threads. */
bool signature_verify(struct slice token, enum jwt_alg alg, const char *key)
{
    jwk_t *jwk = NULL;
    jws_t *jws = NULL;
    bool ok = r_jwk_init(&jwk) == RHN_OK && r_jws_init(&jws) == RHN_OK &&
              r_jwk_import_from_json_str(jwk, key) == RHN_OK && fits(jwk, alg) &&
              r_jws_advanced_compact_parsen(jws, token.ptr, token.len, R_PARSE_NONE, 0) == RHN_OK &&
              r_jws_get_alg(jws) == algs[alg].jwa && r_jws_verify_signature(jws, jwk, 0) == RHN_OK;
    r_jws_free(jws);
    r_jwk_free(jwk);
    return ok;
}
