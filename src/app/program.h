/* The running server: N serving loops, and one control loop on the main thread that takes signals, loads
 * configurations, probes the clusters, and ends the rest.
 *
 *   control loop (main thread)                     serving loop i (its own thread)
 *     signals, reload, drain, health  -- message -->  slot i: settings, cluster client, API, HTTP server
 *                                     <-- message --  done
 *
 * A slot belongs to its loop's thread from gv_loop_start on; before and after that to the main thread. */
#pragma once
#include "api/ops.h"
#include "app/flags.h"
#include "app/forwarder.h"
#include "app/keeper.h"
#include "app/snapshot.h"
#include "base/metric.h"
#include "cluster/health.h"

struct program;

struct slot {
    struct program *program;
    struct gv_loop *loop;
    struct gv_settings *settings; /* in force on this loop */
    struct gv_cluster_client *clusters;
    struct gv_api_loop *api;
    struct gv_http_server *server;
    struct gv_settings *next_settings;            /* on its way with `swap` */
    struct gv_message swap, drain, abort, finish; /* to this loop */
    struct gv_message swapped, drained;           /* and back */
    struct gv_timer settle;                       /* waits for the last transfers to end */
};

/* A reload that somebody on a serving loop waits for. */
struct reload_request {
    struct gv_message message; /* to the control loop, then back */
    struct program *program;
    struct gv_loop *reply_to;
    gv_api_reloaded_fn *done;
    void *arg;
    struct reload_request *next;
    bool ok;
    char text[GV_ERR_MSG_MAX];
};

struct program {
    const struct gv_flags *flags;
    unsigned features; /* enum gv_promql_feature */
    struct gv_loop *control;
    struct gv_workers *workers;
    struct slot *slots;
    unsigned n_slots, n_workers;
    struct gv_cluster_registry *clusters;
    struct gv_gate *gate, *reads;
    struct gv_budget memory;
    struct gv_api *api;
    struct gv_registry *metrics;
    struct gv_cluster_client *probes; /* of the control loop */
    struct gv_health *health;
    struct gv_receiver *receiver; /* of writes; NULL: there is nowhere to put them */
    struct keeper *keeper;        /* of the embedded store; NULL: off */
    struct forwarder *forwarder;  /* NULL: nothing is forwarded */
    int64_t start_time_ms;

    pthread_mutex_t lock; /* guards the four below: read by any loop */
    struct gv_settings *current;
    bool ready, reload_successful;
    int64_t last_config_time_ms;

    /* control loop only */
    struct event *signals[3];
    struct reload_request *asked, *answering;
    struct gv_snapshot *loaded; /* being handed to the slots */
    bool reloading, reload_again, ending;
    unsigned swaps_pending, drains_pending;
    struct gv_timer drain_limit;
};

/* app/serve.c */
struct gv_snapshot *program_load(struct program *p, struct gv_err *err);
void program_apply(struct program *p, struct gv_snapshot *s); /* what is process-wide; keeps a reference */

/* app/reload.c -- control loop */
void program_reload(struct program *p);
void program_reload_asked(void *ctx, struct gv_loop *l, gv_api_reloaded_fn *done, void *arg); /* serving loops */
void program_refuse_reloads(struct program *p);

/* app/shutdown.c -- control loop */
void program_end(struct program *p); /* drains; a second time: aborts */

/* app/program_ops.c */
struct gv_api_ops program_ops(struct program *p);

/* app/program_metrics.c */
extern struct gv_metric_family *const gv_program_metrics[];
void program_metrics_init(struct program *p);  /* makes p->metrics of all layers' families */
struct gv_registry *gv_metrics_registry(void); /* of all layers' families, for the docs too */
void program_metrics_reloaded(bool ok, int64_t now_ms);
