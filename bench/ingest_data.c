#include "ingest_data.h"
#include "codec/write_encoder.h"
#include <stdlib.h>

static struct gv_label label(struct gv_arena *a, const char *name, const char *fmt, unsigned value) GV_PRINTF(3, 0);

static struct gv_label label(struct gv_arena *a, const char *name, const char *fmt, unsigned value)
{
    return (struct gv_label){gv_slice_of(name), gv_slice_of(gv_arena_printf(a, fmt, value))};
}

/* 100 metrics of a pod, 10 pods of a node. */
static void put_labels(struct gv_buf *out, unsigned i)
{
    unsigned metric = i % 100, pod = i / 100, node = pod / 10;
    struct gv_arena a;
    gv_arena_init(&a, NULL);
    struct gv_label labels[] = {
        label(&a, "__name__", metric % 2 ? "container_gauge_%02u_bytes" : "container_counter_%02u_total", metric),
        label(&a, "cluster", "bench%.0u", 0),
        label(&a, "container", "main-%u", metric % 3),
        label(&a, "instance", "10.0.7.%u:9100", node),
        label(&a, "job", "kubelet%.0u", 0),
        label(&a, "namespace", "team-%u", pod % 17),
        label(&a, "pod", "service-7c9d8b6f5-%06x", pod * 2654435761u >> 8),
    };
    gv_write_put_labels(out, gv_labels_make(&a, labels, GV_COUNT(labels)));
    gv_arena_fini(&a);
}

void ingest_data_init(struct ingest_data *d, unsigned series, unsigned scrapes, unsigned per_body, int64_t start,
                      int64_t interval)
{
    *d = (struct ingest_data){series, scrapes, per_body, start, interval, NULL, NULL};
    d->labels = calloc(series, sizeof *d->labels);
    d->values = calloc(series, sizeof *d->values);
    if (!d->labels || !d->values)
        gv_die("out of memory");
    for (unsigned i = 0; i < series; i++) {
        put_labels(&d->labels[i], i);
        d->values[i] = i * 7919 % 100003;
    }
}

static double next_value(struct ingest_data *d, unsigned i, unsigned scrape)
{
    unsigned noise = (i * 2654435761u) ^ (scrape * 40503u * (i % 13 + 1));
    noise ^= noise >> 15;
    if (i % 10 == 1) /* a gauge that never moves */
        return d->values[i];
    if (i % 2 == 0)
        return d->values[i] += noise % 50;
    return d->values[i] + (noise % 1000) / 8.0;
}

void ingest_data_body(struct ingest_data *d, unsigned scrape, unsigned body, struct gv_buf *out)
{
    struct gv_write_encoder e = {.table = NULL};
    unsigned end = (body + 1) * d->per_body;
    gv_write_encoder_begin(&e, GV_WRITE_1);
    for (unsigned i = body * d->per_body; i < end && i < d->series; i++) {
        struct gv_write_value v = {.time = d->start + scrape * d->interval, .value = next_value(d, i, scrape)};
        gv_write_put(&e, &(struct gv_write_row){.labels = gv_buf_slice(&d->labels[i]), .values = &v, .n_values = 1});
    }
    gv_write_encoder_end(&e, out);
    gv_write_encoder_fini(&e);
}
