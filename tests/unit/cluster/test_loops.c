/* Several loops over the same clusters, a health job beside them, and reloads meanwhile: what is shared must be safe
 * (this is the test to run under ThreadSanitizer), and every ask is answered once. */
#include "cluster/health.h"
#include "../fake_backend.h"
#include <setjmp.h>
#include <cmocka.h>

enum { LOOPS = 3, WIDTH = 4, ROUNDS = 60, CLUSTERS = 4, RELOADS = 10 };

static struct gv_cluster_registry *registry;
static struct fake backends[CLUSTERS * 2];
static struct gv_cluster_config configs[CLUSTERS];
static char urls[CLUSTERS * 2][64];
static const char *endpoints[CLUSTERS * 2];

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct gv_clusters *current; /* under lock */
static struct gv_health *health;
static atomic_int loops_left;

static struct gv_clusters *get_current(void)
{
    pthread_mutex_lock(&lock);
    struct gv_clusters *cs = gv_clusters_get(current);
    pthread_mutex_unlock(&lock);
    return cs;
}

/* --- one loop: rounds of asks to all clusters --- */

struct user {
    struct gv_loop *loop;
    struct gv_cluster_client *client;
    struct gv_message start;
    struct gv_clusters *set; /* of the round under way */
    struct gv_ask *asks[CLUSTERS];
    int owed, rounds, answers, ok;
};

static void *begin(void *arg, const struct gv_cluster *c, unsigned replica, struct gv_arena *a)
{
    (void)arg, (void)c, (void)replica;
    return gv_arena_alloc(a, 100);
}
static bool feed(void *sink, const char *data, size_t n, struct gv_err *err)
{
    (void)sink;
    (void)data;
    (void)n;
    (void)err;
    return true;
}
static bool finish(void *sink, struct gv_err *err)
{
    (void)sink;
    (void)err;
    return true;
}
static const struct gv_sink_ops sink_ops = {begin, NULL, feed, finish};
static const struct gv_ask_part part = {
    .method = "POST", .path = "/api/v1/query", .body = GV_S("query=up"), .sink = &sink_ops};

static void next_round(struct user *u);

static void on_answer(void *arg, const struct gv_ask_answer *answer)
{
    struct user *u = arg;
    u->answers++;
    u->ok += answer->outcome == GV_ASK_OK;
    u->asks[answer->cluster->index] = NULL;
    gv_ask_arena_free(answer->arena);
    if (--u->owed)
        return;
    gv_clusters_put(u->set);
    if (++u->rounds < ROUNDS)
        next_round(u);
    else if (atomic_fetch_sub(&loops_left, 1) >= 1)
        gv_loop_stop(u->loop);
}

static void next_round(struct user *u)
{
    u->set = get_current();
    for (size_t i = 0; i < u->set->n; i++) {
        const struct gv_ask_spec spec = {.cluster = &u->set->at[i],
                                         .parts = &part,
                                         .n_parts = 1,
                                         .deadline_ms = gv_loop_now_ns(u->loop) / 1000000 + 20000,
                                         .replica = -1};
        u->owed++;
        u->asks[i] = gv_cluster_ask(u->client, &spec, on_answer, u);
    }
    if (u->rounds % 5 == 0)
        gv_cluster_ask_cancel(u->asks[0]);
}

static void on_start(struct gv_message *m)
{
    next_round(container_of(m, struct user, start));
}

/* --- the control loop: health and reloads --- */

static struct gv_loop *control;
static struct gv_timer reload;
static int reloads;

static struct gv_clusters *load(void)
{
    struct gv_err err = {0};
    struct gv_clusters *cs = gv_clusters_new(registry, "cluster", configs, CLUSTERS, &err);
    assert_non_null(cs);
    return cs;
}

static void on_health_stopped(void *arg)
{
    (void)arg;
    gv_loop_stop(control);
}

static void on_reload(struct gv_timer *t)
{
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    for (size_t i = 0; i < current->n; i++)
        gv_cluster_status(&current->at[i], &a);
    gv_arena_fini(&a);
    if (atomic_load(&loops_left) == 0) {
        gv_health_stop(health, on_health_stopped, NULL);
        return;
    }
    if (reloads++ < RELOADS) {
        struct gv_clusters *fresh = load(), *old;
        pthread_mutex_lock(&lock);
        old = current;
        current = fresh;
        pthread_mutex_unlock(&lock);
        gv_clusters_put(old);
        gv_health_set_clusters(health, fresh);
    }
    gv_timer_set(t, 2);
}

/* --- backends: some good, some failing now and then --- */

static bool reply(struct fake_connection *c, const char *request)
{
    size_t index = (size_t)(c->fake - backends);
    if (strstr(request, "buildinfo"))
        return fake_body(c, 200, "", "{\"status\":\"success\",\"data\":{\"version\":\"3.0.0\",\"revision\":\"r\"}}");
    if (index == 2 && c->fake->requests % 3 == 0)
        return fake_reset(c);
    if (index == 4)
        return fake_body(c, 500, "", "boom");
    return fake_body(c, 200, "", "{}");
}

static void loops_share_clusters(void **state)
{
    (void)state;
    struct gv_err err = {0};
    registry = gv_cluster_registry_new();
    for (size_t i = 0; i < GV_COUNT(backends); i++) {
        fake_start(&backends[i], reply, NULL);
        snprintf(urls[i], sizeof urls[i], "http://%s:%d", i == 6 ? "localhost" : "127.0.0.1", backends[i].port);
        endpoints[i] = urls[i];
    }
    static const char *const names[] = {"c0", "c1", "c2", "c3"};
    for (size_t i = 0; i < CLUSTERS; i++) {
        configs[i] = gv_cluster_config_default;
        configs[i].name = names[i];
        configs[i].endpoints = &endpoints[2 * i];
        configs[i].n_endpoints = 2;
        configs[i].hedge_after_ms = i == 3 ? 1 : GV_HEDGE_AUTO;
    }
    current = load();
    static struct user users[LOOPS];
    atomic_store(&loops_left, LOOPS);
    assert_non_null(control = gv_loop_new(LOOPS, &err));
    struct gv_cluster_client *probes = gv_cluster_client_new(control, &err);
    assert_non_null(probes);
    assert_non_null(health = gv_health_new(probes, 5, &err));
    gv_health_set_clusters(health, current);
    for (unsigned i = 0; i < LOOPS; i++) {
        struct user *u = &users[i];
        assert_non_null(u->loop = gv_loop_new(i, &err));
        assert_non_null(u->client = gv_cluster_client_new(u->loop, &err));
        u->start.fn = on_start;
        assert_true(gv_loop_start(u->loop, &err));
        gv_loop_post(u->loop, &u->start);
    }
    gv_timer_init(&reload, control, on_reload);
    gv_timer_set(&reload, 1);
    gv_loop_run(control);
    for (unsigned i = 0; i < LOOPS; i++) {
        struct user *u = &users[i];
        gv_loop_join(u->loop);
        assert_int_equal(u->answers, ROUNDS * CLUSTERS);
        assert_true(u->ok >= ROUNDS * CLUSTERS - ROUNDS / 5); /* every cluster has a good replica */
        gv_cluster_client_free(u->client);
        gv_loop_free(u->loop);
    }
    gv_timer_fini(&reload);
    gv_clusters_put(current);
    gv_cluster_client_free(probes);
    gv_loop_free(control);
    gv_cluster_registry_free(registry);
    for (size_t i = 0; i < GV_COUNT(backends); i++)
        fake_stop(&backends[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(loops_share_clusters)};
    return cmocka_run_group_tests_name("cluster.loops", tests, NULL, NULL);
}
