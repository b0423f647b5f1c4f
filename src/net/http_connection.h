/* A connection of the server and its one exchange at a time. Loop thread only. Private to the server's files:
 * http_server.c (listening, draining), http_connection.c (the phases), http_reply.c (what goes out). */
#pragma once
#include "net/http_gzip.h"
#include "net/http_metrics.h"
#include "net/http_output.h"
#include "net/http_parser.h"
#include <event2/event_struct.h>

/* Where a connection stands. Only http_connection.c moves it.
 *
 *   HEAD -> BODY -> HANDLER -> REPLY -> HEAD ...        a reply may also come in HEAD (on_header) or in BODY
 *                                 \---> SKIP -> HEAD    a small body that nobody wants is read and dropped
 *                                 \---> LINGER -> DEAD  our side is shut; the client may still read the reply
 *   any -> DEAD                                         the socket is closed; freed once the handler has let go */
enum gv_http_phase {
    GV_HTTP_PHASE_HEAD,
    GV_HTTP_PHASE_BODY,
    GV_HTTP_PHASE_HANDLER,
    GV_HTTP_PHASE_REPLY,
    GV_HTTP_PHASE_SKIP,
    GV_HTTP_PHASE_LINGER,
    GV_HTTP_PHASE_DEAD
};

enum {
    GV_HTTP_READ_SIZE = 64 << 10,
    GV_HTTP_SKIP_MAX = 64 << 10, /* a body that nobody wants is read up to here, to keep the connection */
};

/* The reply under way. */
struct gv_http_sending {
    bool begun;
    bool close;     /* the connection ends with it */
    bool head_only; /* HEAD, 204, 304: no body goes out */
    bool chunked;
    bool body_unread;            /* the request's */
    size_t moved;                /* bytes that the client took since the write deadline was set */
    gv_http_produce_fn *produce; /* NULL: all of it was handed over */
    void *arg;
    struct gv_gzip *gzip; /* of a stream */
    struct gv_buf whole;  /* a large body that is compressed piece by piece */
    size_t whole_used;
};

struct gv_http_connection {
    struct gv_http_server *server;
    struct gv_http_connection *next, **link; /* in the server's list */
    int fd;
    struct event io;
    enum gv_http_phase phase;
    bool readable; /* a read may give something (edge-triggered) */
    bool hung_up;  /* the client will send no more */
    bool driving;  /* gv_http_connection_drive is on the stack */
    bool broken;   /* to be closed on the next turn, for this cause: */
    enum gv_http_closed cause;
    bool scheduled; /* `turn` is posted */
    struct gv_message turn;
    struct gv_timer timer;
    int64_t deadline, armed; /* ns; 0: none. The timer is set for `armed`, at or before the deadline */
    bool head_timed;         /* the deadline is that of the head */

    struct gv_buf in; /* bytes not yet understood, from in_used on */
    size_t in_used;
    struct gv_arena arena; /* of the exchange */
    struct gv_http_head head;
    struct gv_http_framing framing;
    struct gv_http_body body;
    struct gv_buf body_bytes;

    struct gv_http_exchange exchange;
    bool told;    /* the handlers know of the exchange: on_end is owed to them */
    bool owing;   /* the handler owes a reply, or a producer's end */
    bool refused; /* the server itself answers */
    struct gv_http_sending sending;
    struct gv_http_output out;
    size_t lingered; /* bytes thrown away */
};

struct gv_http_server {
    struct gv_loop *loop;
    struct gv_http_limits limits;
    struct gv_http_handlers handlers;
    struct gv_http_listener *listeners; /* in the order of listening */
    struct gv_http_connection *connections;
    bool draining;
    void (*drained)(void *arg);
    void *drained_arg;
    struct gv_message on_empty;
    bool empty_posted;

    char *received;             /* room for GV_HTTP_READ_SIZE; shared by all connections, as are the next three */
    struct gv_buf text;         /* the head of a reply */
    struct gv_buf piece;        /* of a stream */
    struct gv_buf packed;       /* a piece, compressed */
    struct gv_gzip *spare_gzip; /* one is kept */
    time_t date_second;
    char date[32];
};

/* Takes over a non-blocking socket; peer is its address as text. */
struct gv_http_connection *gv_http_connection_start(struct gv_http_server *s, int fd, const char *peer);
void gv_http_connection_drive(struct gv_http_connection *c);                            /* does what can be done now */
void gv_http_connection_schedule(struct gv_http_connection *c);                         /* drive, on a later turn */
void gv_http_connection_break(struct gv_http_connection *c, enum gv_http_closed cause); /* closes it, on a later turn */
void gv_http_connection_drain(struct gv_http_connection *c);    /* closes it, where no request has begun */
void gv_http_connection_replying(struct gv_http_connection *c); /* c->sending is set up */
void gv_http_server_connection_gone(struct gv_http_server *s);  /* one has been freed */

/* The reply's part, in http_reply.c. */
enum gv_http_progress {
    GV_HTTP_SENT,      /* all of it is with the kernel */
    GV_HTTP_AGAIN,     /* more can be done, on a later turn */
    GV_HTTP_BLOCKED,   /* the client must read first */
    GV_HTTP_BROKEN_OFF /* no more can be sent; the connection is to be closed */
};
enum gv_http_progress gv_http_sending_progress(struct gv_http_connection *c);
void gv_http_sending_reset(struct gv_http_connection *c);
/* The server's own reply to what it refuses; closes the connection after it. */
void gv_http_refuse(struct gv_http_connection *c, struct gv_http_fault fault);
