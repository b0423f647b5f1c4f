#include "net/http_server.h"
#include <strings.h>

struct gv_slice gv_http_request_field(const struct gv_http_request *r, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < r->n_fields; i++)
        if (r->fields[i].name.n == n && strncasecmp(r->fields[i].name.p, name, n) == 0)
            return r->fields[i].value;
    return (struct gv_slice){NULL, 0};
}
