/* Reload: SIGHUP or a request -> load (here, on the control loop, which serves nobody) -> one message per serving loop
 * with the new settings -> when all have them, whoever asked is told.
 *
 * A query holds the settings it began with; the old ones are freed when the last of them ends. A file that cannot be
 * loaded changes nothing. Requests that come while one reload is under way are answered by the next. */
#include "app/program.h"
#include "base/clock.h"
#include "base/log.h"
#include <stdio.h>
#include <stdlib.h>

static void on_answer(struct gv_message *m)
{
    struct reload_request *r = container_of(m, struct reload_request, message);
    r->done(r->arg, r->ok, r->text);
    free(r);
}

static void answer(struct reload_request *list, bool ok, const char *text)
{
    for (struct reload_request *r = list, *next; r; r = next) {
        next = r->next;
        r->ok = ok;
        snprintf(r->text, sizeof r->text, "%s", text);
        r->message.fn = on_answer;
        gv_loop_post(r->reply_to, &r->message);
    }
}

static void finish(struct program *p, bool ok, const char *text)
{
    int64_t now = gv_clock_wall(&gv_clock_real);
    pthread_mutex_lock(&p->lock);
    p->reload_successful = ok;
    if (ok)
        p->last_config_time_ms = now;
    pthread_mutex_unlock(&p->lock);
    program_metrics_reloaded(ok, now);
    if (ok)
        gv_log(GV_LOG_INFO, "configuration reloaded", GV_F("file", p->flags->config_file.p));
    else
        gv_log(GV_LOG_ERROR, "configuration not reloaded: the old one stays in force", GV_F("error", text));
    answer(p->answering, ok, text);
    p->answering = NULL;
    p->reloading = false;
    if (p->asked || p->reload_again)
        program_reload(p);
}

static void on_swapped(struct gv_message *m)
{
    struct slot *s = container_of(m, struct slot, swapped);
    struct program *p = s->program;
    if (--p->swaps_pending)
        return;
    struct gv_snapshot *loaded = p->loaded;
    p->loaded = NULL;
    program_apply(p, loaded);
    gv_settings_put(&loaded->settings);
    finish(p, true, "");
}

static void on_swap(struct gv_message *m)
{
    struct slot *s = container_of(m, struct slot, swap);
    struct gv_settings *old = s->settings;
    s->settings = s->next_settings;
    gv_cluster_client_set_clusters(s->clusters, s->settings->clusters);
    gv_settings_put(old);
    s->swapped.fn = on_swapped;
    gv_loop_post(s->program->control, &s->swapped);
}

void program_reload(struct program *p)
{
    if (p->ending) {
        program_refuse_reloads(p);
        return;
    }
    p->reload_again = p->reloading;
    if (p->reloading)
        return;
    p->reloading = true;
    p->answering = p->asked;
    p->asked = NULL;
    struct gv_err err = {0};
    if (!(p->loaded = program_load(p, &err))) {
        finish(p, false, err.msg);
        return;
    }
    p->swaps_pending = p->n_slots;
    for (unsigned i = 0; i < p->n_slots; i++) {
        p->slots[i].next_settings = gv_settings_get(&p->loaded->settings);
        p->slots[i].swap.fn = on_swap;
        gv_loop_post(p->slots[i].loop, &p->slots[i].swap);
    }
}

static void on_asked(struct gv_message *m)
{
    struct reload_request *r = container_of(m, struct reload_request, message);
    r->next = r->program->asked;
    r->program->asked = r;
    program_reload(r->program);
}

void program_reload_asked(void *ctx, struct gv_loop *l, gv_api_reloaded_fn *done, void *arg)
{
    struct program *p = ctx;
    struct reload_request *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory");
    *r = (struct reload_request){.program = p, .reply_to = l, .done = done, .arg = arg};
    r->message.fn = on_asked;
    gv_loop_post(p->control, &r->message);
}

void program_refuse_reloads(struct program *p)
{
    answer(p->asked, false, "the server is shutting down");
    p->asked = NULL;
}
