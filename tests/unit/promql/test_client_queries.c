/* Queries that real clients send, where a list of them lies beside the project: every one parses and prints as a text
 * that means the same. */
#include "promql/parse.h"
#include "promql/print.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static void comes_back(struct gv_arena *a, const struct gv_expr *e,
                       void (*print)(struct gv_buf *, const struct gv_expr *))
{
    struct gv_err err = {0};
    struct gv_buf text = GV_BUF_INIT;
    print(&text, e);
    const struct gv_expr *again = gv_promql_parse(a, gv_buf_slice(&text), 0, &err);
    if (!again || !gv_expr_equal(e, again))
        fail_msg("%s: %s", err.msg, gv_buf_cstr(&text));
    gv_buf_fini(&text);
}

static void check(struct gv_slice query)
{
    struct gv_arena a;
    struct gv_err err = {0};
    gv_arena_init(&a, NULL);
    const struct gv_expr *e = gv_promql_parse(&a, query, 0, &err);
    if (!e)
        fail_msg("%s: %.*s", err.msg, GV_ARG(query));
    comes_back(&a, e, gv_promql_print);
    comes_back(&a, e, gv_promql_pretty);
    comes_back(&a, e, gv_promql_print_sent);
    gv_arena_fini(&a);
}

/* Columns by tabs: name, instant or range, query. */
static void topology_queries_parse_and_come_back(void **state)
{
    (void)state;
    FILE *f = fopen(GV_SOURCE_DIR "/../shared/clients/kiali_queries.tsv", "r");
    if (!f) {
        print_message("SKIPPED: no ../shared/clients/kiali_queries.tsv beside the project\n");
        skip();
    }
    char *line = NULL;
    size_t cap = 0, n = 0;
    for (ssize_t length; (length = getline(&line, &cap, f)) > 0; n++) {
        const char *query = strrchr(line, '\t');
        assert_non_null(query);
        size_t used = (size_t)(query + 1 - line);
        check((struct gv_slice){query + 1, (size_t)length - used - (line[length - 1] == '\n')});
    }
    free(line);
    fclose(f);
    assert_int_equal(n, 137);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(topology_queries_parse_and_come_back)};
    return cmocka_run_group_tests_name("promql.client_queries", tests, NULL, NULL);
}
