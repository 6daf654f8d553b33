#include "customerd/core/timestamp.h"

#define DAY_S 86400
#define DAYS_OF_ERA 146097  /* 400 years */
#define DAYS_TO_1970 719468 /* since 0000-03-01 */
#define MAX_REALTIME_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

static inline void put_two(char *at, int value)
{
    at[0] = (char)('0' + value / 10);
    at[1] = (char)('0' + value % 10);
}

static inline void put_four(char *at, int value)
{
    put_two(at, value / 100);
    put_two(at + 2, value % 100);
}

struct utc {
    int year, month, day, hour, minute, second;
};

/* gmtime_r takes a lock of the whole process, and reads the zone. As in days_since_epoch, years are counted from March. */
static struct utc utc_of(int64_t realtime_s)
{
    int day = (int)(realtime_s / DAY_S) + DAYS_TO_1970;
    int second = (int)(realtime_s % DAY_S);
    int of_era = day % DAYS_OF_ERA;
    int year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / (DAYS_OF_ERA - 1)) / 365;
    int of_year = of_era - (year_of_era * 365 + year_of_era / 4 - year_of_era / 100);
    int month = (5 * of_year + 2) / 153; /* 0 is March */
    return (struct utc){
        .year = day / DAYS_OF_ERA * 400 + year_of_era + (month < 10 ? 0 : 1),
        .month = month < 10 ? month + 3 : month - 9,
        .day = of_year - (153 * month + 2) / 5 + 1,
        .hour = second / 3600,
        .minute = second / 60 % 60,
        .second = second % 60,
    };
}

static int64_t clamp(int64_t value, int64_t max)
{
    if (value < 0)
        return 0;
    return value > max ? max : value;
}

void timestamp_rfc3339_ms(int64_t realtime_ms, char out[TIMESTAMP_RFC3339_MS_SIZE])
{
    int64_t ms = clamp(realtime_ms, MAX_REALTIME_S * 1000 + 999);
    struct utc parts = utc_of(ms / 1000);
    memcpy(out, "0000-00-00T00:00:00.000Z", TIMESTAMP_RFC3339_MS_SIZE);
    put_four(out, parts.year);
    put_two(out + 5, parts.month);
    put_two(out + 8, parts.day);
    put_two(out + 11, parts.hour);
    put_two(out + 14, parts.minute);
    put_two(out + 17, parts.second);
    out[20] = (char)('0' + ms % 1000 / 100);
    put_two(out + 21, (int)(ms % 100));
}

void timestamp_amz(int64_t realtime_s, char out[TIMESTAMP_AMZ_SIZE])
{
    struct utc parts = utc_of(clamp(realtime_s, MAX_REALTIME_S));
    memcpy(out, "00000000T000000Z", TIMESTAMP_AMZ_SIZE);
    put_four(out, parts.year);
    put_two(out + 4, parts.month);
    put_two(out + 6, parts.day);
    put_two(out + 9, parts.hour);
    put_two(out + 11, parts.minute);
    put_two(out + 13, parts.second);
}

/* A cursor over the text; `ok` turns false at the first thing that does not fit, and stays so. */
struct scan {
    struct slice rest;
    bool ok;
};

static int take_digits(struct scan *s, size_t width)
{
    int value = 0;
    if (s->rest.len < width)
        s->ok = false;
    for (size_t i = 0; s->ok && i < width; i++) {
        char c = s->rest.ptr[i];
        if (c < '0' || c > '9')
            s->ok = false;
        else
            value = value * 10 + (c - '0');
    }
    if (s->ok)
        s->rest = slice_from(s->rest, width);
    return value;
}

/* Takes one byte out of `accepted`, or fails. */
static char take_one(struct scan *s, const char *accepted)
{
    if (!s->ok || s->rest.len == 0 || s->rest.ptr[0] == '\0' || strchr(accepted, s->rest.ptr[0]) == NULL) {
        s->ok = false;
        return '\0';
    }
    char c = s->rest.ptr[0];
    s->rest = slice_from(s->rest, 1);
    return c;
}

static int take_fraction_ms(struct scan *s)
{
    int ms = 0;
    int weight = 100;
    if (!s->ok || s->rest.len == 0 || s->rest.ptr[0] != '.')
        return 0;
    take_one(s, ".");
    do {
        ms += take_digits(s, 1) * weight;
        weight /= 10;
    } while (s->ok && s->rest.len > 0 && s->rest.ptr[0] >= '0' && s->rest.ptr[0] <= '9');
    return ms;
}

static int take_offset_minutes(struct scan *s)
{
    char sign = take_one(s, "Zz+-");
    if (!s->ok || sign == 'Z' || sign == 'z')
        return 0;
    int hours = take_digits(s, 2);
    take_one(s, ":");
    int minutes = take_digits(s, 2);
    if (hours > 23 || minutes > 59)
        s->ok = false;
    int total = hours * 60 + minutes;
    return sign == '-' ? -total : total;
}

static int days_in_month(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Days since 1970-01-01 in the proleptic Gregorian calendar; years are counted from March, so that the leap day is
 * the last of its year. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = (int64_t)year - (month <= 2 ? 1 : 0) + 400; /* never negative; one whole era more */
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - DAYS_OF_ERA - DAYS_TO_1970;
}

bool timestamp_parse_rfc3339(struct slice text, int64_t *realtime_ms)
{
    struct scan s = { .rest = text, .ok = true };
    int year = take_digits(&s, 4);
    take_one(&s, "-");
    int month = take_digits(&s, 2);
    take_one(&s, "-");
    int day = take_digits(&s, 2);
    take_one(&s, "Tt");
    int hour = take_digits(&s, 2);
    take_one(&s, ":");
    int minute = take_digits(&s, 2);
    take_one(&s, ":");
    int second = take_digits(&s, 2);
    int ms = take_fraction_ms(&s);
    int offset_minutes = take_offset_minutes(&s);
    if (!s.ok || s.rest.len > 0 || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month))
        return false;
    if (hour > 23 || minute > 59 || second > 60)
        return false;
    int64_t utc_minutes = (days_since_epoch(year, month, day) * 24 + hour) * 60 + minute - offset_minutes;
    /* A leap second ends a UTC day; it becomes the first second of the next one. */
    if (second == 60 && (utc_minutes + 1) % (24 * 60) != 0)
        return false;
    *realtime_ms = (utc_minutes * 60 + second) * 1000 + ms;
    return true;
}
