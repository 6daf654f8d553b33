/* AWS's Signature Version 4 suite: every folder is a case, every case is checked stage by stage in both forms. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "customerd/aws/sigv4.h"

#define TEXT_MAX 65536

struct suite_case {
    char folder[1024];
    const char *name;
    json_t *context;
    struct buf request; /* request.txt; the slices below borrow from it */
    struct slice method, path, query, body;
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    size_t n_headers;
    int failures;
};

static bool read_file(const char *folder, const char *name, struct buf *out)
{
    char path[2048];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return false;
    char chunk[4096];
    size_t n;
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0)
        buf_append(out, slice_of(chunk, n));
    fclose(f);
    return buf_ok(out);
}

static void expect(struct suite_case *c, const char *file, struct slice got)
{
    struct buf want = BUF_INIT(TEXT_MAX);
    if (!read_file(c->folder, file, &want)) {
        printf("%s: %s can't be read\n", c->name, file);
        c->failures++;
    } else if (!slice_equal(buf_slice(&want), got)) {
        printf("%s: %s differs\n--- want\n%s\n--- got\n%.*s\n", c->name, file, want.data, (int)got.len, got.ptr);
        c->failures++;
    }
    buf_clean_up(&want);
}

/* "METHOD target HTTP/1.1"; the target may hold spaces. */
static void split_request_line(struct slice line, struct slice *method, struct slice *path, struct slice *query)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    *method = slice_of(line.ptr, (size_t)(space - line.ptr));
    struct slice target = slice_from(line, method->len + 1);
    target.len -= strlen(" HTTP/1.1");
    const char *mark = memchr(target.ptr, '?', target.len);
    *path = mark == NULL ? target : slice_of(target.ptr, (size_t)(mark - target.ptr));
    *query = mark == NULL ? slice_of("", 0) : slice_from(target, path->len + 1);
}

static struct slice next_line(struct slice *rest)
{
    const char *end = rest->len == 0 ? NULL : memchr(rest->ptr, '\n', rest->len);
    struct slice line = end == NULL ? *rest : slice_of(rest->ptr, (size_t)(end - rest->ptr));
    *rest = slice_from(*rest, line.len + 1);
    return line;
}

static void parse_request(struct suite_case *c)
{
    struct slice rest = buf_slice(&c->request);
    split_request_line(next_line(&rest), &c->method, &c->path, &c->query);
    for (struct slice line = next_line(&rest); line.len > 0; line = next_line(&rest)) {
        if (line.ptr[0] == ' ') { /* a folded value goes on */
            struct slice *value = &c->headers[c->n_headers - 1].value;
            value->len = (size_t)(line.ptr + line.len - value->ptr);
            continue;
        }
        const char *colon = memchr(line.ptr, ':', line.len);
        struct sigv4_header *h = &c->headers[c->n_headers++];
        h->name = slice_of(line.ptr, (size_t)(colon - line.ptr));
        h->value = slice_from(line, h->name.len + 1);
    }
    c->body = rest;
}

static struct slice text_of(const json_t *object, const char *member)
{
    return slice_cstr(json_string_value(json_object_get(object, member)));
}

static struct sigv4_scope scope_of(struct suite_case *c)
{
    int64_t ms = 0;
    assert_true(timestamp_parse_rfc3339(text_of(c->context, "timestamp"), &ms));
    return (struct sigv4_scope){ .time_s = ms / 1000,
                                 .region = text_of(c->context, "region"),
                                 .service = text_of(c->context, "service") };
}

static void expect_stages(struct suite_case *c, const char *form, const struct sigv4_request *request, char *signature)
{
    char file[64];
    struct sigv4_scope scope = scope_of(c);
    struct slice secret = text_of(json_object_get(c->context, "credentials"), "secret_access_key");
    struct buf canonical = BUF_INIT(TEXT_MAX);
    struct buf to_sign = BUF_INIT(TEXT_MAX);
    uint8_t key[SHA256_BYTES];
    char whole[SIGV4_HEX_SIZE];

    sigv4_canonical_request(request, &canonical);
    assert_true(buf_ok(&canonical));
    snprintf(file, sizeof file, "%s-canonical-request.txt", form);
    expect(c, file, buf_slice(&canonical));

    sigv4_string_to_sign(&scope, buf_slice(&canonical), &to_sign);
    assert_true(buf_ok(&to_sign));
    snprintf(file, sizeof file, "%s-string-to-sign.txt", form);
    expect(c, file, buf_slice(&to_sign));

    assert_true(sigv4_signing_key(secret, &scope, key));
    assert_true(sigv4_signature(key, buf_slice(&to_sign), signature));
    snprintf(file, sizeof file, "%s-signature.txt", form);
    expect(c, file, slice_cstr(signature));

    assert_true(sigv4_sign(request, &scope, secret, whole));
    assert_string_equal(signature, whole);
    buf_clean_up(&canonical);
    buf_clean_up(&to_sign);
}

