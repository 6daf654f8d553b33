#include "customerd/aws/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "customerd/core/clock.h"

#define REAP_POLL_MS 10

extern char **environ;

struct child {
    pid_t pid;
    int out_fd;
    int err_fd;
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

/* The child gets default signals, although the service's threads block and ignore some. */
static int attributes_fill(posix_spawnattr_t *attributes)
{
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    sigaddset(&usual, SIGPIPE);
    sigaddset(&usual, SIGTERM);
    sigaddset(&usual, SIGINT);
    int rc = posix_spawnattr_setflags(attributes,
                                      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    if (rc == 0)
        rc = posix_spawnattr_setpgroup(attributes, 0);
    if (rc == 0)
        rc = posix_spawnattr_setsigmask(attributes, &none);
    if (rc == 0)
        rc = posix_spawnattr_setsigdefault(attributes, &usual);
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
    return error_set(err, STATUS_UNAVAILABLE, "the program can't be started (errno %d)", rc);
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

static enum status output_read(struct child *child, int64_t deadline_ms, struct process_result *out, struct error *err)
{
    while (child->out_fd >= 0 || child->err_fd >= 0) {
        int64_t left_ms = deadline_ms - clock_monotonic_ms(clock_system());
        if (left_ms <= 0)
            return error_set(err, STATUS_UNAVAILABLE, "the program did not end in time");
        struct pollfd fds[2] = { { .fd = child->out_fd, .events = POLLIN }, { .fd = child->err_fd, .events = POLLIN } };
        if (poll(fds, 2, (int)left_ms) <= 0)
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

/* A program may close its output and live on. */
static enum status child_reap(const struct child *child, int64_t deadline_ms, int *exit_code, struct error *err)
{
    for (;;) {
        int how = 0;
        pid_t pid = waitpid(child->pid, &how, WNOHANG);
        if (pid == child->pid) {
            *exit_code = WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
            return STATUS_OK;
        }
        if (pid < 0 && errno != EINTR)
            return error_set(err, STATUS_UNAVAILABLE, "the program's end was not seen (errno %d)", errno);
        if (clock_monotonic_ms(clock_system()) >= deadline_ms)
            return error_set(err, STATUS_UNAVAILABLE, "the program did not end in time");
        struct timespec pause = { .tv_nsec = REAP_POLL_MS * 1000000L };
        nanosleep(&pause, NULL);
    }
}

enum status process_run(char *const *argv, int64_t timeout_ms, struct process_result *out, struct error *err)
{
    struct child child = { .pid = -1, .out_fd = -1, .err_fd = -1 };
    int64_t deadline_ms = clock_monotonic_ms(clock_system()) + timeout_ms;
    enum status status = child_start(argv, &child, err);
    if (status != STATUS_OK)
        return status;
    status = output_read(&child, deadline_ms, out, err);
    if (status == STATUS_OK)
        status = child_reap(&child, deadline_ms, &out->exit_code, err);
    if (status != STATUS_OK) {
        kill(-child.pid, SIGKILL);
        waitpid(child.pid, NULL, 0);
    }
    fd_close(&child.out_fd);
    fd_close(&child.err_fd);
    return status;
}
