/* Writes the index of a block: series come in label order, with the places of their chunks. Memory goes with distinct
 * labels and with series times labels (their postings), not with chunks. One owner. */
#pragma once
#include "store/file.h"
#include "store/index.h"

struct index_writer;
GV_MUST_CHECK struct index_writer *index_writer_new(const struct gv_io *io, const char *folder, struct gv_err *err);
GV_MUST_CHECK bool index_writer_add(struct index_writer *w, const struct gv_labels *labels,
                                    const struct index_chunk *chunks, size_t n, struct gv_err *err);
/* Writes and syncs the file, and removes the one that series waited in. */
GV_MUST_CHECK bool index_writer_done(struct index_writer *w, struct gv_err *err);
void index_writer_free(struct index_writer *w);
