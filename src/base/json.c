/* jansson asks for memory through two functions, set once for the process. While a thread parses for an arena they
 * serve that thread from it, and freeing does nothing; at all other times they are malloc and free. */
#include "base/json.h"
#include <stdlib.h>

static _Thread_local struct {
    struct gv_arena *arena;
    struct gv_err *err;
} parsing;

static void *allocate(size_t n)
{
    return parsing.arena ? gv_arena_try(parsing.arena, n, parsing.err) : malloc(n);
}

static void release(void *p)
{
    if (!parsing.arena)
        free(p);
}

/* Before any thread starts: jansson reads the two pointers without a lock. */
__attribute__((constructor)) static void set_functions(void)
{
    json_set_alloc_funcs(allocate, release);
}

json_t *gv_json_parse(struct gv_arena *a, struct gv_slice text, struct gv_err *err)
{
    struct gv_err spent = {0};
    json_error_t where;
    parsing.arena = a;
    parsing.err = &spent;
    json_t *root = json_loadb(text.n ? text.p : "", text.n, JSON_ALLOW_NUL, &where);
    parsing.arena = NULL;
    if (!root && spent.code != GV_OK)
        gv_fail(err, spent.code, "%s", spent.msg);
    else if (!root)
        gv_fail(err, GV_BAD_DATA, "no JSON: byte %d: %s", where.position, where.text);
    return root;
}
