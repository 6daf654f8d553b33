/* Canonical forms of SigV4: the canonical query of a canonical query is itself, and does not depend on the order of
 * parameters; a canonical path climbs above nothing; names are sorted, lower-case and single. Lines: path, query, then
 * a header field each. */
#include "fuzz.h"

#include "customerd/aws/sigv4.h"

#define OUT_MAX_BYTES (1u << 20)

static void check_query(struct slice query)
{
    struct buf once = BUF_INIT(OUT_MAX_BYTES);
    struct buf twice = BUF_INIT(OUT_MAX_BYTES);
    struct buf turned = BUF_INIT(OUT_MAX_BYTES);
    sigv4_canonical_query(query, &once);
    if (buf_ok(&once)) {
        sigv4_canonical_query(buf_slice(&once), &twice);
        REQUIRE(buf_ok(&twice) && slice_equal(buf_slice(&once), buf_slice(&twice)));
        struct slice rest = query;
        struct slice first = slice_take(&rest, '&');
        buf_append(&turned, rest);
        buf_append_byte(&turned, '&');
        buf_append(&turned, first);
        buf_clear(&twice);
        sigv4_canonical_query(buf_slice(&turned), &twice);
        REQUIRE(buf_ok(&twice) && slice_equal(buf_slice(&once), buf_slice(&twice)));
        REQUIRE(once.len == 0 || (memchr(once.data, ' ', once.len) == NULL && memchr(once.data, '+', once.len) == NULL));
    }
    buf_clean_up(&once);
    buf_clean_up(&twice);
    buf_clean_up(&turned);
}

static void check_path(struct slice path)
{
    struct buf out = BUF_INIT(OUT_MAX_BYTES);
    sigv4_canonical_path(path, true, &out);
    if (buf_ok(&out)) {
        REQUIRE(out.len > 0 && out.data[0] == '/');
        REQUIRE(strstr(out.data, "//") == NULL && strstr(out.data, "/../") == NULL && strstr(out.data, "/./") == NULL);
        REQUIRE(strspn(out.data, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%/") == out.len);
    }
    buf_clear(&out);
    sigv4_canonical_path(path, false, &out);
    REQUIRE(buf_ok(&out) && out.len >= path.len && out.len > 0);
    buf_clean_up(&out);
}

static void check_signed_names(struct slice names)
{
    struct slice before = slice_of("", 0);
    bool first = true;
    while (names.len > 0) {
        struct slice name = slice_take(&names, ';');
        size_t common = before.len < name.len ? before.len : name.len;
        int order = common == 0 ? 0 : memcmp(before.ptr, name.ptr, common);
        REQUIRE(first || order < 0 || (order == 0 && before.len < name.len));
        for (size_t i = 0; i < name.len; i++)
            REQUIRE(!(name.ptr[i] >= 'A' && name.ptr[i] <= 'Z'));
        before = name;
        first = false;
    }
}

static size_t read_headers(struct slice rest, struct sigv4_header headers[SIGV4_HEADERS_MAX])
{
    size_t n = 0;
    while (rest.len > 0 && n < SIGV4_HEADERS_MAX) {
        struct slice value = slice_take(&rest, '\n');
        struct slice name = slice_take(&value, ':');
        if (name.len > 0 && memchr(name.ptr, ';', name.len) == NULL)
            headers[n++] = (struct sigv4_header){ .name = name, .value = value };
    }
    return n;
}

static void check_request(struct slice path, struct slice query, struct slice lines)
{
    struct sigv4_header headers[SIGV4_HEADERS_MAX];
    struct sigv4_request request = { .method = SLICE("GET"), .path = path, .query = query, .headers = headers,
                                     .payload_hash = SLICE("hash"), .normalize_path = true };
    const struct sigv4_scope scope = { .time_s = 1440938160, .region = SLICE("us-east-1"), .service = SLICE("service") };
    struct buf names = BUF_INIT(OUT_MAX_BYTES);
    struct buf canonical = BUF_INIT(OUT_MAX_BYTES);
    char signature[SIGV4_HEX_SIZE];
    request.n_headers = read_headers(lines, headers);
    sigv4_signed_headers(headers, request.n_headers, &names);
    REQUIRE(buf_ok(&names));
    check_signed_names(buf_slice(&names));
    sigv4_canonical_request(&request, &canonical);
    REQUIRE(sigv4_sign(&request, &scope, slice_cstr("secret"), signature) == buf_ok(&canonical));
    buf_clean_up(&names);
    buf_clean_up(&canonical);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *copy = fuzz_copy(slice_of(data, size));
    struct slice rest = slice_of(copy, size);
    struct slice path = slice_take(&rest, '\n');
    struct slice query = slice_take(&rest, '\n');
    check_path(path);
    check_query(query);
    check_request(path, query, rest);
    free(copy);
    return 0;
}
