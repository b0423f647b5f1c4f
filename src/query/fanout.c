/* One document from every cluster: send -> collect bodies -> parse and digest (on a worker where they are large).
 *
 * A body that is no envelope, says "error", or holds something else than was asked for makes its cluster a failed one,
 * like a connection that broke. Bodies, trees and the reply made of them are all under the budget of the read.
 */
#include "query/envelope.h"
#include "query/local_ask.h"
#include "query/round.h"
#include <stdio.h>
#include <stdlib.h>

enum { LARGE_BODIES = 64 << 10 }; /* bytes in all: parsing more would block the loop for over a millisecond */
enum { PIECE = 16 << 10 };

struct piece {
    struct piece *next;
    size_t n;
    char data[PIECE];
};

struct sink {
    struct gv_arena *arena;
    struct piece *first, *last;
    size_t total;
    char *body;
};

struct gv_fanout {
    struct gv_task task;
    struct gv_query_env env;
    struct gv_settings *settings;
    struct gv_fanout_request request;
    struct gv_budget budget;
    struct gv_arena arena;
    struct round round;
    struct gv_fanout_answer *answers;
    size_t n_answers;
    struct gv_annotations notes;
    struct gv_err err;
    size_t charged; /* beside the arenas */
    bool canceled;
    gv_fanout_done_fn *done;
    void *done_arg;
};

static void *sink_begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)arg, (void)c, (void)replica;
    struct sink *s = gv_arena_new(a, struct sink);
    s->arena = a;
    return s;
}

static bool add_piece(struct sink *s, struct gv_err *err)
{
    struct piece *p = gv_arena_try(s->arena, sizeof *p, err);
    if (!p)
        return false;
    p->next = NULL;
    p->n = 0;
    *(s->last ? &s->last->next : &s->first) = p;
    s->last = p;
    return true;
}

static bool sink_feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    struct sink *s = sink;
    while (n) {
        if ((!s->last || s->last->n == PIECE) && !add_piece(s, err))
            return false;
        size_t take = PIECE - s->last->n < n ? PIECE - s->last->n : n;
        memcpy(s->last->data + s->last->n, data, take);
        s->last->n += take;
        s->total += take;
        data += take;
        n -= take;
    }
    return true;
}

static bool sink_finish(void *sink, struct gv_err *err)
{
    struct sink *s = sink;
    if (!(s->body = gv_arena_try(s->arena, s->total, err)))
        return false;
    char *to = s->body;
    for (struct piece *p = s->first; p; to += p->n, p = p->next)
        memcpy(to, p->data, p->n);
    return true;
}

static const struct gv_sink_ops sink_ops = {.begin = sink_begin, .feed = sink_feed, .finish = sink_finish};

/* The store's body comes whole. */
static bool answer_here(const struct gv_ask_part *part, const struct local_view *v, void **sink, struct gv_err *err)
{
    struct sink *s = *sink = gv_arena_new(v->arena, struct sink);
    struct gv_buf body = GV_BUF_INIT;
    bool ok = local_document(part, v, &body, err) && (s->body = gv_arena_try(v->arena, body.n, err));
    s->total = body.n;
    if (ok)
        memcpy(s->body, body.p, body.n);
    gv_buf_fini(&body);
    return ok;
}

static struct gv_fanout *fanout_of(struct gv_task *t)
{
    return container_of(t, struct gv_fanout, task);
}

/* All replicas are asked the same. */
static void add_part(struct gv_fanout *f, struct round_entry *e, const char *path, struct gv_slice form)
{
    bool post = f->request.post;
    struct gv_ask_part *part = gv_arena_new(&f->arena, struct gv_ask_part);
    *part = (struct gv_ask_part){
        .method = post ? "POST" : "GET",
        .path = path,
        .query = post ? (struct gv_slice){NULL, 0} : form,
        .body = post ? form : (struct gv_slice){NULL, 0},
        .sink = &sink_ops,
    };
    for (size_t i = 0; i < e->n_asks; i++)
        e->asks[i].parts = part;
    e->n_parts = 1;
}

static enum gv_step ask(struct gv_task *t)
{
    struct gv_fanout *f = fanout_of(t);
    for (size_t i = 0; i < f->round.n; i++) {
        struct round_entry *e = &f->round.entries[i];
        const char *path = f->request.path;
        struct gv_slice form = f->request.form;
        bool here = entry_is_local(e); /* the store has no servers, rules or targets */
        if (f->request.shape && !f->request.shape(f->request.arg, e->cluster, &f->arena, &path, &form))
            continue;
        if (!here || local_has_document(path))
            add_part(f, e, path, form);
    }
    f->round.answer_here = answer_here;
    round_send(&f->round, &f->env, &f->request.scope, round_deadline_ms(&f->env, f->settings, &f->request.scope));
    return GV_WAIT;
}

static void take_warnings(struct gv_fanout *f, const struct gv_cluster *c, const json_t *root)
{
    const json_t *warnings = json_object_get(root, "warnings");
    for (size_t i = 0; i < json_array_size(warnings); i++) {
        const char *text = json_string_value(json_array_get(warnings, i));
        if (text)
            gv_warn(&f->notes, "cluster \"%.*s\": %s", GV_ARG(c->name), text);
    }
}

/* Takes the data, and the envelope's warnings into the notes. What is no such reply is the cluster's fault; what there
 * is no memory for is not. */
