#include "customerd/api/lookup.h"

#include <stdlib.h>

#include "unit.h"

static enum status parse(const char *body, struct buf *normal, struct findings *f)
{
    struct error err;
    findings_init(f);
    buf_init(normal, 2048);
    return lookup_parse(slice_cstr(body), normal, f, &err);
}

static void an_address_comes_out_in_its_normal_form(void **state)
{
    (void)state;
    struct buf normal;
    struct findings f;
    assert_int_equal(parse(" {\"email\":\"Danilo.P@EXAMPLE.net\"} ", &normal, &f), STATUS_OK);
    assert_string_equal(normal.data, "danilo.p@example.net");
    buf_clean_up(&normal);
    findings_clean_up(&f);
}

static void assert_fails(const char *body, enum status expected, size_t findings)
{
    struct buf normal;
    struct findings f;
    enum status status = parse(body, &normal, &f);
    if (status != expected || f.count != findings)
        fail_msg("%.60s: %s, %zu findings", body, status_slug(status), f.count);
    if (expected == STATUS_MALFORMED_JSON)
        assert_true(f.line > 0 && f.column > 0);
    buf_clean_up(&normal);
    findings_clean_up(&f);
}

static void all_findings_are_told_at_once(void **state)
{
    (void)state;
    assert_fails("{}", STATUS_INVALID, 1);
    assert_fails("[]", STATUS_INVALID, 1);
    assert_fails("3", STATUS_INVALID, 1);
    assert_fails("{\"email\":null}", STATUS_INVALID, 1);
    assert_fails("{\"email\":\"x\"}", STATUS_INVALID, 1);
    assert_fails("{\"email\":\"a\\u0000@b.c\"}", STATUS_INVALID, 1);
    assert_fails("{\"mail\":\"a@b.c\",\"x\":{},\"email\":3}", STATUS_INVALID, 3);
}

static void malformed_bodies_are_refused(void **state)
{
    (void)state;
    assert_fails("{", STATUS_MALFORMED_JSON, 0);
    assert_fails("{\"email\":\"a@b.c\",\"email\":\"a@b.c\"}", STATUS_MALFORMED_JSON, 0);
    assert_fails("{\"email\":\"a@b.c\"} x", STATUS_MALFORMED_JSON, 0);
    assert_fails("{\"email\":\"\xff\"}", STATUS_MALFORMED_JSON, 0);
}

static void deep_bodies_are_refused_before_they_are_parsed(void **state)
{
    (void)state;
    const size_t depth = 100000;
    char *body = malloc(depth + 1);
    assert_non_null(body);
    memset(body, '[', depth);
    body[depth] = '\0';
    assert_fails(body, STATUS_MALFORMED_JSON, 0);
    free(body);
    assert_fails("{\"email\":\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\\"\"}", STATUS_INVALID, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_comes_out_in_its_normal_form),
        cmocka_unit_test(all_findings_are_told_at_once),
        cmocka_unit_test(malformed_bodies_are_refused),
        cmocka_unit_test(deep_bodies_are_refused_before_they_are_parsed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
