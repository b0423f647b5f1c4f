/* The items of a request into the store, and what it says of each. A series that the store has dropped meanwhile is
 * asked for again, with the items that were its. */
#include "ingest/receiver_impl.h"

/* ---- Numbers instead of places in the request; items of series that are none here fall out ---- */

static bool is_real(uint64_t value)
{
    return series_of(value) < SERIES_REFUSED;
}

static void number_samples(struct scratch *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_samples; i++) {
        uint64_t value = s->values[s->owners[i]];
        if (!is_real(value))
            continue;
        if (n != i) {
            s->samples[n] = s->samples[i];
            s->owners[n] = s->owners[i];
        }
        s->samples[n++].series = series_of(value);
    }
    s->n_samples = n;
}

static void number_exemplars(struct scratch *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_exemplars; i++) {
        uint64_t value = s->values[s->exemplar_owners[i]];
        if (!is_real(value))
            continue;
        s->exemplars[n] = s->exemplars[i];
        s->exemplar_owners[n] = s->exemplar_owners[i];
        s->exemplars[n++].series = series_of(value);
    }
    s->n_exemplars = n;
}

/* ---- Verdicts ---- */

static enum refusal refusal_of(uint8_t verdict)
{
    switch ((enum gv_append_verdict)verdict) {
    case GV_APPEND_DUPLICATE:
        return REFUSED_DUPLICATE;
    case GV_APPEND_OUT_OF_ORDER:
        return REFUSED_OUT_OF_ORDER;
    case GV_APPEND_TOO_OLD:
        return REFUSED_TOO_OLD;
    case GV_APPEND_OUT_OF_BOUNDS:
        return REFUSED_OUT_OF_BOUNDS;
    default:
        return REFUSED_STORE;
    }
}

static const char *reason_of(enum refusal why)
{
    switch (why) {
    case REFUSED_DUPLICATE:
        return "duplicate sample for timestamp, with another value";
    case REFUSED_OUT_OF_ORDER:
        return "out of order sample: older than the series' newest, and ingest.out_of_order_window is 0";
    case REFUSED_TOO_OLD:
        return "too old sample: older than ingest.out_of_order_window allows";
    case REFUSED_OUT_OF_BOUNDS:
        return "out of bounds: more than 10 minutes in the future";
    default:
        return "refused by the store";
    }
}

static const char *reason_of_exemplar(uint8_t verdict)
{
    return verdict == GV_APPEND_OUT_OF_ORDER ? "out of order exemplar: older than the series' newest"
           : verdict == GV_APPEND_DUPLICATE  ? "another exemplar for the time of the series' newest"
                                             : "refused by the store";
}

/* Counts, and keeps what is to be appended again, at the front. */
static void judge_samples(struct gv_incoming *in)
{
    struct scratch *s = in->scratch;
    size_t gone = 0;
    for (size_t i = 0; i < s->n_samples; i++) {
        uint8_t verdict = s->verdicts[i];
        const struct gv_store_sample *x = &s->samples[i];
        if (verdict <= GV_APPEND_SAME) {
            written_add(&in->clusters, cluster_of(s->values[s->owners[i]]));
            in->histograms += x->histogram != NULL;
            in->samples += x->histogram == NULL;
        } else if (verdict == GV_APPEND_GONE) {
            s->owners[gone] = s->owners[i];
            s->samples[gone++] = *x;
        } else {
            enum refusal why = refusal_of(verdict);
            incoming_refuse(in, why, 1, s->owners[i], reason_of(why), x->histogram ? "histogram" : "sample", x->time);
        }
    }
    s->n_samples = gone;
}

static void judge_exemplars(struct gv_incoming *in)
{
    struct scratch *s = in->scratch;
    size_t gone = 0;
    for (size_t i = 0; i < s->n_exemplars; i++) {
        uint8_t verdict = s->exemplar_verdicts[i];
        if (verdict <= GV_APPEND_SAME) {
            in->exemplars++;
        } else if (verdict == GV_APPEND_GONE) {
            s->exemplar_owners[gone] = s->exemplar_owners[i];
            s->exemplars[gone++] = s->exemplars[i];
        } else {
            incoming_refuse(in, REFUSED_EXEMPLAR, 1, s->exemplar_owners[i], reason_of_exemplar(verdict), "exemplar",
                            s->exemplars[i].time);
        }
    }
    s->n_exemplars = gone;
}

/* ---- Rounds ---- */

static bool append_once(struct gv_incoming *in, unsigned round, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    struct gv_store_batch batch = {.samples = s->samples,
                                   .n = s->n_samples,
                                   .verdicts = s->verdicts,
                                   .exemplars = s->exemplars,
                                   .n_exemplars = s->n_exemplars,
                                   .exemplar_verdicts = s->exemplar_verdicts,
                                   .metadata = s->entries,
                                   .n_metadata = s->n_metadata};
    struct incoming_ticket *t = &in->tickets[round];
    *t = (struct incoming_ticket){{.done = incoming_ticket_done}, in};
    atomic_fetch_add_explicit(&in->pending, 1, memory_order_relaxed);
    if (!in->receiver->sink.append(in->receiver->sink.ctx, &batch, &t->ticket, err)) {
        atomic_fetch_sub_explicit(&in->pending, 1, memory_order_relaxed); /* the ticket is never told */
        return false;
    }
    s->n_metadata = 0;
    judge_samples(in);
    judge_exemplars(in);
    return true;
}

/* Anew for the series of what is left. Their numbers in the cache are of no use to anybody. */
static bool find_gone(struct gv_incoming *in, const uint32_t *owners, size_t n, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    for (size_t i = 0; i < n; i++)
        series_cache_forget(in->receiver->cache, s->keys[owners[i]]);
    for (size_t i = 0; i < n; i++)
        if ((!i || owners[i] != owners[i - 1]) && !incoming_find_again(in, owners[i], err))
            return false;
    return true;
}

bool incoming_append(struct gv_incoming *in, struct gv_err *err)
{
    struct scratch *s = in->scratch;
    for (unsigned round = 0; round < MOST_ROUNDS; round++) {
        number_samples(s);
        number_exemplars(s);
        if (!s->n_samples && !s->n_exemplars && !s->n_metadata)
            return true;
        if (!append_once(in, round, err))
            return false;
        if (!find_gone(in, s->owners, s->n_samples, err) || !find_gone(in, s->exemplar_owners, s->n_exemplars, err))
            return false;
    }
    return (!s->n_samples && !s->n_exemplars) ||
           gv_fail(err, GV_UNAVAILABLE, "series are dropped by the store faster than they come: send them again");
}
