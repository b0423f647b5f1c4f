/* promqltest [--clusters N] [--workers N] [--per-chunk N] FILE.test...
 *
 * Runs scripts in Prometheus's format against the evaluator, in this process. Every eval is one case; it prints what
 * failed and ends with "N passed, N failed". With --clusters the series are dealt out to N clusters, and what a case
 * compares is the planned query with the same one over all of them. Exit status: 0 all passed, 1 some failed, 2 wrong
 * usage. */
#include "cases.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

struct tally {
    unsigned passed, failed;
};

static bool read_file(const char *path, struct gv_buf *out)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return false;
    for (size_t n = 1; n;) {
        n = fread(gv_buf_reserve(out, 65536), 1, 65536, f);
        out->n += n;
    }
    bool good = !ferror(f);
    fclose(f);
    return good;
}

static void report(struct tally *t, const struct script *s, unsigned line, struct gv_slice text, const char *what)
{
    t->failed++;
    printf("%s:%u: %.*s\n    %s\n", s->path, line, GV_ARG(text), what);
}

static void run_command(struct engine *en, struct storage *storage, const struct script *s, const struct command *c,
                        struct tally *t)
{
    struct gv_err err = {0};
    struct gv_buf why = GV_BUF_INIT;
    switch (c->kind) {
    case COMMAND_CLEAR:
        storage_fini(storage);
        storage_init(storage, storage->per_chunk);
        break;
    case COMMAND_LOAD:
        if (!storage_load(storage, &c->load, &err))
            report(t, s, c->line, GV_S("load"), err.msg);
        break;
    case COMMAND_EVAL:
        if (run_eval(en, storage, &c->eval, &why))
            t->passed++;
        else
            report(t, s, c->line, c->eval.text, gv_buf_cstr(&why));
    }
    gv_buf_fini(&why);
}

static void run_script(struct engine *en, const char *path, uint32_t per_chunk, struct tally *t)
{
    struct gv_arena a;
    struct gv_err err = {0};
    struct gv_buf text = GV_BUF_INIT;
    struct script s = {.path = path};
    struct storage storage;
    gv_arena_init(&a, NULL);
    storage_init(&storage, per_chunk);
    if (!read_file(path, &text)) {
        report(t, &s, 0, GV_S(""), "the file cannot be read");
    } else if (!parse_script(&a, gv_buf_slice(&text), &s, &err)) {
        report(t, &s, 0, GV_S("the script is not understood"), err.msg);
    } else {
        for (size_t i = 0; i < s.n; i++)
            run_command(en, &storage, &s, &s.commands[i], t);
    }
    storage_fini(&storage);
    gv_arena_fini(&a);
    gv_buf_fini(&text);
}

static int usage(void)
{
    fprintf(stderr, "usage: promqltest [--clusters N] [--workers N] [--per-chunk N] FILE.test...\n");
    return 2;
}

static unsigned number(const char *text)
{
    char *end;
    unsigned long n = strtoul(text, &end, 10);
    return *end || n == 0 || n > 1024 ? 0 : (unsigned)n;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"clusters", required_argument, NULL, 'c'},
                                            {"workers", required_argument, NULL, 'w'},
                                            {"per-chunk", required_argument, NULL, 'p'},
                                            {0}};
    unsigned clusters = 0, workers = 0, per_chunk = 0;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        unsigned n = o == '?' ? 0 : number(optarg);
        if (n == 0)
            return usage();
        *(o == 'c' ? &clusters : o == 'w' ? &workers : &per_chunk) = n;
    }
    if (optind == argc)
        return usage();
    struct engine en = {engine_workers(workers), clusters};
    struct tally t = {0};
    for (int i = optind; i < argc; i++)
        run_script(&en, argv[i], per_chunk, &t);
    engine_workers_free(en.executor);
    printf("%u passed, %u failed\n", t.passed, t.failed);
    return t.failed > 0;
}
