/* The client of one loop: its HTTP client, and a lane per replica. A transfer enters its lane; as many as the limit
 * run, the others wait in order. The loops share what a server is asked at a time: Prometheus takes 512 connections
 * (--web.max-connections) from all its clients, and lets further ones hang. Replicas whose names are not resolved yet
 * share one narrow lane, because curl would start a resolver thread for each. */
#include "cluster/ask_private.h"
#include <stdlib.h>

enum { A_REPLICA = 128, MOST_A_LOOP = 64, FEWEST_A_LOOP = 4 }; /* transfers at a time */
enum { RESOLVING = 16, FEWEST_CONNECTIONS = 256, MOST_CONNECTIONS = 16384, KEPT_A_REPLICA = 16 };

struct gv_cluster_client {
    struct gv_loop *loop;
    struct gv_http_client *http;
    struct lane **lanes; /* by replica id */
    unsigned n_lanes;
    unsigned of_lane; /* transfers at a time */
    struct lane resolving;
    size_t running;
};

static void lane_init(struct lane *l, unsigned limit)
{
    *l = (struct lane){.limit = limit};
    l->end = &l->first;
}

struct gv_cluster_client *gv_cluster_client_new(struct gv_loop *l, struct gv_err *err)
{
    struct gv_cluster_client *cl = calloc(1, sizeof *cl);
    if (!cl)
        gv_die("out of memory");
    cl->loop = l;
    cl->of_lane = MOST_A_LOOP;
    lane_init(&cl->resolving, RESOLVING);
    cl->http = gv_http_client_new(l, FEWEST_CONNECTIONS, err);
    if (cl->http)
        return cl;
    free(cl);
    return NULL;
}

void gv_cluster_client_share(struct gv_cluster_client *cl, unsigned loops)
{
    unsigned limit = A_REPLICA / (loops ? loops : 1);
    cl->of_lane = limit > MOST_A_LOOP ? MOST_A_LOOP : limit < FEWEST_A_LOOP ? FEWEST_A_LOOP : limit;
}

void gv_cluster_client_set_clusters(struct gv_cluster_client *cl, const struct gv_clusters *cs)
{
    size_t replicas = 0;
    for (size_t i = 0; i < cs->n; i++)
        replicas += cs->at[i].config->n_endpoints;
    size_t wanted = replicas * KEPT_A_REPLICA;
    if (wanted < FEWEST_CONNECTIONS)
        wanted = FEWEST_CONNECTIONS;
    gv_http_client_set_pool(cl->http, wanted < MOST_CONNECTIONS ? wanted : MOST_CONNECTIONS);
}

size_t gv_cluster_client_running(const struct gv_cluster_client *cl)
{
    return cl->running;
}

void gv_cluster_client_free(struct gv_cluster_client *cl)
{
    if (!cl)
        return;
    if (cl->running)
        gv_die("a cluster client is freed while %zu asks run", cl->running);
    gv_http_client_free(cl->http);
    for (unsigned i = 0; i < cl->n_lanes; i++)
        free(cl->lanes[i]);
    free(cl->lanes);
    free(cl);
}

struct gv_loop *client_loop(const struct gv_cluster_client *cl)
{
    return cl->loop;
}

struct gv_http_client *client_http(const struct gv_cluster_client *cl)
{
    return cl->http;
}

void client_count(struct gv_cluster_client *cl, int asks)
{
    cl->running += (size_t)asks;
}

/* --- lanes --- */

static struct lane *lane_by_id(struct gv_cluster_client *cl, unsigned id)
{
    if (id >= cl->n_lanes) {
        unsigned n = id + 64;
        cl->lanes = realloc(cl->lanes, n * sizeof(struct lane *));
        if (!cl->lanes)
            gv_die("out of memory");
        memset(cl->lanes + cl->n_lanes, 0, (n - cl->n_lanes) * sizeof(struct lane *));
        cl->n_lanes = n;
    }
    if (!cl->lanes[id]) {
        if (!(cl->lanes[id] = malloc(sizeof(struct lane))))
            gv_die("out of memory");
        lane_init(cl->lanes[id], cl->of_lane);
    }
    return cl->lanes[id];
}

static bool is_unresolved(struct gv_replica *r)
{
    if (!r->is_name)
        return false;
    pthread_mutex_lock(&r->record->lock);
    bool unresolved = !r->resolved.p;
    pthread_mutex_unlock(&r->record->lock);
    return unresolved;
}

static void start(struct gv_cluster_client *cl, struct transfer *t)
{
    t->lane->running++;
    t->state = TRANSFER_RUNNING;
    transfer_start(t, cl->http);
}

void lane_enter(struct gv_cluster_client *cl, struct transfer *t)
{
    struct gv_replica *r = t->attempt->replica;
    t->lane = is_unresolved(r) ? &cl->resolving : lane_by_id(cl, r->id);
    if (t->lane->running < t->lane->limit) {
        start(cl, t);
        return;
    }
    t->state = TRANSFER_WAITING;
    t->next = NULL;
    *t->lane->end = t;
    t->lane->end = &t->next;
    ask_waits_in_lane(t->attempt->ask);
}

static void unlink_waiting(struct transfer *t)
{
    struct transfer **at = &t->lane->first;
    while (*at != t)
        at = &(*at)->next;
    if (!(*at = t->next))
        t->lane->end = at;
}

void lane_leave(struct gv_cluster_client *cl, struct transfer *t)
{
    struct lane *lane = t->lane;
    if (t->state == TRANSFER_WAITING) {
        unlink_waiting(t);
    } else {
        lane->running--;
        struct transfer *next = lane->first;
        if (next) {
            if (!(lane->first = next->next))
                lane->end = &lane->first;
            start(cl, next);
        }
    }
    t->state = TRANSFER_ENDED;
}
