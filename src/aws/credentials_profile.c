#include "customerd/aws/profile.h"
#include "customerd/aws/provider.h"
#include "customerd/aws/sts.h"

#include <stdio.h>

static struct slice get(const struct profile_walk *walk, struct slice name, const char *key)
{
    return profiles_get(walk->profiles, name, key);
}

static bool has(const struct profile_walk *walk, struct slice name, const char *key)
{
    return get(walk, name, key).len > 0;
}

enum credentials_result profile_static_keys(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err)
{
    struct provider_keys keys = { .expires_at_ms = CREDENTIALS_NEVER_EXPIRE };
    if (!profiles_keys(walk->profiles, name, &keys))
        return CREDENTIALS_ABSENT;
    if (keys.access_key_id.len == 0 || keys.secret_access_key.len == 0)
        return provider_fail(err, "profile: aws_access_key_id and aws_secret_access_key must stand together");
    return provider_fill("profile", &keys, clock_realtime_ms(walk->env->clock), out, err);
}

static enum credentials_result web_identity(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err)
{
    struct slice file = get(walk, name, "web_identity_token_file");
    struct sts_role role = { .arn = get(walk, name, "role_arn"), .session_name = get(walk, name, "role_session_name") };
    char path[4096];
    if (role.arn.len == 0)
        return provider_fail(err, "profile: web_identity_token_file is set without role_arn");
    if (file.len >= sizeof path || !provider_is_one_line(file))
        return provider_fail(err, "profile: web_identity_token_file is not a path");
    snprintf(path, sizeof path, "%.*s", (int)file.len, file.ptr);
    return sts_assume_role_with_web_identity(walk->env, &role, path, out, err);
}

enum credentials_result profile_credentials(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err)
{
    if (has(walk, name, "web_identity_token_file"))
        return web_identity(walk, name, out, err);
    if (has(walk, name, "role_arn"))
        return profile_assume_role(walk, name, out, err);
    enum credentials_result result = profile_static_keys(walk, name, out, err);
    if (result != CREDENTIALS_ABSENT)
        return result;
    struct slice command = get(walk, name, "credential_process");
    if (command.len > 0)
        return profile_run_process(walk->env, command, out, err);
    if (has(walk, name, "sso_session") || has(walk, name, "sso_start_url"))
        return provider_fail(err, "profile: SSO needs a person's sign-in; use `aws configure export-credentials` as "
                                  "credential_process");
    return CREDENTIALS_ABSENT;
}

enum credentials_result credentials_from_profile(const struct credentials_env *env, struct credentials *out,
                                                 struct error *err)
{
    struct profiles profiles;
    if (profiles_load(env, &profiles, err) != STATUS_OK)
        return CREDENTIALS_FAILED;
    const char *chosen = profiles_chosen(env);
    struct slice name = slice_cstr(chosen == NULL ? "default" : chosen);
    struct profile_walk walk = { .env = env, .profiles = &profiles };
    enum credentials_result result = CREDENTIALS_ABSENT;
    if (profiles_has(&profiles, name))
        result = profile_credentials(&walk, name, out, err);
    else if (chosen != NULL)
        result = provider_fail(err, "profile: \"%.100s\" stands in neither the config nor the credentials file", chosen);
    profiles_clean_up(&profiles);
    return result;
}
