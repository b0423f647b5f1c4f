/* The HTTP client: one curl multi handle, driven by the loop's sockets and timer.
 *
 *   start -> waiting --50 a turn--> running (curl) --done--> on_end, easy handle back to the free list
 *              |                      |
 *              +------ cancel --------+--> ended --next turn--> on_end
 *
 * Nothing is added to or removed from the multi handle inside one of curl's callbacks: start and cancel only queue, and
 * the turn timer does the work. */
#include "net/http_call.h"
#include <stdlib.h>

enum { STARTS_A_TURN = 50, KEPT_HANDLES = 512, FREE_LISTS = 64, CONNECT_TIMEOUT_MS = 10000 };

struct queue {
    struct gv_http_call *first, **end;
};

struct gv_http_client {
    struct gv_loop *loop;
    CURLM *multi;
    struct gv_http_sockets *sockets;
    struct gv_timer curl_timer; /* when curl wants to be called without a socket */
    struct gv_timer deadline;   /* of the call whose time is over first, or before */
    int64_t deadline_ns;        /* when; 0: not set */
    struct gv_timer turn;       /* set while something is in waiting or ended */
    struct queue waiting, ended;
    struct gv_http_call *free[FREE_LISTS]; /* by profile: a handle that is dressed for it needs little more */
    struct gv_http_call *at_curl;          /* the calls that the multi handle has: running or ended */
    size_t n_free, running;
};

/* --- lists --- */

static void queue_init(struct queue *q)
{
    q->first = NULL;
    q->end = &q->first;
}

static void push(struct queue *q, struct gv_http_call *call, enum call_state state)
{
    call->state = state;
    call->next = NULL;
    *q->end = call;
    q->end = &call->next;
}

static struct gv_http_call *pop(struct queue *q)
{
    struct gv_http_call *call = q->first;
    if (call && !(q->first = call->next))
        q->end = &q->first;
    return call;
}

static struct gv_http_call **free_list(struct gv_http_client *c, const struct gv_http_profile *p)
{
    return &c->free[(uintptr_t)p * 0x9e3779b97f4a7c15u >> 32 & (FREE_LISTS - 1)];
}

static struct gv_http_call *take_free(struct gv_http_client *c, const struct gv_http_profile *p)
{
    struct gv_http_call **first = free_list(c, p), **at = first;
    while (*at && (*at)->profile != p)
        at = &(*at)->next;
    if (!*at)
        at = first;
    struct gv_http_call *call = *at;
    if (!call)
        return gv_http_call_new(c, c->loop, c->sockets);
    *at = call->next;
    c->n_free--;
    return call;
}

static void give_free(struct gv_http_client *c, struct gv_http_call *call)
{
    gv_http_call_clear(call);
    if (c->n_free >= KEPT_HANDLES) {
        gv_http_call_free(call);
        return;
    }
    struct gv_http_call **first = free_list(c, call->profile);
    call->state = CALL_FREE;
    call->next = *first;
    *first = call;
    c->n_free++;
}

static void link_at_curl(struct gv_http_client *c, struct gv_http_call *call)
{
    call->at = &c->at_curl;
    call->beside = c->at_curl;
    if (call->beside)
        call->beside->at = &call->beside;
    c->at_curl = call;
}

static void unlink_at_curl(struct gv_http_call *call)
{
    *call->at = call->beside;
    if (call->beside)
        call->beside->at = call->at;
}

/* --- ends --- */

static void end(struct gv_http_client *c, struct gv_http_call *call)
{
    const struct gv_http_outcome outcome = call->outcome;
    const struct gv_http_call_ops *ops = call->ops;
    void *arg = call->arg;
    c->running--;
    give_free(c, call);
    ops->on_end(arg, &outcome);
}

static void watch_deadline(struct gv_http_client *c, const struct gv_http_call *call)
{
    if (c->deadline_ns && c->deadline_ns <= call->deadline_ns)
        return;
    c->deadline_ns = call->deadline_ns;
    gv_timer_set(&c->deadline, (call->deadline_ns - gv_loop_now_ns(c->loop) + 999999) / 1000000);
}

static void run(struct gv_http_client *c, struct gv_http_call *call)
{
    call->state = CALL_RUNNING;
    link_at_curl(c, call);
    watch_deadline(c, call);
    CURLMcode code = curl_multi_add_handle(c->multi, call->easy);
    if (code != CURLM_OK)
        gv_die("curl_multi_add_handle: %s", curl_multi_strerror(code));
}

