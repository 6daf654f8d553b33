/* scripts: the Lua scripts of objects (made from scripts/ at build time). */
#ifndef CUSTOMERD_OBJECTS_SCRIPTS_H
#define CUSTOMERD_OBJECTS_SCRIPTS_H

#include "customerd/memorydb/cluster.h"

extern const struct script script_object_lease;
extern const struct script script_object_fill;
extern const struct script script_object_touch;
extern const struct script script_object_release;
extern const struct script script_object_fence;
extern const struct script script_object_settle;
extern const struct script script_object_drop;

#endif
