#include "customer_members.h"

#include <inttypes.h>

#include "customerd/customers/email.h"
#include "customerd/core/json_read.h"
#include "customerd/core/json_utf8.h"

#define PHONE_MIN_CHARS 3
#define PHONE_MIN_DIGITS 3

static const char no_controls[] = "expected no control characters (U+0000 to U+001F, U+007F to U+009F)";

struct check {
    struct findings *f;
    struct buf *email_normal;
};

static void found(struct check *c, enum customer_member member, const char *expected)
{
    findings_add(c->f, slice_cstr(customer_member_name(member)), slice_cstr(NULL), "%s", expected);
}

/* A string of min to max characters; else a finding, and false. */
static bool check_length(struct check *c, enum customer_member member, const json_t *value, size_t min, size_t max,
                         struct utf8_facts *facts)
{
    struct slice name = slice_cstr(customer_member_name(member));
    if (!json_is_string(value)) {
        findings_add(c->f, name, slice_cstr(NULL), "expected a string, got %s", json_type_name(value));
        return false;
    }
    *facts = utf8_look(json_text(value));
    if (facts->chars >= min && facts->chars <= max)
        return true;
    findings_add(c->f, name, slice_cstr(NULL), "expected a string of %zu to %zu characters, got %zu", min, max,
                 facts->chars);
    return false;
}

static void check_name(struct check *c, const json_t *value)
{
    struct utf8_facts facts;
    if (check_length(c, CUSTOMER_NAME, value, 1, CUSTOMER_NAME_MAX_CHARS, &facts) && facts.has_control)
        found(c, CUSTOMER_NAME, no_controls);
}

static void check_email(struct check *c, const json_t *value)
{
    const struct slice path[] = { slice_cstr("email") };
    if (!json_is_string(value)) {
        findings_add_at(c->f, path, 1, "expected a string, got %s", json_type_name(value));
        return;
    }
    const char *expected = email_normalize(json_text(value), c->email_normal);
    if (expected != NULL)
        findings_add_at(c->f, path, 1, "expected %s", expected);
}

static void check_phone(struct check *c, const json_t *value)
{
    struct utf8_facts facts;
    size_t digits = 0;
    bool foreign = false;
    if (!check_length(c, CUSTOMER_PHONE, value, PHONE_MIN_CHARS, CUSTOMER_PHONE_MAX_CHARS, &facts))
        return;
    struct slice text = json_text(value);
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        digits += digit;
        foreign = foreign || (!digit && memchr(" +-().", text.ptr[i], 6) == NULL);
    }
    if (foreign)
        found(c, CUSTOMER_PHONE, "expected only digits, spaces and + - ( ) .");
    if (digits < PHONE_MIN_DIGITS)
        found(c, CUSTOMER_PHONE, "expected at least 3 digits");
}

static void check_address(struct check *c, const json_t *value)
{
    struct utf8_facts facts;
    if (check_length(c, CUSTOMER_ADDRESS, value, 0, CUSTOMER_ADDRESS_MAX_CHARS, &facts) && facts.has_unprintable)
        found(c, CUSTOMER_ADDRESS, "expected no control characters other than line breaks and tabs");
}

static bool is_safe_integer(const json_t *value)
{
    json_int_t number = json_integer_value(value);
    return json_is_integer(value) && number >= -CUSTOMER_BALANCE_MAX && number <= CUSTOMER_BALANCE_MAX;
}

static void check_integer(struct check *c, const struct slice *path, size_t n_tokens, const json_t *value)
{
    const int64_t max = CUSTOMER_BALANCE_MAX;
    if (!json_is_number(value))
        findings_add_at(c->f, path, n_tokens, "expected an integer, got %s", json_type_name(value));
    else if (!is_safe_integer(value))
        findings_add_at(c->f, path, n_tokens,
                        "expected an integer from %" PRId64 " to %" PRId64 ", written without fraction or exponent", -max,
                        max);
}

static void check_balance(struct check *c, const json_t *value)
{
    const struct slice path[] = { slice_cstr("balance") };
    check_integer(c, path, 1, value);
}

