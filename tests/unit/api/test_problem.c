#include "customerd/api/problem.h"

#include "unit.h"

static void assert_body(const struct response *r, const char *expected)
{
    assert_true(buf_ok(&r->body));
    assert_string_equal(r->body.data, expected);
}

static void a_problem_has_all_its_members(void **state)
{
    (void)state;
    const struct error err = { .code = STATUS_NOT_FOUND, .detail = "no \"such\" customer" };
    struct response r;
    response_init(&r);
    problem_render(&(struct problem){ .error = &err, .instance = slice_cstr("/customers/x-1"), .request_id = "r1" }, &r);
    assert_int_equal(r.status, 404);
    assert_string_equal(r.content_type, "application/problem+json");
    assert_body(&r, "{\"type\":\"urn:customerd:problem:not-found\",\"title\":\"Not found\",\"status\":404,"
                    "\"detail\":\"No \\\"such\\\" customer\",\"instance\":\"/customers/x-1\",\"request_id\":\"r1\"}");
    assert_string_equal(response_header_value(&r, "cache-control"), "no-store");
    assert_null(response_header_value(&r, "Retry-After"));
    response_clean_up(&r);
}

static void a_path_that_may_hold_an_address_is_not_shown(void **state)
{
    (void)state;
    const struct error err = { .code = STATUS_NOT_FOUND, .detail = "" };
    struct response r;
    response_init(&r);
    problem_render(&(struct problem){ .error = &err, .instance = slice_cstr("/c/a@example.org"), .request_id = "r1" }, &r);
    assert_null(strstr(r.body.data, "example"));
    assert_non_null(strstr(r.body.data, "\"instance\":\"urn:customerd:request:r1\""));
    response_clean_up(&r);
    assert_false(problem_path_is_plain(slice_cstr("/a%40b")));
    assert_false(problem_path_is_plain(slice_cstr("")));
    assert_true(problem_path_is_plain(slice_cstr("/customers/lookup")));
}

static void a_failed_write_says_whether_it_was_applied(void **state)
{
    (void)state;
    struct error err = { .code = STATUS_OUTCOME_UNKNOWN, .applied = APPLIED_UNKNOWN, .retry_after_s = 7, .detail = "" };
    struct problem problem = { .error = &err, .request_id = "r", .write = true };
    struct response r;
    response_init(&r);
    problem_render(&problem, &r);
    assert_non_null(strstr(r.body.data, "\"applied\":\"unknown\"}"));
    assert_string_equal(response_header_value(&r, "Retry-After"), "7");
    err = (struct error){ .code = STATUS_UNAVAILABLE, .detail = "" };
    problem_render(&problem, &r);
    assert_non_null(strstr(r.body.data, "\"applied\":\"no\"}"));
    assert_string_equal(response_header_value(&r, "Retry-After"), "1");
    err = (struct error){ .code = STATUS_INTERNAL, .applied = APPLIED_UNKNOWN, .detail = "" };
    problem_render(&problem, &r);
    assert_non_null(strstr(r.body.data, "\"applied\":\"unknown\"}"));
    err.applied = APPLIED_NO;
    problem_render(&problem, &r);
    assert_non_null(strstr(r.body.data, "\"applied\":\"no\"}"));
    problem.write = false;
    problem_render(&problem, &r);
    assert_null(strstr(r.body.data, "applied"));
    err.code = STATUS_NOT_FOUND;
    problem.write = true;
    problem_render(&problem, &r);
    assert_null(strstr(r.body.data, "applied"));
    response_clean_up(&r);
}

static void findings_positions_and_the_owner_are_told(void **state)
{
    (void)state;
    struct error err = { .code = STATUS_INVALID, .detail = "" };
    struct findings f;
    struct uuid owner;
    struct response r;
    assert_true(uuid_parse(slice_cstr("018bcfe5-6800-7003-8224-005997ccbfc8"), &owner));
    response_init(&r);
    findings_init(&f);
    findings_add(&f, slice_cstr("name"), slice_of("", 0), "expected");
    problem_render(&(struct problem){ .error = &err, .request_id = "r", .findings = &f }, &r);
    assert_non_null(strstr(r.body.data, ",\"errors\":[{\"pointer\":\"/name\",\"detail\":\"expected\"}]}"));
    findings_clean_up(&f);
    findings_init(&f);
    f.line = 2;
    f.column = 3;
    f.offset = 14;
    problem_render(&(struct problem){ .error = &err, .request_id = "r", .findings = &f, .owner = &owner }, &r);
    assert_non_null(strstr(r.body.data, ",\"line\":2,\"column\":3,\"offset\":14,\"owner\":\"/customers/018bcfe5-6800-"));
    findings_clean_up(&f);
    response_clean_up(&r);
}

static void a_response_keeps_one_value_a_field(void **state)
{
    (void)state;
    struct response r;
    response_init(&r);
    response_header(&r, "ETag", "\"%d\"", 1);
    response_header(&r, "etag", "\"%d\"", 2);
    assert_int_equal(r.n_headers, 1);
    assert_string_equal(response_header_value(&r, "ETag"), "\"2\"");
    response_clean_up(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_problem_has_all_its_members),
        cmocka_unit_test(a_path_that_may_hold_an_address_is_not_shown),
        cmocka_unit_test(a_failed_write_says_whether_it_was_applied),
        cmocka_unit_test(findings_positions_and_the_owner_are_told),
        cmocka_unit_test(a_response_keeps_one_value_a_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
