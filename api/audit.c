#include "customerd/api/audit.h"

#include "customerd/auth/authenticator.h"

static const char *outcome_of(const struct exchange *x, enum status status, const struct error *err)
{
    if (status == STATUS_OK)
        return x->audit.replayed ? "replayed" : "applied";
    if (err->applied == APPLIED_UNKNOWN)
        return "unknown";
    return x->response.status < 500 ? "refused" : "failed";
}

void audit_write(const struct exchange *x, enum status status, const struct error *err)
{
    char id[UUID_TEXT_SIZE] = "";
    const struct claims *claims = x->admission.claims;
    if (x->audit.id_known)
        uuid_format(&x->audit.id, id);
    const struct log_field fields[] = {
        LOG_STR("subject", claims == NULL ? slice_cstr(x->audit.subject) : claims_subject(claims)),
        LOG_CSTR("operation", x->match.route->operation),
        LOG_CSTR("id", id),
        LOG_INT("version", (int64_t)x->audit.version),
        LOG_CSTR("outcome", outcome_of(x, status, err)),
        LOG_INT("status", x->response.status),
        LOG_CSTR("request_id", x->request.id),
        LOG_CSTR("trace_id", x->request.trace.trace_id),
    };
    log_audit(x->app->log, fields, sizeof fields / sizeof *fields);
}