static void take_from_curl(struct gv_http_client *c, struct gv_http_call *call)
{
    curl_multi_remove_handle(c->multi, call->easy);
    unlink_at_curl(call);
    gv_http_call_left(call);
}

static void finish(struct gv_http_client *c, CURL *easy, CURLcode code)
{
    struct gv_http_call *call;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
    if (call->state != CALL_RUNNING)
        return; /* canceled, and on its way out */
    bool over = gv_http_call_settle(call, code, gv_loop_now_ns(c->loop));
    take_from_curl(c, call);
    if (over) {
        end(c, call);
    } else if (gv_http_call_dress(call)) {
        run(c, call);
    } else {
        end(c, call);
    }
}

static void collect(struct gv_http_client *c)
{
    int left;
    for (CURLMsg *m; (m = curl_multi_info_read(c->multi, &left));) {
        if (m->msg == CURLMSG_DONE)
            finish(c, m->easy_handle, m->data.result);
    }
}

static long local_port(const struct gv_http_call *call)
{
    long port = 0;
    curl_easy_getinfo(call->easy, CURLINFO_LOCAL_PORT, &port);
    return port;
}

/* Another stream of the call's HTTP/2 connection that goes on, paused; NULL: there is none. */
static struct gv_http_call *pause_neighbour(const struct gv_http_client *c, const struct gv_http_call *call)
{
    long port = call->profile && call->profile->settings.enable_http2 ? local_port(call) : 0;
    for (struct gv_http_call *o = port ? c->at_curl : NULL; o; o = o->beside)
        if (o != call && o->state == CALL_RUNNING && o->spec.connections == call->spec.connections &&
            local_port(o) == port && curl_easy_pause(o->easy, CURLPAUSE_RECV) == CURLE_OK)
            return o;
    return NULL;
}

/* Ends what is under way. HTTP/1.1: the connection closes. A stream of HTTP/2 is reset; curl would keep the reset until
 * the connection sends something else, whenever that is. A neighbour that was paused sends frames when it goes on, and
 * the reset with them; without a neighbour the connection closes. */
static void abort_running(struct gv_http_client *c, struct gv_http_call *call)
{
    struct gv_http_call *neighbour = pause_neighbour(c, call);
    curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, (long)!neighbour);
    take_from_curl(c, call);
    curl_easy_setopt(call->easy, CURLOPT_FORBID_REUSE, 0L);
    if (neighbour)
        curl_easy_pause(neighbour->easy, CURLPAUSE_CONT);
}

static void end_canceled(struct gv_http_client *c, struct gv_http_call *call)
{
    call->outcome.failure = GV_HTTP_CANCELED;
    call->outcome.err.code = GV_OK;
    gv_fail(&call->outcome.err, GV_CANCELED, "canceled");
    call->outcome.seconds = (double)(gv_loop_now_ns(c->loop) - call->started_ns) / 1e9;
    end(c, call);
}

static void end_late(struct gv_http_client *c, struct gv_http_call *call, int64_t now)
{
    gv_http_call_expire(call, now);
    abort_running(c, call);
    end(c, call);
}

/* All calls, now and then: most deadlines are those of queries, minutes away and never reached. */
static void on_deadline(struct gv_timer *t)
{
    struct gv_http_client *c = container_of(t, struct gv_http_client, deadline);
    int64_t now = gv_loop_now_ns(c->loop);
    c->deadline_ns = 0;
    for (struct gv_http_call *call = c->at_curl, *next; call; call = next) {
        next = call->beside;
        if (call->state == CALL_RUNNING && call->deadline_ns <= now)
            end_late(c, call, now);
        else if (call->state == CALL_RUNNING)
            watch_deadline(c, call);
    }
}

/* --- turns --- */

static void start_some(struct gv_http_client *c)
{
    struct gv_http_call *call;
    bool added = false;
    for (int room = STARTS_A_TURN; room > 0 && (call = pop(&c->waiting));) {
        if (call->canceled) {
            end_canceled(c, call);
        } else if (!gv_http_call_dress(call)) {
            end(c, call);
        } else {
            run(c, call);
            added = true;
            room--;
        }
    }
    if (!added)
        return;
    int running;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(c);
}

