/* inject: preloaded into the program (LD_PRELOAD), makes the N-th allocation fail, and counts what stays allocated.
 *
 * Whoever tests maps the same file (INJECT_CONTROL) and writes into it, so that one process serves thousands of
 * failures. Every allocation of the process counts, whichever library or thread makes it. A head before each block says
 * under which epoch it was made. Without the variable nothing fails. */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define FRAMES_MAX 24
#define NOTED_MAX 4096
#define NOTED_FRAMES 10
#define NOT_NOTED UINT64_MAX
#define MAGIC UINT64_C(0x9a3c51e7b60d42f8)
#define DEAD UINT64_C(0x0deadb10c0deadb1)

/* tests/oom/control.py knows this order. */
struct control {
    _Atomic uint64_t nth;   /* counted from 1 since it was set; 0: none fails */
    _Atomic uint64_t span;  /* how many fail from the nth on */
    _Atomic uint64_t seen;
    _Atomic uint64_t failed;
    _Atomic uint64_t epoch;
    _Atomic int64_t live;          /* blocks of the whole process */
    _Atomic int64_t live_of_epoch; /* of those, made in this epoch */
    _Atomic uint64_t n_frames;     /* of the first failure */
    _Atomic uint64_t frames[FRAMES_MAX];
    /* Where the blocks came from that were made while something was to fail, and that are still there; a first frame of 0
     * means that the place is free again. */
    _Atomic uint64_t n_noted;
    _Atomic uint64_t noted[NOTED_MAX][NOTED_FRAMES];
};

struct head {
    uint64_t magic;
    uint64_t size;
    uint64_t epoch;
    uint64_t noted; /* its place in the list of this epoch, or NOT_NOTED */
    void *base;
    uint64_t unused; /* keeps blocks aligned */
};

extern void *__libc_malloc(size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
extern void __libc_free(void *block);

static struct control nobody;
static struct control *control = &nobody;
static _Thread_local bool within; /* the failure's own backtrace may allocate */

static void note_frames(void)
{
    void *frames[FRAMES_MAX];
    within = true;
    int n = backtrace(frames, FRAMES_MAX);
    within = false;
    for (int i = 0; i < n; i++)
        atomic_store(&control->frames[i], (uint64_t)(uintptr_t)frames[i]);
    atomic_store(&control->n_frames, (uint64_t)n);
}

static bool fails(void)
{
    uint64_t nth = atomic_load(&control->nth);
    if (nth == 0 || within)
        return false;
    uint64_t at = atomic_fetch_add(&control->seen, 1) + 1;
    if (at < nth || at - nth >= atomic_load(&control->span))
        return false;
    if (atomic_fetch_add(&control->failed, 1) == 0)
        note_frames();
    errno = ENOMEM;
    return true;
}

static uint64_t note_block(void)
{
    void *frames[NOTED_FRAMES];
    if (atomic_load(&control->nth) == 0 || within)
        return NOT_NOTED;
    uint64_t place = atomic_fetch_add(&control->n_noted, 1);
    if (place >= NOTED_MAX)
        return NOT_NOTED;
    within = true;
    int n = backtrace(frames, NOTED_FRAMES);
    within = false;
    for (int i = 0; i < NOTED_FRAMES; i++)
        atomic_store(&control->noted[place][i], i < n ? (uint64_t)(uintptr_t)frames[i] : 0);
    return place;
}

static void *put_head(void *base, size_t before, size_t size)
{
    if (base == NULL)
        return NULL;
    uint64_t place = note_block();
    char *block = (char *)base + before;
    struct head *head = (struct head *)(void *)block - 1;
    *head = (struct head){ .magic = MAGIC, .size = size, .epoch = atomic_load(&control->epoch), .noted = place,
                           .base = base };
    (void)atomic_fetch_add(&control->live, 1);
    (void)atomic_fetch_add(&control->live_of_epoch, 1);
    return block;
}

static void *allocate(size_t size)
{
    if (size > PTRDIFF_MAX - sizeof(struct head) || fails())
        return NULL;
    return put_head(__libc_malloc(size + sizeof(struct head)), sizeof(struct head), size);
}

void *malloc(size_t size)
{
    return allocate(size);
}

void *calloc(size_t n, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(n, size, &all))
        return NULL;
    void *block = allocate(all);
    return block == NULL ? NULL : memset(block, 0, all);
}

void free(void *block)
{
    if (block == NULL)
        return;
    struct head *head = (struct head *)block - 1;
    if (head->magic == DEAD)
        abort();
    if (head->magic != MAGIC) {
        __libc_free(block);
        return;
    }
    (void)atomic_fetch_sub(&control->live, 1);
    if (head->epoch == atomic_load(&control->epoch)) {
        (void)atomic_fetch_sub(&control->live_of_epoch, 1);
        if (head->noted != NOT_NOTED)
            atomic_store(&control->noted[head->noted][0], 0);
    }
    head->magic = DEAD;
    void *base = head->base;
    memset(block, 0xdd, head->size); /* whoever reads on reads nonsense */
    __libc_free(base);
}

size_t malloc_usable_size(void *block)
{
    return block == NULL ? 0 : ((struct head *)block - 1)->size;
}

void *realloc(void *block, size_t size)
{
    if (block == NULL)
        return allocate(size);
    if (size == 0) {
        free(block);
        return NULL;
    }
    void *grown = allocate(size);
    if (grown == NULL)
        return NULL;
    size_t had = malloc_usable_size(block);
    memcpy(grown, block, had < size ? had : size);
    free(block);
    return grown;
}

void *reallocarray(void *block, size_t n, size_t size)
{
    size_t all;
    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return realloc(block, all);
}

void *memalign(size_t alignment, size_t size)
{
    size_t before = alignment < sizeof(struct head) ? sizeof(struct head) : alignment;
    if (fails())
        return NULL;
    return put_head(__libc_memalign(alignment, size + before), before, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    void *block = memalign(alignment, size);
    if (block == NULL)
        return ENOMEM;
    *out = block;
    return 0;
}

/* The program allows no core: the stack is told on standard error. */
static void on_crash(int signal_number)
{
    void *frames[FRAMES_MAX];
    static const char title[] = "inject: crashed\n";
    within = true;
    (void)!write(STDERR_FILENO, title, sizeof title - 1);
    backtrace_symbols_fd(frames, backtrace(frames, FRAMES_MAX), STDERR_FILENO);
    (void)signal(signal_number, SIG_DFL);
    (void)raise(signal_number);
}

__attribute__((constructor)) static void start(void)
{
    static const int crashes[] = { SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL };
    void *warm[2];
    const char *path = getenv("INJECT_CONTROL");
    (void)backtrace(warm, 2); /* loads what it needs now */
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++)
        (void)signal(crashes[i], on_crash);
    int fd = path == NULL ? -1 : open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)close(fd);
    if (at != MAP_FAILED)
        control = at;
}
