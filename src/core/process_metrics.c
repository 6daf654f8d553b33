#include "customerd/core/process_metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "customerd/core/metrics.h"

#define STAT_UTIME 14
#define STAT_STIME 15
#define STAT_THREADS 20
#define STAT_START 22
#define STAT_VSIZE 23
#define STAT_RSS 24

static bool read_line(const char *path, char *out, size_t size)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return false;
    bool ok = fgets(out, (int)size, file) != NULL;
    (void)fclose(file);
    return ok;
}

/* proc(5): fields are counted from 1; the second one, in parentheses, may hold blanks. */
static uint64_t stat_field(const char *stat, int number)
{
    const char *at = strrchr(stat, ')');
    if (at == NULL)
        return 0;
    at += 1;
    for (int i = 3; i <= number; i++) {
        at = strchr(at, ' ');
        if (at == NULL)
            return 0;
        at++;
    }
    return strtoull(at, NULL, 10);
}

static int64_t count_descriptors(void)
{
    DIR *directory = opendir("/proc/self/fd");
    int64_t n = -3; /* ".", ".." and the directory itself */
    if (directory == NULL)
        return -1;
    /* cppcheck-suppress readdirCalled ; no other thread has this stream */
    while (readdir(directory) != NULL)
        n++;
    (void)closedir(directory);
    return n;
}

/* When the machine started, in seconds since 1970. */
static int64_t boot_time_s(void)
{
    char line[256];
    int64_t boot_s = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (file == NULL)
        return 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (strncmp(line, "btime ", 6) == 0)
            boot_s = strtoll(line + 6, NULL, 10);
    (void)fclose(file);
    return boot_s;
}

static void write_stat(const char *stat, struct buf *out)
{
    int64_t tick_ms = 1000 / sysconf(_SC_CLK_TCK);
    int64_t cpu_ms = (int64_t)(stat_field(stat, STAT_UTIME) + stat_field(stat, STAT_STIME)) * tick_ms;
    metrics_write_head(out, "process_cpu_seconds_total", METRICS_COUNTER, "Time on processors, user and system.");
    metrics_write_ms(out, "process_cpu_seconds_total", "", cpu_ms);
    metrics_write_gauge(out, "process_resident_memory_bytes", "Memory in use.",
                        (int64_t)stat_field(stat, STAT_RSS) * sysconf(_SC_PAGESIZE));
    metrics_write_gauge(out, "process_virtual_memory_bytes", "Address space in use.",
                        (int64_t)stat_field(stat, STAT_VSIZE));
    metrics_write_gauge_ms(out, "process_start_time_seconds", "When the process started, since 1970.",
                           boot_time_s() * 1000 + (int64_t)stat_field(stat, STAT_START) * tick_ms);
    metrics_write_gauge(out, "process_threads", "Threads.", (int64_t)stat_field(stat, STAT_THREADS));
}

void process_metrics_write(struct buf *out)
{
    char stat[1024];
    struct rlimit files;
    if (read_line("/proc/self/stat", stat, sizeof stat))
        write_stat(stat, out);
    int64_t open = count_descriptors();
    if (open >= 0)
        metrics_write_gauge(out, "process_open_fds", "Descriptors that are open.", open);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        metrics_write_gauge(out, "process_max_fds", "Descriptors that may be open.", (int64_t)files.rlim_cur);
}
