#include "customerd/api/route.h"

#include "customerd/api/negotiate.h"
#include "unit.h"

#define ID "018bcfe5-6800-7003-8224-005997ccbfc8"

static void assert_allow(const struct route_match *match, const char *expected)
{
    char allow[ROUTE_ALLOW_SIZE];
    route_allow(match, allow);
    assert_string_equal(allow, expected);
}

static enum status handle(struct exchange *x, struct error *err)
{
    (void)x;
    (void)err;
    return STATUS_OK;
}

static const struct route things[] = {
    { .method = METHOD_GET, .path = "/things", .handler = handle },
    { .method = METHOD_POST, .path = "/things", .handler = handle },
    { .method = METHOD_POST, .path = "/things/lookup", .handler = handle },
    { .method = METHOD_GET, .path = "/things/{id}", .handler = handle },
    { .method = METHOD_DELETE, .path = "/things/{id}", .handler = handle },
    { .method = METHOD_PUT, .path = "/things/{id}/parts/{part}", .handler = handle },
    { .method = METHOD_GET, .path = "/boxes/{box}/{key...}", .operation = "getContent", .handler = handle },
    { .path = NULL },
};

static const struct route *const tables[] = { things, NULL };

static struct route_match find(const char *method, const char *target, struct request *r)
{
    struct route_match match;
    request_init(r);
    r->method = slice_cstr(method);
    request_set_target(r, slice_cstr(target));
    route_find(tables, r, &match);
    return match;
}

static void a_method_of_a_path_has_its_route(void **state)
{
    (void)state;
    struct request r;
    assert_ptr_equal(find("GET", "/things", &r).route, &things[0]);
    assert_ptr_equal(find("HEAD", "/things?x", &r).route, &things[0]);
    assert_ptr_equal(find("POST", "/things", &r).route, &things[1]);
    assert_ptr_equal(find("POST", "/things/lookup", &r).route, &things[2]);
    assert_ptr_equal(find("DELETE", "/things/" ID, &r).route, &things[4]);
}

static void the_id_is_read_from_the_path(void **state)
{
    (void)state;
    struct request r;
    char text[UUID_TEXT_SIZE];
    assert_string_equal(find("GET", "/things/018BCFE5-6800-7003-8224-005997CCBFC8", &r).label, "/things/{id}");
    uuid_format(&r.resource, text);
    assert_string_equal(text, ID);
}

static void what_is_no_id_is_no_path(void **state)
{
    (void)state;
    const char *const none[] = { "/things/", "/things/x", "/things/" ID "/", "/things/" ID "x", "/things//" ID, "/",
                                 "/thing", "/things/%30" ID, "//things", "/things/..", "things", "/things/lookup/",
                                 "/things/018bcfe5-6800-4003-8224-005997ccbfc8", "/THINGS" };
    for (size_t i = 0; i < COUNT(none); i++) {
        struct request r;
        if (find("GET", none[i], &r).label != NULL)
            fail_msg("found: %s", none[i]);
    }
}

static void other_names_in_braces_take_what_is_there(void **state)
{
    (void)state;
    struct request r;
    assert_string_equal(find("PUT", "/things/" ID "/parts/A%2F1", &r).label, "/things/{id}/parts/{part}");
    assert_true(slice_is(r.segments[0], "A%2F1"));
    assert_null(find("PUT", "/things/" ID "/parts/", &r).label);
    assert_null(find("PUT", "/things/" ID "/parts/a/b", &r).label);
    assert_non_null(find("GET", "/boxes/b/a/../c//d?x", &r).route);
    assert_true(slice_is(r.segments[0], "b"));
    assert_true(slice_is(r.segments[1], "a/../c//d"));
    assert_non_null(find("GET", "/boxes/b//", &r).route);
    assert_true(slice_is(r.segments[1], "/"));
    assert_null(find("GET", "/boxes/b/", &r).label);
    assert_null(find("GET", "/boxes/b", &r).label);
    assert_null(find("GET", "/boxes//a", &r).label);
}

