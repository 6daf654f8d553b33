#include "customerd/aws/process.h"

#include "customerd/core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define REAP_POLL_MS 10
#define KILL_WAIT_MS 1000
#define SLICE_MS 200 /* how soon it is noticed that the run was cancelled */

struct child {
    pid_t pid;
    int out_fd;
    int err_fd;
    int64_t deadline_ms;
    const atomic_bool *cancelled;
};

static void fd_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int actions_fill(posix_spawn_file_actions_t *actions, int out_fd, int err_fd)
{
    int rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, out_fd, STDOUT_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_adddup2(actions, err_fd, STDERR_FILENO);
    if (rc == 0)
        rc = posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
    return rc;
}

/* The child gets default signals, although the service's threads block all and ignore some. */
static int attributes_fill(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    int rc = posix_spawnattr_setflags(attributes,
                                      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(attributes, 0);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &all);
    return rc;
}

static int spawn(char *const *argv, int out_fd, int err_fd, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int rc = posix_spawn_file_actions_init(&actions);
    if (rc != 0)
        return rc;
    rc = posix_spawnattr_init(&attributes);
    if (rc == 0) {
        rc = actions_fill(&actions, out_fd, err_fd);
        if (rc == 0)
            rc = attributes_fill(&attributes);
        if (rc == 0)
            rc = posix_spawnp(pid, argv[0], &actions, &attributes, argv, environ);
        posix_spawnattr_destroy(&attributes);
    }
    posix_spawn_file_actions_destroy(&actions);
    return rc;
}

static enum status child_start(char *const *argv, struct child *child, struct error *err)
{
    int out_pipe[2] = { -1, -1 };
    int err_pipe[2] = { -1, -1 };
    int rc = pipe2(out_pipe, O_CLOEXEC) == 0 && pipe2(err_pipe, O_CLOEXEC) == 0 ? 0 : errno;
    if (rc == 0)
        rc = spawn(argv, out_pipe[1], err_pipe[1], &child->pid);
    fd_close(&out_pipe[1]);
    fd_close(&err_pipe[1]);
    child->out_fd = out_pipe[0];
    child->err_fd = err_pipe[0];
    if (rc == 0)
        return STATUS_OK;
    fd_close(&child->out_fd);
    fd_close(&child->err_fd);
    return error_set(err, STATUS_UNAVAILABLE, "the program can't be started: %s", strerrordesc_np(rc));
}

/* Reads what is there; closes at the end. What goes over the maximum is dropped, or marks the buffer failed. */
static void pipe_read(int *fd, bool may_drop, struct buf *out)
{
    char chunk[4096];
    ssize_t n = read(*fd, chunk, sizeof chunk);
    size_t room = may_drop ? out->max_bytes - out->len : sizeof chunk;
    if (n > 0)
        buf_append(out, slice_of(chunk, (size_t)n < room ? (size_t)n : room));
    else if (n == 0 || errno != EINTR)
        fd_close(fd);
    explicit_bzero(chunk, sizeof chunk);
}

static int64_t now_ms(void)
{
    return clock_monotonic_ms(clock_system());
}

/* How long to wait for the child in one go; 0 (and err) when it may run no longer. */
static int slice_ms(const struct child *child, struct error *err)
{
    int64_t left_ms = child->deadline_ms - now_ms();
    if (child->cancelled != NULL && atomic_load(child->cancelled))
        (void)error_set(err, STATUS_UNAVAILABLE, "the program was given up");
    else if (left_ms <= 0)
        (void)error_set(err, STATUS_UNAVAILABLE, "the program did not end in time");
    else
        return left_ms < SLICE_MS ? (int)left_ms : SLICE_MS;
    return 0;
}

static enum status output_read(struct child *child, struct process_result *out, struct error *err)
{
    while (child->out_fd >= 0 || child->err_fd >= 0) {
        int wait_ms = slice_ms(child, err);
        if (wait_ms == 0)
            return err->code;
        struct pollfd fds[2] = { { .fd = child->out_fd, .events = POLLIN }, { .fd = child->err_fd, .events = POLLIN } };
        if (poll(fds, 2, wait_ms) <= 0)
            continue;
        if (fds[0].revents != 0)
            pipe_read(&child->out_fd, false, &out->output);
        if (fds[1].revents != 0)
            pipe_read(&child->err_fd, true, &out->errors);
        if (!buf_ok(&out->output))
            return error_set(err, STATUS_UNAVAILABLE, "the program's output is too long");
    }
    return STATUS_OK;
}

/* Whether the child has ended, *how as waitpid tells it. One that is not to be seen is done with too: with SIGCHLD
 * ignored the kernel takes it away by itself, and its id may be another's by now. */
static bool has_ended(struct child *child, int *how, bool *seen)
{
    pid_t pid = waitpid(child->pid, how, WNOHANG);
    *seen = pid == child->pid;
    if (!*seen && (pid == 0 || errno == EINTR))
        return false;
    child->pid = -1;
    return true;
}

static void reap_pause(void)
{
    struct timespec pause = { .tv_nsec = REAP_POLL_MS * 1000000L };
    nanosleep(&pause, NULL);
}

/* A program may close its output and live on. */
static enum status child_reap(struct child *child, int *exit_code, struct error *err)
{
    int how = 0;
    bool seen = false;
    while (!has_ended(child, &how, &seen)) {
        if (slice_ms(child, err) == 0)
            return err->code;
        reap_pause();
    }
    if (!seen)
        return error_set(err, STATUS_UNAVAILABLE, "the program's exit code is unknown, since SIGCHLD is ignored");
    *exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
    return STATUS_OK;
}

/* The group, and the child by itself in case that it left the group. Death may be slow (a dead file server), so that
 * waiting for it has an end too. */
static void child_kill(struct child *child)
{
    int how = 0;
    bool seen = false;
    int64_t until_ms = now_ms() + KILL_WAIT_MS;
    if (child->pid < 0)
        return;
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL);
    while (!has_ended(child, &how, &seen) && now_ms() < until_ms)
        reap_pause();
}

enum status process_run(char *const *argv, const struct process_bounds *bounds, struct process_result *out,
                        struct error *err)
{
    struct child child = { .pid = -1, .out_fd = -1, .err_fd = -1, .deadline_ms = now_ms() + bounds->timeout_ms,
                           .cancelled = bounds->cancelled };
    enum status status = child_start(argv, &child, err);
    if (status != STATUS_OK)
        return status;
    status = output_read(&child, out, err);
    if (status == STATUS_OK)
        status = child_reap(&child, &out->exit_code, err);
    if (status != STATUS_OK)
        child_kill(&child);
    fd_close(&child.out_fd);
    fd_close(&child.err_fd);
    return status;
}
