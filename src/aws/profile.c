#include "customerd/aws/profile.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#define PATH_MAX_BYTES 4096

/* The variable's path, or the one below HOME; "~/" at the front means HOME. False when there is no such path. */
static bool shared_path(const struct credentials_env *env, const char *variable, const char *below_home, char *out,
                        size_t out_size)
{
    const char *home = provider_getenv(env, "HOME");
    const char *path = provider_getenv(env, variable);
    if (path == NULL)
        path = below_home;
    int n;
    if (strncmp(path, "~/", 2) != 0)
        n = snprintf(out, out_size, "%s", path);
    else if (home != NULL)
        n = snprintf(out, out_size, "%s%s", home, path + 1);
    else
        return false;
    return n > 0 && (size_t)n < out_size;
}

static enum status file_load(const char *path, struct buf *text, struct ini *ini, struct error *err)
{
    /* EACCES: a directory on the way is closed, as the home directory of root is to a service that still has its HOME. */
    if (access(path, F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR || errno == EACCES))
        return STATUS_OK;
    if (provider_read_file(path, text, err) != CREDENTIALS_FOUND)
        return err->code;
    enum status status = ini_parse(buf_slice(text), ini, err);
    if (status == STATUS_OK)
        return STATUS_OK;
    (void)provider_fail(err, "%.150s: %s", path, err->detail);
    return status;
}

enum status profiles_load(const struct credentials_env *env, struct profiles *out, struct error *err)
{
    char path[PATH_MAX_BYTES];
    enum status status = STATUS_OK;
    *out = (struct profiles){ .config = { .n = 0 } };
    buf_init(&out->config_text, PROVIDER_FILE_MAX_BYTES);
    buf_init(&out->credentials_text, PROVIDER_FILE_MAX_BYTES);
    if (shared_path(env, "AWS_CONFIG_FILE", "~/.aws/config", path, sizeof path))
        status = file_load(path, &out->config_text, &out->config, err);
    if (status == STATUS_OK &&
        shared_path(env, "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials", path, sizeof path))
        status = file_load(path, &out->credentials_text, &out->credentials, err);
    if (status != STATUS_OK)
        profiles_clean_up(out);
    return status;
}

void profiles_clean_up(struct profiles *p)
{
    if (p == NULL)
        return;
    ini_clean_up(&p->config);
    ini_clean_up(&p->credentials);
    buf_clean_up_secure(&p->config_text);
    buf_clean_up_secure(&p->credentials_text);
}

const char *profiles_chosen(const struct credentials_env *env)
{
    const char *chosen = provider_getenv(env, "AWS_PROFILE");
    return chosen != NULL ? chosen : provider_getenv(env, "AWS_DEFAULT_PROFILE");
}

/* [profile name] or [profile "name"] in the config file, where [default] alone needs no prefix. */
static bool names_profile(struct slice section, struct slice name)
{
    if (slice_is(section, "default"))
        return slice_is(name, "default");
    if (!slice_starts_with(section, "profile"))
        return false;
    struct slice rest = slice_from(section, strlen("profile"));
    size_t blanks = 0;
    while (blanks < rest.len && (rest.ptr[blanks] == ' ' || rest.ptr[blanks] == '\t'))
        blanks++;
    if (blanks == 0)
        return false;
    rest = slice_from(rest, blanks);
    if (rest.len >= 2 && (rest.ptr[0] == '"' || rest.ptr[0] == '\'') && rest.ptr[rest.len - 1] == rest.ptr[0])
        rest = slice_of(rest.ptr + 1, rest.len - 2);
    return slice_equal(rest, name);
}

static bool in_profile(const struct ini_entry *entry, bool is_config, struct slice name)
{
    return is_config ? names_profile(entry->section, name) : slice_equal(entry->section, name);
}

static bool ini_has(const struct ini *ini, bool is_config, struct slice name)
{
    for (size_t i = 0; i < ini->n; i++)
        if (in_profile(&ini->entries[i], is_config, name))
            return true;
    return false;
}

static struct slice ini_get(const struct ini *ini, bool is_config, struct slice name, const char *key)
{
    for (size_t i = ini->n; i-- > 0;)
        if (in_profile(&ini->entries[i], is_config, name) && slice_is_nocase(ini->entries[i].key, key))
            return ini->entries[i].value;
    return slice_of("", 0);
}

bool profiles_has(const struct profiles *p, struct slice name)
{
    return ini_has(&p->credentials, false, name) || ini_has(&p->config, true, name);
}

bool profiles_keys(const struct profiles *p, struct slice name, struct provider_keys *keys)
{
    const struct ini *const files[] = { &p->credentials, &p->config };
    for (size_t i = 0; i < 2; i++) {
        bool is_config = files[i] == &p->config;
        keys->access_key_id = ini_get(files[i], is_config, name, "aws_access_key_id");
        keys->secret_access_key = ini_get(files[i], is_config, name, "aws_secret_access_key");
        keys->session_token = ini_get(files[i], is_config, name, "aws_session_token");
        if (keys->access_key_id.len > 0 || keys->secret_access_key.len > 0)
            return true;
    }
    return false;
}

struct slice profiles_get(const struct profiles *p, struct slice name, const char *key)
{
    struct slice value = ini_get(&p->credentials, false, name, key);
    return value.len > 0 ? value : ini_get(&p->config, true, name, key);
}
