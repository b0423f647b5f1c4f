/* Own metrics of ingestion. Any thread. */
#pragma once
#include "ingest/metrics.h"

void ingest_count_refused(const char *reason, uint64_t n);
void ingest_count_written(uint64_t samples, uint64_t histograms, uint64_t exemplars);
struct gv_metric *ingest_last_write_metric(struct gv_slice cluster); /* to be put */
void ingest_count_series(uint64_t looked_up, uint64_t missed);
