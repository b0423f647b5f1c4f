/* What an administrator asks for: deletions, cleaning up after them, snapshots. */
#include "store/parts.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

typedef bool block_fn(struct gv_store *s, struct block *b, const void *arg, struct gv_err *err);

/* Calls fn for each block, also behind one that fails; the list may change meanwhile. Under keeping. */
static bool each_block(struct gv_store *s, block_fn *fn, const void *arg, struct gv_err *err)
{
    struct gv_arena a;
    size_t n;
    bool ok = true;
    gv_arena_init(&a, NULL);
    struct block **blocks = store_blocks(s, &a, &n);
    for (size_t i = 0; i < n; i++) {
        struct gv_err why = {.code = GV_OK};
        if (!fn(s, blocks[i], arg, &why))
            ok = gv_fail(err, why.code, "%s", why.msg);
    }
    store_put_blocks(blocks, n);
    gv_arena_fini(&a);
    return ok;
}

/* ---- Deletions ---- */

struct deletion {
    const struct gv_store_matchers *set;
    int64_t min_time, max_time; /* ms, inclusive */
};

static bool delete_from(struct gv_store *s, struct block *b, const void *arg, struct gv_err *err)
{
    const struct deletion *d = arg;
    const struct block_meta *m = block_meta(b);
    (void)s;
    return m->min_time > d->max_time || m->max_time <= d->min_time ||
           block_delete(b, d->set->matchers, d->set->n, d->min_time, d->max_time, err);
}

bool gv_store_delete(struct gv_store *s, const struct gv_store_matchers *sets, size_t n_sets, int64_t min_time,
                     int64_t max_time, struct gv_err *err)
{
    bool ok = true;
    pthread_mutex_lock(&s->keeping);
    for (size_t i = 0; ok && i < n_sets; i++) {
        struct deletion d = {&sets[i], min_time, max_time};
        ok = head_delete(s->head, sets[i].matchers, sets[i].n, min_time, max_time, err) &&
             each_block(s, delete_from, &d, err);
    }
    pthread_mutex_unlock(&s->keeping);
    return ok;
}

static bool clean(struct gv_store *s, struct block *b, const void *arg, struct gv_err *err)
{
    const struct block_meta *m = block_meta(b);
    struct store_reader *r = block_reader(b);
    struct block_writer_options o = {
        .min_time = m->min_time, .max_time = m->max_time, .level = m->level + 1, .parents = &m, .n_parents = 1};
    struct block *made;
    (void)arg;
    if (!m->tombstones)
        return true;
    if (!store_make_block(s, &r, 1, &o, &made, err))
        return false;
    store_swap_blocks(s, made, &b, 1);
    return true;
}

bool gv_store_clean_tombstones(struct gv_store *s, struct gv_err *err)
{
    pthread_mutex_lock(&s->keeping);
    bool ok = each_block(s, clean, NULL, err);
    pthread_mutex_unlock(&s->keeping);
    return ok;
}

/* ---- Snapshots ---- */

/* "20240506T070809Z-89abcdef01234567", as Prometheus names them. */
static void make_name(int64_t now_ms, char name[64])
{
    char time[GV_TIME_TEXT_MAX], compact[GV_TIME_TEXT_MAX];
    uint64_t random;
    size_t n = 0;
    gv_time_format(time, now_ms);
    for (const char *p = time; *p && *p != '.'; p++)
        if (*p != '-' && *p != ':')
            compact[n++] = *p;
    compact[n] = 0;
    while (getrandom(&random, sizeof random, 0) != (ssize_t)sizeof random)
        ;
    snprintf(name, 64, "%sZ-%016llx", compact, (unsigned long long)random);
}

static bool make_folder(struct gv_store *s, const char *path, struct gv_err *err)
{
    return s->io->mkdir(s->io, path, 0777) == 0 || errno == EEXIST || file_fail(err, path, "make the folder");
}

static bool link_block(struct gv_store *s, struct block *b, const void *to, struct gv_err *err)
{
    char *folder = file_join(to, block_meta(b)->ulid);
    (void)s;
    bool ok = block_link(b, folder, err);
    free(folder);
    return ok;
}

static bool write_head(struct gv_store *s, const char *to, struct gv_err *err)
{
    struct store_reader *r = head_reader_get(s->head, INT64_MIN);
    struct block_writer_options o = {.parent = to,
                                     .min_time = r->min_time,
                                     .max_time = r->max_time < INT64_MAX ? r->max_time + 1 : INT64_MAX,
                                     .level = 1};
    struct block *made = NULL;
    bool ok = r->min_time > r->max_time || store_make_block(s, &r, 1, &o, &made, err);
    head_reader_put(r);
    if (made)
        block_put(made);
    return ok;
}

bool gv_store_snapshot(struct gv_store *s, bool skip_head, char name[64], struct gv_err *err)
{
    make_name(gv_clock_wall(s->clock), name);
    char *all = file_join(s->path, "snapshots"), *to = file_join(all, name);
    pthread_mutex_lock(&s->keeping);
    bool ok = make_folder(s, all, err) && make_folder(s, to, err) && each_block(s, link_block, to, err) &&
              (skip_head || write_head(s, to, err)) && file_sync_folder(s->io, to, err) &&
              file_sync_folder(s->io, all, err);
    struct gv_err ignored = {0};
    if (!ok && !file_remove_folder(s->io, to, &ignored))
        gv_log(GV_LOG_WARN, "an unfinished snapshot stays: remove it", GV_F("path", to), GV_F("error", ignored.msg));
    pthread_mutex_unlock(&s->keeping);
    free(to);
    free(all);
    return ok;
}
