#include "customerd/aws/profile.h"
#include "customerd/aws/provider.h"
#include "customerd/aws/sts.h"

#include <stdio.h>
#include <stdlib.h>

#define DURATION_MIN_S 900
#define DURATION_MAX_S 43200

static enum credentials_result from_named_source(const struct profile_walk *walk, struct slice source,
                                                 struct credentials *out, struct error *err)
{
    static const struct {
        const char *name;
        credentials_provider_fn provider;
    } sources[] = {
        { "Environment", credentials_from_environment },
        { "Ec2InstanceMetadata", credentials_from_imds },
        { "EcsContainer", credentials_from_container },
    };
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (!slice_is(source, sources[i].name))
            continue;
        enum credentials_result result = sources[i].provider(walk->env, out, err);
        if (result == CREDENTIALS_ABSENT)
            return provider_fail(err, "assume-role: credential_source %s gives no credentials", sources[i].name);
        return result;
    }
    return provider_fail(err, "assume-role: credential_source must be Environment, Ec2InstanceMetadata or EcsContainer");
}

static bool was_visited(const struct profile_walk *walk, struct slice name)
{
    for (size_t i = 0; i < walk->n_visited; i++)
        if (slice_equal(walk->visited[i], name))
            return true;
    return false;
}

static enum credentials_result from_source_profile(struct profile_walk *walk, struct slice name, struct slice source,
                                                   struct credentials *out, struct error *err)
{
    enum credentials_result result;
    if (!profiles_has(walk->profiles, source))
        return provider_fail(err, "assume-role: source_profile names a profile that doesn't exist");
    /* A profile that names itself means its own static keys. */
    if (slice_equal(source, name))
        result = profile_static_keys(walk, source, out, err);
    else if (was_visited(walk, source))
        return provider_fail(err, "assume-role: the profiles' source_profile go round in a loop");
    else
        result = profile_credentials(walk, source, out, err);
    if (result == CREDENTIALS_ABSENT)
        return provider_fail(err, "assume-role: the source profile has no credentials");
    return result;
}

static enum credentials_result source_credentials(struct profile_walk *walk, struct slice name, struct credentials *out,
                                                  struct error *err)
{
    struct slice profile = profiles_get(walk->profiles, name, "source_profile");
    struct slice source = profiles_get(walk->profiles, name, "credential_source");
    if (profile.len > 0 && source.len > 0)
        return provider_fail(err, "assume-role: source_profile and credential_source exclude each other");
    if (profile.len == 0 && source.len == 0)
        return provider_fail(err, "assume-role: role_arn needs source_profile or credential_source");
    return profile.len > 0 ? from_source_profile(walk, name, profile, out, err)
                           : from_named_source(walk, source, out, err);
}

static bool duration_parse(struct slice text, int64_t *out)
{
    char digits[16];
    char *end;
    *out = 0;
    if (text.len == 0)
        return true;
    if (text.len >= sizeof digits)
        return false;
    snprintf(digits, sizeof digits, "%.*s", (int)text.len, text.ptr);
    *out = strtoll(digits, &end, 10);
    return *end == '\0' && *out >= DURATION_MIN_S && *out <= DURATION_MAX_S;
}

enum credentials_result profile_assume_role(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err)
{
    struct sts_role role = {
        .arn = profiles_get(walk->profiles, name, "role_arn"),
        .session_name = profiles_get(walk->profiles, name, "role_session_name"),
        .external_id = profiles_get(walk->profiles, name, "external_id"),
    };
    if (profiles_get(walk->profiles, name, "mfa_serial").len > 0)
        return provider_fail(err, "assume-role: mfa_serial needs a person's code, which a service can't give");
    if (!duration_parse(profiles_get(walk->profiles, name, "duration_seconds"), &role.duration_s))
        return provider_fail(err, "assume-role: duration_seconds must be %d to %d", DURATION_MIN_S, DURATION_MAX_S);
    if (walk->n_visited == PROFILE_CHAIN_MAX)
        return provider_fail(err, "assume-role: more than %d roles follow from each other", PROFILE_CHAIN_MAX);
    walk->visited[walk->n_visited++] = name;

    struct credentials signer = { .source = NULL };
    enum credentials_result result = source_credentials(walk, name, &signer, err);
    if (result == CREDENTIALS_FOUND)
        result = sts_assume_role(walk->env, &role, &signer, out, err);
    credentials_clean_up(&signer);
    return result;
}
