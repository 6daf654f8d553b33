#include "customerd/api/command_options.h"
#include "customerd/api/commands.h"
#include "customerd/api/resource.h"

#include "customerd/aws/iam_token.h"
#include "customerd/core/config.h"
#include "customerd/core/timestamp.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define EXIT_USAGE 2

/* What the arguments say, before it is checked; the configuration says the rest. */
struct token_arguments {
    const char *service;
    const char *resource;
    const char *user;
    const char *region;
    const char *time;
    const char *ttl_s;
    bool serverless;
};

static const char usage[] =
    "usage: customerd token [options]\n"
    "\n"
    "Prints an IAM token, the password of an IAM user of MemoryDB or ElastiCache, made from the AWS credentials\n"
    "found (environment, profile, web identity, container, EC2), as in\n"
    "  REDISCLI_AUTH=$(customerd token --resource my-cluster --user app) redis-cli --tls --user app\n"
    "\n"
    "  --service NAME   memorydb or elasticache (CUSTOMERD_IAM_SERVICE; memorydb)\n"
    "  --resource NAME  name of the cluster, replication group or cache, not its endpoint (CUSTOMERD_IAM_RESOURCE)\n"
    "  --user NAME      database user (CUSTOMERD_DB_USER)\n"
    "  --region NAME    AWS region (AWS_REGION, AWS_DEFAULT_REGION, or the profile's)\n"
    "  --serverless     for an ElastiCache serverless cache (CUSTOMERD_IAM_SERVERLESS)\n"
    "  --ttl SECONDS    life of the token, 1 to 900 (CUSTOMERD_IAM_TOKEN_TTL_S; 900)\n"
    "  --time RFC3339   the instant from which it is valid; now without it\n"
    "  --help           this text\n";

static bool arguments_parse(int argc, char *const *argv, struct token_arguments *a)
{
    const struct command_option options[] = {
        { "--service", &a->service, NULL }, { "--resource", &a->resource, NULL },      { "--user", &a->user, NULL },
        { "--region", &a->region, NULL },   { "--time", &a->time, NULL },              { "--ttl", &a->ttl_s, NULL },
        { "--serverless", NULL, &a->serverless }, { NULL, NULL, NULL },
    };
    struct error err;
    int n_rest = 0;
    char **rest = calloc((size_t)argc, sizeof *rest);
    bool ok = rest != NULL && command_options_take(argc, argv, options, rest, &n_rest, &err) == STATUS_OK && n_rest == 0;
    if (rest != NULL && !ok)
        fprintf(stderr, "customerd token: \"%s\" is unknown or lacks its value; see customerd token --help\n",
                n_rest > 0 ? rest[0] : argv[argc - 1]);
    free(rest);
    return ok;
}

static enum status instant_find(const char *text, int64_t *now_s, struct error *err)
{
    int64_t ms = clock_realtime_ms(clock_system());
    if (text != NULL && (!timestamp_parse_rfc3339(slice_cstr(text), &ms) || ms < 0))
        return error_set(err, STATUS_BAD_PARAMETER, "--time is not an RFC 3339 time like 2026-11-22T01:02:03Z");
    *now_s = ms / 1000;
    return STATUS_OK;
}

static enum status ttl_take(const char *text, int64_t *ttl_s, struct error *err)
{
    char *end;
    if (text == NULL)
        return STATUS_OK;
    *ttl_s = strtoll(text, &end, 10);
    if (*text == '\0' || *end != '\0' || *ttl_s < 1 || *ttl_s > 900)
        return error_set(err, STATUS_BAD_PARAMETER, "--ttl must be 1 to 900 seconds");
    return STATUS_OK;
}

/* *out borrows from the arguments and the configuration. */
static enum status options_find(const struct token_arguments *a, const struct config *config,
                                struct iam_token_options *out, struct error *err)
{
    *out = (struct iam_token_options){
        .service = a->service != NULL ? a->service : config->iam.service,
        .resource = a->resource != NULL ? a->resource : config->iam.resource,
        .user = a->user != NULL ? a->user : config->db.user,
        .region = a->region,
        .serverless = a->serverless || config->iam.serverless,
        .ttl_s = config->iam.token_ttl_s,
    };
    if (*out->resource == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "--resource or CUSTOMERD_IAM_RESOURCE is needed");
    if (*out->user == '\0')
        return error_set(err, STATUS_BAD_PARAMETER, "--user or CUSTOMERD_DB_USER is needed");
    return ttl_take(a->ttl_s, &out->ttl_s, err);
}

static enum status token_make(const struct token_arguments *a, struct secret *out, struct error *err)
{
    char region[64];
    int64_t now_s = 0;
    struct config config;
    struct config_sources sources;
    struct resources resources;
    struct iam_token_options options;
    struct credentials credentials = { .source = NULL };
    resources_init(&resources);
    const struct config_input input = { .environment = environ, .parts = resources_parts(&resources) };
    enum status status = config_load(&input, &config, &sources, err);
    if (status == STATUS_OK)
        status = instant_find(a->time, &now_s, err);
    if (status == STATUS_OK)
        status = options_find(a, &config, &options, err);
    if (status == STATUS_OK && options.region == NULL) {
        status = aws_region(credentials_env_system(), region, sizeof region, err);
        options.region = region;
    }
    if (status == STATUS_OK)
        status = http_client_global_init(err);
    if (status != STATUS_OK)
        return status;
    status = credentials_chain_fetch(credentials_env_system(), &credentials, err);
    if (status == STATUS_OK)
        status = iam_token_mint(&options, &credentials, now_s, out, err);
    credentials_clean_up(&credentials);
    http_client_global_clean_up();
    return status;
}

int command_token(int argc, char *const *argv)
{
    struct token_arguments arguments = { .service = NULL };
    struct secret token = SECRET_INIT;
    struct error err = { .code = STATUS_OK };
    if (command_wants_help(argc, argv)) {
        fputs(usage, stdout);
        return EXIT_SUCCESS;
    }
    if (!arguments_parse(argc, argv, &arguments))
        return EXIT_USAGE;
    if (token_make(&arguments, &token, &err) != STATUS_OK) {
        fprintf(stderr, "customerd token: %s\n", err.detail);
        return EXIT_FAILURE;
    }
    printf("%s\n", token.ptr);
    secret_clean_up(&token);
    if (fflush(stdout) != 0) {
        fprintf(stderr, "customerd token: the token can't be written\n");
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
