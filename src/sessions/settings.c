#include "customerd/sessions/settings.h"

#include <inttypes.h>

const struct config_row sessions_settings_rows[SESSIONS_SETTINGS_ROWS] = {
    CONFIG_ROW_INT("SESSION_IDLE_S", struct sessions_settings, idle_s, "900", 1, 86400,
                   "How long a session lives without a request"),
    CONFIG_ROW_INT("SESSION_ABSOLUTE_S", struct sessions_settings, absolute_s, "43200", 1, 2592000,
                   "How long a session lives at most"),
};

enum status sessions_settings_check(const struct sessions_settings *settings, struct error *err)
{
    if (settings->idle_s <= settings->absolute_s)
        return STATUS_OK;
    return error_set(err, STATUS_BAD_PARAMETER,
                     "CUSTOMERD_SESSION_IDLE_S: \"%" PRId64 "\" is more than CUSTOMERD_SESSION_ABSOLUTE_S, and could never be "
                     "reached",
                     settings->idle_s);
}
