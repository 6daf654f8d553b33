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

void config_print(const struct config *config, const struct config_sources *sources, FILE *out)
{
    size_t n = 0;
    const struct config_row *rows = config_rows(&n);
    for (size_t i = 0; i < n; i++) {
        char value[VALUE_SIZE];
        config_format(&rows[i], config, value, sizeof value);
        fprintf(out, "%s=%s  # %s\n", rows[i].name, value, source_word(sources->by_row[i]));
    }
}

void config_print_reference(FILE *out)
{
    size_t n = 0;
    const struct config_row *rows = config_rows(&n);
    fputs("| variable | flag | values | default | meaning |\n|---|---|---|---|---|\n", out);
    for (size_t i = 0; i < n; i++) {
        char flag[CONFIG_FLAG_SIZE];
        char values[VALUE_SIZE];
        const char *preset = rows[i].default_text;
        config_flag_of(&rows[i], flag);
        config_describe_values(&rows[i], values, sizeof values);
        fprintf(out, "| `%s` | `%s` | %s | %s%s%s | %s |\n", rows[i].name, flag, values, preset[0] == '\0' ? "" : "`",
                preset, preset[0] == '\0' ? "" : "`", rows[i].doc);
    }
}

void config_print_flags(FILE *out)
{
    size_t n = 0;
    const struct config_row *rows = config_rows(&n);
    for (size_t i = 0; i < n; i++) {
        char flag[CONFIG_FLAG_SIZE];
        char values[VALUE_SIZE];
        const char *preset = rows[i].default_text;
        config_flag_of(&rows[i], flag);
        config_describe_values(&rows[i], values, sizeof values);
        fprintf(out, "  %s VALUE\n      %s\n      (%s%s%s)\n", flag, rows[i].doc, values,
                preset[0] == '\0' ? "" : "; default ", preset);
    }
}
