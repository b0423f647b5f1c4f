/* What a connection has yet to send. Bytes go to the kernel straight from where they are; only what it does not take is
 * kept. Loop thread only. */
#pragma once
#include "base/buf.h"
#include <sys/uio.h>

struct gv_http_output {
    struct gv_buf buf;
    size_t sent;   /* of buf */
    bool writable; /* the kernel takes bytes, as far as we know */
};

static inline size_t gv_http_output_pending(const struct gv_http_output *o)
{
    return o->buf.n - o->sent;
}

enum { GV_HTTP_MAX_PARTS = 4 };
/* Sends what is pending and then the parts (at most GV_HTTP_MAX_PARTS), keeping what does not go out now.
 * false: the connection is broken. *sent: bytes that the kernel took. */
bool gv_http_output_send(struct gv_http_output *o, int fd, const struct gv_slice *parts, size_t n, size_t *sent);
/* Keeps bytes without trying to send them: they go out with the next call of gv_http_output_send. */
void gv_http_output_add(struct gv_http_output *o, struct gv_slice part);
void gv_http_output_fini(struct gv_http_output *o);
