/* Command lines: the arguments, each in quotes, are read again as the same arguments. */
#include "fuzz.h"

#include "customerd/aws/process.h"

static void quote(const char *argument, struct buf *out)
{
    buf_append_cstr(out, " '");
    for (const char *at = argument; *at != '\0'; at++) {
        if (*at == '\'')
            buf_append_cstr(out, "'\\''");
        else
            buf_append_byte(out, *at);
    }
    buf_append_byte(out, '\'');
}

static void check_quoted(const struct process_command *command)
{
    struct process_command again = { .argv = { NULL } };
    struct buf line = BUF_INIT(1u << 20);
    struct error err;
    for (size_t i = 0; command->argv[i] != NULL; i++)
        quote(command->argv[i], &line);
    REQUIRE(buf_ok(&line) && process_command_split(buf_slice(&line), &again, &err) == STATUS_OK);
    for (size_t i = 0; command->argv[i] != NULL || again.argv[i] != NULL; i++) {
        REQUIRE(command->argv[i] != NULL && again.argv[i] != NULL);
        REQUIRE(strcmp(command->argv[i], again.argv[i]) == 0);
    }
    process_command_clean_up(&again);
    buf_clean_up(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct process_command command = { .argv = { NULL } };
    struct error err;
    char *copy = fuzz_copy(slice_of(data, size));
    if (process_command_split(slice_of(copy, size), &command, &err) == STATUS_OK)
        check_quoted(&command);
    process_command_clean_up(&command);
    free(copy);
    return 0;
}
