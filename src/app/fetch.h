/* One blocking HTTP request, for the subcommands that are clients. Main thread. */
#pragma once
#include "base/buf.h"
#include "base/err.h"

struct gv_fetched {
    long status;
    struct gv_buf body; /* the caller ends it with gv_buf_fini, also after a failure */
};

/* GET url, or POST where form is not NULL; never through a proxy. Fails with the URL and the cause where no whole reply
 * came. */
GV_MUST_CHECK bool gv_fetch(const char *url, const char *form, int64_t timeout_ms, struct gv_fetched *out,
                            struct gv_err *err);
