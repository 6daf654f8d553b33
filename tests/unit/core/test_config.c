#include "customerd/core/config.h"

#include <stdlib.h>

#include "unit.h"

/* Settings of a part beside the program's own. */
struct colours {
    int64_t depth;
    char name[16];
};

static const struct config_row colour_rows[] = {
    CONFIG_ROW_INT("COLOUR_DEPTH", struct colours, depth, "8", 1, 64, "How deep"),
    CONFIG_ROW_TEXT("COLOUR_NAME", struct colours, name, "", "Which"),
};

struct fixture {
    struct config config;
    struct config_sources sources;
    struct error err;
    struct colours colours;
    struct config_part part;
};

static struct config_parts parts_of(struct fixture *f)
{
    f->part = (struct config_part){ colour_rows, sizeof colour_rows / sizeof *colour_rows, &f->colours };
    return (struct config_parts){ .items = &f->part, .n = 1 };
}

static enum status load(struct fixture *f, const char *const *flags, const char *const *environment)
{
    char *argv[16] = { NULL };
    char *environ_copy[16] = { NULL };
    int argc = 0;
    size_t n = 0;
    for (; flags != NULL && flags[argc] != NULL; argc++)
        argv[argc] = strdup(flags[argc]);
    for (; environment != NULL && environment[n] != NULL; n++)
        environ_copy[n] = strdup(environment[n]);
    environ_copy[n] = NULL;
    memset(f, 0x5a, sizeof *f);
    f->colours = (struct colours){ .name = "" };
    const struct config_input input = { .argc = argc, .argv = argv, .environment = environ_copy, .parts = parts_of(f) };
    enum status status = config_load(&input, &f->config, &f->sources, &f->err);
    while (argc > 0)
        free(argv[--argc]);
    while (n > 0)
        free(environ_copy[--n]);
    return status;
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void assert_refused(const char *const *flags, const char *const *environment, const char *detail)
{
    struct fixture f;
    assert_int_equal(load(&f, flags, environment), STATUS_BAD_PARAMETER);
    assert_string_equal(f.err.detail, detail);
}

static void defaults_are_those_of_the_contract(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, NULL, NULL), STATUS_OK);
    const struct config *c = &f.config;
    assert_string_equal(c->http.listen.host, "127.0.0.1");
    assert_int_equal(c->http.listen.port, 8080);
    assert_int_equal(c->http.admin_listen.port, 8081);
    assert_int_equal(c->http.request_timeout_ms, 3000);
    assert_int_equal(c->http.idle_timeout_s, 75);
    assert_int_equal(c->http.max_connections, 2000);
    assert_int_equal(c->http.max_requests, 1000);
    assert_int_equal(c->access.auth, HTTP_AUTH_AUTO);
    assert_int_equal(c->access.rate_limit, 0);
    assert_int_equal(c->http.body_max_bytes, 131072);
    assert_int_equal(c->http.drain_wait_ms, 0);
    assert_int_equal(c->http.drain_timeout_ms, 10000);
    assert_false(c->http.require_if_match);
    assert_string_equal(c->db.endpoint.host, "");
    assert_true(c->db.tls);
    assert_int_equal(c->db.auth, DB_AUTH_IAM);
    assert_string_equal(c->db.user, "");
    assert_int_equal(c->db.connect_timeout_ms, 2000);
    assert_int_equal(c->db.reauth_s, 36000);
    assert_int_equal(c->db.topology_refresh_s, 60);
    assert_int_equal(c->db.queue_max, 500);
    assert_string_equal(c->iam.service, "memorydb");
    assert_false(c->iam.serverless);
    assert_int_equal(c->iam.token_ttl_s, 900);
    assert_int_equal(c->store.sweep_interval_ms, 10000);
    assert_int_equal(c->store.scrub_pause_ms, 5000);
    assert_int_equal(c->log_level, LOG_INFO);
    assert_int_equal(f.sources.by_row[0], CONFIG_DEFAULT);
}

