/* The chunks of a block: files chunks/000001 ... of at most 512 MiB, mapped. Immutable once open: any thread. */
#pragma once
#include "model/column.h"
#include "store/file.h"

struct segments {
    const char *folder; /* of the block, for messages; borrowed */
    struct file_map *maps;
    size_t n;
};
GV_MUST_CHECK bool segments_open(struct segments *s, const struct gv_io *io, const char *folder, struct gv_err *err);
void segments_fini(struct segments *s);
uint64_t segments_bytes(const struct segments *s);

/* The chunk at ref, its checksum checked: data, size and encoding filled in, which point into the file. GV_INTERNAL:
 * the place is none of a chunk, or damaged. */
GV_MUST_CHECK bool segments_chunk(const struct segments *s, uint64_t ref, struct gv_chunk *c, struct gv_err *err);
