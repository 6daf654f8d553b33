/* scripts: every atomic step of a session, one Lua file each in src/sessions/scripts, embedded at build time.
 *
 * The head comment of each file lists its KEYS, ARGV and replies, and what it keeps. */
#ifndef CUSTOMERD_SESSIONS_SCRIPTS_H
#define CUSTOMERD_SESSIONS_SCRIPTS_H

#include "customerd/memorydb/cluster.h"

extern const struct script script_session_open;
extern const struct script script_session_visit;
extern const struct script script_session_patch;
extern const struct script script_session_cart;
extern const struct script script_session_rotate;
extern const struct script script_session_finish;
extern const struct script script_session_list;

#endif
