/* Reading behind the committer: each segment as far as it is written, and then the next one. */
#include "store/log_private.h"
#include <stdlib.h>

struct gv_log_reader {
    struct gv_log *log;
    struct log_scan scan;
    bool open;        /* scan is */
    uint64_t segment; /* in reading, or the least that comes next */
    bool known;       /* next is */
    uint64_t next;    /* number of the record to tell */
    uint64_t lost;
};

struct gv_log_reader *gv_log_reader_new(struct gv_log *l)
{
    struct gv_log_reader *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory");
    r->log = l;
    return r;
}

void gv_log_reader_free(struct gv_log_reader *r)
{
    if (!r)
        return;
    log_scan_close(&r->scan);
    free(r);
}

uint64_t gv_log_reader_segment(const struct gv_log_reader *r)
{
    return r->segment;
}

uint64_t gv_log_reader_lost(const struct gv_log_reader *r)
{
    return r->lost;
}

/* The first segment from r->segment on: as far as it is written, and whether it is the one in use. */
static bool find_segment(struct gv_log_reader *r, struct log_segment *found, bool *in_use)
{
    struct gv_log *l = r->log;
    size_t i = 0;
    pthread_mutex_lock(&l->lock);
    while (i < l->n_segments && l->segments[i].number < r->segment)
        i++;
    bool there = i < l->n_segments;
    if (there)
        *found = l->segments[i];
    *in_use = i + 1 == l->n_segments;
    pthread_mutex_unlock(&l->lock);
    return there;
}

static void leave_segment(struct gv_log_reader *r)
{
    log_scan_close(&r->scan);
    r->open = false;
    r->segment++;
}

static void join_segment(struct gv_log_reader *r)
{
    uint64_t first = r->scan.number;
    if (r->known && first > r->next)
        r->lost += first - r->next;
    if (!r->known || first > r->next)
        r->next = first;
    r->known = true;
}

/* LOG_RECORD: a segment is open. LOG_END: there is none. Damaged heads are passed over. */
static enum log_found open_segment(struct gv_log_reader *r, struct gv_err *err)
{
    struct log_segment s;
    bool in_use;
    while (!r->open) {
        if (!find_segment(r, &s, &in_use))
            return LOG_END;
        r->segment = s.number;
        enum log_found found = log_scan_open(&r->scan, r->log->o.io, r->log->o.path, s.number, err);
        r->open = found == LOG_RECORD;
        if (r->open) {
            r->scan.limit = s.bytes < r->scan.limit ? s.bytes : r->scan.limit;
            break;
        }
        log_scan_close(&r->scan);
        if (found == LOG_FAILED || in_use)
            return found == LOG_FAILED ? LOG_FAILED : LOG_END;
        r->segment++;
    }
    if (r->scan.offset == LOG_HEAD_SIZE)
        join_segment(r);
    return LOG_RECORD;
}

/* At the end of what was known to be written: is there more by now? True: read on, here or in the next segment. */
static bool go_on(struct gv_log_reader *r, enum log_found found)
{
    struct log_segment s;
    bool in_use;
    if (!find_segment(r, &s, &in_use))
        return false;
    if (s.number == r->segment && found == LOG_END && s.bytes > r->scan.limit) {
        r->scan.limit = s.bytes;
        return true;
    }
    if (s.number == r->segment && in_use)
        return false;
    leave_segment(r);
    return true;
}

bool gv_log_reader_next(struct gv_log_reader *r, struct gv_slice *record, struct gv_log_place *at, struct gv_err *err)
{
    *record = (struct gv_slice){NULL, 0};
    for (;;) {
        enum log_found found = open_segment(r, err);
        if (found != LOG_RECORD)
            return found != LOG_FAILED;
        *at = (struct gv_log_place){r->segment, r->scan.offset, r->scan.number};
        found = log_scan_next(&r->scan, record, err);
        if (found == LOG_RECORD && at->number >= r->next) {
            r->next = r->scan.number;
            return true;
        }
        *record = (struct gv_slice){NULL, 0};
        if (found == LOG_FAILED) {
            log_scan_close(&r->scan);
            r->open = false; /* begins the segment anew; what was told is passed over */
            return false;
        }
        if (found != LOG_RECORD && !go_on(r, found))
            return true;
    }
}
