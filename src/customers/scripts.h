/* scripts: every atomic step of the store, one Lua file each in src/customers/scripts, embedded at build time.
 *
 * The head comment of each file lists its KEYS, ARGV and replies, and the invariants that it keeps. */
#ifndef CUSTOMERD_CUSTOMERS_SCRIPTS_H
#define CUSTOMERD_CUSTOMERS_SCRIPTS_H

#include "customerd/memorydb/cluster.h"

extern const struct script script_create;
extern const struct script script_replace;
extern const struct script script_delete;
extern const struct script script_begin;
extern const struct script script_claim;
extern const struct script script_commit;
extern const struct script script_abort;
extern const struct script script_release;
extern const struct script script_inspect;
extern const struct script script_open;
extern const struct script script_meta;
extern const struct script script_reindex;
extern const struct script script_restore;

#endif
