#include "customerd/core/config.h"

#include "config_rows.h"

#define VALUE_SIZE 1100 /* the longest setting and a little */

static const char *source_word(enum config_source source)
{
    switch (source) {
    case CONFIG_FLAG:
        return "flag";
    case CONFIG_ENVIRONMENT:
        return "environment";
    case CONFIG_DEFAULT:
        break;
    }
    return "default";
}

/* Formatting reads only; what is printed is the caller's const. */
void config_print(const struct config *config, const struct config_sources *sources, FILE *out)
{
    struct config copy = *config;
    struct config_place place;
    for (size_t i = 0; config_place(&copy, sources->parts, i, &place); i++) {
        char value[VALUE_SIZE];
        config_format(&place, value, sizeof value);
        fprintf(out, "%s=%s  # %s\n", place.row->name, value, source_word(sources->by_row[i]));
    }
}

void config_print_reference(struct config_parts parts, FILE *out)
{
    struct config_place place;
    fputs("| variable | flag | values | default | meaning |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; config_place(NULL, parts, i, &place); i++) {
        char flag[CONFIG_FLAG_SIZE];
        char values[VALUE_SIZE];
        const char *preset = place.row->default_text;
        config_flag_of(place.row, flag);
        config_describe_values(place.row, values, sizeof values);
        fprintf(out, "| `%s` | `%s` | %s | %s%s%s | %s |\n", place.row->name, flag, values, preset[0] == '\0' ? "" : "`",
                preset, preset[0] == '\0' ? "" : "`", place.row->doc);
    }
}

void config_print_flags(struct config_parts parts, FILE *out)
{
    struct config_place place;
    for (size_t i = 0; config_place(NULL, parts, i, &place); i++) {
        char flag[CONFIG_FLAG_SIZE];
        char values[VALUE_SIZE];
        const char *preset = place.row->default_text;
        config_flag_of(place.row, flag);
        config_describe_values(place.row, values, sizeof values);
        fprintf(out, "  %s VALUE\n      %s\n      (%s%s%s)\n", flag, place.row->doc, values,
                preset[0] == '\0' ? "" : "; default ", preset);
    }
}
