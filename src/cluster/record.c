/* The registry and its records: found by name, endpoints and proxy when a configuration is loaded, dropped when no
 * configuration names them any more, and told by every attempt how it went.
 *
 *   configuration -> key -> record (found: all that was learned is kept) -> replicas */
#include "cluster/record.h"
#include "base/clock.h"
#include "base/log.h"
#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdlib.h>

struct gv_cluster_registry {
    pthread_mutex_t lock;
    struct gv_cluster_record *first;
    bool *used_ids;
    unsigned n_ids;
};

struct gv_cluster_registry *gv_cluster_registry_new(void)
{
    struct gv_cluster_registry *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory");
    pthread_mutex_init(&r->lock, NULL);
    return r;
}

void gv_cluster_registry_free(struct gv_cluster_registry *r)
{
    if (!r)
        return;
    if (r->first)
        gv_die("the cluster registry is freed while cluster %s is in use", r->first->name);
    pthread_mutex_destroy(&r->lock);
    free(r->used_ids);
    free(r);
}

static unsigned take_id(struct gv_cluster_registry *r)
{
    unsigned id = 0;
    while (id < r->n_ids && r->used_ids[id])
        id++;
    if (id == r->n_ids) {
        r->n_ids = r->n_ids ? r->n_ids * 2 : 64;
        r->used_ids = realloc(r->used_ids, r->n_ids * sizeof *r->used_ids);
        if (!r->used_ids)
            gv_die("out of memory");
        memset(r->used_ids + id, 0, (r->n_ids - id) * sizeof *r->used_ids);
    }
    r->used_ids[id] = true;
    return id;
}

/* --- making one --- */

static bool is_address(const char *host)
{
    unsigned char room[sizeof(struct in6_addr)];
    return inet_pton(AF_INET, host, room) == 1 || inet_pton(AF_INET6, host, room) == 1;
}

static const char *part_of(CURLU *u, CURLUPart part, unsigned flags, struct gv_arena *a)
{
    char *text = NULL;
    if (curl_url_get(u, part, &text, flags) != CURLUE_OK)
        return NULL;
    const char *copy = gv_arena_dup(a, gv_slice_of(text)).p;
    curl_free(text);
    return copy;
}

static const char *without_brackets(struct gv_arena *a, const char *host)
{
    size_t n = strlen(host);
    return n > 2 && host[0] == '[' ? gv_arena_dup(a, (struct gv_slice){host + 1, n - 2}).p : host;
}

static bool split_url(struct gv_replica *r, CURLU *u, struct gv_arena *a, const char *url, struct gv_err *err)
{
    if (curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK)
        return gv_fail(err, GV_BAD_DATA, "endpoint \"%s\" is no URL", url);
    const char *scheme = part_of(u, CURLUPART_SCHEME, 0, a);
    if (!scheme || (strcmp(scheme, "http") != 0 && strcmp(scheme, "https") != 0))
        return gv_fail(err, GV_BAD_DATA, "endpoint \"%s\": the scheme must be http or https", url);
    if (part_of(u, CURLUPART_USER, 0, a) || part_of(u, CURLUPART_PASSWORD, 0, a))
        return gv_fail(err, GV_BAD_DATA, "an endpoint holds a user name: use basic_auth instead");
    if (part_of(u, CURLUPART_QUERY, 0, a) || part_of(u, CURLUPART_FRAGMENT, 0, a))
        return gv_fail(err, GV_BAD_DATA, "endpoint \"%s\" has parameters: use params instead", url);
    r->host = without_brackets(a, part_of(u, CURLUPART_HOST, 0, a));
    r->port = part_of(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, a);
    r->is_name = !is_address(r->host);
    struct gv_slice whole = gv_slice_of(part_of(u, CURLUPART_URL, 0, a));
    while (whole.n && whole.p[whole.n - 1] == '/')
        whole.n--;
    r->url = gv_arena_dup(a, whole).p;
    return true;
}

static void free_record(struct gv_cluster_record *r)
{
    record_metrics_drop(r);
    for (unsigned i = 0; i < r->n_replicas; i++) {
        free(r->replicas[i].last_error.p);
        free(r->replicas[i].resolved.p);
        free(r->replicas[i].version_text.p);
        gv_ask_arena_free(r->replicas[i].abilities_arena);
    }
    pthread_mutex_destroy(&r->lock);
    gv_arena_fini(&r->arena);
    free(r);
}

