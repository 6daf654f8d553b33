#include "customerd/api/http_date.h"

#include <time.h>

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
static const char days_short[] = "SunMonTueWedThuFriSat";
static const char *const days_long[] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };

/* A cursor over the text; `ok` turns false at the first thing that does not fit, and stays so. */
struct scan {
    struct slice rest;
    bool ok;
};

static void expect(struct scan *s, const char *text)
{
    s->ok = s->ok && slice_starts_with(s->rest, text);
    if (s->ok)
        s->rest = slice_from(s->rest, strlen(text));
}

/* blank: a first digit of 0 stands there as a blank, as asctime() writes days. */
static int take_number(struct scan *s, size_t width, bool blank)
{
    int value = 0;
    s->ok = s->ok && s->rest.len >= width;
    for (size_t i = 0; s->ok && i < width; i++) {
        char c = i == 0 && blank && s->rest.ptr[0] == ' ' ? '0' : s->rest.ptr[i];
        s->ok = c >= '0' && c <= '9';
        value = value * 10 + (c - '0');
    }
    if (s->ok)
        s->rest = slice_from(s->rest, width);
    return value;
}

/* One of the words of three letters that `names` is made of; its place. */
static int take_name(struct scan *s, const char *names)
{
    int place = 0;
    s->ok = s->ok && s->rest.len >= 3;
    while (s->ok && memcmp(names + 3 * place, s->rest.ptr, 3) != 0) {
        place++;
        s->ok = names[3 * place] != '\0';
    }
    if (s->ok)
        s->rest = slice_from(s->rest, 3);
    return place;
}

static void take_time(struct scan *s, struct tm *out)
{
    out->tm_hour = take_number(s, 2, false);
    expect(s, ":");
    out->tm_min = take_number(s, 2, false);
    expect(s, ":");
    out->tm_sec = take_number(s, 2, false);
}

/* Sun, 06 Nov 1994 08:49:37 GMT */
static bool read_fixdate(struct slice text, struct tm *out)
{
    struct scan s = { .rest = text, .ok = true };
    (void)take_name(&s, days_short);
    expect(&s, ", ");
    out->tm_mday = take_number(&s, 2, false);
    expect(&s, " ");
    out->tm_mon = take_name(&s, months);
    expect(&s, " ");
    out->tm_year = take_number(&s, 4, false) - 1900;
    expect(&s, " ");
    take_time(&s, out);
    expect(&s, " GMT");
    return s.ok && s.rest.len == 0;
}

static int year_near(int two_digits, int64_t now_s)
{
    struct tm now = { 0 };
    time_t seconds = (time_t)now_s;
    (void)gmtime_r(&seconds, &now);
    int year = (now.tm_year + 1900) / 100 * 100 + two_digits;
    if (year > now.tm_year + 1900 + 50)
        return year - 100;
    return year < now.tm_year + 1900 - 49 ? year + 100 : year;
}

/* Sunday, 06-Nov-94 08:49:37 GMT */
static bool read_rfc850(struct slice text, int64_t now_s, struct tm *out)
{
    size_t day = 0;
    while (day < 7 && !slice_starts_with(text, days_long[day]))
        day++;
    if (day == 7)
        return false;
    struct scan s = { .rest = slice_from(text, strlen(days_long[day])), .ok = true };
    expect(&s, ", ");
    out->tm_mday = take_number(&s, 2, false);
    expect(&s, "-");
    out->tm_mon = take_name(&s, months);
    expect(&s, "-");
    out->tm_year = year_near(take_number(&s, 2, false), now_s) - 1900;
    expect(&s, " ");
    take_time(&s, out);
    expect(&s, " GMT");
    return s.ok && s.rest.len == 0;
}

/* Sun Nov  6 08:49:37 1994 */
static bool read_asctime(struct slice text, struct tm *out)
{
    struct scan s = { .rest = text, .ok = true };
    (void)take_name(&s, days_short);
    expect(&s, " ");
    out->tm_mon = take_name(&s, months);
    expect(&s, " ");
    out->tm_mday = take_number(&s, 2, true);
    expect(&s, " ");
    take_time(&s, out);
    expect(&s, " ");
    out->tm_year = take_number(&s, 4, false) - 1900;
    return s.ok && s.rest.len == 0;
}

/* The weekday is not held against the date: nobody means it. */
bool http_date_parse(struct slice text, int64_t now_s, int64_t *realtime_s)
{
    struct tm parts = { 0 };
    if (!read_fixdate(text, &parts)) {
        parts = (struct tm){ 0 };
        if (!read_rfc850(text, now_s, &parts) && !read_asctime(text, &parts))
            return false;
    }
    struct tm wanted = parts;
    if (parts.tm_hour > 23 || parts.tm_min > 59 || parts.tm_sec > 60 || parts.tm_year < 70)
        return false;
    *realtime_s = (int64_t)timegm(&parts);
    /* A day that its month lacks would come out as one of the next month. */
    return wanted.tm_mday > 0 && (parts.tm_mday == wanted.tm_mday || wanted.tm_sec == 60) && wanted.tm_mday <= 31;
}
