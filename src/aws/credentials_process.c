#include "customerd/aws/process.h"
#include "customerd/aws/profile.h"
#include "customerd/aws/provider.h"

#include <stdio.h>

/* What a program says on its standard error may hold anything: only the beginning of its first line is shown. */
#define ERRORS_SHOWN_BYTES 80

static struct slice first_line(struct slice text)
{
    size_t n = 0;
    while (n < text.len && n < ERRORS_SHOWN_BYTES && text.ptr[n] >= 0x20 && text.ptr[n] < 0x7f)
        n++;
    return slice_of(text.ptr, n);
}

static enum credentials_result answer_take(const struct credentials_env *env, const struct process_result *ended,
                                           struct credentials *out, struct error *err)
{
    static const struct provider_json form = { .source = "process", .token_member = "SessionToken", .versioned = true };
    struct slice said = first_line(buf_slice(&ended->errors));
    if (ended->exit_code != 0)
        return provider_fail(err, "process: credential_process ended with %d%s%.*s", ended->exit_code,
                             said.len > 0 ? ": " : "", (int)said.len, said.ptr);
    return provider_parse_json(&form, buf_slice(&ended->output), clock_realtime_ms(env->clock), out, err);
}

enum credentials_result profile_run_process(const struct credentials_env *env, struct slice line,
                                            struct credentials *out, struct error *err)
{
    enum credentials_result result = CREDENTIALS_FAILED;
    struct process_command command = { .argv = { NULL } };
    const struct process_bounds bounds = { PROFILE_PROCESS_TIMEOUT_MS, env->cancelled };
    struct process_result ended = { .output = BUF_INIT(PROVIDER_REPLY_MAX_BYTES), .errors = BUF_INIT(1024) };
    if (process_command_split(line, &command, err) != STATUS_OK ||
        process_run(command.argv, &bounds, &ended, err) != STATUS_OK) {
        result = provider_fail(err, "process: credential_process: %s", err->detail);
        goto out;
    }
    result = answer_take(env, &ended, out, err);
out:
    buf_clean_up_secure(&ended.output);
    buf_clean_up_secure(&ended.errors);
    process_command_clean_up(&command);
    return result;
}
