/* The documents in which credentials come: a container's and the metadata service's JSON, the XML of STS. The first byte
 * chooses; of the metadata service all three answers come from the input. */
#include "fake_aws.h"

#include "customerd/aws/sts.h"

static const struct fake_variable variables[] = {
    { "AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1/credentials" },
    { "AWS_WEB_IDENTITY_TOKEN_FILE", "/dev/null" },
    { "AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/r" },
    { "AWS_REGION", "eu-central-1" },
    { NULL, NULL },
};

static enum credentials_result ask_sts(const struct credentials_env *env, struct credentials *out, struct error *err)
{
    static char id[] = "AKID";
    static char secret[] = "secret";
    const struct credentials signer = { .access_key_id = { id, sizeof id - 1 },
                                        .secret_access_key = { secret, sizeof secret - 1 } };
    const struct sts_role role = { .arn = SLICE("arn:aws:iam::123456789012:role/r") };
    return sts_assume_role(env, &role, &signer, out, err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const credentials_provider_fn providers[] = { credentials_from_container, credentials_from_imds, ask_sts };
    struct slice rest = slice_of(data, size);
    struct credentials c = { .source = NULL };
    struct error err = { .code = STATUS_OK };
    struct fake_aws f;
    credentials_provider_fn ask = providers[fuzz_byte(&rest) % 3];
    char *copy = fuzz_copy(rest);
    fake_aws_init(&f, variables, slice_of(copy, rest.len));
    fake_check(ask(&f.env, &c, &err), &c, &err);
    free(copy);
    return 0;
}
