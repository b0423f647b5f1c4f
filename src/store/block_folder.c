#include "store/block_folder.h"
#include "store/block_format.h"

bool block_folder_publish(const struct gv_io *io, const char *unfinished, const char *folder, struct gv_err *err)
{
    if (io->rename(io, unfinished, folder) < 0)
        return file_fail(err, unfinished, "put the block in its place");
    if (gv_io_sync_around(io, folder, err))
        return true;
    if (io->rename(io, folder, unfinished) < 0)
        gv_err_prefix(err, "%s is whole, but may not outlast the machine's death", folder);
    return false;
}

static bool ends_with(const char *name, const char *end)
{
    return gv_slice_has_suffix(gv_slice_of(name), gv_slice_of(end));
}

static bool link_files(const struct gv_io *io, struct gv_arena *a, const char *from, const char *to, struct gv_err *err)
{
    char **names;
    size_t n;
    if (!file_make_folder(io, to, err) || !file_list(io, from, a, &names, &n, err))
        return false;
    for (size_t i = 0; i < n; i++) {
        const char *old = gv_arena_printf(a, "%s/%s", from, names[i]), *new = gv_arena_printf(a, "%s/%s", to, names[i]);
        bool folder = !strcmp(names[i], BLOCK_CHUNKS_FOLDER);
        if (folder && !link_files(io, a, old, new, err))
            return false;
        if (!folder && !ends_with(names[i], ".tmp") && io->link(io, old, new) < 0)
            return file_fail(err, new, "make the hard link");
    }
    return file_sync_folder(io, to, err);
}

bool block_folder_link(const struct gv_io *io, const char *from, const char *folder, struct gv_err *err)
{
    struct gv_arena a;
    struct gv_err ignored = {0}; /* what stays has the name of what is not finished */
    gv_arena_init(&a, NULL);
    const char *unfinished = gv_arena_printf(&a, "%s" BLOCK_BEING_MADE, folder);
    bool ok = file_remove_folder(io, unfinished, err) && link_files(io, &a, from, unfinished, err) &&
              block_folder_publish(io, unfinished, folder, err);
    if (!ok)
        (void)!file_remove_folder(io, unfinished, &ignored);
    gv_arena_fini(&a);
    return ok;
}