static bool make_replicas(struct gv_cluster_record *r, const struct gv_cluster_config *config, struct gv_err *err)
{
    CURLU *u = curl_url();
    bool ok = u != NULL;
    r->n_replicas = (unsigned)config->n_endpoints;
    r->replicas = gv_arena_array(&r->arena, struct gv_replica, r->n_replicas);
    for (unsigned i = 0; ok && i < r->n_replicas; i++) {
        r->replicas[i].record = r;
        r->replicas[i].index = i;
        ok = split_url(&r->replicas[i], u, &r->arena, config->endpoints[i], err);
        r->replicas[i].is_name &=
            !config->http.proxy_url; /* else the proxy resolves it, and perhaps only the proxy can */
        for (unsigned k = 0; ok && k < i; k++) {
            if (strcmp(r->replicas[k].url, r->replicas[i].url) == 0)
                ok = gv_fail(err, GV_BAD_DATA, "endpoint \"%s\" is there twice", config->endpoints[i]);
        }
    }
    curl_url_cleanup(u);
    return ok;
}

static struct gv_cluster_record *make(const struct gv_cluster_config *config, struct gv_slice key, struct gv_err *err)
{
    struct gv_cluster_record *r = calloc(1, sizeof *r);
    if (!r)
        gv_die("out of memory");
    gv_arena_init(&r->arena, NULL);
    pthread_mutex_init(&r->lock, NULL);
    r->key = gv_arena_dup(&r->arena, key);
    r->name = gv_arena_dup(&r->arena, gv_slice_of(config->name)).p;
    if (make_replicas(r, config, err)) {
        record_metrics_make(r);
        return r;
    }
    r->n_replicas = 0;
    free_record(r);
    return NULL;
}

/* --- references --- */

static void write_key(struct gv_buf *key, const struct gv_cluster_config *config)
{
    gv_buf_add(key, config->name, strlen(config->name) + 1);
    for (size_t i = 0; i < config->n_endpoints; i++)
        gv_buf_add(key, config->endpoints[i], strlen(config->endpoints[i]) + 1);
    gv_buf_adds(key, config->http.proxy_url ? config->http.proxy_url : "");
}

static struct gv_cluster_record *find(struct gv_cluster_registry *registry, struct gv_slice key)
{
    struct gv_cluster_record *r = registry->first;
    while (r && !gv_slice_eq(r->key, key))
        r = r->next;
    return r;
}

static void enter(struct gv_cluster_registry *registry, struct gv_cluster_record *r)
{
    r->registry = registry;
    r->next = registry->first;
    registry->first = r;
    for (unsigned i = 0; i < r->n_replicas; i++)
        r->replicas[i].id = take_id(registry);
}

struct gv_cluster_record *gv_record_get(struct gv_cluster_registry *registry, const struct gv_cluster_config *config,
                                        struct gv_err *err)
{
    struct gv_buf key = GV_BUF_INIT;
    write_key(&key, config);
    pthread_mutex_lock(&registry->lock);
    struct gv_cluster_record *r = find(registry, gv_buf_slice(&key));
    if (!r && (r = make(config, gv_buf_slice(&key), err)))
        enter(registry, r);
    if (r)
        r->refs++;
    pthread_mutex_unlock(&registry->lock);
    gv_buf_fini(&key);
    return r;
}

static void leave(struct gv_cluster_registry *registry, struct gv_cluster_record *r)
{
    struct gv_cluster_record **at = &registry->first;
    while (*at != r)
        at = &(*at)->next;
    *at = r->next;
    for (unsigned i = 0; i < r->n_replicas; i++)
        registry->used_ids[r->replicas[i].id] = false;
    for (struct gv_cluster_record *other = registry->first; other; other = other->next)
        if (strcmp(other->name, r->name) == 0)
            record_metrics_show(other); /* shared ones must not ask a record that is gone */
}

void gv_record_put(struct gv_cluster_record *r)
{
    if (!r)
        return;
    struct gv_cluster_registry *registry = r->registry;
    pthread_mutex_lock(&registry->lock);
    bool last = --r->refs == 0;
    if (last)
        leave(registry, r);
    pthread_mutex_unlock(&registry->lock);
    if (last)
        free_record(r);
}

