/* credentials: AWS credentials and the providers that find them.
 *
 * Every provider is one small file behind this interface, with the environment, clock, HTTP client and files it reads
 * injected. The chain: environment, profile (static keys, credential_process, assume-role), web identity, container
 * (ECS, EKS Pod Identity), IMDSv2: the first that answers wins. Nothing here keeps state, so that any thread may ask; a
 * struct credentials belongs to one thread.
 * https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html */
#ifndef CUSTOMERD_AWS_CREDENTIALS_H
#define CUSTOMERD_AWS_CREDENTIALS_H

#include "customerd/core/clock.h"
#include "customerd/core/http_client.h"
#include "customerd/core/secret.h"
#include "customerd/core/status.h"

#define CREDENTIALS_NEVER_EXPIRE INT64_MAX

/* One generation: key, secret and session token always travel together. */
struct credentials {
    struct secret access_key_id;
    struct secret secret_access_key;
    struct secret session_token; /* empty for long-lived keys */
    int64_t expires_at_ms;       /* realtime, or CREDENTIALS_NEVER_EXPIRE */
    const char *source;          /* the provider's name, a literal */
};

/* Wipes and frees; what is left is empty. Accepts NULL. */
void credentials_clean_up(struct credentials *c);

/* What providers may look at. All members are borrowed and must outlive the chain. */
struct credentials_env {
    const char *(*getenv)(void *ctx, const char *name); /* NULL or "" when unset */
    void *getenv_ctx;
    const struct clock *clock;
    const struct http_client *http;
    const atomic_bool *cancelled; /* when it turns true, whatever is under way fails within about a second; NULL: never */
};

/* The process's own environment, the system clock, libcurl; never cancelled. Constant; lives for ever. */
const struct credentials_env *credentials_env_system(void);

enum credentials_result {
    CREDENTIALS_FOUND,
    CREDENTIALS_ABSENT, /* this provider is not configured: ask the next */
    CREDENTIALS_FAILED  /* configured, but it failed: err says why; the chain stops and tells */
};

/* A provider. Blocks for the network or for a process: 9 seconds a request, 30 a credential_process, unless it is
 * cancelled. Fills *out, which the caller cleans up, only when found. */
typedef enum credentials_result (*credentials_provider_fn)(const struct credentials_env *env, struct credentials *out,
                                                           struct error *err);

enum credentials_result credentials_from_environment(const struct credentials_env *, struct credentials *, struct error *);
enum credentials_result credentials_from_profile(const struct credentials_env *, struct credentials *, struct error *);
enum credentials_result credentials_from_web_identity(const struct credentials_env *, struct credentials *, struct error *);
enum credentials_result credentials_from_container(const struct credentials_env *, struct credentials *, struct error *);
enum credentials_result credentials_from_imds(const struct credentials_env *, struct credentials *, struct error *);

/* Asks the chain, each time anew (token files are read again). Fails with UNAVAILABLE and what to repair; out->source then
 * names the provider that failed, or is "none". */
enum status credentials_chain_fetch(const struct credentials_env *env, struct credentials *out, struct error *err) MUST_USE;

/* AWS_REGION, AWS_DEFAULT_REGION, or the profile's region. Fails when there is none, or when it is no region's name
 * (small letters, digits and hyphens: it becomes part of host names). */
enum status aws_region(const struct credentials_env *env, char *out, size_t out_size, struct error *err) MUST_USE;

#endif
