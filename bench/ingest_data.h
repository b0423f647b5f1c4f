/* What the benches of ingestion write: series as a node and its pods have them (seven labels, some 150 bytes), half of
 * them counters that go up by whole numbers, the rest gauges; bodies of remote write 1.0, ready to be sent. */
#pragma once
#include "base/buf.h"

struct ingest_data {
    unsigned series, scrapes, per_body;
    int64_t start, interval; /* ms */
    struct gv_buf *labels;   /* of each series, as TimeSeries.labels */
    double *values;          /* of the last scrape */
};

void ingest_data_init(struct ingest_data *d, unsigned series, unsigned scrapes, unsigned per_body, int64_t start,
                      int64_t interval);
static inline unsigned ingest_data_bodies(const struct ingest_data *d) /* of one scrape */
{
    return (d->series + d->per_body - 1) / d->per_body;
}
/* Bodies of one scrape must be made in their order, and scrapes in theirs. */
void ingest_data_body(struct ingest_data *d, unsigned scrape, unsigned body, struct gv_buf *out);
