#include "customerd/customers/email.h"

#include <idn2.h>
#include <stdlib.h>
#include <uninorm.h>

#include "customerd/core/json_utf8.h"

#define LABEL_MAX_BYTES 63

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* atext of RFC 5322 section 3.2.3, and every byte of a non-ASCII code point. */
static bool is_atom_byte(char c)
{
    return is_letter_or_digit(c) || (unsigned char)c >= 0x80 || (c != '\0' && strchr("!#$%&'*+-/=?^_`{|}~", c) != NULL);
}

static const char *check_local(struct slice local)
{
    if (local.len == 0)
        return "an e-mail address with a local part before the @";
    if (local.len > EMAIL_LOCAL_MAX_BYTES)
        return "an e-mail address with at most 64 bytes before the @";
    for (size_t i = 0; i < local.len; i++) {
        if (local.ptr[i] == '.') {
            if (i == 0 || i + 1 == local.len || local.ptr[i + 1] == '.')
                return "an e-mail address whose dots stand singly between other characters";
        } else if (!is_atom_byte(local.ptr[i])) {
            return "an e-mail address whose local part holds letters, digits, dots and !#$%&'*+-/=?^_`{|}~ only, unquoted";
        }
    }
    return NULL;
}

static void lower_ascii(char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] >= 'A' && text[i] <= 'Z')
            text[i] = (char)(text[i] - 'A' + 'a');
    }
}

/* In place, from `start` to the end of out. False when out has failed. */
static bool to_nfc(struct buf *out, size_t start)
{
    size_t len = 0;
    uint8_t *nfc = u8_normalize(UNINORM_NFC, (const uint8_t *)out->data + start, out->len - start, NULL, &len);
    if (nfc == NULL) {
        out->failed = true;
        return false;
    }
    out->len = start;
    buf_append(out, slice_of(nfc, len));
    free(nfc);
    return buf_ok(out);
}

/* NFC goes first: A with a ring as two code points must not become a small a before it has become one letter. And NFC
 * goes last: h with a line below is one letter, H with it is two. */
static const char *append_local(struct slice local, struct buf *out)
{
    size_t start = out->len;
    bool ascii = utf8_look(local).ascii;
    buf_append(out, local);
    if (!buf_ok(out) || (!ascii && !to_nfc(out, start)))
        return NULL;
    lower_ascii(out->data + start, out->len - start);
    if (!ascii && !to_nfc(out, start))
        return NULL;
    /* U+037E, for one, becomes a semicolon. */
    for (size_t i = start; i < out->len; i++) {
        if (out->data[i] != '.' && !is_atom_byte(out->data[i]))
            return "an e-mail address whose local part stays within its characters under Unicode normalization (NFC)";
    }
    return NULL;
}

/* Letters, digits and hyphens in labels of 1 to 63, as DNS has them; libidn2 lets other ASCII and empty labels pass. */
static bool is_host_name(struct slice domain)
{
    size_t label_from = 0;
    bool numeric = true;
    for (size_t i = 0; i <= domain.len; i++) {
        if (i < domain.len && domain.ptr[i] != '.') {
            if (!is_letter_or_digit(domain.ptr[i]) && domain.ptr[i] != '-')
                return false;
            numeric = numeric && domain.ptr[i] >= '0' && domain.ptr[i] <= '9';
            continue;
        }
        size_t len = i - label_from;
        if (len == 0 || len > LABEL_MAX_BYTES || domain.ptr[label_from] == '-' || domain.ptr[i - 1] == '-')
            return false;
        if (i == domain.len)
            break;
        label_from = i + 1;
        numeric = true;
    }
    return !numeric;
}