static void a_flag_wins_over_the_environment_over_the_default(void **state)
{
    (void)state;
    struct fixture f;
    const char *const *environment = LIST("HOME=/x", "CUSTOMERD_LISTEN=10.0.0.1:1", "CUSTOMERD_DB_AUTH=none");
    assert_int_equal(load(&f, LIST("--listen", "10.0.0.2:2", "--log-level=debug"), environment), STATUS_OK);
    assert_string_equal(f.config.http.listen.host, "10.0.0.2");
    assert_int_equal(f.config.db.auth, DB_AUTH_NONE);
    assert_int_equal(f.config.log_level, LOG_DEBUG);
    assert_int_equal(f.sources.by_row[0], CONFIG_FLAG);
}

static void booleans_have_six_words(void **state)
{
    (void)state;
    static const char *const flags[] = { "--db-tls=on", "--db-tls=TRUE", "--db-tls=1",
                                         "--db-tls=off", "--db-tls=false", "--db-tls=0" };
    struct fixture f;
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(load(&f, LIST(flags[i]), NULL), STATUS_OK);
        assert_int_equal(f.config.db.tls, i < 3);
    }
    assert_refused(LIST("--db-tls=yes"), NULL, "--db-tls: \"yes\" is not one of on, off");
}

static void ipv6_stands_in_brackets(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, LIST("--listen", "[::1]:8080"), NULL), STATUS_OK);
    assert_string_equal(f.config.http.listen.host, "::1");
    assert_int_equal(f.config.http.listen.port, 8080);
}

static void what_is_not_host_and_port_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = { "foo", "", ":80", "host:", "host:x", "host:65536", "host:-1", "::1:80", "[::1]",
                                       "[foo]:80", "[]:80", "a b:80", "host:080808", "host: 80", "http://x:80" };
    struct fixture f;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(load(&f, LIST("--listen", bad[i]), NULL), STATUS_BAD_PARAMETER);
    assert_refused(NULL, LIST("CUSTOMERD_LISTEN=foo"),
                   "CUSTOMERD_LISTEN: \"foo\" is not host:port (for example 127.0.0.1:8080)");
    assert_int_equal(load(&f, LIST("--listen=h:0"), NULL), STATUS_OK);
    assert_int_equal(load(&f, LIST("--db-endpoint=h:0"), NULL), STATUS_BAD_PARAMETER);
}

static void numbers_keep_their_bounds(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, LIST("--request-timeout-ms=100", "--iam-token-ttl-s=5"), NULL), STATUS_OK);
    assert_int_equal(f.config.http.request_timeout_ms, 100);
    assert_int_equal(load(&f, LIST("--request-timeout-ms=60000"), NULL), STATUS_OK);
    assert_refused(LIST("--request-timeout-ms=99"), NULL,
                   "--request-timeout-ms: \"99\" is not a whole number from 100 to 60000");
    static const char *const bad[] = { "60001", "-100", "1e3", "3000 ", " 3000", "+3000", "0x7d0", "",
                                       "99999999999999999999999", "-" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(load(&f, LIST("--request-timeout-ms", bad[i]), NULL), STATUS_BAD_PARAMETER);
}

static void words_and_texts_are_checked(void **state)
{
    (void)state;
    struct fixture f;
    char long_user[256] = "--db-user=";
    memset(long_user + 10, 'u', 127);
    assert_int_equal(load(&f, LIST(long_user, "--iam-service=elasticache"), NULL), STATUS_OK);
    assert_int_equal(strlen(f.config.db.user), 127);
    assert_string_equal(f.config.iam.service, "elasticache");
    long_user[137] = 'u';
    assert_int_equal(load(&f, LIST(long_user), NULL), STATUS_BAD_PARAMETER);
    assert_refused(LIST("--db-auth=ldap"), NULL, "--db-auth: \"ldap\" is not one of iam, password, none");
    assert_refused(LIST("--db-user=a\nb"), NULL,
                   "--db-user: \"a?b\" is not text of at most 127 bytes without control characters");
}

