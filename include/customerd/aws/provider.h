/* provider: what the credential providers share: reading the environment, checking a key's parts, and sending requests. */
#ifndef CUSTOMERD_AWS_PROVIDER_H
#define CUSTOMERD_AWS_PROVIDER_H

#include "customerd/aws/credentials.h"

#define PROVIDER_REPLY_MAX_BYTES 65536
#define PROVIDER_FILE_MAX_BYTES 262144

/* The variable's value; NULL when it is unset or empty, which mean the same. */
const char *provider_getenv(const struct credentials_env *env, const char *name);

bool provider_is_cancelled(const struct credentials_env *env);

/* Ends a provider: fills err (UNAVAILABLE) and returns CREDENTIALS_FAILED. The arguments may stand in err itself. */
enum credentials_result provider_fail(struct error *err, const char *format, ...) PRINTF_LIKE(2, 3);

struct provider_keys {
    struct slice access_key_id;
    struct slice secret_access_key;
    struct slice session_token; /* empty: none */
    int64_t expires_at_ms;
};

/* Copies the keys into *out, which the caller cleans up. Refuses empty or overlong parts, control bytes (a line break could end a header), and an
 * expiry that is not after now_ms. */
enum credentials_result provider_fill(const char *source, const struct provider_keys *keys, int64_t now_ms,
                                      struct credentials *out, struct error *err);

/* Appends a whole file; CREDENTIALS_FAILED names the path and the reason. Bounded by out's maximum. */
enum credentials_result provider_read_file(const char *path, struct buf *out, struct error *err);
/* Whether the text has no control bytes, so that it may stand in a header or a message. */
bool provider_is_one_line(struct slice text);

struct provider_bounds {
    int attempts;
    int attempt_timeout_ms;
    int64_t deadline_ms; /* monotonic; ends all attempts */
};

/* The usual bounds: three attempts of two seconds each, nine seconds in all. */
struct provider_bounds provider_bounds(const struct credentials_env *env);

/* Sends the request until it is answered with something other than 429 or 5xx, or the bounds end; waits shortly in
 * between. OK when an answer arrived, whatever its status; out->body is to be cleaned up by the caller (securely). */
enum status provider_send(const struct credentials_env *env, const struct http_request *request,
                          const struct provider_bounds *bounds, struct http_response *out, struct error *err) MUST_USE;

/* The JSON document in which containers, IMDS and credential processes give keys. */
struct provider_json {
    const char *source;
    const char *token_member; /* "Token" or "SessionToken" */
    bool versioned;           /* "Version": 1 is required */
    bool temporary;           /* a token and an expiration are required */
    bool stays_usable;        /* keys that have expired or soon will are given a longer local life (IMDS) */
};

/* The strings of the document are wiped after use; what the JSON parser kept while it read is not. */
enum credentials_result provider_parse_json(const struct provider_json *form, struct slice body, int64_t now_ms,
                                            struct credentials *out, struct error *err);

#endif
