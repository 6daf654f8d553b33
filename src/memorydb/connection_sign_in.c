/* Signing in: AUTH when a connection opens, and again in time on a living one. */
#include "connection.h"

#include <stdio.h>
#include <stdlib.h>

#define REAUTH_RETRY_BASE_MS 500
#define REAUTH_RETRY_MAX_MS 60000
#define REFUSED_RETRY_MIN_MS 100

static void clean_up(struct secret *user, struct secret *password)
{
    secret_clean_up(user);
    secret_clean_up(password);
}

bool connection_login_ready(struct connection *c, struct error *err)
{
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    const struct login *login = c->env->login;
    bool ok = login->get(login->ctx, &user, &password, err) == STATUS_OK;
    clean_up(&user, &password);
    return ok;
}

static void put_word(struct outbox *out, struct slice word)
{
    outbox_put_header(out, '$', word.len);
    outbox_put(out, word);
    outbox_put_cstr(out, "\r\n");
}

/* The words go straight to the outbox, which wipes them once they have left; the call only waits for the reply. */
static bool send_auth(struct connection *c, const struct secret *user, const struct secret *password)
{
    struct call *call = call_new_internal(CALL_OF_SIGN_IN, NULL, 0);
    struct slice auth = SLICE("AUTH");
    if (call == NULL)
        return false;
    call->progress.submitted_ms = c->env->reactor->now_ms;
    call->progress.deadline_ms = call->progress.submitted_ms + c->env->db->connect_timeout_ms;
    outbox_mark_secret(&c->out);
    if (!outbox_reserve(&c->out, 4 * OUTBOX_HEADER_MAX + user->len + password->len + 16) ||
        !connection_send(c, call)) {
        call_drop(call);
        return false;
    }
    outbox_put_header(&c->out, '*', user->len > 0 ? 3 : 2);
    put_word(&c->out, auth);
    if (user->len > 0)
        put_word(&c->out, secret_slice(user));
    put_word(&c->out, secret_slice(password));
    return sha256(secret_slice(password), c->attempt.password_digest);
}

void connection_sign_in(struct connection *c)
{
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    const struct login *login = c->env->login;
    struct error err;
    c->state = CONNECTION_SIGNING_IN;
    if (login->get(login->ctx, &user, &password, &err) != STATUS_OK) {
        connection_fail(c, err.detail);
    } else if (user.len == 0 && password.len == 0) {
        connection_ready(c);
    } else if (!send_auth(c, &user, &password)) {
        connection_fail(c, "AUTH can't be sent: out of memory");
    } else {
        connection_timer(c, c->times.deadline_ms);
        connection_flush(c);
    }
    clean_up(&user, &password);
}

bool connection_password_changed(struct connection *c)
{
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    uint8_t digest[SHA256_BYTES];
    const struct login *login = c->env->login;
    struct error err;
    bool changed = login->get(login->ctx, &user, &password, &err) == STATUS_OK &&
                   sha256(secret_slice(&password), digest) &&
                   !crypto_equal(digest, c->attempt.password_digest, sizeof digest);
    clean_up(&user, &password);
    return changed;
}

/* ---- the answer ---- */

/* One quick second chance, with what login has by then; after that the ordinary backoff, so that nobody is locked out. */
static void refused_at_connect(struct connection *c, struct slice text)
{
    char why[160];
    bool wrong_password = slice_starts_with(text, "WRONGPASS");
    snprintf(why, sizeof why, "AUTH refused: %.*s", (int)(text.len < 100 ? text.len : 100), text.ptr);
    if (wrong_password)
        c->env->login->refused(c->env->login->ctx);
    c->attempt.refused = wrong_password && !c->attempt.refused;
    connection_fail(c, why);
}

static void reauth_answered(struct connection *c, bool ok, struct slice text)
{
    int64_t now = c->env->reactor->now_ms;
    c->attempt.renewing = false;
    if (ok) {
        atomic_fetch_add(&c->env->reauths, 1);
        c->attempt.reauth_failures = 0;
        connection_schedule_reauth(c);
        return;
    }
    /* The connection keeps the rights it has; a new password is tried on it before its time runs out. */
    atomic_fetch_add(&c->env->reauth_failures, 1);
    if (slice_starts_with(text, "WRONGPASS"))
        c->env->login->refused(c->env->login->ctx);
    c->times.reauth_ms = now + REFUSED_RETRY_MIN_MS +
                         jitter_backoff_ms(c->env->jitter, c->attempt.reauth_failures++, REAUTH_RETRY_BASE_MS,
                                           REAUTH_RETRY_MAX_MS);
    connection_timer(c, c->times.reauth_ms);
}

void connection_signed_in(struct connection *c, const struct reply *reply)
{
    bool ok = reply_type(reply) == REPLY_STATUS && slice_is(reply_text(reply), "OK");
    if (c->state == CONNECTION_READY)
        reauth_answered(c, ok, reply_text(reply));
    else if (ok)
        connection_ready(c);
    else
        refused_at_connect(c, reply_text(reply));
}

/* ---- again, in time ---- */

void connection_schedule_reauth(struct connection *c)
{
    int64_t period_ms = c->env->db->reauth_s * 1000;
    c->times.reauth_ms = c->env->reactor->now_ms + jitter_between(c->env->jitter, period_ms / 2, period_ms);
    connection_timer(c, c->times.reauth_ms);
}

void connection_reauth(struct connection *c)
{
    struct secret user = SECRET_INIT, password = SECRET_INIT;
    const struct login *login = c->env->login;
    struct error err;
    if (c->attempt.renewing)
        return;
    c->times.reauth_ms = INT64_MAX; /* until the answer */
    if (login->get(login->ctx, &user, &password, &err) != STATUS_OK) {
        reauth_answered(c, false, slice_of("", 0));
    } else if (user.len == 0 && password.len == 0) {
        connection_schedule_reauth(c);
    } else if (!send_auth(c, &user, &password)) {
        connection_fail(c, "AUTH can't be sent: out of memory");
    } else {
        c->attempt.renewing = true;
        connection_flush(c);
    }
    clean_up(&user, &password);
}
