#include "tls_listener.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <ulfius.h>

#include "customerd/core/crypto.h"
#include "customerd/core/file.h"
#include "customerd/core/unconst.h"

/* RFC 9325: forward secrecy and authenticated encryption alone. */
#define PRIORITIES \
    "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-256-GCM:" \
    "+CHACHA20-POLY1305:+AES-128-GCM:-MAC-ALL:+AEAD:%SERVER_PRECEDENCE"
#define PEM_MAX_BYTES 262144
#define CHAIN_MAX 16
#define LOOK_EVERY_MS 1000

/* A certificate with its chain and key. Sessions look at it as long as they last, and nobody knows which do: those that a
 * process ever serves, a few, stay until the end. */
struct identity {
    struct identity *before;
    uint8_t digest[SHA256_BYTES]; /* of both files */
    gnutls_pcert_st chain[CHAIN_MAX];
    unsigned n_chain;
    gnutls_privkey_t key;
    int64_t expires_s;
};

struct tls_listener {
    const struct config_tls *files;
    const struct clock *clock;
    struct log *log;
    pthread_mutex_t lock; /* guards all below */
    struct identity *newest;
    struct file_stamp cert_stamp;
    struct file_stamp key_stamp;
    int64_t looked_ms;
    struct buf client_cas; /* PEM, with its NUL */
};

/* ---- one identity ---- */

static gnutls_datum_t datum(const struct buf *b)
{
    return (gnutls_datum_t){ .data = (unsigned char *)b->data, .size = (unsigned)b->len };
}

static void identity_destroy(struct identity *i)
{
    for (unsigned n = 0; n < i->n_chain; n++)
        gnutls_pcert_deinit(&i->chain[n]);
    if (i->key != NULL)
        gnutls_privkey_deinit(i->key);
    free(i);
}

/* The library's own check that key and certificate belong together. */
static int check_pair(const gnutls_datum_t *cert, const gnutls_datum_t *key)
{
    gnutls_certificate_credentials_t scratch;
    int code = gnutls_certificate_allocate_credentials(&scratch);
    if (code < 0)
        return code;
    code = gnutls_certificate_set_x509_key_mem2(scratch, cert, key, GNUTLS_X509_FMT_PEM, NULL, 0);
    gnutls_certificate_free_credentials(scratch);
    return code < 0 ? code : 0;
}

static int64_t expiry_of(const gnutls_datum_t *cert)
{
    gnutls_x509_crt_t crt;
    int64_t expires_s = 0;
    if (gnutls_x509_crt_init(&crt) < 0)
        return 0;
    if (gnutls_x509_crt_import(crt, cert, GNUTLS_X509_FMT_PEM) >= 0)
        expires_s = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    return expires_s;
}

static int identity_fill(struct identity *i, const gnutls_datum_t *cert, const gnutls_datum_t *key)
{
    unsigned n = CHAIN_MAX;
    int code = check_pair(cert, key);
    if (code == 0)
        code = gnutls_pcert_list_import_x509_raw(i->chain, &n, cert, GNUTLS_X509_FMT_PEM, 0);
    if (code < 0)
        return code;
    i->n_chain = n;
    i->expires_s = expiry_of(cert);
    code = gnutls_privkey_init(&i->key);
    return code < 0 ? code : gnutls_privkey_import_x509_raw(i->key, key, GNUTLS_X509_FMT_PEM, NULL, 0);
}

static enum status fail(const char *setting, const char *path, const char *why, struct error *err)
{
    return error_set(err, STATUS_UNAVAILABLE, "%s: %.120s: %.90s", setting, path, why);
}

static struct identity *identity_of(const struct tls_listener *t, const struct buf *cert, const struct buf *key,
                                    struct error *err)
{
    const gnutls_datum_t cert_datum = datum(cert);
    const gnutls_datum_t key_datum = datum(key);
    struct identity *i = calloc(1, sizeof *i);
    int code = i == NULL ? GNUTLS_E_MEMORY_ERROR : identity_fill(i, &cert_datum, &key_datum);
    if (code >= 0)
        return i;
    bool mismatch = code == GNUTLS_E_CERTIFICATE_KEY_MISMATCH;
    (void)fail(mismatch ? "CUSTOMERD_TLS_KEY_FILE" : "CUSTOMERD_TLS_CERT_FILE",
               mismatch ? t->files->key_file : t->files->cert_file, gnutls_strerror(code), err);
    if (i != NULL)
        identity_destroy(i);
    return NULL;
}

