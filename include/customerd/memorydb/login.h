/* login: who signs in to the database with what, behind a small vtable (IAM, password file, nobody). */
#ifndef CUSTOMERD_MEMORYDB_LOGIN_H
#define CUSTOMERD_MEMORYDB_LOGIN_H

#include "customerd/aws/iam_refresher.h"
#include "customerd/core/secret.h"
#include "customerd/core/status.h"

struct login {
    /* The user and the password to send now. Both are copies that the caller cleans up; an empty user and password
     * mean that no AUTH is sent; an empty user alone means AUTH with the password only. Must not block. */
    enum status (*get)(void *ctx, struct secret *user, struct secret *password, struct error *err);
    /* The server answered WRONGPASS to what get gave last. Must not block. */
    void (*refused)(void *ctx);
    void *ctx;
};

/* No AUTH. */
struct login login_none(void);
/* user is borrowed. */
struct login_iam {
    struct iam_refresher *refresher;
    const char *user;
};
struct login login_iam(struct login_iam *l);
/* Reads the file (one trailing line break is dropped) each time, so that a rotated password is taken up. */
struct login_password {
    const char *user;
    const char *file;
};
struct login login_password(struct login_password *l);

#endif