/* --- texts --- */

void gv_record_set_text(struct gv_cluster_record *r, struct gv_text *to, const char *text)
{
    char *fresh = text ? strdup(text) : NULL;
    pthread_mutex_lock(&r->lock);
    char *old = to->p;
    to->p = fresh;
    pthread_mutex_unlock(&r->lock);
    free(old);
}

char *gv_record_dup_text(struct gv_cluster_record *r, const struct gv_text *from, struct gv_arena *a)
{
    pthread_mutex_lock(&r->lock);
    char *copy = from->p ? gv_arena_printf(a, "%s", from->p) : NULL;
    pthread_mutex_unlock(&r->lock);
    return copy;
}

char *gv_record_copy_text(struct gv_cluster_record *r, const struct gv_text *from)
{
    pthread_mutex_lock(&r->lock);
    char *copy = from->p ? strdup(from->p) : NULL;
    pthread_mutex_unlock(&r->lock);
    return copy;
}

/* --- how it went --- */

static void smooth(_Atomic int64_t *us, double seconds)
{
    int64_t old = atomic_load_explicit(us, memory_order_relaxed), now = (int64_t)(seconds * 1e6) + 1;
    atomic_store_explicit(us, old ? (7 * old + now) / 8 : now, memory_order_relaxed);
}

static void note_error(struct gv_replica *r, const struct gv_err *err)
{
    gv_record_set_text(r->record, &r->last_error, err->msg);
    atomic_store(&r->last_error_ms, gv_clock_wall(&gv_clock_real));
}

/* One line for each change: a breaker that opens; the first answer after that, or the second health probe in a row that
 * was answered: one alone says little of a backend whose queries hang. */
static void tell_down(struct gv_replica *r, const struct gv_err *err)
{
    if (!atomic_exchange(&r->told_down, true))
        gv_log(GV_LOG_WARN, "an endpoint of a cluster does not answer", GV_CTX("cluster", r->record->name),
               GV_F("endpoint", r->url), GV_F("error", err->msg));
}

static void tell_up(struct gv_replica *r)
{
    if (atomic_load_explicit(&r->told_down, memory_order_relaxed) && atomic_exchange(&r->told_down, false))
        gv_log(GV_LOG_INFO, "an endpoint of a cluster answers again", GV_CTX("cluster", r->record->name),
               GV_F("endpoint", r->url));
}

void gv_replica_went_well(struct gv_replica *r, double seconds)
{
    atomic_fetch_add_explicit(&r->asks, 1, memory_order_relaxed);
    record_metrics_attempt(r, GV_ASK_OK, seconds);
    gv_latency_note(&r->latency, seconds);
    gv_breaker_succeed(&r->breaker);
    atomic_store_explicit(&r->health, GV_HEALTH_UP, memory_order_relaxed);
    tell_up(r);
}

void gv_replica_went_wrong(struct gv_replica *r, enum gv_ask_outcome outcome, const struct gv_err *err, double seconds,
                           int64_t now_ns, bool trips, bool probe)
{
    atomic_fetch_add_explicit(&r->asks, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&r->failures, 1, memory_order_relaxed);
    record_metrics_attempt(r, outcome, seconds);
    note_error(r, err);
    if (!trips)
        return;
    atomic_store_explicit(&r->health, GV_HEALTH_DOWN, memory_order_relaxed);
    if (gv_breaker_fail(&r->breaker, now_ns, probe))
        tell_down(r, err);
}

void gv_replica_probed(struct gv_replica *r, const struct gv_err *err, double seconds, int64_t now_ns, bool probe)
{
    int before = atomic_exchange_explicit(&r->health, err ? GV_HEALTH_DOWN : GV_HEALTH_UP, memory_order_relaxed);
    if (err) {
        note_error(r, err);
        if (gv_breaker_fail(&r->breaker, now_ns, probe))
            tell_down(r, err);
    } else {
        smooth(&r->probe_us, seconds);
        gv_breaker_probed(&r->breaker, now_ns);
        if (before == GV_HEALTH_UP)
            tell_up(r);
    }
}
