/* The sockets of a client's connections, as curl wants them watched. Loop thread only.
 * A pooled connection stays watched between calls: most calls find it so, and cost no system call for it. What it says
 * meanwhile, or that it closes, is no news: it is watched no more until curl wants it again.
 * curl tells when it closes a connection that stood, but not when it gives up one that did not: whoever opened a socket
 * says when that matter is over. */
#pragma once
#include "loop/loop.h"
#include <curl/curl.h>
#include <sys/types.h>

struct gv_metric;
struct gv_http_sockets;
/* ready: one of curl's sockets is (CURL_CSELECT_IN, CURL_CSELECT_OUT). */
typedef void gv_http_ready_fn(void *arg, curl_socket_t fd, int action);
struct gv_http_sockets *gv_http_sockets_new(struct gv_loop *l, gv_http_ready_fn *ready, void *arg);
void gv_http_sockets_free(struct gv_http_sockets *s); /* when every connection is closed */

struct gv_http_socket {
    curl_socket_t fd; /* CURL_SOCKET_BAD: none */
    ino_t id;         /* descriptors are used again */
};
/* connections: a gauge that counts the socket until it closes; it may outlive its replica. */
struct gv_http_socket gv_http_sockets_open(struct gv_http_sockets *s, const struct curl_sockaddr *to,
                                           struct gv_metric *connections);
/* The call that opened it goes on (false) or is over, and the connection pooled (true). False: it is closed. */
bool gv_http_sockets_settle(struct gv_http_sockets *s, struct gv_http_socket opened, bool over);
int gv_http_sockets_close(struct gv_http_sockets *s, curl_socket_t fd);

/* CURLMOPT_SOCKETFUNCTION: what is CURL_POLL_... -1: no memory. */
int gv_http_sockets_watch(struct gv_http_sockets *s, curl_socket_t fd, int what);
