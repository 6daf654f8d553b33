/* config_rows: the table of settings, private to config's sources. */
#ifndef CUSTOMERD_CORE_CONFIG_ROWS_H
#define CUSTOMERD_CORE_CONFIG_ROWS_H

#include "customerd/core/config.h"

#define CONFIG_NAME_PREFIX "CUSTOMERD_"

enum config_type { CONFIG_HOST_PORT, CONFIG_INT, CONFIG_BOOL, CONFIG_WORD, CONFIG_TEXT };

struct config_row {
    const char *name;
    enum config_type type;
    size_t offset;            /* of the member in struct config */
    size_t size;              /* of the member */
    const char *default_text; /* "" for none */
    int64_t min;              /* of CONFIG_INT, and of the port of CONFIG_HOST_PORT */
    int64_t max;
    const char *const *words; /* of CONFIG_WORD, NULL-terminated; a member that is no array holds the index */
    const char *doc;
};

/* All rows, *n of them. */
const struct config_row *config_rows(size_t *n);

/* Longest flag: "--", the name without its prefix, and a NUL. */
#define CONFIG_FLAG_SIZE 64
/* "--listen" for CUSTOMERD_LISTEN. */
void config_flag_of(const struct config_row *row, char out[CONFIG_FLAG_SIZE]);

/* Reads text into the row's member. On failure `expected` says in words what would have been right. */
bool config_parse(const struct config_row *row, struct slice text, struct config *config, char *expected,
                  size_t expected_size) MUST_USE;
/* The member's value as text that config_parse accepts. */
void config_format(const struct config_row *row, const struct config *config, char *out, size_t size);
/* What the row accepts, for help texts: "HOST:PORT", "0..300000", "on, off". */
void config_describe_values(const struct config_row *row, char *out, size_t size);

#endif