/* ---- reading, and reading again ---- */

static enum status read_pem(const char *setting, const char *path, struct buf *out, struct file_stamp *stamp,
                            struct error *err)
{
    struct error reason;
    if (file_read(path, out, stamp, &reason) != STATUS_OK)
        return error_set(err, STATUS_UNAVAILABLE, "%s: %.200s", setting, reason.detail);
    return memmem(out->data, out->len, "-----BEGIN ", 11) != NULL ? STATUS_OK : fail(setting, path, "no PEM file", err);
}

static bool digest_of(const struct buf *cert, const struct buf *key, uint8_t out[SHA256_BYTES])
{
    uint8_t both[2 * SHA256_BYTES];
    return sha256(buf_slice(cert), both) && sha256(buf_slice(key), both + SHA256_BYTES) &&
           sha256(slice_of(both, sizeof both), out);
}

/* A file that was only written anew is no news. */
static enum status take(struct tls_listener *t, const struct buf *cert, const struct buf *key, struct error *err)
{
    uint8_t digest[SHA256_BYTES];
    if (!digest_of(cert, key, digest))
        return error_set(err, STATUS_INTERNAL, "hashing failed");
    if (t->newest != NULL && memcmp(t->newest->digest, digest, sizeof digest) == 0)
        return STATUS_OK;
    struct identity *i = identity_of(t, cert, key, err);
    if (i == NULL)
        return err->code;
    memcpy(i->digest, digest, sizeof digest);
    i->before = t->newest;
    t->newest = i;
    LOG(t->log, LOG_INFO, "tls_certificate", LOG_INT("expires_s", i->expires_s));
    return STATUS_OK;
}

/* With the lock held, or before there are sessions. */
static enum status load(struct tls_listener *t, struct error *err)
{
    struct buf cert = BUF_INIT(PEM_MAX_BYTES);
    struct buf key = BUF_INIT(PEM_MAX_BYTES);
    enum status status = read_pem("CUSTOMERD_TLS_CERT_FILE", t->files->cert_file, &cert, &t->cert_stamp, err);
    if (status == STATUS_OK)
        status = read_pem("CUSTOMERD_TLS_KEY_FILE", t->files->key_file, &key, &t->key_stamp, err);
    if (status == STATUS_OK)
        status = take(t, &cert, &key, err);
    buf_clean_up(&cert);
    buf_clean_up_secure(&key);
    return status;
}

/* Certificate and key are seldom exchanged in one instant: what does not fit yet is met again at the next look. */
static void look(struct tls_listener *t)
{
    struct error err;
    int64_t now_ms = clock_monotonic_ms(t->clock);
    if (now_ms - t->looked_ms < LOOK_EVERY_MS)
        return;
    t->looked_ms = now_ms;
    if (!file_has_changed(t->files->cert_file, &t->cert_stamp) &&
        !file_has_changed(t->files->key_file, &t->key_stamp))
        return;
    if (load(t, &err) != STATUS_OK)
        LOG(t->log, LOG_WARN, "tls_certificate_failed", LOG_CSTR("reason", err.detail));
}

/* ---- the library's handshakes ---- */

static int verify_client(gnutls_session_t session)
{
    gnutls_typed_vdata_st purpose = { .type = GNUTLS_DT_KEY_PURPOSE_OID, .data = unconst(GNUTLS_KP_TLS_WWW_CLIENT) };
    unsigned wrong = 1;
    int code = gnutls_certificate_verify_peers(session, &purpose, 1, &wrong);
    return code < 0 || wrong != 0 ? GNUTLS_E_CERTIFICATE_ERROR : 0;
}

static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    struct tls_client *client = gnutls_session_get_ptr(session);
    (void)type;
    (void)when;
    (void)message;
    if (incoming != 0 && client != NULL)
        client->established(client->ctx);
    return 0;
}

/* The library's callback is told nothing of ours, so the session carries it; of the session's own pointer the library makes
 * use only with pre-shared keys. */
