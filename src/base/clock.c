#include "base/clock.h"
#include "base/slice.h"
#include <stdio.h>
#include <time.h>

enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

static int64_t read_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_S + t.tv_nsec;
}

static int64_t real_monotonic(const struct gv_clock *c)
{
    (void)c;
    return read_ns(CLOCK_MONOTONIC);
}

static int64_t real_wall(const struct gv_clock *c)
{
    (void)c;
    return read_ns(CLOCK_REALTIME) / NS_PER_MS;
}

const struct gv_clock gv_clock_real = {real_monotonic, real_wall};

static const struct gv_manual_clock *manual(const struct gv_clock *c)
{
    return (const struct gv_manual_clock *)((const char *)c - offsetof(struct gv_manual_clock, clock));
}

static int64_t manual_monotonic(const struct gv_clock *c)
{
    return manual(c)->ns;
}

static int64_t manual_wall(const struct gv_clock *c)
{
    return manual(c)->wall_ns / NS_PER_MS;
}

void gv_manual_clock_init(struct gv_manual_clock *m, int64_t wall_ms)
{
    m->clock = (struct gv_clock){manual_monotonic, manual_wall};
    m->ns = NS_PER_S;
    m->wall_ns = wall_ms * NS_PER_MS;
}

void gv_manual_clock_advance(struct gv_manual_clock *m, int64_t ns)
{
    m->ns += ns;
    m->wall_ns += ns;
}

void gv_time_format(char out[GV_TIME_TEXT_MAX], int64_t wall_ms)
{
    static const int64_t first = INT64_C(-62167219200000), last = INT64_C(253402300799999); /* years 0 and 9999 */
    wall_ms = wall_ms < first ? first : wall_ms > last ? last : wall_ms;
    int64_t ms = (wall_ms % 1000 + 1000) % 1000;
    time_t seconds = (time_t)((wall_ms - ms) / 1000);
    struct tm t;
    gmtime_r(&seconds, &t);
    snprintf(out, GV_TIME_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", (unsigned)(t.tm_year + 1900) % 10000,
             (unsigned)(t.tm_mon + 1) % 100, (unsigned)t.tm_mday % 100, (unsigned)t.tm_hour % 100,
             (unsigned)t.tm_min % 100, (unsigned)t.tm_sec % 100, (unsigned)ms % 1000);
}
