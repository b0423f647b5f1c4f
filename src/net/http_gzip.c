#include "net/http_gzip.h"
#include "net/http_parser.h"
#include <stdlib.h>
#include <zlib.h>

enum { LEVEL = 1, GZIP_WINDOW = 15 + 16, MEMORY = 8, ROOM = 16 << 10 };

/* The weight of "gzip;q=0.5" in thousandths (RFC 9110 section 12.4.2), and the name before it. A malformed weight
 * counts as 0: no compression is always right. */
static int weight_of(struct gv_slice element, struct gv_slice *name)
{
    const char *semicolon = memchr(element.p, ';', element.n);
    *name = (struct gv_slice){element.p, semicolon ? (size_t)(semicolon - element.p) : element.n};
    while (name->n && (name->p[name->n - 1] == ' ' || name->p[name->n - 1] == '\t'))
        name->n--;
    if (!semicolon)
        return 1000;
    const char *p = semicolon + 1, *end = element.p + element.n;
    while (p < end && (*p == ' ' || *p == '\t'))
        p++;
    if (end - p < 3 || (*p | 0x20) != 'q' || p[1] != '=' || (p[2] != '0' && p[2] != '1'))
        return 0;
    int weight = (p[2] - '0') * 1000;
    p += 3;
    if (p < end && *p == '.')
        p++;
    for (int unit = 100; p < end && unit; p++, unit /= 10) {
        if (*p < '0' || *p > '9')
            return 0;
        weight += (*p - '0') * unit;
    }
    return p == end && weight <= 1000 ? weight : 0;
}

bool gv_http_accepts_gzip(const struct gv_http_request *r)
{
    int gzip = -1, identity = -1, any = -1; /* -1: not mentioned */
    for (size_t i = 0; i < r->n_fields; i++) {
        if (!gv_http_name_is(r->fields[i].name, "Accept-Encoding"))
            continue;
        struct gv_slice list = r->fields[i].value, element, name;
        while (gv_http_list_next(&list, &element)) {
            int weight = weight_of(element, &name);
            if (gv_http_name_is(name, "gzip") || gv_http_name_is(name, "x-gzip"))
                gzip = weight;
            else if (gv_http_name_is(name, "identity"))
                identity = weight;
            else if (gv_http_name_is(name, "*"))
                any = weight;
        }
    }
    if (gzip < 0)
        gzip = any;
    return gzip > 0 && gzip >= identity;
}

struct gv_gzip {
    z_stream z;
};

struct gv_gzip *gv_gzip_new(void)
{
    struct gv_gzip *g = calloc(1, sizeof *g);
    if (!g || deflateInit2(&g->z, LEVEL, Z_DEFLATED, GZIP_WINDOW, MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
        gv_die("out of memory: a compressor");
    return g;
}

void gv_gzip_free(struct gv_gzip *g)
{
    if (g)
        deflateEnd(&g->z);
    free(g);
}

void gv_gzip_reset(struct gv_gzip *g)
{
    deflateReset(&g->z);
}

void gv_gzip_write(struct gv_gzip *g, struct gv_slice in, bool finish, struct gv_buf *out)
{
    g->z.next_in = (Bytef *)(uintptr_t)in.p;
    g->z.avail_in = (uInt)in.n;
    int status;
    do {
        g->z.next_out = (Bytef *)gv_buf_reserve(out, ROOM);
        g->z.avail_out = ROOM;
        status = deflate(&g->z, finish ? Z_FINISH : Z_NO_FLUSH);
        out->n += ROOM - g->z.avail_out;
    } while (finish ? status != Z_STREAM_END : g->z.avail_in > 0);
}
