/* Any bytes as a configuration file: refused with a place, or taken; and what is printed of it reads back as the same.
 */
#include "app/config.h"
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *no_environment(const char *name)
{
    return *name == 'E' ? "value" : NULL;
}

static const struct gv_config_env env = {.getenv = no_environment, .sealed = true};

static struct gv_config *parse(struct gv_slice text, struct gv_err *err)
{
    *err = (struct gv_err){0};
    return gv_config_parse("fuzz.yml", text, &env, err);
}

static void expect(bool condition, const char *what, const struct gv_err *err, const struct gv_buf *text)
{
    if (condition)
        return;
    fprintf(stderr, "%s: %s\n%.*s\n", what, err->msg, (int)text->n, text->p);
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_err err;
    struct gv_buf once = GV_BUF_INIT, twice = GV_BUF_INIT;
    struct gv_config *c = parse((struct gv_slice){(const char *)data, size}, &err);
    expect(c || err.code == GV_BAD_DATA, "a refusal without an error", &err, &once);
    expect(c || strstr(err.msg, "fuzz.yml:") == err.msg, "a refusal without a place", &err, &once);
    if (c) {
        gv_config_print(c, &once);
        gv_config_free(c);
    }
    if (once.n && !memchr(once.p, '$', once.n)) { /* a dollar sign would be expanded again */
        c = parse(gv_buf_slice(&once), &err);
        expect(c, "what was printed is refused", &err, &once);
        gv_config_print(c, &twice);
        gv_config_free(c);
        expect(gv_slice_eq(gv_buf_slice(&once), gv_buf_slice(&twice)), "printed differently", &err, &twice);
    }
    gv_buf_fini(&once);
    gv_buf_fini(&twice);
    return 0;
}
