#include "customerd/core/edit_distance.h"

static size_t min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static bool same(char a, char b, enum edit_case letters)
{
    return a == b || (letters == EDIT_CASE_IGNORED && lower(a) == lower(b));
}

size_t edit_distance(struct slice a, struct slice b, enum edit_case letters)
{
    size_t row[EDIT_DISTANCE_MAX_BYTES + 1];
    size_t a_len = min(a.len, EDIT_DISTANCE_MAX_BYTES);
    size_t b_len = min(b.len, EDIT_DISTANCE_MAX_BYTES);
    for (size_t j = 0; j <= b_len; j++)
        row[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t above = row[j];
            size_t change = same(a.ptr[i - 1], b.ptr[j - 1], letters) ? 0 : 1;
            row[j] = min(diagonal + change, min(above, row[j - 1]) + 1);
            diagonal = above;
        }
    }
    return row[b_len];
}
