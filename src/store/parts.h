/* What the files of the store share: its head, blocks, log and folder. Private to store*.c.
 *
 * lock guards the list of blocks, and that a view sees a cut as a whole: block and truncated head, or neither.
 * `keeping` is held by whoever changes files: one at a time of maintenance, deletion, clean-up, snapshot. */
#pragma once
#include "base/log.h"
#include "store/block.h"
#include "store/file.h"
#include "store/head.h"
#include <pthread.h>

struct gv_store {
    struct gv_store_options options;
    char *path, *log_path;
    const struct gv_io *io;
    const struct gv_clock *clock;
    int lock_fd;
    struct gv_log *log;
    struct head *head;

    pthread_mutex_t lock;
    struct block **blocks; /* by min_time, then max_time */
    size_t n_blocks, cap_blocks;
    uint64_t generation; /* of that list */
    _Atomic int64_t retention_time, retention_size;

    pthread_mutex_t known_lock; /* guards the next */
    struct known {
        struct gv_arena arena;
        uint64_t generation; /* of the blocks; 0: nothing is known */
        struct gv_slice name, *values;
        size_t n;
    } known;

    pthread_mutex_t keeping;
    _Atomic bool stopped; /* no more blocks are made */
    /* under keeping; ns, the monotonic clock's: */
    int64_t finish_from_ns;  /* when to go on with a cut that failed midway; 0: there is none */
    int64_t compact_from_ns; /* not before */
    int64_t pause_ns;        /* of the last failure; 0: the last one went well */
    _Atomic uint64_t compactions, failed_compactions, deleted_blocks, damaged_blocks;
    double replay_seconds;
};

/* ---- store_folder.c: what lies in the folder ---- */

GV_MUST_CHECK bool folder_lock(struct gv_store *s, struct gv_err *err); /* one process at a time */
/* Removes what an earlier process left unfinished, sets damaged blocks aside, opens the others. */
GV_MUST_CHECK bool folder_open_blocks(struct gv_store *s, struct gv_err *err);
/* The newest checkpoint's folder (heap) and the first segment behind it; NULL and 0 where there is none. */
GV_MUST_CHECK bool folder_checkpoint(struct gv_store *s, char **folder, uint64_t *segment, struct gv_err *err);
/* Of the newest; 0 where there is none. */
GV_MUST_CHECK bool folder_checkpoint_bytes(struct gv_store *s, uint64_t *bytes, struct gv_err *err);
char *folder_new_checkpoint(const struct gv_store *s, uint64_t segment); /* heap; with ".tmp" behind it while written */
GV_MUST_CHECK bool folder_drop_checkpoints(struct gv_store *s, uint64_t below, struct gv_err *err);

/* ---- store.c: the list of blocks ---- */

void store_add_block(struct gv_store *s, struct block *b);                      /* under lock; takes the reference */
void store_remove_blocks(struct gv_store *s, struct block *const *b, size_t n); /* under lock; their folders go */
/* Takes the lock: `made` (with its reference; NULL: nothing) in the place of old ones, seen at once. */
void store_swap_blocks(struct gv_store *s, struct block *made, struct block *const *old, size_t n);
/* All of them with a reference each, in a. */
struct block **store_blocks(struct gv_store *s, struct gv_arena *a, size_t *n);
void store_put_blocks(struct block **b, size_t n);
struct store_reader *const *store_view_readers(const struct gv_store_view *v, size_t *n); /* the head's is the last */
uint64_t store_view_generation(const struct gv_store_view *v);                            /* of its list of blocks */
bool store_view_goes_on(const struct gv_store_view *v, struct gv_err *err);               /* see gv_store_view_watch */

/* ---- store_maintain.c ---- */

/* One block of the readers' samples in [min, max) of o, which needs no io, parent and now; *made is NULL where there
 * are no samples. Under keeping. */
GV_MUST_CHECK bool store_make_block(struct gv_store *s, struct store_reader **readers, size_t n,
                                    struct block_writer_options *o, struct block **made, struct gv_err *err);