static void add_header(struct sigv4_header *headers, size_t *n, const char *name, struct slice value)
{
    assert_true(*n < SIGV4_HEADERS_MAX);
    headers[(*n)++] = (struct sigv4_header){ slice_cstr(name), value };
}

/* The signed request holds the Authorization header that was made here. */
static void expect_authorization(struct suite_case *c, const struct sigv4_request *request, const char *signature)
{
    struct sigv4_scope scope = scope_of(c);
    struct buf want = BUF_INIT(TEXT_MAX);
    struct buf line = BUF_INIT(TEXT_MAX);
    assert_true(read_file(c->folder, "header-signed-request.txt", &want));
    buf_append_cstr(&line, "\nAuthorization:");
    sigv4_authorization(request, &scope, text_of(json_object_get(c->context, "credentials"), "access_key_id"), signature,
                        &line);
    buf_append_byte(&line, '\n');
    assert_true(buf_ok(&line));
    if (strstr(want.data, line.data) == NULL) {
        printf("%s: header-signed-request.txt differs\n--- want\n%s\n--- got\n%s\n", c->name, want.data, line.data);
        c->failures++;
    }
    buf_clean_up(&want);
    buf_clean_up(&line);
}

static void check_header_form(struct suite_case *c)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    size_t n = c->n_headers;
    char payload_hash[SIGV4_HEX_SIZE], time[TIMESTAMP_AMZ_SIZE], signature[SIGV4_HEX_SIZE];
    struct slice token = text_of(json_object_get(c->context, "credentials"), "token");
    memcpy(headers, c->headers, sizeof headers);
    assert_true(sigv4_payload_hash(c->body, payload_hash));
    timestamp_amz(scope_of(c).time_s, time);
    add_header(headers, &n, "X-Amz-Date", slice_cstr(time));
    if (json_is_true(json_object_get(c->context, "sign_body")))
        add_header(headers, &n, "x-amz-content-sha256", slice_cstr(payload_hash));
    if (token.len > 0 && !json_is_true(json_object_get(c->context, "omit_session_token")))
        add_header(headers, &n, "X-Amz-Security-Token", token);
    struct sigv4_request request = { .method = c->method, .path = c->path, .query = c->query,
                                     .headers = headers, .n_headers = n, .payload_hash = slice_cstr(payload_hash),
                                     .normalize_path = json_is_true(json_object_get(c->context, "normalize")) };
    expect_stages(c, "header", &request, signature);
    expect_authorization(c, &request, signature);
}

/* The signed request's parameters, whose order has no meaning, are those that were made here. */
static void expect_signed_query(struct suite_case *c, struct buf *query, struct slice late_token, const char *signature)
{
    struct buf want = BUF_INIT(TEXT_MAX), want_canonical = BUF_INIT(TEXT_MAX), got_canonical = BUF_INIT(TEXT_MAX);
    struct slice method, path, want_query;
    assert_true(read_file(c->folder, "query-signed-request.txt", &want));
    struct slice rest = buf_slice(&want);
    split_request_line(next_line(&rest), &method, &path, &want_query);
    if (late_token.len > 0) {
        buf_append_cstr(query, "&X-Amz-Security-Token=");
        sigv4_uri_encode(late_token, query);
    }
    buf_append_cstr(query, "&X-Amz-Signature=");
    buf_append_cstr(query, signature);
    sigv4_canonical_query(want_query, &want_canonical);
    sigv4_canonical_query(buf_slice(query), &got_canonical);
    assert_true(buf_ok(&want_canonical) && buf_ok(&got_canonical));
    if (!slice_equal(buf_slice(&want_canonical), buf_slice(&got_canonical))) {
        printf("%s: query-signed-request.txt differs\n%s\n%s\n", c->name, want_canonical.data, got_canonical.data);
        c->failures++;
    }
    buf_clean_up(&want);
    buf_clean_up(&want_canonical);
    buf_clean_up(&got_canonical);
}

