/*            3 failures in a row                    interval over: one probe
 *   closed ----------------------> open (fail fast) ----------------------> half-open
 *     ^                              ^                                        |   |
 *     |                              +--- failure: interval doubles ----------+   |
 *     +------------------------------------- success -----------------------------+ */
#include "cluster/breaker.h"

enum { FAILURES_TO_OPEN = 3, FIRST_INTERVAL_MS = 1000, LONGEST_INTERVAL_MS = 30000, TRIAL_MS = 5 * 60 * 1000 };

static int64_t ns(int64_t ms)
{
    return ms * 1000000;
}

bool gv_breaker_would_admit(const struct gv_breaker *b, int64_t now_ns, int64_t grace_ms)
{
    int64_t until = atomic_load(&b->open_until);
    return until == 0 || now_ns >= until + ns(grace_ms);
}

enum gv_admission gv_breaker_admit(struct gv_breaker *b, int64_t now_ns, int64_t grace_ms)
{
    int64_t until = atomic_load(&b->open_until);
    if (until == 0)
        return GV_ADMIT_YES;
    if (now_ns < until + ns(grace_ms))
        return GV_ADMIT_NO;
    /* whoever moves the date is the probe; the others wait for its verdict, or for the next date */
    int64_t next = now_ns + ns(atomic_load(&b->interval_ms));
    return atomic_compare_exchange_strong(&b->open_until, &until, next) ? GV_ADMIT_PROBE : GV_ADMIT_NO;
}

void gv_breaker_succeed(struct gv_breaker *b)
{
    if (atomic_load_explicit(&b->failures, memory_order_relaxed))
        atomic_store(&b->failures, 0);
    if (atomic_load_explicit(&b->open_until, memory_order_relaxed))
        atomic_store(&b->open_until, 0);
}

void gv_breaker_probed(struct gv_breaker *b, int64_t now_ns)
{
    if (!atomic_load_explicit(&b->open_until, memory_order_relaxed))
        return;
    atomic_store(&b->failures, FAILURES_TO_OPEN - 1);
    atomic_store(&b->closed_at, now_ns);
    atomic_store(&b->open_until, 0);
}

static void open_for(struct gv_breaker *b, int64_t now_ns, int64_t interval_ms)
{
    atomic_store(&b->interval_ms, interval_ms);
    atomic_store(&b->open_until, now_ns + ns(interval_ms));
}

static int64_t longer(int64_t interval_ms)
{
    return interval_ms * 2 < LONGEST_INTERVAL_MS ? interval_ms * 2 : LONGEST_INTERVAL_MS;
}

/* Long enough for an ask that hangs until its timeout. */
static bool is_on_trial(const struct gv_breaker *b, int64_t now_ns)
{
    int64_t closed = atomic_load(&b->closed_at);
    return closed && now_ns - closed < ns(TRIAL_MS);
}

bool gv_breaker_fail(struct gv_breaker *b, int64_t now_ns, bool probe)
{
    int64_t last = atomic_load(&b->interval_ms);
    if (probe) {
        open_for(b, now_ns, longer(last));
        return false;
    }
    if (atomic_fetch_add(&b->failures, 1) + 1 < FAILURES_TO_OPEN || atomic_load(&b->open_until))
        return false; /* what was under way when it opened says nothing new */
    open_for(b, now_ns, is_on_trial(b, now_ns) ? longer(last) : FIRST_INTERVAL_MS);
    return true;
}

enum gv_breaker_state gv_breaker_state(const struct gv_breaker *b, int64_t now_ns)
{
    int64_t until = atomic_load(&b->open_until);
    return until == 0 ? GV_BREAKER_CLOSED : now_ns < until ? GV_BREAKER_OPEN : GV_BREAKER_HALF_OPEN;
}

int64_t gv_breaker_wait_ms(const struct gv_breaker *b, int64_t now_ns)
{
    int64_t until = atomic_load(&b->open_until);
    return until > now_ns ? (until - now_ns + 999999) / 1000000 : 0;
}

const char *gv_breaker_state_text(enum gv_breaker_state s)
{
    static const char *const texts[] = {
        [GV_BREAKER_CLOSED] = "closed", [GV_BREAKER_OPEN] = "open", [GV_BREAKER_HALF_OPEN] = "half-open"};
    return texts[s];
}
