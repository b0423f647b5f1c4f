/* Listening sockets: addresses, SO_REUSEPORT among the loops of this process, accepting with care. Loop thread only,
 * but for the process-wide list of addresses behind gv_listener_open. */
#pragma once
#include "loop/loop.h"

struct gv_listener;
/* fd: a connected, non-blocking socket; peer: its address as text. */
typedef void gv_accept_fn(void *arg, int fd, const char *peer);

/* "host:port", "[::1]:port", ":port" (all addresses, IPv6 and IPv4). Listeners of one process share an address; one
 * that another process listens on is refused, though SO_REUSEPORT alone would share that too. */
GV_MUST_CHECK struct gv_listener *gv_listener_open(struct gv_loop *l, const char *address, gv_accept_fn *fn, void *arg,
                                                   struct gv_err *err);
int gv_listener_port(const struct gv_listener *l);
void gv_listener_accept(struct gv_listener *l); /* what waits in the queue now */
void gv_listener_close(struct gv_listener *l);
