/* Whether two replies of /api/v1/query_range are the same: the same series, whatever their order, with values at the
 * same steps that differ by no more than a part in 10^9.
 * bench_same START END STEP A B: ms; status 1 and what differs first where they are not. */
#include "base/number.h"
#include "codec/result_decoder.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double tolerance = 1e-9;

static struct gv_result_decoder *decode_file(struct gv_arena *a, const struct gv_grid *grid, const char *path)
{
    struct gv_result_decoder_options o = {.kind = GV_COLUMN_STEPS, .grid = *grid};
    struct gv_result_decoder *d = gv_result_decoder_new(a, &o);
    FILE *file = fopen(path, "r");
    if (!file)
        gv_die("%s can not be read", path);
    static char piece[64 << 10];
    struct gv_err err = {0};
    for (size_t n; (n = fread(piece, 1, sizeof piece, file));)
        if (!gv_result_decoder_feed(d, piece, n, &err))
            gv_die("%s: %s", path, err.msg);
    fclose(file);
    return d;
}

static int by_labels(const void *a, const void *b)
{
    const struct gv_series *l = a, *r = b;
    return gv_labels_cmp(l->labels, r->labels);
}

static struct gv_result read_result(struct gv_arena *a, const struct gv_grid *grid, const char *path)
{
    struct gv_result r;
    struct gv_backend_error backend;
    struct gv_err err = {0};
    if (!gv_result_decoder_finish(decode_file(a, grid, path), &r, &backend, &err))
        gv_die("%s: %s", path, err.msg);
    if (backend.present)
        gv_die("%s: %.*s", path, GV_ARG(backend.message));
    if (r.n)
        qsort(r.series, r.n, sizeof *r.series, by_labels);
    return r;
}

static void differ(const struct gv_series *s, int64_t time, const char *what)
{
    struct gv_buf labels = GV_BUF_INIT;
    gv_labels_print(&labels, s->labels);
    printf("differs: %s at %lld: %s\n", gv_buf_cstr(&labels), (long long)time, what);
    exit(1);
}

static double difference(double a, double b)
{
    double scale = fabs(a) > fabs(b) ? fabs(a) : fabs(b);
    if (a == b || (isnan(a) && isnan(b)))
        return 0;
    return isfinite(a) && isfinite(b) ? fabs(a - b) / scale : INFINITY;
}

/* The number of points; *largest: of the differences. */
static size_t compare_series(const struct gv_series *a, const struct gv_series *b, const struct gv_grid *grid,
                             double *largest)
{
    size_t points = 0;
    if (!gv_labels_eq(a->labels, b->labels))
        differ(a, grid->start, "only one has this series, or has another here");
    for (uint32_t i = 0; i < grid->n; i++) {
        bool present = gv_bit(a->column.steps.present, i);
        if (present != gv_bit(b->column.steps.present, i))
            differ(a, gv_grid_time(grid, i), present ? "only the first has a value" : "only the second has a value");
        if (!present)
            continue;
        double x = a->column.steps.values[i], y = b->column.steps.values[i], d = difference(x, y);
        char text[128];
        snprintf(text, sizeof text, "%.17g and %.17g", x, y);
        if (d > tolerance)
            differ(a, gv_grid_time(grid, i), text);
        *largest = d > *largest ? d : *largest;
        points++;
    }
    return points;
}

static int64_t number(const char *text)
{
    int64_t n;
    if (!gv_int64_parse(gv_slice_of(text), &n))
        gv_die("'%s' is no number", text);
    return n;
}

int main(int argc, char **argv)
{
    if (argc != 6)
        gv_die("usage: %s START END STEP A B", argv[0]);
    struct gv_grid grid = {.start = number(argv[1]), .step = number(argv[3])};
    grid.n = (uint32_t)((number(argv[2]) - grid.start) / grid.step + 1);
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_result x = read_result(&a, &grid, argv[4]), y = read_result(&a, &grid, argv[5]);
    if (x.n != y.n || !x.n) {
        printf("differs: %zu and %zu series\n", x.n, y.n);
        return 1;
    }
    double largest = 0;
    size_t points = 0;
    for (size_t i = 0; i < x.n; i++)
        points += compare_series(&x.series[i], &y.series[i], &grid, &largest);
    printf("%zu series, %zu points, differences up to %.0e\n", x.n, points, largest);
    gv_arena_fini(&a);
    return 0;
}
