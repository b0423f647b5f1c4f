#include "net/http_output.h"
#include <errno.h>
#include <sys/socket.h>

enum { COMPACT_BEYOND = 64 << 10 };

static size_t fill_vector(struct iovec *v, const struct gv_http_output *o, const struct gv_slice *parts, size_t n)
{
    size_t used = 0;
    if (gv_http_output_pending(o))
        v[used++] = (struct iovec){o->buf.p + o->sent, gv_http_output_pending(o)};
    for (size_t i = 0; i < n; i++)
        if (parts[i].n)
            v[used++] = (struct iovec){(void *)(uintptr_t)parts[i].p, parts[i].n};
    return used;
}

static ssize_t send_vector(int fd, struct iovec *v, size_t n)
{
    struct msghdr m = {.msg_iov = v, .msg_iovlen = n};
    ssize_t sent;
    do
        sent = sendmsg(fd, &m, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    return sent;
}

static void keep_rest(struct gv_http_output *o, const struct gv_slice *parts, size_t n, size_t sent)
{
    for (size_t i = 0; i < n; i++) {
        size_t gone = sent < parts[i].n ? sent : parts[i].n;
        sent -= gone;
        gv_buf_add(&o->buf, parts[i].p + gone, parts[i].n - gone);
    }
}

static void forget_sent(struct gv_http_output *o)
{
    if (o->sent == o->buf.n) {
        gv_buf_clear(&o->buf);
        o->sent = 0;
    } else if (o->sent > COMPACT_BEYOND && o->sent > o->buf.n / 2) {
        memmove(o->buf.p, o->buf.p + o->sent, o->buf.n - o->sent);
        o->buf.n -= o->sent;
        o->sent = 0;
    }
}

bool gv_http_output_send(struct gv_http_output *o, int fd, const struct gv_slice *parts, size_t n, size_t *sent)
{
    struct iovec v[1 + GV_HTTP_MAX_PARTS];
    size_t used = fill_vector(v, o, parts, n), wanted = 0;
    for (size_t i = 0; i < used; i++)
        wanted += v[i].iov_len;
    ssize_t took = wanted && o->writable ? send_vector(fd, v, used) : 0;
    if (took < 0 && errno != EAGAIN)
        return false;
    *sent = took > 0 ? (size_t)took : 0;
    if (*sent < wanted)
        o->writable = false; /* until the kernel says so again */
    size_t kept = gv_http_output_pending(o), of_kept = *sent < kept ? *sent : kept;
    o->sent += of_kept;
    keep_rest(o, parts, n, *sent - of_kept);
    forget_sent(o);
    return true;
}

void gv_http_output_add(struct gv_http_output *o, struct gv_slice part)
{
    gv_buf_add_slice(&o->buf, part);
}

void gv_http_output_fini(struct gv_http_output *o)
{
    gv_buf_fini(&o->buf);
    o->sent = 0;
}