static const char *idn_expectation(int code)
{
    switch (code) {
    case IDN2_TOO_BIG_LABEL:
    case IDN2_TOO_BIG_DOMAIN:
        return "an e-mail address with a domain of at most 253 bytes in labels of at most 63, in its ASCII form";
    case IDN2_BIDI:
        return "an e-mail address whose domain follows the rules for text of mixed direction (RFC 5893)";
    case IDN2_UNASSIGNED:
    case IDN2_DISALLOWED:
    case IDN2_CONTEXTJ:
    case IDN2_CONTEXTO:
        return "an e-mail address whose domain holds only characters that IDNA 2008 allows";
    default:
        return "an e-mail address whose domain is valid by UTS 46";
    }
}

/* Whether libidn2 would do more than lower the letters: for anything beyond ASCII, and for labels such as xn--..., whose
 * third and fourth characters are hyphens. It takes longer than all the rest of a customer. */
static bool needs_idna(struct slice domain)
{
    for (size_t i = 0; i < domain.len; i++) {
        if ((unsigned char)domain.ptr[i] >= 0x80 || (i > 0 && domain.ptr[i] == '-' && domain.ptr[i - 1] == '-'))
            return true;
    }
    return false;
}

/* Appends the ASCII form. IDN2_USE_STD3_ASCII_RULES is left out on purpose: it drops the characters that it does not
 * allow, so that different domains would become one. is_host_name refuses them instead. */
static const char *append_idna(struct slice domain, struct buf *out)
{
    char text[EMAIL_MAX_BYTES + 1];
    char *ascii = NULL;
    const char *reason = NULL;
    memcpy(text, domain.ptr, domain.len);
    text[domain.len] = '\0';
    int code = idn2_to_ascii_8z(text, &ascii, IDN2_NONTRANSITIONAL | IDN2_NFC_INPUT);
    if (code == IDN2_MALLOC)
        out->failed = true;
    else if (code != IDN2_OK)
        reason = idn_expectation(code);
    else if (strlen(ascii) > EMAIL_DOMAIN_MAX_BYTES)
        reason = idn_expectation(IDN2_TOO_BIG_DOMAIN);
    else
        buf_append_cstr(out, ascii);
    idn2_free(ascii);
    return reason;
}

static const char *append_domain(struct slice domain, struct buf *out)
{
    static const char expected[] = "an e-mail address with a domain name after the @: labels of 1 to 63 letters, digits and "
                                   "inner hyphens, the last not a number";
    size_t start = out->len;
    const char *reason = NULL;
    for (size_t i = 0; i < domain.len; i++) {
        char c = domain.ptr[i];
        if ((unsigned char)c < 0x80 && !is_letter_or_digit(c) && c != '-' && c != '.')
            return expected;
    }
    if (needs_idna(domain))
        reason = append_idna(domain, out);
    else
        buf_append(out, domain);
    if (reason != NULL || !buf_ok(out))
        return reason;
    if (!is_host_name(slice_from(buf_slice(out), start)))
        return expected;
    lower_ascii(out->data + start, out->len - start);
    return NULL;
}

static const char *check_whole(struct slice text)
{
    struct utf8_facts facts = utf8_look(text);
    if (text.len == 0)
        return "an e-mail address, not an empty string";
    if (text.len > EMAIL_MAX_BYTES)
        return "an e-mail address of at most 254 bytes";
    if (!facts.valid)
        return "an e-mail address in UTF-8";
    if (facts.has_control)
        return "an e-mail address without control characters";
    return NULL;
}

const char *email_normalize(struct slice text, struct buf *out)
{
    const char *reason = check_whole(text);
    if (reason != NULL)
        return reason;
    const char *at = memchr(text.ptr, '@', text.len);
    size_t local_len = at == NULL ? 0 : (size_t)(at - text.ptr);
    if (at == NULL || memchr(at + 1, '@', text.len - local_len - 1) != NULL)
        return "an e-mail address with one @";
    struct slice local = slice_of(text.ptr, local_len);
    size_t start = out->len;
    reason = check_local(local);
    if (reason == NULL)
        reason = append_local(local, out);
    if (reason == NULL) {
        buf_append_byte(out, '@');
        reason = append_domain(slice_from(text, local_len + 1), out);
    }
    if (reason != NULL && out->data != NULL)
        out->len = start;
    return reason;
}
