/* sts: the two calls of AWS's Security Token Service that give credentials of a role.
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoleWithWebIdentity.html
 *
 * The endpoint is that of the region, or AWS_ENDPOINT_URL_STS: https, or http on the loopback. */
#ifndef CUSTOMERD_AWS_STS_H
#define CUSTOMERD_AWS_STS_H

#include "customerd/aws/credentials.h"

struct sts_role {
    struct slice arn;
    struct slice session_name; /* empty: one is made */
    struct slice external_id;  /* empty: none */
    int64_t duration_s;        /* 0: the service's default */
};

/* Signed with the given credentials. */
enum credentials_result sts_assume_role(const struct credentials_env *env, const struct sts_role *role,
                                        const struct credentials *signer, struct credentials *out, struct error *err);
/* Unsigned: the token is the proof. token_file is read anew. */
enum credentials_result sts_assume_role_with_web_identity(const struct credentials_env *env, const struct sts_role *role,
                                                          const char *token_file, struct credentials *out,
                                                          struct error *err);

#endif