static void check_metadata_member(struct check *c, struct slice key, const json_t *value)
{
    const struct slice path[] = { slice_cstr("metadata"), key };
    size_t key_chars = utf8_look(key).chars;
    if (key_chars == 0 || key_chars > CUSTOMER_METADATA_KEY_MAX_CHARS)
        findings_add_at(c->f, path, 2, "expected a key of 1 to %d characters, got %zu", CUSTOMER_METADATA_KEY_MAX_CHARS,
                        key_chars);
    if (json_is_string(value)) {
        struct utf8_facts facts = utf8_look(json_text(value));
        if (facts.chars > CUSTOMER_METADATA_VALUE_MAX_CHARS)
            findings_add_at(c->f, path, 2, "expected a string of at most %d characters, got %zu",
                            CUSTOMER_METADATA_VALUE_MAX_CHARS, facts.chars);
        if (facts.has_nul)
            findings_add_at(c->f, path, 2, "expected a string without U+0000");
    } else if (json_is_number(value)) {
        check_integer(c, path, 2, value);
    } else if (!json_is_boolean(value)) {
        findings_add_at(c->f, path, 2, "expected a string, a boolean or an integer, got %s", json_type_name(value));
    }
}

static void check_metadata(struct check *c, json_t *value)
{
    const char *key;
    size_t key_len;
    json_t *item;
    size_t count = 0;
    if (!json_is_object(value)) {
        findings_add(c->f, slice_cstr("metadata"), slice_cstr(NULL), "expected an object, got %s", json_type_name(value));
        return;
    }
    json_object_keylen_foreach(value, key, key_len, item)
    {
        if (json_is_null(item))
            continue;
        count++;
        check_metadata_member(c, slice_of(key, key_len), item);
    }
    if (count > CUSTOMER_METADATA_MAX_MEMBERS)
        findings_add(c->f, slice_cstr("metadata"), slice_cstr(NULL), "expected at most %d members, got %zu",
                     CUSTOMER_METADATA_MAX_MEMBERS, count);
}

static void check_value(struct check *c, enum customer_member member, json_t *value)
{
    switch (member) {
    case CUSTOMER_NAME:
        check_name(c, value);
        break;
    case CUSTOMER_EMAIL:
        check_email(c, value);
        break;
    case CUSTOMER_PHONE:
        check_phone(c, value);
        break;
    case CUSTOMER_ADDRESS:
        check_address(c, value);
        break;
    case CUSTOMER_BALANCE:
        check_balance(c, value);
        break;
    case CUSTOMER_METADATA:
        check_metadata(c, value);
        break;
    case CUSTOMER_MEMBERS:
        break;
    }
}

static void check_absent(struct check *c, enum customer_member member, bool stated_null, enum members_kind kind)
{
    bool matters = kind != MEMBERS_PATCH || stated_null;
    if (member == CUSTOMER_NAME && matters)
        found(c, member, "expected a string of 1 to 256 characters: every customer has a name");
    if (member == CUSTOMER_BALANCE && matters && kind != MEMBERS_CREATE)
        found(c, member, kind == MEMBERS_REPLACE ? "expected an integer: a replace must state the balance, even 0"
                                                 : "expected an integer: the balance can't be removed, state 0 to zero it");
}

enum status members_check(const json_t *object, enum members_kind kind, struct buf *email_normal, struct findings *f,
                          struct error *err)
{
    struct check c = { .f = f, .email_normal = email_normal };
    for (enum customer_member m = 0; m < CUSTOMER_MEMBERS; m++) {
        json_t *value = json_object_get(object, customer_member_name(m));
        if (value == NULL || json_is_null(value))
            check_absent(&c, m, value != NULL, kind);
        else
            check_value(&c, m, value);
    }
    if (!buf_ok(email_normal) || !buf_ok(&f->json))
        return error_set(err, STATUS_INTERNAL, "out of memory");
    return f->count == 0 ? STATUS_OK : json_invalid(f, err);
}
