/* pattern NUL text: a matcher's plan says what the engine says, and templates expand without a fault. */
#include "model/matcher.h"

static void check_plan(struct gv_arena *a, struct gv_slice pattern, struct gv_slice text)
{
    struct gv_matcher m;
    struct gv_err err = {0}, engine_err = {0};
    bool made = gv_matcher_make(&m, a, GV_MATCH_RE, GV_S("n"), pattern, &err);
    struct gv_regex *re = gv_regex_new(pattern, false, &engine_err);
    if (made != (re != NULL))
        gv_die("the matcher takes a pattern that the engine does not, or the reverse: %s%s", err.msg, engine_err.msg);
    if (made && gv_matcher_matches(&m, text) != gv_regex_match(re, text))
        gv_die("plan %d and the engine differ", (int)m.plan);
    gv_regex_free(re);
}

static void check_expand(struct gv_slice pattern, struct gv_slice text)
{
    struct gv_regex *re = gv_regex_new(pattern, true, NULL);
    struct gv_slice groups[GV_REGEX_MAX_GROUPS];
    size_t n;
    struct gv_buf b = GV_BUF_INIT;
    if (re && gv_regex_groups(re, text, groups, GV_COUNT(groups), &n))
        (void)gv_regex_expand(&b, re, pattern, groups, n, 1 << 20);
    gv_buf_fini(&b);
    gv_regex_free(re);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 4096)
        return 0;
    const char *p = (const char *)data, *nul = memchr(p, '\0', size);
    size_t n = nul ? (size_t)(nul - p) : size;
    struct gv_slice pattern = {p, n}, text = {p + n + (nul != NULL), size - n - (nul != NULL)};
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    check_plan(&a, pattern, text);
    check_expand(pattern, text);
    gv_arena_fini(&a);
    return 0;
}
