#include "customer_members.h"

#include "parsing.h"

static void expect_nearest(const char *name, const char *expected)
{
    const char *got = members_nearest(slice_cstr(name));
    if ((got == NULL) != (expected == NULL) || (got != NULL && strcmp(got, expected) != 0))
        fail_msg("%s: got %s, expected %s", name, got == NULL ? "none" : got, expected == NULL ? "none" : expected);
}

static void the_nearest_known_name_is_found(void **state)
{
    (void)state;
    expect_nearest("emial", "email");
    expect_nearest("mail", "email");
    expect_nearest("e-mail", "email");
    expect_nearest("EMAIL", "email");
    expect_nearest("Name", "name");
    expect_nearest("names", "name");
    expect_nearest("phonenr", "phone");
    expect_nearest("adress", "address");
    expect_nearest("ballance", "balance");
    expect_nearest("meta_data", "metadata");
    expect_nearest("createdAt", "created_at");
    expect_nearest("updated", "updated_at");
    expect_nearest("id_", "id");
    expect_nearest("", NULL);
    expect_nearest("x", NULL);
    expect_nearest("telephone", NULL);
    expect_nearest("loyalty_points", NULL);
    expect_nearest("namenamenamenamenamename", NULL);
}

static void unknown_members_are_findings_that_name_it(void **state)
{
    (void)state;
    expect_findings("{\"name\":\"D\",\"emial\":null,\"a/b\\\"\":[1e999]}", CUSTOMER_CREATE, NULL,
                    FINDING("/emial", "unknown member; did you mean \\\"email\\\"?") ","
                    FINDING("/a~1b\\\"", "unknown member; expected name, email, phone, address, balance or metadata"));
    expect_findings("{\"name\":\"D\",\"\":1}", CUSTOMER_CREATE, NULL,
                    FINDING("/", "unknown member; expected name, email, phone, address, balance or metadata"));
}

static void server_owned_members_are_ignored(void **state)
{
    (void)state;
    expect_members("{\"id\":5,\"name\":\"D\",\"created_at\":[],\"updated_at\":null,\"version\":99999999999999999999}",
                   "\"name\":\"D\",\"balance\":0,\"metadata\":{}");
}

static void the_id_must_be_the_paths(void **state)
{
    (void)state;
    static const char expected[] = FINDING("/id", "expected the id of the path, or none");
    static const char *const fine[] = {
        "{\"name\":\"D\",\"balance\":1,\"id\":\"" STAMP_ID "\"}",
        "{\"name\":\"D\",\"balance\":1,\"id\":\"017F22E2-79B0-7CC3-98C4-DC0C0C07398F\"}",
        "{\"name\":\"D\",\"balance\":1,\"id\":null}",
    };
    struct customer_stamp stamp = some_stamp();
    for (size_t i = 0; i < 3; i++) {
        struct parsed p;
        parse(&p, slice_cstr(fine[i]), CUSTOMER_REPLACE, &stamp.id);
        assert_int_equal(p.status, STATUS_OK);
        parsed_end(&p);
    }
    expect_findings("{\"name\":\"D\",\"balance\":1,\"id\":\"017f22e2-79b0-7cc3-98c4-dc0c0c073980\"}", CUSTOMER_REPLACE,
                    &stamp.id, expected);
    expect_findings("{\"name\":\"D\",\"balance\":1,\"id\":\"x\"}", CUSTOMER_REPLACE, &stamp.id, expected);
    expect_findings("{\"name\":\"D\",\"balance\":1,\"id\":7}", CUSTOMER_REPLACE, &stamp.id, expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nearest_known_name_is_found),
        cmocka_unit_test(unknown_members_are_findings_that_name_it),
        cmocka_unit_test(server_owned_members_are_ignored),
        cmocka_unit_test(the_id_must_be_the_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
