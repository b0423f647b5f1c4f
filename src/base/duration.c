#include "base/duration.h"
#include "base/number.h"

enum {
    SECOND = 1000,
    MINUTE = 60 * SECOND,
    HOUR = 60 * MINUTE,
    DAY = 24 * HOUR,
    WEEK = 7 * DAY,
};
#define YEAR    (INT64_C(365) * DAY)
#define LONGEST (INT64_MAX / 1000000) /* ms; Prometheus counts nanoseconds in 63 bits */

static const struct unit {
    const char *name;
    int64_t ms;
    bool only_whole; /* printed only where nothing remains */
} units[] = {
    {"y", YEAR, true},    {"w", WEEK, true},    {"d", DAY, false}, {"h", HOUR, false},
    {"m", MINUTE, false}, {"s", SECOND, false}, {"ms", 1, false},
};

/* The bytes at the start of s that are digits, or that are none; s moves behind them. */
static struct gv_slice take(struct gv_slice *s, bool digits)
{
    size_t n = 0;
    while (n < s->n && (s->p[n] >= '0' && s->p[n] <= '9') == digits)
        n++;
    struct gv_slice taken = {s->p, n};
    *s = (struct gv_slice){s->p + n, s->n - n};
    return taken;
}

static size_t find_unit(struct gv_slice name)
{
    size_t i = 0;
    while (i < GV_COUNT(units) && !gv_slice_is(name, units[i].name))
        i++;
    return i;
}

static bool fail_quoting(struct gv_err *err, const char *what, struct gv_slice s)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_quoted(&b, s);
    gv_fail(err, GV_BAD_DATA, "%s%s", what, gv_buf_cstr(&b));
    gv_buf_fini(&b);
    return false;
}

static bool fail_unit(struct gv_err *err, struct gv_slice unit, struct gv_slice all)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_adds(&b, "unknown unit ");
    gv_buf_add_quoted(&b, unit);
    gv_buf_adds(&b, " in duration ");
    fail_quoting(err, gv_buf_cstr(&b), all);
    gv_buf_fini(&b);
    return false;
}

/* One number with its unit, which must come after the unit before. */
static bool take_part(struct gv_slice *s, size_t *last_unit, int64_t *ms, struct gv_slice all, struct gv_err *err)
{
    struct gv_slice digits = take(s, true), name = take(s, false);
    int64_t value;
    if (!digits.n || !name.n)
        return fail_quoting(err, "not a valid duration string: ", all);
    if (!gv_int64_parse(digits, &value))
        return fail_quoting(err, "not a valid duration string: ", all);
    size_t unit = find_unit(name);
    if (unit == GV_COUNT(units))
        return fail_unit(err, name, all);
    if (*last_unit != GV_COUNT(units) && unit <= *last_unit)
        return fail_quoting(err, "not a valid duration string: ", all);
    *last_unit = unit;
    if (value > (LONGEST - *ms) / units[unit].ms)
        return gv_fail(err, GV_BAD_DATA, "duration out of range");
    *ms += value * units[unit].ms;
    return true;
}

bool gv_duration_parse(struct gv_slice s, int64_t *ms, struct gv_err *err)
{
    struct gv_slice all = s;
    size_t last_unit = GV_COUNT(units);
    *ms = 0;
    if (!s.n)
        return gv_fail(err, GV_BAD_DATA, "empty duration string");
    if (gv_slice_is(s, "0"))
        return true;
    while (s.n)
        if (!take_part(&s, &last_unit, ms, all, err))
            return false;
    return true;
}

void gv_duration_print(struct gv_buf *out, int64_t ms)
{
    if (!ms)
        gv_buf_adds(out, "0s");
    if (ms < 0)
        gv_buf_addc(out, '-');
    uint64_t left = ms < 0 ? -(uint64_t)ms : (uint64_t)ms;
    for (size_t i = 0; i < GV_COUNT(units); i++) {
        uint64_t unit = (uint64_t)units[i].ms;
        if (left < unit || (units[i].only_whole && left % unit))
            continue;
        gv_buf_add_int(out, (int64_t)(left / unit));
        gv_buf_adds(out, units[i].name);
        left %= unit;
    }
}

static const char scales[] = "KMGTPE"; /* each 1024 of the one before */

/* The power of 1024 that the unit stands for, or -1. */
static int scale_of(struct gv_slice unit)
{
    if (!unit.n || gv_slice_is(unit, "B"))
        return 0;
    const char *letter = strchr(scales, unit.p[0]);
    struct gv_slice rest = {unit.p + 1, unit.n - 1};
    return unit.p[0] && letter && (gv_slice_is(rest, "B") || gv_slice_is(rest, "iB")) ? (int)(letter - scales) + 1 : -1;
}

bool gv_bytes_parse(struct gv_slice s, int64_t *bytes, struct gv_err *err)
{
    size_t n = 0;
    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '.'))
        n++;
    double value;
    int scale = scale_of((struct gv_slice){s.p + n, s.n - n});
    if (!gv_double_parse((struct gv_slice){s.p, n}, &value) || scale < 0)
        return fail_quoting(err, "not a valid size (a number with B, KiB, MiB, GiB, TiB, PiB or EiB): ", s);
    for (int i = 0; i < scale; i++)
        value *= 1024;
    if (value >= 0x1p63)
        return gv_fail(err, GV_BAD_DATA, "size out of range");
    *bytes = (int64_t)value;
    return true;
}

void gv_bytes_print(struct gv_buf *out, int64_t bytes)
{
    int scale = 0;
    while (bytes && bytes % 1024 == 0 && scales[scale]) {
        bytes /= 1024;
        scale++;
    }
    gv_buf_add_int(out, bytes);
    if (scale)
        gv_buf_printf(out, "%ciB", scales[scale - 1]);
    else if (bytes)
        gv_buf_addc(out, 'B');
}
