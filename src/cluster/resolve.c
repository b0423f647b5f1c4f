#include "cluster/resolve.h"
#include <arpa/inet.h>
#include <netdb.h>

static void add_address(struct gv_buf *out, const struct sockaddr *a)
{
    char text[INET6_ADDRSTRLEN];
    const void *at = a->sa_family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)a)->sin_addr
                                             : (const void *)&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr;
    if ((a->sa_family != AF_INET && a->sa_family != AF_INET6) || !inet_ntop(a->sa_family, at, text, sizeof text))
        return;
    gv_buf_printf(out, a->sa_family == AF_INET6 ? ",[%s]" : ",%s", text);
}

bool gv_replica_resolve(struct gv_replica *r, struct gv_err *err)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *all = NULL;
    int code = getaddrinfo(r->host, r->port, &hints, &all);
    if (code)
        return gv_fail(err, GV_UNAVAILABLE, "resolve %s:%s: %s", r->host, r->port, gai_strerror(code));
    struct gv_buf addresses = GV_BUF_INIT, text = GV_BUF_INIT;
    for (const struct addrinfo *at = all; at; at = at->ai_next)
        add_address(&addresses, at->ai_addr);
    freeaddrinfo(all);
    if (addresses.n) {
        gv_buf_printf(&text, "%s:%s:%s", r->host, r->port, gv_buf_cstr(&addresses) + 1);
        gv_record_set_text(r->record, &r->resolved, gv_buf_cstr(&text));
    }
    bool any = addresses.n > 0;
    gv_buf_fini(&addresses);
    gv_buf_fini(&text);
    return any || gv_fail(err, GV_UNAVAILABLE, "resolve %s:%s: no usable address", r->host, r->port);
}
