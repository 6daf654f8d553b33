/* AWS's two shared files, separated by a NUL, and what their profiles give: static keys, assumed roles (every STS answer is the
 * third part), a program's output (the fourth; none is run). The parser's slices lie within the text. */
#include "fake_aws.h"

#include <sys/mman.h>
#include <unistd.h>

#include "customerd/aws/ini.h"
#include "customerd/aws/process.h"

static int config_fd, credentials_fd;
static char config_path[32], credentials_path[32];
static struct slice program_output;

enum status __wrap_process_run(char *const *argv, const struct process_bounds *bounds, struct process_result *out,
                               struct error *err);

/* Takes the place of process_run. */
enum status __wrap_process_run(char *const *argv, const struct process_bounds *bounds, struct process_result *out,
                               struct error *err)
{
    (void)err;
    REQUIRE(argv[0] != NULL && bounds->timeout_ms > 0);
    out->exit_code = program_output.len > 0 ? (int)(unsigned char)program_output.ptr[0] % 2 : 0;
    buf_append(&out->output, program_output);
    return STATUS_OK;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    config_fd = memfd_create("config", 0);
    credentials_fd = memfd_create("credentials", 0);
    REQUIRE(config_fd >= 0 && credentials_fd >= 0);
    (void)snprintf(config_path, sizeof config_path, "/proc/self/fd/%d", config_fd);
    (void)snprintf(credentials_path, sizeof credentials_path, "/proc/self/fd/%d", credentials_fd);
    return 0;
}

static void put(int fd, struct slice text)
{
    REQUIRE(ftruncate(fd, 0) == 0 && pwrite(fd, text.ptr, text.len, 0) == (ssize_t)text.len);
}

static bool is_within(struct slice part, struct slice whole)
{
    return part.len == 0 || (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len);
}

static void check_ini(struct slice text)
{
    struct ini ini;
    struct error err;
    if (ini_parse(text, &ini, &err) != STATUS_OK)
        return;
    for (size_t i = 0; i < ini.n; i++) {
        const struct ini_entry *e = &ini.entries[i];
        REQUIRE(is_within(e->section, text) && is_within(e->key, text) && is_within(e->value, text));
        REQUIRE(memchr(e->section.ptr, '\n', e->section.len) == NULL);
        REQUIRE(e->key.len == 0 || memchr(e->key.ptr, '=', e->key.len) == NULL);
    }
    ini_clean_up(&ini);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const chosen[] = { NULL, "p", "a b" };
    struct slice rest = slice_of(data, size);
    struct credentials c = { .source = NULL };
    struct error err = { .code = STATUS_OK };
    struct fake_aws f;
    const struct fake_variable variables[] = {
        { "AWS_CONFIG_FILE", config_path },
        { "AWS_SHARED_CREDENTIALS_FILE", credentials_path },
        { "AWS_REGION", "eu-central-1" },
        { "AWS_PROFILE", chosen[fuzz_byte(&rest) % 3] },
        { NULL, NULL },
    };
    struct slice config = slice_take(&rest, '\0');
    struct slice credentials = slice_take(&rest, '\0');
    struct slice sts = slice_take(&rest, '\0');
    check_ini(config);
    check_ini(credentials);
    put(config_fd, config);
    put(credentials_fd, credentials);
    program_output = rest;
    fake_aws_init(&f, variables, sts);
    fake_check(credentials_from_profile(&f.env, &c, &err), &c, &err);
    return 0;
}
