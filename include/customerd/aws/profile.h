/* profile: the profiles of AWS's shared files, and the ways in which one gives credentials.
 *
 * ~/.aws/credentials (AWS_SHARED_CREDENTIALS_FILE) and ~/.aws/config (AWS_CONFIG_FILE); what stands in the first wins.
 * The files are read anew each time. Everything here belongs to one thread; what the profiles give borrows from them.
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 *
 * One profile is tried in this order: role_arn with web_identity_token_file, role_arn with source_profile or
 * credential_source, static keys, credential_process. SSO and MFA need a person and are refused by name. */
#ifndef CUSTOMERD_AWS_PROFILE_H
#define CUSTOMERD_AWS_PROFILE_H

#include "customerd/aws/credentials.h"
#include "customerd/aws/ini.h"
#include "customerd/aws/provider.h"

#define PROFILE_CHAIN_MAX 5 /* roles that are assumed one from the other */
#define PROFILE_PROCESS_TIMEOUT_MS 30000

struct profiles {
    struct buf config_text;
    struct buf credentials_text;
    struct ini config;
    struct ini credentials;
};

/* Files that don't exist, or lie in a directory that can't be entered, count as empty. On failure *out is empty. */
enum status profiles_load(const struct credentials_env *env, struct profiles *out, struct error *err) MUST_USE;
void profiles_clean_up(struct profiles *p);
/* AWS_PROFILE, AWS_DEFAULT_PROFILE, or NULL: nobody chose, "default" counts. */
const char *profiles_chosen(const struct credentials_env *env);
bool profiles_has(const struct profiles *p, struct slice name);
/* The profile's static keys, all three out of the one file that has the first two: parts of different keys never mix.
 * False when neither file has any; keys->expires_at_ms is left alone. */
bool profiles_keys(const struct profiles *p, struct slice name, struct provider_keys *keys);
/* The value, or the empty slice. */
struct slice profiles_get(const struct profiles *p, struct slice name, const char *key);

/* The way from the chosen profile through source_profile; a profile comes twice only as its own source of static keys. */
struct profile_walk {
    const struct credentials_env *env;
    const struct profiles *profiles;
    struct slice visited[PROFILE_CHAIN_MAX];
    size_t n_visited;
};

enum credentials_result profile_credentials(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err);
enum credentials_result profile_static_keys(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err);
enum credentials_result profile_assume_role(struct profile_walk *walk, struct slice name, struct credentials *out,
                                            struct error *err);
/* Runs a credential_process, without a shell. */
enum credentials_result profile_run_process(const struct credentials_env *env, struct slice command,
                                            struct credentials *out, struct error *err);

#endif
