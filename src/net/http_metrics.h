/* What the server counts about connections and refused requests. Any thread. */
#pragma once

#define GV_HTTP_CLOSED_CAUSES(X)                                                                                       \
    X(GV_HTTP_CLOSED_CLIENT, "client") /* the client closed it, or its network failed */                               \
    X(GV_HTTP_CLOSED_SERVER, "server") /* in order, after a reply */                                                   \
    X(GV_HTTP_CLOSED_IDLE, "idle")                                                                                     \
    X(GV_HTTP_CLOSED_TIMEOUT, "timeout") /* a request too slow, a reply not read */                                    \
    X(GV_HTTP_CLOSED_BROKEN, "broken")   /* a reply could not be ended */                                              \
    X(GV_HTTP_CLOSED_SHUTDOWN, "shutdown")                                                                             \
    X(GV_HTTP_CLOSED_OVERLOAD, "overload") /* beyond max_connections */

#define GV_HTTP_CLOSED_ENUM(name, text) name,
enum gv_http_closed { GV_HTTP_CLOSED_CAUSES(GV_HTTP_CLOSED_ENUM) };
#undef GV_HTTP_CLOSED_ENUM

void gv_http_metrics_init(void); /* before all below; as often as you like */
void gv_http_count_opened(void);
void gv_http_count_closed(enum gv_http_closed cause);
void gv_http_count_refused(int status);
unsigned gv_http_connections_open(void);
