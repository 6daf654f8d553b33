/* Host names as a scenario wants them: this getaddrinfo stands before the C library's in the probe program.
 *
 * The file that SIM_NAMES names is read at each call: lines of a host name and its addresses, or "fail" (as a resolver
 * that doesn't answer), or "hang" (which fails after ten seconds). Names that aren't in the file go to the library. */
#include <dlfcn.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define HANG_S 10

typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

static getaddrinfo_fn library(void)
{
    getaddrinfo_fn found;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&found, &symbol, sizeof found);
    return found;
}

/* The file's words after the name, in `line`; NULL when the name isn't there. */
static char *find_line(const char *node, char *line, size_t size)
{
    const char *path = getenv("SIM_NAMES");
    FILE *file = path != NULL && node != NULL ? fopen(path, "re") : NULL;
    char *found = NULL;
    if (file == NULL)
        return NULL;
    size_t len = strlen(node);
    while (found == NULL && fgets(line, (int)size, file) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, node, len) == 0 && line[len] == ' ')
            found = line + len + 1;
    }
    fclose(file);
    return found;
}

static int append_address(const char *address, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
    struct addrinfo numeric = { 0 };
    if (hints != NULL)
        numeric = *hints;
    numeric.ai_flags = (numeric.ai_flags & ~(AI_CANONNAME | AI_ADDRCONFIG)) | AI_NUMERICHOST;
    while (*out != NULL)
        out = &(*out)->ai_next;
    return library()(address, service, &numeric, out);
}

int getaddrinfo(const char *restrict node, const char *restrict service, const struct addrinfo *restrict hints,
                struct addrinfo **restrict out)
{
    char line[512];
    char *rest = find_line(node, line, sizeof line);
    if (rest == NULL)
        return library()(node, service, hints, out);
    if (strcmp(rest, "hang") == 0)
        nanosleep(&(struct timespec){ .tv_sec = HANG_S }, NULL);
    if (strcmp(rest, "hang") == 0 || strcmp(rest, "fail") == 0)
        return EAI_AGAIN;
    *out = NULL;
    int failure = 0;
    char *next = NULL;
    for (char *word = strtok_r(rest, " ", &next); word != NULL && failure == 0; word = strtok_r(NULL, " ", &next))
        failure = append_address(word, service, hints, out);
    if (failure != 0 && *out != NULL)
        freeaddrinfo(*out);
    return failure;
}