static void read_body(struct gv_fanout *f, struct round_ask *k, struct gv_fanout_answer *to)
{
    const struct sink *s = k->sinks[0];
    const struct gv_cluster *c = to->cluster;
    struct gv_err err = {0};
    json_t *root = envelope_read(&f->arena, (struct gv_slice){s->body, s->total}, &f->request.data, &to->data, &err);
    if (root) {
        take_warnings(f, c, root);
        return;
    }
    k->outcome = err.code == GV_BAD_DATA ? GV_ASK_BAD_BODY : GV_ASK_LIMIT;
    gv_fail(&k->err, err.code == GV_BAD_DATA ? GV_UNAVAILABLE : err.code, "cluster \"%.*s\": %s", GV_ARG(c->name),
            err.msg);
}

static void read_answer(struct gv_fanout *f, const struct round_entry *e, struct round_ask *k,
                        struct gv_fanout_answer *to)
{
    to->cluster = e->cluster;
    to->replica = k->replica;
    if (k->sinks)
        read_body(f, k, to);
    to->asked = e->n_parts > 0;
    to->ok = to->asked && k->outcome == GV_ASK_OK;
}

static bool read_bodies(struct gv_task *t)
{
    struct gv_fanout *f = fanout_of(t);
    struct gv_fanout_answer *to = f->answers;
    for (size_t i = 0; i < f->round.n; i++) {
        const struct round_entry *e = &f->round.entries[i];
        for (size_t k = 0; k < e->n_asks; k++)
            read_answer(f, e, &e->asks[k], to++);
    }
    return round_verdict(&f->round, f->request.scope.partial, &f->notes, &t->err) &&
           f->request.digest(f->request.arg, f, &t->err);
}

/* Of the bodies; the store's, too. */
static size_t bytes_of(const struct round *r)
{
    size_t total = 0;
    for (size_t i = 0; i < r->n; i++)
        for (size_t k = 0; k < r->entries[i].n_asks; k++) {
            const struct round_ask *ask = &r->entries[i].asks[k];
            total += ask->sinks ? ((const struct sink *)ask->sinks[0])->total : 0;
        }
    return total;
}

static enum gv_step digest(struct gv_task *t)
{
    struct gv_fanout *f = fanout_of(t);
    if (bytes_of(&f->round) > LARGE_BODIES)
        return gv_task_offload(t, read_bodies);
    return read_bodies(t) ? GV_NEXT : GV_FAIL;
}

static enum gv_step finish(struct gv_task *t)
{
    struct gv_fanout *f = fanout_of(t);
    if (f->canceled)
        gv_fail(&t->err, GV_CANCELED, "request was canceled");
    f->err = t->err;
    f->done(f->done_arg, f);
    return GV_NEXT;
}

static gv_step_fn *const fanout_steps[] = {ask, digest, finish, NULL};

struct gv_fanout *gv_fanout_start(const struct gv_query_env *env, struct gv_settings *settings,
                                  const struct gv_fanout_request *request, gv_fanout_done_fn *done, void *arg)
{
    struct gv_fanout *f = calloc(1, sizeof *f);
    if (!f)
        gv_die("out of memory");
    f->env = *env;
    f->settings = settings;
    f->request = *request;
    f->done = done;
    f->done_arg = arg;
    gv_budget_init(&f->budget, "max_query_memory", settings->limits.max_query_memory, GV_EXECUTION, env->memory);
    gv_arena_init(&f->arena, &f->budget);
    round_init(&f->round, &f->task, settings, &request->scope, !request->each_replica, &f->budget, &f->arena);
    for (size_t i = 0; i < f->round.n; i++)
        f->n_answers += f->round.entries[i].n_asks;
    f->answers = gv_arena_array(&f->arena, struct gv_fanout_answer, f->n_answers);
    gv_annotations_init(&f->notes, &f->arena);
    gv_task_start(&f->task, env->loop, env->workers, fanout_steps);
    return f;
}

void gv_fanout_cancel(struct gv_fanout *f)
{
    f->canceled = true;
    round_cancel(&f->round);
}

const struct gv_err *gv_fanout_err(const struct gv_fanout *f)
{
    return &f->err;
}

const struct gv_fanout_answer *gv_fanout_answers(const struct gv_fanout *f, size_t *n)
{
    *n = f->n_answers;
    return f->answers;
}

struct gv_annotations *gv_fanout_notes(struct gv_fanout *f)
{
    return &f->notes;
}

struct gv_arena *gv_fanout_arena(struct gv_fanout *f)
{
    return &f->arena;
}

bool gv_fanout_charge(struct gv_fanout *f, size_t bytes, struct gv_err *err)
{
    if (!gv_budget_take(&f->budget, bytes, err))
        return false;
    f->charged += bytes;
    return true;
}

static void release_memory(struct gv_work *w)
{
    struct gv_fanout *f = container_of(w, struct gv_fanout, task.job);
    round_fini(&f->round);
    gv_arena_fini(&f->arena);
    gv_budget_give(&f->budget, f->charged);
}

static void released(struct gv_message *m)
{
    struct gv_fanout *f = container_of(m, struct gv_fanout, task.job.done);
    gv_settings_put(f->settings);
    free(f);
}

void gv_fanout_free(struct gv_fanout *f)
{
    f->task.job = (struct gv_work){.fn = release_memory, .done.fn = released};
    read_release(&f->budget, &f->env, &f->task.job);
}
