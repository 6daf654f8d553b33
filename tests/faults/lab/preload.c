/* Loaded into a customerd of the lab (LD_PRELOAD): moves its wall clock, and kills it at the n-th system call that writes.
 *
 * LAB_CONTROL names a file of four 64-bit numbers that the lab changes while the program runs:
 *   0  added to the wall clock, ms
 *   1  kill at this write (0: never), counted from when it was set
 *   2  writes so far, since the lab last set this to 0
 *   3  0: before the write, 1: after it */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static _Atomic(int64_t) *control;

__attribute__((constructor)) static void attach(void)
{
    const char *path = getenv("LAB_CONTROL");
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        control = at;
}

static int64_t count(void)
{
    return control == NULL ? 0 : atomic_fetch_add(&control[2], 1) + 1;
}

static void kill_if(int64_t number, int64_t after)
{
    if (control != NULL && control[1] != 0 && number == control[1] && control[3] == after)
        raise(SIGKILL);
}

#define WRITER(type, name, parameters, arguments)                          \
    type name parameters                                                   \
    {                                                                      \
        static type(*real) parameters;                                     \
        if (real == NULL)                                                  \
            *(void **)&real = dlsym(RTLD_NEXT, #name);                     \
        int64_t number = count();                                          \
        kill_if(number, 0);                                                \
        type result = real arguments;                                      \
        kill_if(number, 1);                                                \
        return result;                                                     \
    }

WRITER(ssize_t, write, (int fd, const void *data, size_t n), (fd, data, n))
WRITER(ssize_t, writev, (int fd, const struct iovec *parts, int n), (fd, parts, n))
WRITER(ssize_t, send, (int fd, const void *data, size_t n, int flags), (fd, data, n, flags))
WRITER(ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags), (fd, message, flags))
WRITER(ssize_t, sendto,
       (int fd, const void *data, size_t n, int flags, const struct sockaddr *to, socklen_t len),
       (fd, data, n, flags, to, len))

static int64_t moved_ms(void)
{
    return control == NULL ? 0 : control[0];
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL)
        *(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, out);
    if (result == 0 && clock == CLOCK_REALTIME)
        out->tv_sec += moved_ms() / 1000;
    return result;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL)
        *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
