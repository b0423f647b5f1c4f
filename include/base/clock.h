/* Time as a parameter: the real clock, and one that tests move by hand. Any thread. */
#pragma once
#include "base/slice.h"

struct gv_clock {
    int64_t (*monotonic)(const struct gv_clock *c); /* ns, CLOCK_MONOTONIC: for deadlines and durations */
    int64_t (*wall)(const struct gv_clock *c);      /* ms since the epoch: for evaluation times and logs */
};

extern const struct gv_clock gv_clock_real;

static inline int64_t gv_clock_monotonic(const struct gv_clock *c)
{
    return c->monotonic(c);
}
static inline int64_t gv_clock_wall(const struct gv_clock *c)
{
    return c->wall(c);
}

struct gv_manual_clock {
    struct gv_clock clock; /* hand out &m.clock */
    _Atomic int64_t ns;    /* monotonic; starts at 1 s, so that 0 stays "never" */
    _Atomic int64_t wall_ns;
};
void gv_manual_clock_init(struct gv_manual_clock *m, int64_t wall_ms);
void gv_manual_clock_advance(struct gv_manual_clock *m, int64_t ns); /* moves both */

/* "2024-05-06T07:08:09.010Z": RFC 3339 in UTC with ms. Years 0 to 9999; outside of them the nearest of these. */
enum { GV_TIME_TEXT_MAX = 32 };
void gv_time_format(char out[GV_TIME_TEXT_MAX], int64_t wall_ms);

/* Float seconds since the epoch (rounded to ms), or RFC 3339; at most 292 million years from now. */
bool gv_time_parse(struct gv_slice text, int64_t *ms);