static void an_unknown_flag_names_the_nearest(void **state)
{
    (void)state;
    assert_refused(LIST("--listne=x"), NULL, "--listne: no such flag; did you mean --listen?");
    assert_refused(LIST("--db-endpiont", "h:1"), NULL, "--db-endpiont: no such flag; did you mean --db-endpoint?");
    assert_refused(LIST("serve"), NULL, "\"serve\": not a flag; flags begin with --");
    assert_refused(LIST("--listen"), NULL, "--listen: its value is missing");
}

static void an_unknown_variable_names_the_nearest(void **state)
{
    (void)state;
    assert_refused(NULL, LIST("CUSTOMERD_DB_ENPOINT=h:1"),
                   "CUSTOMERD_DB_ENPOINT: no such setting; did you mean CUSTOMERD_DB_ENDPOINT?");
    assert_refused(NULL, LIST("CUSTOMERD_LISTEN_PORT=8080"),
                   "CUSTOMERD_LISTEN_PORT: no such setting; did you mean CUSTOMERD_LISTEN?");
}

static void variables_of_others_are_left_alone(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, NULL, LIST("CUSTOMERD_LOCAL_DIR=/x", "CUSTOMERD_TEST_DATA=/y", "CUSTOMERD_SOURCE_DIR=/z",
                                         "CUSTOMER_LISTEN=foo", "CUSTOMERD=1", "no-equals-sign")),
                     STATUS_OK);
}

static void kubernetes_service_links_do_not_stop_the_start(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, NULL,
                          LIST("CUSTOMERD_SERVICE_HOST=10.0.0.1", "CUSTOMERD_SERVICE_PORT=80",
                               "CUSTOMERD_SERVICE_PORT_HTTP=80", "CUSTOMERD_PORT=tcp://10.0.0.1:80",
                               "CUSTOMERD_PORT_80_TCP=tcp://10.0.0.1:80", "CUSTOMERD_PORT_80_TCP_PROTO=tcp",
                               "CUSTOMERD_PORT_80_TCP_PORT=80", "CUSTOMERD_PORT_80_TCP_ADDR=10.0.0.1",
                               "CUSTOMERD_ADMIN_SERVICE_HOST=10.0.0.2", "CUSTOMERD_ADMIN_PORT_81_TCP_ADDR=10.0.0.2")),
                     STATUS_OK);
}

static void an_empty_variable_counts_as_absent(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, NULL, LIST("CUSTOMERD_LISTEN=", "CUSTOMERD_DB_TLS=")), STATUS_OK);
    assert_int_equal(f.config.http.listen.port, 8080);
    assert_true(f.config.db.tls);
    assert_int_equal(f.sources.by_row[0], CONFIG_DEFAULT);
}

static void the_resource_is_lowered_and_that_is_told(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, LIST("--iam-resource=My-Cluster"), NULL), STATUS_OK);
    assert_string_equal(f.config.iam.resource, "my-cluster");
    assert_true(f.config.iam.resource_lowered);
    assert_int_equal(load(&f, LIST("--iam-resource=mine"), NULL), STATUS_OK);
    assert_false(f.config.iam.resource_lowered);
}

/* "" stands for success, else the start of the detail is given. */
static void assert_serve(const char *const *flags, const char *detail)
{
    struct fixture f;
    assert_int_equal(load(&f, flags, NULL), STATUS_OK);
    enum status status = config_check_serve(&f.config, true, &f.err);
    if (detail[0] == '\0')
        assert_int_equal(status, STATUS_OK);
    else
        assert_true(status != STATUS_OK && strncmp(f.err.detail, detail, strlen(detail)) == 0);
}

