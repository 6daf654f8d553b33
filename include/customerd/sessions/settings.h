/* settings: of the resource sessions. */
#ifndef CUSTOMERD_SESSIONS_SETTINGS_H
#define CUSTOMERD_SESSIONS_SETTINGS_H

#include "customerd/core/config_row.h"
#include "customerd/core/status.h"

struct sessions_settings {
    int64_t idle_s;     /* CUSTOMERD_SESSION_IDLE_S 900 (1..86400) */
    int64_t absolute_s; /* CUSTOMERD_SESSION_ABSOLUTE_S 43200 (1..2592000) */
};

#define SESSIONS_SETTINGS_ROWS 2
extern const struct config_row sessions_settings_rows[SESSIONS_SETTINGS_ROWS];

/* Whether they go together. */
enum status sessions_settings_check(const struct sessions_settings *settings, struct error *err) MUST_USE;

#endif
