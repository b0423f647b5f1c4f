/* Circuit breaker of one replica: three failures in a row open it; while it is open nobody is sent there; after an
 * interval one probe may try, and each failed probe makes the next interval longer. Made of atomics: any thread. */
#pragma once
#include "cluster/cluster.h"
#include <stdatomic.h>

struct gv_breaker {
    _Atomic unsigned failures;   /* in a row, while closed */
    _Atomic int64_t open_until;  /* ns, monotonic: when the next probe may try; 0: closed */
    _Atomic int64_t interval_ms; /* that was waited last */
    _Atomic int64_t closed_at;   /* ns: when a health probe closed it last */
};

enum gv_admission { GV_ADMIT_NO, GV_ADMIT_YES, GV_ADMIT_PROBE };

/* May a request be sent now? GV_ADMIT_PROBE: as the only one, to see whether the replica is back. grace_ms: how long
 * after the interval the caller leaves the probe to others. */
enum gv_admission gv_breaker_admit(struct gv_breaker *b, int64_t now_ns, int64_t grace_ms);
bool gv_breaker_would_admit(const struct gv_breaker *b, int64_t now_ns, int64_t grace_ms);
void gv_breaker_succeed(struct gv_breaker *b); /* by an ask */
/* A health probe was answered: an open breaker closes on trial, and one failed ask opens it again, for longer. */
void gv_breaker_probed(struct gv_breaker *b, int64_t now_ns);
/* probe: the request was admitted as one. True where this failure opened the breaker. */
bool gv_breaker_fail(struct gv_breaker *b, int64_t now_ns, bool probe);
enum gv_breaker_state gv_breaker_state(const struct gv_breaker *b, int64_t now_ns);
int64_t gv_breaker_wait_ms(const struct gv_breaker *b,
                           int64_t now_ns); /* until the next probe; 0: none is waited for */