static void serve_needs_what_its_way_of_signing_in_needs(void **state)
{
    (void)state;
    assert_serve(NULL, "CUSTOMERD_DB_ENDPOINT: ");
    assert_serve(LIST("--db-endpoint=h:1"), "CUSTOMERD_DB_USER: ");
    assert_serve(LIST("--db-endpoint=h:1", "--db-user=u"), "CUSTOMERD_IAM_RESOURCE: ");
    assert_serve(LIST("--db-endpoint=h:1", "--db-user=u", "--iam-resource=c"), "");
    assert_serve(LIST("--db-endpoint=h:1", "--db-user=u", "--iam-resource=c", "--db-tls=off"), "CUSTOMERD_DB_TLS: ");
    assert_serve(LIST("--db-endpoint=h:1", "--db-user=u", "--iam-resource=c.x.memorydb.eu-west-1.amazonaws.com"),
                 "CUSTOMERD_IAM_RESOURCE: \"c.x.memorydb.eu-west-1.amazonaws.com\" is not a name");
    assert_serve(LIST("--db-endpoint=h:1", "--db-user=u", "--iam-resource=C-1", "--iam-service=elasticache",
                      "--iam-serverless=on"), "");
    assert_serve(LIST("--db-endpoint=h:1", "--db-user=u", "--iam-resource=c", "--iam-serverless=on"),
                 "CUSTOMERD_IAM_SERVERLESS: ");
    assert_serve(LIST("--db-endpoint=h:1", "--db-auth=password"), "CUSTOMERD_DB_PASSWORD_FILE: ");
    assert_serve(LIST("--db-endpoint=h:1", "--db-auth=password", "--db-password-file=/x", "--db-tls=off"), "");
    assert_serve(LIST("--db-endpoint=h:1", "--db-auth=none", "--db-tls=off"), "");
}

#define DB "--db-endpoint=h:1", "--db-auth=none", "--db-tls=off"
#define JWT "--jwt-issuer=i", "--jwt-audience=a"

static void beyond_the_loopback_callers_need_tokens(void **state)
{
    (void)state;
    static const char *const here[] = { "--listen=127.0.0.1:1", "--listen=127.9.9.9:1", "--listen=[::1]:1",
                                        "--listen=localhost:1" };
    static const char *const elsewhere[] = { "--listen=0.0.0.0:1", "--listen=[::]:1", "--listen=10.0.0.1:1",
                                             "--listen=127.example.com:1" };
    for (size_t i = 0; i < 4; i++) {
        assert_serve(LIST(DB, here[i]), "");
        assert_serve(LIST(DB, here[i], "--auth=jwt"), "CUSTOMERD_JWT_JWKS: not set; CUSTOMERD_AUTH=jwt needs it");
        assert_serve(LIST(DB, elsewhere[i]), "CUSTOMERD_JWT_JWKS: not set; CUSTOMERD_AUTH=auto, which means jwt here");
        assert_serve(LIST(DB, elsewhere[i], "--auth=none"), "");
        assert_serve(LIST(DB, elsewhere[i], JWT, "--jwt-jwks=https://issuer/keys"), "");
    }
}

static void tokens_need_keys_issuer_and_audience(void **state)
{
    (void)state;
    assert_serve(LIST(DB, "--auth=jwt", "--jwt-jwks=/keys"), "CUSTOMERD_JWT_ISSUER: ");
    assert_serve(LIST(DB, "--auth=jwt", "--jwt-jwks=/keys", "--jwt-issuer=i"), "CUSTOMERD_JWT_AUDIENCE: ");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=keys.json"), "CUSTOMERD_JWT_JWKS: \"keys.json\" is neither");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=file:///keys"), "CUSTOMERD_JWT_JWKS: ");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=http://issuer/keys"), "CUSTOMERD_JWT_JWKS: ");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=http://127.0.0.1.example/keys"), "CUSTOMERD_JWT_JWKS: ");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=http://[::1]:8/keys"), "");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=/keys"), "");
    /* Whoever gives one of them wants tokens, wherever it listens. */
    assert_serve(LIST(DB, "--jwt-issuer=i"), "CUSTOMERD_JWT_JWKS: not set; CUSTOMERD_AUTH=auto, which means jwt here");
    assert_serve(LIST(DB, "--jwt-issuer=i", "--auth=none"), "");
    assert_serve(LIST(DB, "--auth=jwt", JWT, "--jwt-jwks=http://127.0.0.1:9/keys"), "");
}

