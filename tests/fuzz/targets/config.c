/* Settings: lines are flags (those that begin with "--", and what follows them) or variables. A configuration that is accepted,
 * written out row by row as flags, is read again as the same: of variables an empty one would count as absent. */
#include "fuzz.h"

#include "config_rows.h"

#define LINES_MAX 64
#define TEXT_SIZE 2048

struct lines {
    char *argv[LINES_MAX + 1];
    char *environment[LINES_MAX + 1];
    int argc;
    int n_environment;
};

static char *text_of(struct slice line)
{
    char *text = calloc(1, line.len + 1);
    REQUIRE(text != NULL);
    memcpy(text, line.ptr, line.len);
    return text;
}

static void read_lines(struct slice rest, struct lines *out)
{
    bool flags = true;
    while (rest.len > 0 && out->argc < LINES_MAX && out->n_environment < LINES_MAX) {
        struct slice line = slice_take(&rest, '\n');
        if (line.len == 0)
            flags = false;
        else if (flags)
            out->argv[out->argc++] = text_of(line);
        else
            out->environment[out->n_environment++] = text_of(line);
    }
}

static void lines_clean_up(struct lines *l)
{
    for (int i = 0; i < l->argc; i++)
        free(l->argv[i]);
    for (int i = 0; i < l->n_environment; i++)
        free(l->environment[i]);
}

static const struct config_parts no_parts = { 0 };

static enum status load(const struct lines *lines, struct config *out, struct config_sources *sources, struct error *err)
{
    const struct config_input input = { lines->argc, lines->argv, lines->environment, no_parts };
    return config_load(&input, out, sources, err);
}

static void check_rows(struct config *config)
{
    static struct config again;
    struct lines written = { .argc = 0 };
    struct config_sources sources;
    struct error err;
    struct config_place place;
    struct config_place place_again;
    for (size_t i = 0; config_place(config, no_parts, i, &place); i++) {
        char value[TEXT_SIZE];
        char flag[CONFIG_FLAG_SIZE];
        char line[TEXT_SIZE + CONFIG_FLAG_SIZE + 1];
        config_format(&place, value, sizeof value);
        if (value[0] == '\0' && place.row->default_text[0] == '\0')
            continue; /* what has no default can be left out, and some of it can't be given as nothing */
        config_flag_of(place.row, flag);
        (void)snprintf(line, sizeof line, "%s=%s", flag, value);
        written.argv[written.argc++] = text_of(slice_cstr(line));
    }
    REQUIRE(load(&written, &again, &sources, &err) == STATUS_OK);
    for (size_t i = 0; config_place(config, no_parts, i, &place) && config_place(&again, no_parts, i, &place_again); i++) {
        char value[TEXT_SIZE];
        char value_again[TEXT_SIZE];
        config_format(&place, value, sizeof value);
        config_format(&place_again, value_again, sizeof value_again);
        REQUIRE(strcmp(value, value_again) == 0);
    }
    lines_clean_up(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct config config;
    struct config_sources sources;
    struct error err = { .code = STATUS_OK };
    struct lines lines = { .argc = 0 };
    read_lines(slice_of(data, size), &lines);
    if (load(&lines, &config, &sources, &err) == STATUS_OK) {
        check_rows(&config);
        (void)!config_check_serve(&config, true, &err);
    }
    REQUIRE(err.code == STATUS_OK || err.detail[0] != '\0');
    for (const char *at = err.detail; *at != '\0'; at++)
        REQUIRE((unsigned char)*at >= ' ' && *at != 0x7f);
    lines_clean_up(&lines);
    return 0;
}
