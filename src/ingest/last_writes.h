/* When each cluster was last written to: a number for every cluster whose series are pushed, small enough to stand in
 * the cache beside the number of a series, and a time for each. Any thread. */
#pragma once
#include "base/metric.h"

enum { LAST_WRITES_BITS = 10, LAST_WRITES_MOST = (1 << LAST_WRITES_BITS) - 1 }; /* clusters with a time */

struct last_writes;
struct last_writes *last_writes_new(void);
void last_writes_free(struct last_writes *w);

/* 1 to LAST_WRITES_MOST, for as long as w lives; 0 for clusters beyond, which have no time. */
unsigned last_writes_number(struct last_writes *w, struct gv_slice cluster);
void last_writes_note(struct last_writes *w, unsigned number, int64_t now); /* wall clock, ms; never goes back */
int64_t last_writes_of(struct last_writes *w, struct gv_slice cluster);     /* 0: none */

/* The clusters of one request. */
struct written_clusters {
    uint64_t bits[(LAST_WRITES_MOST + 64) / 64];
};
static inline void written_add(struct written_clusters *c, unsigned number)
{
    c->bits[number / 64] |= (uint64_t)1 << number % 64;
}
void last_writes_note_all(struct last_writes *w, const struct written_clusters *c, int64_t now);
