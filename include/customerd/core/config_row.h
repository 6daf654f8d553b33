/* config_row: one row of a table of settings. Those of the whole program stand in src/core/config_rows.c; a resource has
 * a table of its own, over a struct of its own. */
#ifndef CUSTOMERD_CORE_CONFIG_ROW_H
#define CUSTOMERD_CORE_CONFIG_ROW_H

#include <stddef.h>
#include <stdint.h>

#define CONFIG_NAME_PREFIX "CUSTOMERD_"

struct host_port {
    char host[256]; /* without brackets */
    uint16_t port;
};

enum config_type { CONFIG_HOST_PORT, CONFIG_INT, CONFIG_BOOL, CONFIG_WORD, CONFIG_TEXT };

struct config_row {
    const char *name;
    enum config_type type;
    size_t offset;            /* of the member in the table's struct */
    size_t size;              /* of the member */
    const char *default_text; /* "" for none */
    int64_t min;              /* of CONFIG_INT, and of the port of CONFIG_HOST_PORT */
    int64_t max;
    const char *const *words; /* of CONFIG_WORD, NULL-terminated; a member that is no array holds the index */
    const char *doc;
};

#define CONFIG_MEMBER(type, member) offsetof(type, member), sizeof(((type *)NULL)->member)

/* Rows over a struct `type`: host_port, int64_t, bool, an enum or char[], char[]. */
#define CONFIG_ROW_HOST_PORT(name, type, member, preset, min_port, doc) \
    { CONFIG_NAME_PREFIX name, CONFIG_HOST_PORT, CONFIG_MEMBER(type, member), preset, min_port, 65535, NULL, doc }
#define CONFIG_ROW_INT(name, type, member, preset, min, max, doc) \
    { CONFIG_NAME_PREFIX name, CONFIG_INT, CONFIG_MEMBER(type, member), preset, min, max, NULL, doc }
#define CONFIG_ROW_BOOL(name, type, member, preset, doc) \
    { CONFIG_NAME_PREFIX name, CONFIG_BOOL, CONFIG_MEMBER(type, member), preset, 0, 1, NULL, doc }
#define CONFIG_ROW_WORD(name, type, member, preset, words, doc) \
    { CONFIG_NAME_PREFIX name, CONFIG_WORD, CONFIG_MEMBER(type, member), preset, 0, 0, words, doc }
#define CONFIG_ROW_TEXT(name, type, member, preset, doc) \
    { CONFIG_NAME_PREFIX name, CONFIG_TEXT, CONFIG_MEMBER(type, member), preset, 0, 0, NULL, doc }

/* A table and the struct that it fills. */
struct config_part {
    const struct config_row *rows;
    size_t n_rows;
    void *values;
};

/* The parts beside the program's own; both NULL and 0 for none. */
struct config_parts {
    const struct config_part *items;
    size_t n;
};

#endif
