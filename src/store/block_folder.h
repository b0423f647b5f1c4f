/* The folder of a block while it is made: it has another name until all that is in it is on disk. Any thread. */
#pragma once
#include "store/file.h"

#define BLOCK_BEING_MADE ".tmp-for-creation" /* behind the ULID; Prometheus too removes such folders at its start */

/* Renames and syncs the folder around it. Where that fails it has its old name again. */
GV_MUST_CHECK bool block_folder_publish(const struct gv_io *io, const char *unfinished, const char *folder,
                                        struct gv_err *err);
/* Hard links of a block's files in another folder. */
GV_MUST_CHECK bool block_folder_link(const struct gv_io *io, const char *from, const char *folder, struct gv_err *err);
