/* Parts of a date, UTC, of values that are seconds since 1970: day_of_month(), hour() and their like.
 *
 *   seconds ──► days since a first of March, and seconds of the day ──► year, month, day
 *
 * A year that begins in March has its leap day at the end, so that months and years are divisions (Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms", civil_from_days). Days are counted from 0000-03-01, moved back by
 * whole eras of 400 years as far as Go's time package does: then times wrap around where they do there. */
#include "promql/impl.h"
#include <math.h>

enum { DAY = 86400, ERA_DAYS = 146097, DAYS_TO_1970 = 719468, MARCH_TO_JANUARY = 306 };
static const uint64_t eras_back = 730692556;

struct date {
    int64_t year;
    unsigned month, day, year_day; /* from 1 */
    unsigned week_day;             /* Sunday is 0 */
    unsigned hour, minute;
};

static bool is_leap(int64_t year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static struct date date_of(int64_t seconds)
{
    uint64_t since = (uint64_t)seconds + (eras_back * ERA_DAYS + DAYS_TO_1970) * DAY;
    uint64_t days = since / DAY;
    unsigned of_day = (unsigned)(since % DAY), of_era = (unsigned)(days % ERA_DAYS);
    unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    unsigned from_march = (5 * of_year + 2) / 153;
    struct date d = {.day = of_year - (153 * from_march + 2) / 5 + 1,
                     .month = from_march < 10 ? from_march + 3 : from_march - 9,
                     .week_day = (of_era + 3) % 7, /* 0000-03-01 was a Wednesday */
                     .hour = of_day / 3600,
                     .minute = of_day % 3600 / 60};
    d.year = ((int64_t)(days / ERA_DAYS) - (int64_t)eras_back) * 400 + year + (d.month <= 2);
    d.year_day = d.month <= 2 ? of_year - MARCH_TO_JANUARY + 1 : of_year + 60 + is_leap(d.year);
    return d;
}

static double month_length(const struct date *d)
{
    static const unsigned char days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[d->month - 1] + (d->month == 2 && is_leap(d->year));
}

/* Go's conversion on amd64: what does not fit becomes the least integer. */
static struct date date_of_value(double v)
{
    bool fits = v >= -0x1p63 && v < 0x1p63;
    return date_of(fits ? (int64_t)v : INT64_MIN);
}

static double day_of_month(double v)
{
    return date_of_value(v).day;
}

static double day_of_week(double v)
{
    return date_of_value(v).week_day;
}

static double day_of_year(double v)
{
    return date_of_value(v).year_day;
}

static double days_in_month(double v)
{
    struct date d = date_of_value(v);
    return month_length(&d);
}

static double hour(double v)
{
    return date_of_value(v).hour;
}

static double minute(double v)
{
    return date_of_value(v).minute;
}

static double month(double v)
{
    return date_of_value(v).month;
}

static double year(double v)
{
    return (double)date_of_value(v).year;
}

const struct gv_function_impl gv_fn_day_of_month = {.each = day_of_month};
const struct gv_function_impl gv_fn_day_of_week = {.each = day_of_week};
const struct gv_function_impl gv_fn_day_of_year = {.each = day_of_year};
const struct gv_function_impl gv_fn_days_in_month = {.each = days_in_month};
const struct gv_function_impl gv_fn_hour = {.each = hour};
const struct gv_function_impl gv_fn_minute = {.each = minute};
const struct gv_function_impl gv_fn_month = {.each = month};
const struct gv_function_impl gv_fn_year = {.each = year};
