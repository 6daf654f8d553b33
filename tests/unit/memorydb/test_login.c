#include "customerd/memorydb/login.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static char path[] = "/tmp/customerd-login-XXXXXX";

static void write_file(const char *text, size_t len)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(text, 1, len, f), len);
    fclose(f);
}

static enum status get(const struct login *login, struct secret *user, struct secret *password, struct error *err)
{
    secret_clean_up(user);
    secret_clean_up(password);
    return login->get(login->ctx, user, password, err);
}

static void nobody_signs_in_with_nothing(void **state)
{
    (void)state;
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    struct error err;
    struct login login = login_none();
    assert_int_equal(get(&login, &user, &password, &err), STATUS_OK);
    assert_int_equal(user.len + password.len, 0);
    login.refused(login.ctx);
}

static void the_file_is_read_each_time(void **state)
{
    (void)state;
    const struct {
        const char *bytes, *password;
    } rows[] = { { "one", "one" }, { "two\n", "two" }, { "three\r\n", "three" }, { " four \n\n", " four \n" } };
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    struct error err;
    struct login_password l = { .user = "app", .file = path };
    struct login login = login_password(&l);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        write_file(rows[i].bytes, strlen(rows[i].bytes));
        assert_int_equal(get(&login, &user, &password, &err), STATUS_OK);
        assert_true(slice_is(secret_slice(&user), "app"));
        assert_true(slice_is(secret_slice(&password), rows[i].password));
    }
    login.refused(login.ctx);
    secret_clean_up(&user);
    secret_clean_up(&password);
}

static void an_empty_long_or_missing_file_fails_by_name(void **state)
{
    (void)state;
    static const char zeros[9000] = { 'x' };
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    struct error err;
    struct login_password l = { .user = "", .file = path }, missing = { .user = "", .file = "/nonexistent/password" };
    struct login login = login_password(&l), nowhere = login_password(&missing);
    write_file("\n", 1);
    assert_int_equal(get(&login, &user, &password, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.detail, path));
    write_file(zeros, sizeof zeros);
    assert_int_equal(get(&login, &user, &password, &err), STATUS_UNAVAILABLE);
    assert_int_equal(get(&nowhere, &user, &password, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "/nonexistent/password"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nobody_signs_in_with_nothing),
        cmocka_unit_test(the_file_is_read_each_time),
        cmocka_unit_test(an_empty_long_or_missing_file_fails_by_name),
    };
    int fd = mkstemp(path);
    if (fd < 0)
        return 1;
    close(fd);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