void tls_listener_begin(struct tls_listener *t, struct MHD_Connection *http, struct tls_client *client)
{
    gnutls_session_t session = MHD_get_connection_info(http, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
    gnutls_session_set_ptr(session, client);
    if (client == NULL)
        return;
    client->listener = t;
    gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST, on_finished);
    if (t->client_cas.len == 0)
        return;
    gnutls_certificate_server_set_request(session, GNUTLS_CERT_REQUIRE);
    gnutls_session_set_verify_function(session, verify_client);
}

static int choose(gnutls_session_t session, const struct gnutls_cert_retr_st *info, gnutls_pcert_st **chain,
                  unsigned *n_chain, gnutls_ocsp_data_st **ocsp, unsigned *n_ocsp, gnutls_privkey_t *key,
                  unsigned *flags)
{
    const struct tls_client *client = gnutls_session_get_ptr(session);
    (void)info;
    if (client == NULL)
        return -1;
    struct tls_listener *t = client->listener;
    (void)pthread_mutex_lock(&t->lock);
    look(t);
    struct identity *i = t->newest;
    (void)pthread_mutex_unlock(&t->lock);
    *chain = i->chain;
    *n_chain = i->n_chain;
    *key = i->key;
    *ocsp = NULL;
    *n_ocsp = 0;
    *flags = 0;
    return 0;
}

size_t tls_listener_options(struct tls_listener *t, struct MHD_OptionItem *to)
{
    size_t n = 0;
    to[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_PRIORITIES, 0, unconst(PRIORITIES) };
    to[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_CERT_CALLBACK2, 0, (void *)choose };
    if (t->client_cas.len > 0)
        to[n++] = (struct MHD_OptionItem){ MHD_OPTION_HTTPS_MEM_TRUST, 0, t->client_cas.data };
    return n;
}

int64_t tls_listener_expires_s(struct tls_listener *t)
{
    (void)pthread_mutex_lock(&t->lock);
    int64_t expires_s = t->newest->expires_s;
    (void)pthread_mutex_unlock(&t->lock);
    return expires_s;
}

/* ---- life ---- */

/* The library says nothing of CAs that it can't read, and would then trust nobody. */
static enum status load_client_cas(struct tls_listener *t, struct error *err)
{
    static const char setting[] = "CUSTOMERD_TLS_CLIENT_CA_FILE";
    const char *path = t->files->client_ca_file;
    gnutls_certificate_credentials_t scratch;
    if (path[0] == '\0')
        return STATUS_OK;
    enum status status = read_pem(setting, path, &t->client_cas, NULL, err);
    if (status != STATUS_OK)
        return status;
    if (gnutls_certificate_allocate_credentials(&scratch) < 0)
        return error_set(err, STATUS_INTERNAL, "out of memory");
    const gnutls_datum_t pem = datum(&t->client_cas);
    int n = gnutls_certificate_set_x509_trust_mem(scratch, &pem, GNUTLS_X509_FMT_PEM);
    gnutls_certificate_free_credentials(scratch);
    return n > 0 ? STATUS_OK : fail(setting, path, "no certificate", err);
}

struct tls_listener *tls_listener_new(const struct config_tls *files, const struct clock *clock, struct log *log,
                                      struct error *err)
{
    struct tls_listener *t = calloc(1, sizeof *t);
    if (t == NULL) {
        (void)error_set(err, STATUS_INTERNAL, "out of memory");
        return NULL;
    }
    t->files = files;
    t->clock = clock;
    t->log = log;
    t->looked_ms = clock_monotonic_ms(clock);
    buf_init(&t->client_cas, PEM_MAX_BYTES);
    (void)pthread_mutex_init(&t->lock, NULL);
    if (load(t, err) != STATUS_OK || load_client_cas(t, err) != STATUS_OK) {
        tls_listener_destroy(t);
        return NULL;
    }
    return t;
}

void tls_listener_destroy(struct tls_listener *t)
{
    if (t == NULL)
        return;
    while (t->newest != NULL) {
        struct identity *i = t->newest;
        t->newest = i->before;
        identity_destroy(i);
    }
    buf_clean_up(&t->client_cas);
    (void)pthread_mutex_destroy(&t->lock);
    free(t);
}
