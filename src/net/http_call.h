/* Inside of the HTTP client. Loop thread only. A call is in exactly one list: free, waiting, running (curl's) or ended;
 * the client moves it (http_client.c), the call itself knows how to dress its easy handle (http_call.c) and how to tell
 * what went wrong (http_fault.c). */
#pragma once
#include "net/http_client.h"
#include "net/http_profile.h"
#include "net/http_sockets.h"
#include <netinet/in.h>

enum call_state { CALL_FREE, CALL_WAITING, CALL_RUNNING, CALL_ENDED };

struct gv_http_call {
    struct gv_http_client *client;
    struct gv_loop *loop;
    struct gv_http_sockets *sockets;
    struct gv_http_call *next;         /* in its list */
    struct gv_http_call *beside, **at; /* of the calls that curl has */
    enum call_state state;
    CURL *easy; /* kept for the next call, with its options */

    struct gv_http_call_spec spec;
    const struct gv_http_call_ops *ops;
    void *arg;
    struct gv_http_profile *profile;         /* that the easy handle is dressed for; kept over calls */
    struct gv_http_credentials *credentials; /* likewise */
    struct curl_slist *headers;              /* own lines, ending in the credentials' list */
    struct curl_slist resolved, connect_to;  /* one node each */
    struct gv_buf url;                       /* where it differs from spec.url: redirects, server_name */
    struct gv_buf host_line;                 /* "Host: ..." beside server_name */
    struct gv_buf peer;                      /* connect_to's text */

    int64_t started_ns, deadline_ns;
    unsigned redirects;
    bool fresh;        /* on a new connection only: the pooled one turned out dead */
    bool header_whole; /* the empty line behind it came */
    bool header_seen;  /* on_header was called */
    bool redirecting;  /* the body is of a redirect */
    bool canceled;
    struct gv_http_socket opened[4]; /* for it, since it runs */
    unsigned n_opened;
    struct sockaddr_in6 tried; /* the last address that was connected to; room for IPv4 too */
    struct gv_http_outcome outcome;
    char curl_text[CURL_ERROR_SIZE];
};

struct gv_http_call *gv_http_call_new(struct gv_http_client *c, struct gv_loop *l, struct gv_http_sockets *s);
void gv_http_call_free(struct gv_http_call *call);
/* Everything of spec goes into the easy handle; false: the URL or an option is none (outcome.err). */
GV_MUST_CHECK bool gv_http_call_dress(struct gv_http_call *call);
void gv_http_call_left(struct gv_http_call *call); /* it is in the multi handle no more */
/* curl is done with it: fills the outcome. False: start it again, for a redirect or on a new connection. */
GV_MUST_CHECK bool gv_http_call_settle(struct gv_http_call *call, CURLcode code, int64_t now_ns);
void gv_http_call_expire(struct gv_http_call *call, int64_t now_ns); /* its time is over: fills the outcome */
void gv_http_call_clear(struct gv_http_call *call);                  /* what belongs to one call only */

/* The failure kind of a curl result, and a text that names what was tried, the address and the cause. */
void gv_http_fault(struct gv_http_call *call, CURLcode code);
/* "host:port", or "host:port (address)" where the host is a name and the address is known. */
void gv_http_call_address(const struct gv_http_call *call, struct gv_buf *out);