static void no_node_may_hold_more_than_half_of_the_requests(void **state)
{
    static const struct { int64_t requests, queue, most; } cases[] = {
        { 1000, 500, 500 }, { 1000, 501, 500 }, { 1000, 20, 20 }, { 30000, 500, 500 }, { 9, 500, 4 }, { 1, 500, 1 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct config c = { .http = { .max_requests = cases[i].requests }, .db = { .queue_max = cases[i].queue } };
        assert_int_equal(config_queue_max(&c), cases[i].most);
    }
}

static void a_burst_is_no_less_than_the_rate(void **state)
{
    (void)state;
    assert_serve(LIST(DB, "--rate-burst=5"), "CUSTOMERD_RATE_LIMIT: ");
    assert_serve(LIST(DB, "--rate-limit=6", "--rate-burst=5"), "CUSTOMERD_RATE_BURST: \"5\" is less than");
    assert_serve(LIST(DB, "--rate-limit=5", "--rate-burst=5"), "");
}

static void a_certificate_needs_its_key(void **state)
{
    (void)state;
    assert_serve(LIST(DB, "--tls-cert-file=/c"), "CUSTOMERD_TLS_KEY_FILE: ");
    assert_serve(LIST(DB, "--tls-key-file=/k"), "CUSTOMERD_TLS_CERT_FILE: ");
    assert_serve(LIST(DB, "--tls-client-ca-file=/ca"), "CUSTOMERD_TLS_CERT_FILE: ");
    assert_serve(LIST(DB, "--tls-cert-file=/c", "--tls-key-file=/k", "--tls-client-ca-file=/ca"), "");
}

static void origins_are_as_browsers_send_them(void **state)
{
    (void)state;
    assert_serve(LIST(DB, "--cors-origins=https://a.example,http://localhost:3000,http://[::1]:80"), "");
    static const char *const bad[] = { "*", "a.example", "https://", "https://a.example/", "https://A.example", "null",
                                       "https://a.example, https://b.example", "https://u@a.example", "ftp://a.example" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char flag[80];
        snprintf(flag, sizeof flag, "--cors-origins=%s", bad[i]);
        assert_serve(LIST(DB, flag), "CUSTOMERD_CORS_ORIGINS: \"");
    }
}

/* Collects what a printer writes. */
static char *printed(void (*print)(const struct fixture *, FILE *), const struct fixture *f)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    print(f, out);
    fclose(out);
    return text;
}

static void print_values(const struct fixture *f, FILE *out)
{
    config_print(&f->config, &f->sources, out);
}

static void print_reference(const struct fixture *f, FILE *out)
{
    (void)f;
    config_print_reference((struct config_parts){ .n = 0 }, out);
}

static void print_flags(const struct fixture *f, FILE *out)
{
    (void)f;
    config_print_flags((struct config_parts){ .n = 0 }, out);
}

static void printed_values_can_be_loaded_again(void **state)
{
    (void)state;
    struct fixture f;
    const char *const *environment = LIST("CUSTOMERD_DB_ENDPOINT=[fd00::1]:6379", "CUSTOMERD_DB_AUTH=none");
    assert_int_equal(load(&f, LIST("--log-level=warn"), environment), STATUS_OK);
    char *text = printed(print_values, &f);
    assert_non_null(strstr(text, "CUSTOMERD_LISTEN=127.0.0.1:8080  # default\n"));
    assert_non_null(strstr(text, "CUSTOMERD_DB_ENDPOINT=[fd00::1]:6379  # environment\n"));
    assert_non_null(strstr(text, "CUSTOMERD_LOG_LEVEL=warn  # flag\n"));
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        struct fixture again;
        *strstr(line, "  # ") = '\0';
        assert_int_equal(load(&again, NULL, LIST(line)), STATUS_OK);
    }
    free(text);
}

