#include "customerd/core/config.h"

#include "customerd/core/edit_distance.h"

#include <stdio.h>

#include "config_rows.h"

#define NAME_MAX_BYTES 64
#define SHOWN_MAX_BYTES 80

/* What a value came with, for the error line: "CUSTOMERD_LISTEN" or "--listen". */
struct given {
    const char *label;
    struct slice text;
    enum config_source source;
};

/* Where config_load puts what it finds. */
struct load {
    struct config *config;
    struct config_sources *sources;
    struct error *err;
};

static bool place_at(const struct load *load, size_t at, struct config_place *out)
{
    return config_place(load->config, load->sources->parts, at, out);
}

/* Other people's bytes, fit for one line of an error. */
static const char *shown(struct slice text, char out[SHOWN_MAX_BYTES])
{
    size_t len = text.len < SHOWN_MAX_BYTES - 1 ? text.len : SHOWN_MAX_BYTES - 1;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : text.ptr[i];
    }
    out[len] = '\0';
    return out;
}

/* The row whose name, or flag, is nearest to the unknown one. */
static const struct config_row *nearest_row(const struct load *load, const char *unknown, bool by_flag)
{
    struct config_place place;
    const struct config_row *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; place_at(load, i, &place); i++) {
        char flag[CONFIG_FLAG_SIZE];
        config_flag_of(place.row, flag);
        const char *known = by_flag ? flag : place.row->name;
        size_t distance = edit_distance(slice_cstr(unknown), slice_cstr(known), EDIT_CASE_MATTERS);
        if (distance < least) {
            least = distance;
            nearest = place.row;
        }
    }
    return nearest;
}

static enum status set_row(const struct load *load, size_t at, const struct given *given)
{
    struct config_place place;
    char expected[160];
    if (!place_at(load, at, &place))
        return error_set(load->err, STATUS_INTERNAL, "%s: there are too many settings", given->label);
    if (!config_parse(&place, given->text, expected, sizeof expected)) {
        char value[SHOWN_MAX_BYTES];
        return error_set(load->err, STATUS_BAD_PARAMETER, "%s: \"%s\" is not %s", given->label,
                         shown(given->text, value), expected);
    }
    load->sources->by_row[at] = given->source;
    return STATUS_OK;
}

static enum status load_defaults(const struct load *load)
{
    struct config_place place;
    for (size_t i = 0; place_at(load, i, &place); i++) {
        struct given given = { place.row->name, slice_cstr(place.row->default_text), CONFIG_DEFAULT };
        if (given.text.len == 0)
            continue;
        enum status status = set_row(load, i, &given);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static bool ends_with(struct slice text, const char *end)
{
    size_t n = strlen(end);
    return text.len >= n && memcmp(text.ptr + text.len - n, end, n) == 0;
}

/* Kubernetes gives every pod variables for each Service of its namespace, named after the Service: one called
 * "customerd" or "customerd-admin" makes CUSTOMERD_SERVICE_HOST, CUSTOMERD_PORT=tcp://..., CUSTOMERD_PORT_8080_TCP_ADDR. */
static bool is_service_link(struct slice name, struct slice value)
{
    char text[NAME_MAX_BYTES * 2];
    if (name.len >= sizeof text)
        return false;
    memcpy(text, name.ptr, name.len);
    text[name.len] = '\0';
    const char *port = strstr(text, "_PORT_");
    return ends_with(name, "_SERVICE_HOST") || strstr(text, "_SERVICE_PORT") != NULL ||
           (port != NULL && port[6] >= '0' && port[6] <= '9') ||
           (ends_with(name, "_PORT") && memmem(value.ptr, value.len, "://", 3) != NULL);
}

static bool is_foreign(struct slice name, struct slice value)
{
    return slice_is(name, CONFIG_NAME_PREFIX "LOCAL_DIR") || slice_is(name, CONFIG_NAME_PREFIX "SOURCE_DIR") ||
           slice_starts_with(name, CONFIG_NAME_PREFIX "TEST_") || is_service_link(name, value);
}

static enum status load_variable(const struct load *load, const char *entry)
{
    struct config_place place;
    const char *equals = strchr(entry, '=');
    if (strncmp(entry, CONFIG_NAME_PREFIX, sizeof CONFIG_NAME_PREFIX - 1) != 0 || equals == NULL)
        return STATUS_OK;
    struct slice name = slice_of(entry, (size_t)(equals - entry));
    struct slice value = slice_cstr(equals + 1);
    for (size_t i = 0; place_at(load, i, &place); i++) {
        struct given given = { place.row->name, value, CONFIG_ENVIRONMENT };
        if (slice_is(name, place.row->name))
            return value.len == 0 ? STATUS_OK : set_row(load, i, &given);
    }
    if (is_foreign(name, value))
        return STATUS_OK;
    char unknown[SHOWN_MAX_BYTES];
    shown(name, unknown);
    return error_set(load->err, STATUS_BAD_PARAMETER, "%s: no such setting; did you mean %s?", unknown,
                     nearest_row(load, unknown, false)->name);
}

static enum status load_environment(const struct load *load, char *const *environment)
{
    for (; environment != NULL && *environment != NULL; environment++) {
        enum status status = load_variable(load, *environment);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

static enum status unknown_flag(const struct load *load, struct slice name)
{
    char text[SHOWN_MAX_BYTES];
    char flag[CONFIG_FLAG_SIZE];
    shown(name, text);
    if (!slice_starts_with(name, "-"))
        return error_set(load->err, STATUS_BAD_PARAMETER, "\"%s\": not a flag; flags begin with --", text);
    config_flag_of(nearest_row(load, text, true), flag);
    return error_set(load->err, STATUS_BAD_PARAMETER, "%s: no such flag; did you mean %s?", text, flag);
}

/* Reads the flag at argv[0], and its value there or at argv[1]; *used counts what was taken. */
static enum status load_flag(const struct load *load, int argc, char *const *argv, int *used)
{
    struct config_place place;
    struct slice arg = slice_cstr(argv[0]);
    struct slice name = slice_of(arg.ptr, strcspn(arg.ptr, "="));
    for (size_t i = 0; place_at(load, i, &place); i++) {
        char flag[CONFIG_FLAG_SIZE];
        config_flag_of(place.row, flag);
        if (!slice_is(name, flag))
            continue;
        struct given given = { flag, slice_from(arg, name.len + 1), CONFIG_FLAG };
        *used = 1;
        if (name.len == arg.len && argc < 2)
            return error_set(load->err, STATUS_BAD_PARAMETER, "%s: its value is missing", flag);
        if (name.len == arg.len) {
            given.text = slice_cstr(argv[1]);
            *used = 2;
        }
        return set_row(load, i, &given);
    }
    return unknown_flag(load, name);
}

void config_lower_resource(struct config_iam *iam)
{
    for (char *at = iam->resource; *at != '\0'; at++) {
        if (*at >= 'A' && *at <= 'Z') {
            *at = (char)(*at - 'A' + 'a');
            iam->resource_lowered = true;
        }
    }
}

enum status config_load(const struct config_input *input, struct config *out, struct config_sources *sources,
                        struct error *err)
{
    memset(out, 0, sizeof *out);
    memset(sources, 0, sizeof *sources);
    sources->parts = input->parts;
    const struct load load = { out, sources, err };
    enum status status = load_defaults(&load);
    if (status == STATUS_OK)
        status = load_environment(&load, input->environment);
    for (int at = 0, used = 0; status == STATUS_OK && at < input->argc; at += used)
        status = load_flag(&load, input->argc - at, input->argv + at, &used);
    config_lower_resource(&out->iam);
    return status;
}
