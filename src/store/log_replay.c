/* Reads the segments in order and tells each record once. A segment's head has the number of its first record, so what
 * is missing between segments is known, and what a fault wrote twice is told once. */
#include "store/log_private.h"
#include <inttypes.h>
#include <stdio.h>

struct replay {
    struct gv_log *l;
    gv_log_record_fn *fn;
    void *arg;
    struct gv_log_replayed *out;
    bool known;             /* next is */
    uint64_t next;          /* number of the record to tell */
    bool is_cut;            /* the last segment read ended early */
    struct gv_log_place at; /* there */
    char what[256];
};

/* The cut counts as damage where something is missing behind it, or nothing follows. */
static void count_cut(struct replay *r)
{
    if (r->is_cut && !r->out->damaged++) {
        r->out->cut = r->at;
        memcpy(r->out->what, r->what, sizeof r->what);
    }
    r->is_cut = false;
}

static void note_cut(struct replay *r, const struct log_scan *s, uint64_t segment)
{
    r->is_cut = true;
    r->at = (struct gv_log_place){segment, s->offset, s->number};
    snprintf(r->what, sizeof r->what, "%s at byte %" PRIu64 ": %s", s->path.p, s->offset, s->what);
}

static void join_segments(struct replay *r, struct log_scan *s, uint64_t segment)
{
    uint64_t first = s->number;
    bool gap = r->known && first > r->next;
    if (!gap && r->known)
        r->is_cut = false; /* a failed write's torn end, and here it goes on */
    if (gap && !r->is_cut) {
        s->what = "the records before it are missing";
        note_cut(r, s, segment);
    }
    count_cut(r);
    if (gap)
        r->out->lost += first - r->next;
    if (!r->known || gap)
        r->next = first;
    r->known = true;
}

static enum log_found tell_records(struct replay *r, struct log_scan *s, uint64_t segment, struct gv_err *err)
{
    struct gv_slice record;
    for (;;) {
        struct gv_log_place at = {segment, s->offset, s->number};
        enum log_found found = log_scan_next(s, &record, err);
        if (found != LOG_RECORD)
            return found;
        if (at.number < r->next)
            continue; /* told already, from the segment whose writing failed */
        if (r->fn && !r->fn(r->arg, record, at, err))
            return LOG_FAILED;
        r->next = s->number;
        r->out->records++;
        r->out->bytes += record.n;
    }
}

static bool replay_segment(struct replay *r, uint64_t segment, struct gv_err *err)
{
    struct log_scan s;
    enum log_found found = log_scan_open(&s, r->l->o.io, r->l->o.path, segment, err);
    if (found == LOG_RECORD) {
        join_segments(r, &s, segment);
        found = tell_records(r, &s, segment, err);
    }
    if (found == LOG_DAMAGED) {
        count_cut(r);
        note_cut(r, &s, segment);
    }
    r->out->segments++;
    log_scan_close(&s);
    return found != LOG_FAILED;
}

bool gv_log_replay(struct gv_log *l, uint64_t first, gv_log_record_fn *fn, void *arg, struct gv_log_replayed *out,
                   struct gv_err *err)
{
    struct replay r = {.l = l, .fn = fn, .arg = arg, .out = out};
    *out = (struct gv_log_replayed){0};
    for (size_t i = 0; i < l->n_segments; i++)
        if (l->segments[i].number >= first && !replay_segment(&r, l->segments[i].number, err))
            return false;
    count_cut(&r);
    l->replayed = true;
    l->base_record = r.next;
    return true;
}