static void the_reference_and_the_flags_name_every_setting(void **state)
{
    (void)state;
    char *reference = printed(print_reference, NULL);
    char *flags = printed(print_flags, NULL);
    assert_non_null(strstr(reference, "| `CUSTOMERD_DB_CA_FILE` | `--db-ca-file` | text |  | "));
    assert_non_null(strstr(reference, "| `CUSTOMERD_IAM_TOKEN_TTL_S` | `--iam-token-ttl-s` | 5..900 | `900` | "));
    assert_non_null(strstr(flags, "  --db-auth VALUE\n"));
    assert_non_null(strstr(flags, "(iam, password, none; default iam)"));
    free(reference);
    free(flags);
}

static void a_part_has_settings_like_the_programs_own(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, LIST("--colour-name", "blue"), LIST("CUSTOMERD_COLOUR_DEPTH=24")), STATUS_OK);
    assert_int_equal(f.colours.depth, 24);
    assert_string_equal(f.colours.name, "blue");
    char *text = printed(print_values, &f);
    assert_non_null(strstr(text, "CUSTOMERD_COLOUR_DEPTH=24  # environment\n"));
    assert_non_null(strstr(text, "CUSTOMERD_COLOUR_NAME=blue  # flag\n"));
    assert_non_null(strstr(text, "CUSTOMERD_LOG_LEVEL=info  # default\n"));
    free(text);
    assert_int_equal(load(&f, NULL, NULL), STATUS_OK);
    assert_int_equal(f.colours.depth, 8);
    assert_refused(NULL, LIST("CUSTOMERD_COLOUR_DEPTH=65"),
                   "CUSTOMERD_COLOUR_DEPTH: \"65\" is not a whole number from 1 to 64");
    assert_refused(LIST("--colour-nam=x"), NULL, "--colour-nam: no such flag; did you mean --colour-name?");
}

static void without_the_database_its_settings_are_not_asked_for(void **state)
{
    (void)state;
    struct fixture f;
    assert_int_equal(load(&f, NULL, NULL), STATUS_OK);
    assert_int_equal(config_check_serve(&f.config, true, &f.err), STATUS_BAD_PARAMETER);
    assert_int_equal(config_check_serve(&f.config, false, &f.err), STATUS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_those_of_the_contract),
        cmocka_unit_test(a_flag_wins_over_the_environment_over_the_default),
        cmocka_unit_test(booleans_have_six_words),
        cmocka_unit_test(ipv6_stands_in_brackets),
        cmocka_unit_test(what_is_not_host_and_port_is_refused),
        cmocka_unit_test(numbers_keep_their_bounds),
        cmocka_unit_test(words_and_texts_are_checked),
        cmocka_unit_test(an_unknown_flag_names_the_nearest),
        cmocka_unit_test(an_unknown_variable_names_the_nearest),
        cmocka_unit_test(variables_of_others_are_left_alone),
        cmocka_unit_test(kubernetes_service_links_do_not_stop_the_start),
        cmocka_unit_test(an_empty_variable_counts_as_absent),
        cmocka_unit_test(the_resource_is_lowered_and_that_is_told),
        cmocka_unit_test(serve_needs_what_its_way_of_signing_in_needs),
        cmocka_unit_test(beyond_the_loopback_callers_need_tokens),
        cmocka_unit_test(tokens_need_keys_issuer_and_audience),
        cmocka_unit_test(no_node_may_hold_more_than_half_of_the_requests),
        cmocka_unit_test(a_burst_is_no_less_than_the_rate),
        cmocka_unit_test(a_certificate_needs_its_key),
        cmocka_unit_test(origins_are_as_browsers_send_them),
        cmocka_unit_test(printed_values_can_be_loaded_again),
        cmocka_unit_test(the_reference_and_the_flags_name_every_setting),
        cmocka_unit_test(a_part_has_settings_like_the_programs_own),
        cmocka_unit_test(without_the_database_its_settings_are_not_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
