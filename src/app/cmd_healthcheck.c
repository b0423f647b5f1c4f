#include "app/command.h"
#include "app/fetch.h"

enum { TIMEOUT_MS = 5000 };

/* For container images without curl: asks /-/healthy of the URL given, or of the default address. */
int gv_healthcheck_main(int argc, char **argv)
{
    const char *base = argc ? argv[0] : GV_DEFAULT_URL;
    if (argc > 1 || *base == '-')
        return gv_complain(GV_EXIT_USAGE, "usage: globalview healthcheck [URL]");
    struct gv_buf url = GV_BUF_INIT;
    gv_buf_adds(&url, base);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    if (!strstr(base, "/-/"))
        gv_buf_adds(&url, "/-/healthy");
    struct gv_fetched got = {0};
    struct gv_err err = {0};
    int status = GV_EXIT_OK;
    if (!gv_fetch(gv_buf_cstr(&url), NULL, TIMEOUT_MS, &got, &err))
        status = gv_complain(GV_EXIT_FAILED, "%s", err.msg);
    else if (got.status != 200)
        status = gv_complain(GV_EXIT_FAILED, "%s: HTTP status %ld", gv_buf_cstr(&url), got.status);
    gv_buf_fini(&got.body);
    gv_buf_fini(&url);
    return status;
}
