#include "customerd/core/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "unit.h"

static char path[64];

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(path, sizeof path, "/tmp/customerd-file-XXXXXX");
    int fd = mkstemp(path);
    return fd >= 0 && close(fd) == 0 ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    (void)unlink(path);
    return 0;
}

static void write_bytes(size_t n)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
}

static void a_file_is_read_up_to_the_maximum(void **state)
{
    (void)state;
    static const size_t sizes[] = { 0, 1, 4095, 4096, 4097, 9999, 10000 };
    struct error err;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        struct buf out = BUF_INIT(10000);
        write_bytes(sizes[i]);
        assert_int_equal(file_read(path, &out, NULL, &err), STATUS_OK);
        assert_int_equal(out.len, sizes[i]);
        buf_clean_up(&out);
    }
    struct buf out = BUF_INIT(10000);
    write_bytes(10001);
    assert_int_equal(file_read(path, &out, NULL, &err), STATUS_UNAVAILABLE);
    assert_non_null(strstr(err.detail, "is longer than 10000 bytes"));
    buf_clean_up(&out);
}

static void what_can_not_be_read_is_told(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(100);
    struct error err;
    assert_int_equal(file_read("/nowhere/at/all", &out, NULL, &err), STATUS_UNAVAILABLE);
    assert_string_equal(err.detail, "/nowhere/at/all can't be opened: No such file or directory");
    assert_int_equal(file_read("/tmp", &out, NULL, &err), STATUS_UNAVAILABLE);
    assert_string_equal(err.detail, "/tmp can't be read: Is a directory");
    buf_clean_up(&out);
}

static void a_change_is_seen(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(100);
    struct file_stamp stamp;
    struct error err;
    write_bytes(3);
    assert_int_equal(file_read(path, &out, &stamp, &err), STATUS_OK);
    assert_false(file_has_changed(path, &stamp));
    write_bytes(4);
    assert_true(file_has_changed(path, &stamp));
    buf_clear(&out);
    assert_int_equal(file_read(path, &out, &stamp, &err), STATUS_OK);
    assert_false(file_has_changed(path, &stamp));
    assert_int_equal(unlink(path), 0);
    assert_true(file_has_changed(path, &stamp));
    buf_clean_up(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_file_is_read_up_to_the_maximum, set_up, tear_down),
        cmocka_unit_test(what_can_not_be_read_is_told),
        cmocka_unit_test_setup_teardown(a_change_is_seen, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
