/* Deletions of a block: per series the times whose samples are gone. One owner. */
#pragma once
#include "store/file.h"
#include "store/reader.h"

#define TOMBSTONES_FILE "tombstones"

struct tombstone {
    uint64_t series;
    struct store_interval gone;
};
struct tombstones { /* by series, then time; intervals of one series neither overlap nor touch */
    struct tombstone *all;
    size_t n, cap;
};

void tombstones_fini(struct tombstones *t);
void tombstones_add(struct tombstones *t, uint64_t series, struct store_interval gone); /* anywhere, any times */
void tombstones_settle(struct tombstones *t); /* after adding: sorts, unites */
/* Those of one series; NULL where there are none. */
const struct tombstone *tombstones_of(const struct tombstones *t, uint64_t series, size_t *n);

/* The file (`magic | version | entries | CRC`), or none. */
GV_MUST_CHECK bool tombstones_read(struct tombstones *t, const struct gv_io *io, const char *folder,
                                   struct gv_err *err);
GV_MUST_CHECK bool tombstones_write(const struct tombstones *t, const struct gv_io *io, const char *folder,
                                    struct gv_err *err);
GV_MUST_CHECK bool tombstones_decode(struct tombstones *t, const uint8_t *data, size_t size, const char *path,
                                     struct gv_err *err);
