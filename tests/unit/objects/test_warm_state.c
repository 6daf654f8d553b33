#include "customerd/objects/warm_state.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "unit.h"

static const struct warm_scope listing = { .bucket = "catalogue", .prefix = "images/\xc3\xbc\"", .list = NULL };
static const struct warm_scope from_list = { .bucket = "catalogue", .prefix = "", .list = "/srv/keys" };

struct folder {
    char dir[32], path[64];
};

static int set_up(void **state)
{
    struct folder *f = calloc(1, sizeof *f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/warm-state-XXXXXX");
    if (mkdtemp(f->dir) == NULL)
        return -1;
    (void)snprintf(f->path, sizeof f->path, "%s/state", f->dir);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct folder *f = *state;
    (void)unlink(f->path);
    int result = rmdir(f->dir); /* nothing else was left there */
    free(f);
    return result;
}

static void put(const struct folder *f, const char *text)
{
    FILE *file = fopen(f->path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
}

static void what_was_written_is_read(void **state)
{
    const struct folder *f = *state;
    const struct warm_scope *const scopes[] = { &listing, &from_list };
    struct error err;
    for (size_t i = 0; i < COUNT(scopes); i++) {
        const struct warm_mark mark = { .key = "a\"b\n\xe6\x97\xa5", .len = 7, .line = 12 };
        struct warm_mark again = { .len = 0 };
        assert_int_equal(warm_state_write(f->path, scopes[i], &mark, &err), STATUS_OK);
        assert_int_equal(warm_state_read(f->path, scopes[i], &again, &err), STATUS_OK);
        assert_int_equal(again.len, mark.len);
        assert_memory_equal(again.key, mark.key, mark.len);
        assert_int_equal(again.line, 12);
    }
}

static void a_file_that_is_not_there_says_nothing(void **state)
{
    const struct folder *f = *state;
    struct warm_mark mark = { .key = "k", .len = 1, .line = 3 };
    struct error err;
    assert_int_equal(warm_state_read(f->path, &listing, &mark, &err), STATUS_OK);
    assert_int_equal(mark.len, 1);
    assert_int_equal(mark.line, 3);
}

static void the_longest_key_has_room(void **state)
{
    const struct folder *f = *state;
    struct warm_mark mark = { .len = OBJECT_KEY_MAX_BYTES }, again = { .len = 0 };
    struct error err;
    memset(mark.key, 1, sizeof mark.key); /* six bytes each in JSON */
    assert_int_equal(warm_state_write(f->path, &listing, &mark, &err), STATUS_OK);
    assert_int_equal(warm_state_read(f->path, &listing, &again, &err), STATUS_OK);
    assert_memory_equal(again.key, mark.key, OBJECT_KEY_MAX_BYTES);
}

static void another_runs_state_is_refused(void **state)
{
    const struct folder *f = *state;
    const struct warm_scope others[] = { { "other", listing.prefix, NULL },
                                         { "catalogue", "images/", NULL },
                                         { "catalogue", listing.prefix, "/srv/keys" } };
    struct warm_mark mark = { .key = "k", .len = 1 };
    struct error err;
    assert_int_equal(warm_state_write(f->path, &listing, &mark, &err), STATUS_OK);
    for (size_t i = 0; i < COUNT(others); i++) {
        assert_int_equal(warm_state_read(f->path, &others[i], &mark, &err), STATUS_BAD_PARAMETER);
        assert_non_null(strstr(err.detail, "another bucket, prefix or list"));
    }
    assert_int_equal(warm_state_write(f->path, &from_list, &mark, &err), STATUS_OK);
    assert_int_equal(warm_state_read(f->path, &(struct warm_scope){ "catalogue", "", NULL }, &mark, &err), STATUS_BAD_PARAMETER);
}

static void what_is_no_state_is_refused(void **state)
{
    const struct folder *f = *state;
    static const char head[] = "{\"bucket\":\"catalogue\",\"prefix\":\"\",\"list\":\"/srv/keys\"";
    static const char *const tails[] = { "}",
                                         ",\"after\":5,\"line\":1}",
                                         ",\"after\":\"k\"}",
                                         ",\"after\":\"k\",\"line\":-1}",
                                         ",\"after\":\"k\",\"line\":\"1\"}" };
    struct warm_mark mark = { .len = 0 };
    struct error err;
    char text[256];
    for (size_t i = 0; i < COUNT(tails); i++) {
        (void)snprintf(text, sizeof text, "%s%s", head, tails[i]);
        put(f, text);
        assert_int_equal(warm_state_read(f->path, &from_list, &mark, &err), STATUS_BAD_PARAMETER);
        assert_non_null(strstr(err.detail, "is no state of a run"));
    }
    static const char *const others[] = { "", "after=k\n", "[]" };
    for (size_t i = 0; i < COUNT(others); i++) {
        put(f, others[i]);
        assert_int_equal(warm_state_read(f->path, &from_list, &mark, &err), STATUS_BAD_PARAMETER);
        assert_non_null(strstr(err.detail, "is no state of a run"));
    }
    char *longer = repeated("k", OBJECT_KEY_MAX_BYTES + 1);
    struct buf buf = BUF_INIT(1u << 16);
    buf_appendf(&buf, "%s,\"after\":\"%s\",\"line\":1}", head, longer);
    put(f, buf.data);
    assert_int_equal(warm_state_read(f->path, &from_list, &mark, &err), STATUS_BAD_PARAMETER);
    buf_clean_up(&buf);
    free(longer);
    assert_int_equal(mark.len, 0);
}

static void where_it_cannot_be_kept_is_told(void **state)
{
    const struct folder *f = *state;
    char path[128];
    struct warm_mark mark = { .len = 0 };
    struct error err;
    (void)snprintf(path, sizeof path, "%s/absent/state", f->dir);
    assert_int_equal(warm_state_write(path, &listing, &mark, &err), STATUS_INTERNAL);
    assert_non_null(strstr(err.detail, "can't be written"));
    assert_int_equal(warm_state_read(f->dir, &listing, &mark, &err), STATUS_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_written_is_read, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_says_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_longest_key_has_room, set_up, tear_down),
        cmocka_unit_test_setup_teardown(another_runs_state_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_is_no_state_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(where_it_cannot_be_kept_is_told, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