static void check_query_form(struct suite_case *c)
{
    const json_t *credentials = json_object_get(c->context, "credentials");
    bool omit = json_is_true(json_object_get(c->context, "omit_session_token"));
    struct slice token = text_of(credentials, "token");
    char payload_hash[SIGV4_HEX_SIZE], signature[SIGV4_HEX_SIZE];
    struct buf query = BUF_INIT(TEXT_MAX), signed_headers = BUF_INIT(TEXT_MAX);
    struct sigv4_presign presign = { .scope = scope_of(c),
                                     .access_key_id = text_of(credentials, "access_key_id"),
                                     .expires_s = json_integer_value(json_object_get(c->context, "expiration_in_seconds")) };
    if (!omit)
        presign.session_token = token;
    assert_true(sigv4_payload_hash(c->body, payload_hash));
    sigv4_signed_headers(c->headers, c->n_headers, &signed_headers);
    buf_append(&query, c->query);
    sigv4_presign_query(&presign, buf_slice(&signed_headers), &query);
    assert_true(buf_ok(&query) && buf_ok(&signed_headers));
    struct sigv4_request request = { .method = c->method, .path = c->path, .query = buf_slice(&query),
                                     .headers = c->headers, .n_headers = c->n_headers,
                                     .payload_hash = slice_cstr(payload_hash),
                                     .normalize_path = json_is_true(json_object_get(c->context, "normalize")) };
    expect_stages(c, "query", &request, signature);
    expect_signed_query(c, &query, omit ? token : slice_of("", 0), signature);
    buf_clean_up(&query);
    buf_clean_up(&signed_headers);
}

static int run_case(const char *suite, const char *name)
{
    struct suite_case c = { .name = name, .request = BUF_INIT(TEXT_MAX) };
    char context[2048];
    json_error_t why;
    snprintf(c.folder, sizeof c.folder, "%s/%s", suite, name);
    snprintf(context, sizeof context, "%s/context.json", c.folder);
    c.context = json_load_file(context, 0, &why);
    assert_non_null(c.context);
    assert_true(read_file(c.folder, "request.txt", &c.request));
    parse_request(&c);
    check_header_form(&c);
    check_query_form(&c);
    json_decref(c.context);
    buf_clean_up(&c.request);
    return c.failures;
}

static void suite_path(char *out, size_t size)
{
    const char *data = getenv("CUSTOMERD_TEST_DATA");
    const char *source = getenv("CUSTOMERD_SOURCE_DIR");
    if (data != NULL && *data != '\0')
        snprintf(out, size, "%s/sigv4-suite", data);
    else
        snprintf(out, size, "%s/../shared/data/sigv4-suite", source == NULL ? "." : source);
}

static void every_case_of_the_aws_suite_passes_stage_by_stage(void **state)
{
    (void)state;
    char path[512];
    suite_path(path, sizeof path);
    DIR *folder = opendir(path);
    assert_non_null(folder);
    int cases = 0;
    int failures = 0;
    for (struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (e->d_name[0] == '.')
            continue;
        cases++;
        failures += run_case(path, e->d_name);
    }
    closedir(folder);
    printf("%d cases\n", cases);
    assert_true(cases >= 30);
    assert_int_equal(failures, 0);
}

static void limits_fail_the_buffer_rather_than_cut(void **state)
{
    (void)state;
    struct buf query = BUF_INIT(TEXT_MAX), out = BUF_INIT(TEXT_MAX);
    for (int i = 0; i <= SIGV4_PARAMETERS_MAX; i++)
        buf_append_cstr(&query, "a=b&");
    sigv4_canonical_query(buf_slice(&query), &out);
    assert_false(buf_ok(&out));
    buf_clean_up(&out);

    struct sigv4_header headers[SIGV4_HEADERS_MAX + 1];
    for (size_t i = 0; i <= SIGV4_HEADERS_MAX; i++)
        headers[i] = (struct sigv4_header){ SLICE("a"), SLICE("b") };
    struct buf small = BUF_INIT(TEXT_MAX);
    sigv4_canonical_headers(headers, SIGV4_HEADERS_MAX + 1, &small);
    assert_false(buf_ok(&small));
    buf_clean_up(&small);
    buf_clean_up(&query);
}

static void a_percent_without_digits_stands_for_itself(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(TEXT_MAX);
    sigv4_canonical_query((struct slice)SLICE("b=100%&a=%zz+%2"), &out);
    assert_string_equal(out.data, "a=%25zz%2B%252&b=100%25");
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest suite[] = { cmocka_unit_test(every_case_of_the_aws_suite_passes_stage_by_stage) };
    const struct CMUnitTest own[] = {
        cmocka_unit_test(limits_fail_the_buffer_rather_than_cut),
        cmocka_unit_test(a_percent_without_digits_stands_for_itself),
    };
    int failed = cmocka_run_group_tests(own, NULL, NULL);
    char path[512];
    suite_path(path, sizeof path);
    DIR *folder = opendir(path);
    if (folder == NULL) {
        printf("SKIP every_case_of_the_aws_suite_passes_stage_by_stage: no %s\n", path);
        return failed != 0 ? failed : 77;
    }
    closedir(folder);
    return failed + cmocka_run_group_tests(suite, NULL, NULL);
}
