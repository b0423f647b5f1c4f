/* One try at one replica: all parts side by side, in an arena of its own. The first part that fails ends the others. */
#include "cluster/ask_private.h"
#include <stdlib.h>

struct attempt *attempt_start(struct gv_ask *ask, struct gv_replica *replica, bool probe)
{
    size_t n = ask->spec.n_parts;
    struct attempt *at = calloc(1, sizeof *at + n * sizeof at->transfers[0]);
    if (!at || !(at->arena = malloc(sizeof *at->arena)))
        gv_die("out of memory");
    gv_arena_init(at->arena, ask->spec.budget);
    at->ask = ask;
    at->replica = replica;
    at->probe = probe;
    at->started_ns = gv_loop_now_ns(client_loop(ask->client));
    at->n = at->open = n;
    for (size_t i = 0; i < n; i++) {
        at->transfers[i] = (struct transfer){.attempt = at, .part = &ask->spec.parts[i]};
        transfer_prepare(&at->transfers[i]);
    }
    for (size_t i = 0; i < n; i++)
        lane_enter(ask->client, &at->transfers[i]);
    return at;
}

void attempt_free(struct attempt *at)
{
    if (!at)
        return;
    gv_ask_arena_free(at->arena);
    free(at);
}

static void end_transfers(struct attempt *at)
{
    at->dead = true;
    for (size_t i = 0; i < at->n; i++)
        transfer_cancel(&at->transfers[i]);
}

void attempt_fail(struct attempt *at, enum gv_ask_outcome outcome, bool trips, const struct gv_err *err)
{
    at->outcome = outcome;
    at->trips = trips;
    at->err = *err;
    end_transfers(at);
    if (at->open == 0)
        ask_attempt_over(at);
}

void attempt_part_ended(struct attempt *at, enum gv_ask_outcome outcome, bool trips, const struct gv_err *err)
{
    at->open--;
    if (!at->dead && outcome != GV_ASK_OK)
        attempt_fail(at, outcome, trips, err);
    else if (at->open == 0)
        ask_attempt_over(at);
}

void attempt_cancel(struct attempt *at)
{
    if (!at->dead)
        at->outcome = GV_ASK_CANCELED;
    end_transfers(at);
    if (at->open == 0)
        ask_attempt_over(at);
}

void gv_ask_arena_free(struct gv_arena *a)
{
    if (!a)
        return;
    gv_arena_fini(a);
    free(a);
}
