/* Points in time as the API of Prometheus takes them: seconds since the epoch, or RFC 3339. */
#include "base/clock.h"
#include "base/number.h"
#include <math.h>
#include <time.h>

static bool digits(struct gv_slice *s, int n, int *value)
{
    if (s->n < (size_t)n)
        return false;
    *value = 0;
    for (int i = 0; i < n; i++) {
        if (s->p[i] < '0' || s->p[i] > '9')
            return false;
        *value = *value * 10 + (s->p[i] - '0');
    }
    *s = (struct gv_slice){s->p + n, s->n - (size_t)n};
    return true;
}

static bool literal(struct gv_slice *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = (struct gv_slice){s->p + 1, s->n - 1};
    return true;
}

/* The fraction of a second, cut to ms. */
static int64_t fraction(struct gv_slice *s)
{
    int64_t ms = 0, unit = 100;
    if (!literal(s, '.'))
        return 0;
    for (; s->n && s->p[0] >= '0' && s->p[0] <= '9'; *s = (struct gv_slice){s->p + 1, s->n - 1}, unit /= 10)
        ms += (s->p[0] - '0') * unit;
    return ms;
}

static bool zone(struct gv_slice *s, int64_t *seconds)
{
    int hours, minutes;
    *seconds = 0;
    if (literal(s, 'Z'))
        return s->n == 0;
    bool west = s->n && s->p[0] == '-';
    if (!s->n || (s->p[0] != '+' && s->p[0] != '-'))
        return false;
    *s = (struct gv_slice){s->p + 1, s->n - 1};
    if (!digits(s, 2, &hours) || !literal(s, ':') || !digits(s, 2, &minutes) || s->n || hours > 23 || minutes > 59)
        return false;
    *seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
}

static bool parse_rfc3339(struct gv_slice s, int64_t *ms)
{
    struct tm tm = {0};
    int64_t offset;
    if (!digits(&s, 4, &tm.tm_year) || !literal(&s, '-') || !digits(&s, 2, &tm.tm_mon) || !literal(&s, '-') ||
        !digits(&s, 2, &tm.tm_mday) || !literal(&s, 'T') || !digits(&s, 2, &tm.tm_hour) || !literal(&s, ':') ||
        !digits(&s, 2, &tm.tm_min) || !literal(&s, ':') || !digits(&s, 2, &tm.tm_sec))
        return false;
    int64_t part = fraction(&s);
    struct tm asked = tm;
    tm.tm_year -= 1900;
    tm.tm_mon -= 1;
    if (!zone(&s, &offset))
        return false;
    time_t t = timegm(&tm); /* normalises: a 31st of February comes back as another day, and is refused */
    if (tm.tm_mday != asked.tm_mday || tm.tm_mon != asked.tm_mon - 1 || tm.tm_hour != asked.tm_hour ||
        tm.tm_min != asked.tm_min || tm.tm_sec != asked.tm_sec)
        return false;
    *ms = ((int64_t)t - offset) * 1000 + part;
    return true;
}

/* Prometheus's minTime and maxTime, so that clients may write them (Go's formatter makes these texts of them). */
#define MOST_SECONDS (INT64_MAX / 1000 - INT64_C(62135596801))
static const char earliest[] = "-292273086-05-16T16:47:06Z", latest[] = "292277025-08-18T07:12:54.999999999Z";

bool gv_time_parse(struct gv_slice text, int64_t *ms)
{
    double seconds;
    if (gv_slice_is(text, earliest) || gv_slice_is(text, latest)) {
        *ms = (text.p[0] == '-' ? -1 : 1) * MOST_SECONDS * 1000;
        return true;
    }
    if (gv_double_parse(text, &seconds)) {
        if (!(fabs(seconds) <= (double)MOST_SECONDS))
            return false;
        double whole, part = modf(seconds, &whole);
        *ms = (int64_t)whole * 1000 + llround(part * 1000);
        return true;
    }
    return parse_rfc3339(text, ms);
}