static void other_methods_learn_what_is_allowed(void **state)
{
    (void)state;
    struct request r;
    struct route_match match = find("PUT", "/things", &r);
    assert_null(match.route);
    assert_allow(&match, "GET, HEAD, POST, OPTIONS");
    match = find("GET", "/things/lookup", &r);
    assert_null(match.route);
    assert_allow(&match, "POST, OPTIONS");
    match = find("get", "/things/" ID, &r);
    assert_null(match.route);
    assert_allow(&match, "GET, HEAD, DELETE, OPTIONS");
    assert_false(match.options);
}

static void options_are_known_of_paths_and_of_the_server(void **state)
{
    (void)state;
    struct request r;
    assert_true(find("OPTIONS", "/things", &r).options);
    assert_null(find("OPTIONS", "/nothing", &r).label);
    struct route_match match = find("OPTIONS", "*", &r);
    assert_true(match.options);
    assert_allow(&match, "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS");
}

static void unknown_methods_have_one_label(void **state)
{
    (void)state;
    assert_string_equal(route_method_label(slice_cstr("PATCH")), "PATCH");
    assert_string_equal(route_method_label(slice_cstr("HEAD")), "HEAD");
    assert_string_equal(route_method_label(slice_cstr("BREW")), "_OTHER");
    assert_string_equal(route_method_label(slice_cstr("get")), "_OTHER");
}

static void the_reference_is_a_row_a_route(void **state)
{
    (void)state;
    static const char *const params[] = { "limit", "cursor", NULL };
    static const struct route rows[] = {
        { .method = METHOD_GET, .path = "/things", .operation = "listThings", .handler = handle, .scope = "things:read", .params = params },
        { .method = METHOD_PATCH, .path = "/things/{id}", .operation = "changeThing", .handler = handle, .scope = "things:write",
          .body = CONTENT_JSON | CONTENT_MERGE_PATCH },
        { .method = METHOD_DELETE, .path = "/things/{id}", .operation = "deleteThing", .handler = handle },
        { .method = METHOD_GET, .path = "/boxes/{key...}", .operation = "getBox", .handler = handle, .produces = CONTENT_TYPE_ANY },
        { .method = METHOD_PUT, .path = "/boxes/{key...}", .operation = "putBox", .handler = handle, .produces = CONTENT_TYPE_NONE,
          .body = CONTENT_ANY },
        { .method = METHOD_GET, .path = "/page", .operation = "getPage", .handler = handle, .produces = "text/html; charset=utf-8" },
        { .path = NULL },
    };
    const struct route *const both[] = { rows, NULL };
    char text[1024] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    assert_non_null(out);
    route_print_reference("public", both, out);
    assert_int_equal(fclose(out), 0);
    assert_string_equal(text,
                        "| public | GET | `/things` | listThings | things:read | limit, cursor |  | application/json |\n"
                        "| public | PATCH | `/things/{id}` | changeThing | things:write |  | application/json, application/merge-patch+json | application/json |\n"
                        "| public | DELETE | `/things/{id}` | deleteThing |  |  |  |  |\n"
                        "| public | GET | `/boxes/{key}` | getBox |  |  |  | */* |\n"
                        "| public | PUT | `/boxes/{key}` | putBox |  |  | */* |  |\n"
                        "| public | GET | `/page` | getPage |  |  |  | text/html; charset=utf-8 |\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_method_of_a_path_has_its_route),
        cmocka_unit_test(the_id_is_read_from_the_path),
        cmocka_unit_test(what_is_no_id_is_no_path),
        cmocka_unit_test(other_names_in_braces_take_what_is_there),
        cmocka_unit_test(other_methods_learn_what_is_allowed),
        cmocka_unit_test(options_are_known_of_paths_and_of_the_server),
        cmocka_unit_test(unknown_methods_have_one_label),
        cmocka_unit_test(the_reference_is_a_row_a_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