static void on_turn(struct gv_timer *t)
{
    struct gv_http_client *c = container_of(t, struct gv_http_client, turn);
    for (struct gv_http_call *call; (call = pop(&c->ended));) {
        abort_running(c, call);
        end_canceled(c, call);
    }
    start_some(c);
    if (c->waiting.first || c->ended.first)
        gv_timer_set(&c->turn, 0);
}

struct gv_http_call *gv_http_call_start(struct gv_http_client *c, const struct gv_http_call_spec *spec,
                                        const struct gv_http_call_ops *ops, void *arg)
{
    struct gv_http_call *call = take_free(c, spec->profile);
    call->spec = *spec;
    if (call->spec.connect_timeout_ms <= 0)
        call->spec.connect_timeout_ms = CONNECT_TIMEOUT_MS;
    call->ops = ops;
    call->arg = arg;
    call->started_ns = gv_loop_now_ns(c->loop);
    call->deadline_ns = call->started_ns + spec->timeout_ms * 1000000;
    c->running++;
    push(&c->waiting, call, CALL_WAITING);
    gv_timer_set(&c->turn, 0);
    return call;
}

void gv_http_call_cancel(struct gv_http_call *call)
{
    struct gv_http_client *c = call->client;
    if (call->canceled)
        return;
    call->canceled = true;
    if (call->state == CALL_RUNNING)
        push(&c->ended, call, CALL_ENDED);
    gv_timer_set(&c->turn, 0);
}

/* --- curl's sockets and timer --- */

static void on_ready(void *arg, curl_socket_t fd, int action)
{
    struct gv_http_client *c = arg;
    int running;
    curl_multi_socket_action(c->multi, fd, action, &running);
    collect(c);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *of_socket)
{
    (void)easy;
    (void)of_socket;
    return gv_http_sockets_watch(arg, fd, what);
}

static void on_curl_timer(struct gv_timer *t)
{
    struct gv_http_client *c = container_of(t, struct gv_http_client, curl_timer);
    int running;
    curl_multi_socket_action(c->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect(c);
}

static int on_timeout(CURLM *multi, long ms, void *arg)
{
    (void)multi;
    struct gv_http_client *c = arg;
    if (ms < 0)
        gv_timer_cancel(&c->curl_timer);
    else
        gv_timer_set(&c->curl_timer, ms);
    return 0;
}

/* --- the client --- */

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct gv_http_client *gv_http_client_new(struct gv_loop *l, size_t max_connections, struct gv_err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, init_curl);
    struct gv_http_client *c = calloc(1, sizeof *c);
    if (!c || !(c->multi = curl_multi_init())) {
        free(c);
        gv_fail(err, GV_INTERNAL, "cannot start the HTTP client: curl_multi_init failed");
        return NULL;
    }
    c->loop = l;
    c->sockets = gv_http_sockets_new(l, on_ready, c);
    queue_init(&c->waiting);
    queue_init(&c->ended);
    gv_timer_init(&c->curl_timer, l, on_curl_timer);
    gv_timer_init(&c->deadline, l, on_deadline);
    gv_timer_init(&c->turn, l, on_turn);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(c->multi, CURLMOPT_SOCKETDATA, c->sockets);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(c->multi, CURLMOPT_TIMERDATA, c);
    curl_multi_setopt(c->multi, CURLMOPT_PIPELINING, CURLPIPE_MULTIPLEX);
    gv_http_client_set_pool(c, max_connections);
    return c;
}

void gv_http_client_set_pool(struct gv_http_client *c, size_t max_connections)
{
    curl_multi_setopt(c->multi, CURLMOPT_MAXCONNECTS, (long)(max_connections ? max_connections : 1));
}

size_t gv_http_client_running(const struct gv_http_client *c)
{
    return c->running;
}

void gv_http_client_free(struct gv_http_client *c)
{
    if (!c)
        return;
    if (c->running)
        gv_die("an HTTP client is freed while %zu calls run", c->running);
    for (size_t i = 0; i < FREE_LISTS; i++) {
        for (struct gv_http_call *call; (call = c->free[i]);) {
            c->free[i] = call->next;
            gv_http_call_free(call);
        }
    }
    curl_multi_cleanup(c->multi);
    gv_http_sockets_free(c->sockets);
    gv_timer_fini(&c->curl_timer);
    gv_timer_fini(&c->deadline);
    gv_timer_fini(&c->turn);
    free(c);
}
