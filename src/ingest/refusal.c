#include "ingest/refusal.h"
#include "base/log.h"
#include "ingest/ingest_metrics.h"
#include <stdio.h>

enum { TOLD = 10, LOG_INTERVAL_MS = 60000 };

#define REFUSAL_TEXT(reason, text, silent) text,
static const char *const texts[] = {REFUSALS(REFUSAL_TEXT)};
#undef REFUSAL_TEXT
#define REFUSAL_SILENT(reason, text, silent) silent,
static const bool silent_ones[] = {REFUSALS(REFUSAL_SILENT)};
#undef REFUSAL_SILENT

bool refusal_is_silent(enum refusal why)
{
    return silent_ones[why];
}

const char *refusal_text(enum refusal why)
{
    return texts[why];
}

bool refusals_want(const struct refusals *r, bool told)
{
    return told ? r->told < TOLD : !r->silent;
}

/* Once a minute one is logged, told to the sender or not: senders often show nobody what they are answered. */
static void log_one(enum refusal why, struct gv_slice line)
{
    static struct gv_log_limit limit = GV_LOG_LIMIT(LOG_INTERVAL_MS);
    gv_log_limited(&limit, GV_LOG_WARN, "remote write: items refused", GV_F("reason", texts[why]), GV_F("first", line));
}

void refusals_count(struct refusals *r, enum refusal why, uint64_t items, bool told)
{
    r->counts[why] += items;
    r->errors[why] += told ? items : 0;
}

void refusals_add(struct refusals *r, enum refusal why, uint64_t items, bool told, const char *fmt, ...)
{
    size_t start = r->text.n;
    char line[GV_ERR_MSG_MAX];
    refusals_count(r, why, items, told);
    if (!refusals_want(r, told))
        return;
    va_list args;
    va_start(args, fmt);
    vsnprintf(line, sizeof line, fmt, args);
    va_end(args);
    gv_buf_adds(&r->text, line);
    log_one(why, (struct gv_slice){r->text.p + start, r->text.n - start});
    gv_buf_addc(&r->text, '\n');
    r->told += told;
    r->silent += !told;
    if (!told)
        r->text.n = start;
}

uint64_t refusals_errors(const struct refusals *r)
{
    uint64_t n = 0;
    for (int i = 0; i < REFUSALS_COUNT; i++)
        n += r->errors[i];
    return n;
}

void refusals_finish(struct refusals *r)
{
    uint64_t errors = refusals_errors(r);
    bool first = true;
    for (int i = 0; i < REFUSALS_COUNT; i++)
        if (r->counts[i])
            ingest_count_refused(texts[i], r->counts[i]);
    if (r->told < TOLD || errors <= r->told)
        return;
    gv_buf_printf(&r->text, "... %llu refused in all:", (unsigned long long)errors);
    for (int i = 0; i < REFUSALS_COUNT; i++) {
        if (!r->errors[i])
            continue;
        gv_buf_printf(&r->text, "%s %s %llu", first ? "" : ",", texts[i], (unsigned long long)r->errors[i]);
        first = false;
    }
    gv_buf_addc(&r->text, '\n');
}
