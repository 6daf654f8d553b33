/* config_rows: the tables of settings, private to config's sources. */
#ifndef CUSTOMERD_CORE_CONFIG_ROWS_H
#define CUSTOMERD_CORE_CONFIG_ROWS_H

#include "customerd/core/config.h"

/* A row and the struct that it is of. */
struct config_place {
    const struct config_row *row;
    void *values;
};

/* The at-th of all rows, the program's own first; false past the last. values is NULL when config is. */
bool config_place(struct config *config, struct config_parts parts, size_t at, struct config_place *out);

/* Longest flag: "--", the name without its prefix, and a NUL. */
#define CONFIG_FLAG_SIZE 64
/* "--listen" for CUSTOMERD_LISTEN. */
void config_flag_of(const struct config_row *row, char out[CONFIG_FLAG_SIZE]);

/* Reads text into the member. On failure `expected` says in words what would have been right. */
bool config_parse(const struct config_place *place, struct slice text, char *expected, size_t expected_size) MUST_USE;
/* The member's value as text that config_parse accepts. */
void config_format(const struct config_place *place, char *out, size_t size);
/* What the row accepts, for help texts: "HOST:PORT", "0..300000", "on, off". */
void config_describe_values(const struct config_row *row, char *out, size_t size);

#endif
