/* What a shard's next request is made of, and when it goes out.
 *
 *   frames that stand first ──► as many as max_samples_per_send allows ──► one body
 *
 * As in Prometheus it goes when it is full, or when its oldest frame has waited for batch_send_deadline. The frames
 * stay what they are: a request that is refused is taken apart, and then each goes alone, so that a sample which the
 * endpoint does not take costs only those that came with it. */
#include "codec/snappy_block.h"
#include "ingest/forward_impl.h"
#include <stdlib.h>

enum { MOST_MESSAGE = 256 << 20 };

static int64_t now_ms(const struct endpoint *e)
{
    return gv_loop_now_ns(e->forward->loop) / 1000000;
}

/* By the wall's clock only once, and then by one that does not jump. */
void frame_set_due(const struct endpoint *e, struct frame *f)
{
    int64_t waited = forward_now(e->forward) - f->head.queued, left = e->config->batch_send_deadline_ms;
    if (waited > 0)
        left = waited < left ? left - waited : 0;
    f->due_ms = now_ms(e) + left;
}

int64_t request_wait(const struct shard *s)
{
    const struct endpoint *e = s->endpoint;
    const struct frame *f = s->frames.first;
    if (f->alone || s->samples >= e->config->max_samples_per_send || e->waiting.first || e->flushing)
        return 0;
    int64_t left = f->due_ms - now_ms(e);
    return left > 0 ? left : 0;
}

static void add_piece(struct shard *s, const struct frame *f)
{
    if (s->in_request == s->cap_pieces) {
        s->cap_pieces = s->cap_pieces ? 2 * s->cap_pieces : 16;
        s->pieces = reallocarray(s->pieces, s->cap_pieces, sizeof *s->pieces);
        if (!s->pieces)
            gv_die("out of memory");
    }
    s->pieces[s->in_request++] = gv_buf_slice(&f->block);
}

void request_gather(struct shard *s)
{
    const struct endpoint *e = s->endpoint;
    const struct frame *first = s->frames.first;
    int64_t room = e->config->max_samples_per_send - first->head.samples;
    s->in_request = 0;
    s->version = atomic_load(&e->version) == GV_WRITE_1 ? GV_WRITE_1 : (enum gv_write_version)first->head.version;
    add_piece(s, first);
    for (const struct frame *f = first->next; f && !first->alone; f = f->next) {
        room -= f->head.samples;
        if (room < 0 || f->alone || f->head.version != first->head.version)
            return;
        add_piece(s, f);
    }
}

bool request_is_a_frame(const struct shard *s)
{
    return s->in_request == 1 && s->version == s->frames.first->head.version;
}

static void join_pieces(struct gv_work *w)
{
    struct shard *s = container_of(w, struct shard, join);
    bool ok = s->of_version == GV_WRITE_1
                  ? gv_snappy_join(&s->joined, s->pieces, s->in_request, MOST_MESSAGE, &s->join_err)
                  : gv_write_join(s->pieces, s->in_request, s->version, MOST_MESSAGE, &s->joined, &s->join_err);
    if (!ok)
        gv_buf_clear(&s->joined);
}

void request_join(struct shard *s, void (*done)(struct gv_message *m))
{
    s->joining = true;
    s->of_version = (enum gv_write_version)s->frames.first->head.version;
    s->join_err = (struct gv_err){.code = GV_OK};
    gv_buf_clear(&s->joined);
    s->join.fn = join_pieces;
    s->join.done.fn = done;
    gv_workers_submit(s->endpoint->forward->workers, s->endpoint->forward->loop, &s->join);
}

void request_take_apart(struct shard *s)
{
    struct frame *f = s->frames.first;
    for (size_t i = 0; i < s->in_request; i++, f = f->next)
        f->alone = true;
}

void request_note_sent(struct shard *s)
{
    struct frame *f = s->frames.first;
    for (size_t i = 0; i < s->in_request; i++, f = f->next)
        f->maybe_sent = true;
}

struct queue_frame request_sum(const struct shard *s, size_t n)
{
    const struct frame *f = s->frames.first;
    struct queue_frame sum = {.newest = INT64_MIN};
    for (size_t i = 0; i < n; i++, f = f->next) {
        sum.samples += f->head.samples;
        sum.newest = f->head.newest > sum.newest ? f->head.newest : sum.newest;
    }
    return sum;
}
