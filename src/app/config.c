/* Loading: the file, then the files that clusters_files names, joined into one struct; command line over it; checks.
 *
 *   file -> text -> tree -> rows -> struct gv_config <- overrides of flags
 *             `clusters_files` -> glob -> each file the same way: its `clusters` are appended */
#include "app/config.h"
#include "app/config_read.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <stdlib.h>
#include <unistd.h>

static bool read_all(int fd, const char *file, struct gv_buf *out, struct gv_err *err)
{
    ssize_t got;
    do {
        got = read(fd, gv_buf_reserve(out, 64 << 10), 64 << 10);
        if (got > 0)
            out->n += (size_t)got;
        if (got < 0 && errno != EINTR)
            return gv_fail(err, GV_BAD_DATA, "%s: %s", file, strerror(errno));
        if (out->n > GV_YAML_MAX_BYTES)
            return gv_fail(err, GV_BAD_DATA, "%s: larger than %d MiB", file, GV_YAML_MAX_BYTES >> 20);
    } while (got);
    return true;
}

/* The file as text in the arena, bounded: whatever the path may name. */
static bool read_file(struct gv_arena *a, const char *file, struct gv_slice *text, struct gv_err *err)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return gv_fail(err, GV_BAD_DATA, "%s: %s", file, strerror(errno));
    struct gv_buf b = GV_BUF_INIT;
    bool ok = read_all(fd, file, &b, err);
    close(fd);
    if (ok)
        *text = gv_arena_dup(a, gv_buf_slice(&b));
    gv_buf_fini(&b);
    return ok;
}

static void remember_nodes(struct gv_config *c, size_t first, const struct gv_yaml_node *list)
{
    struct gv_cluster_entry *entries = gv_config_entries(c);
    for (size_t i = first; list && i < c->entries.n; i++) {
        entries[i].node = list->items[i - first];
        entries[i].index = i - first;
    }
}

/* Only `clusters` may stand there; they come behind those that are there already. */
static bool read_clusters_file(struct gv_config *c, struct gv_config_reader *r, const char *file)
{
    const char *name = gv_arena_dup(&c->arena, gv_slice_of(file)).p;
    struct gv_slice text;
    if (!read_file(&c->arena, name, &text, r->err))
        return false;
    const struct gv_yaml_node *root = gv_yaml_parse(&c->arena, name, text, r->err);
    struct gv_option_table only = {gv_options_find(&gv_config_table, GV_S("clusters")), 1, sizeof *c};
    size_t first = c->entries.n;
    if (!root || !gv_config_read_table(r, NULL, root, &only, c))
        return false;
    remember_nodes(c, first, gv_yaml_get(root, "clusters"));
    return true;
}

/* A folder that is not there has no files; one that cannot be read may hide some. */
static int is_fault(const char *folder, int error)
{
    (void)folder;
    return error != ENOENT && error != ENOTDIR;
}

static bool read_pattern(struct gv_config *c, struct gv_config_reader *r, size_t i)
{
    const char *pattern = c->clusters_files.items[i].p;
    struct gv_config_path top = {.key = "clusters_files"}, item = {.above = &top, .index = i};
    struct gv_yaml_pos pos = gv_yaml_get(c->root, "clusters_files")->items[i]->pos;
    glob_t found = {0};
    int status = glob(pattern, 0, is_fault, &found);
    bool ok = status == 0 || status == GLOB_NOMATCH;
    if (!ok)
        gv_config_fail(r, &item, pos, "%s: cannot be read", pattern);
    if (status == GLOB_NOMATCH && !strpbrk(pattern, "*?["))
        ok = gv_config_fail(r, &item, pos, "%s: no such file", pattern);
    for (size_t k = 0; ok && k < found.gl_pathc; k++)
        ok = read_clusters_file(c, r, found.gl_pathv[k]);
    globfree(&found);
    return ok;
}

/* The struct that the row is of; NULL: storage is off. */
static void *struct_of(struct gv_config *c, const struct gv_option *row)
{
    const struct gv_option_table *t = &gv_config_storage_table;
    return row >= t->rows && row < t->rows + t->n ? (void *)c->storage : c->global;
}

static bool apply_overrides(struct gv_config *c, struct gv_config_reader *r)
{
    for (size_t i = 0; r->env && i < r->env->n_overrides; i++) {
        const struct gv_config_override *v = &r->env->overrides[i];
        void *base = struct_of(c, v->row);
        if (!base)
            return gv_fail(r->err, GV_BAD_DATA, "--%s: the store is off: switch it on by `storage:` in %s",
                           v->row->flag, c->file);
        if (!gv_option_set(v->row, &c->arena, base, v->text, r->err))
            return gv_err_prefix(r->err, "--%s: ", v->row->flag);
    }
    return true;
}

static bool fill(struct gv_config *c, struct gv_config_reader *r, struct gv_slice text)
{
    if (!(c->root = gv_yaml_parse(&c->arena, c->file, text, r->err)) ||
        !gv_config_read_table(r, NULL, c->root, &gv_config_table, c))
        return false;
    remember_nodes(c, 0, gv_yaml_get(c->root, "clusters"));
    for (size_t i = 0; i < c->clusters_files.n && !(r->env && r->env->sealed); i++)
        if (!read_pattern(c, r, i))
            return false;
    return apply_overrides(c, r) && gv_config_check(c, r) && gv_config_complete(c, r);
}

static struct gv_config *new_config(const char *file)
{
    struct gv_config *c = calloc(1, sizeof *c);
    if (!c)
        gv_die("out of memory");
    gv_arena_init(&c->arena, NULL);
    c->file = gv_arena_dup(&c->arena, gv_slice_of(file)).p;
    gv_option_group(gv_options_find(&gv_config_table, GV_S("global")), &c->arena, c);
    return c;
}

static struct gv_config *finish(struct gv_config *c, bool ok)
{
    if (ok)
        return c;
    gv_config_free(c);
    return NULL;
}

struct gv_config *gv_config_parse(const char *file, struct gv_slice text, const struct gv_config_env *env,
                                  struct gv_err *err)
{
    struct gv_config *c = new_config(file);
    struct gv_config_reader r = {&c->arena, env, err};
    return finish(c, fill(c, &r, text));
}

struct gv_config *gv_config_load(const char *file, const struct gv_config_env *env, struct gv_err *err)
{
    struct gv_config *c = new_config(file);
    struct gv_config_reader r = {&c->arena, env, err};
    struct gv_slice text;
    return finish(c, read_file(&c->arena, c->file, &text, err) && fill(c, &r, text));
}

void gv_config_free(struct gv_config *c)
{
    if (!c)
        return;
    gv_arena_fini(&c->arena);
    free(c);
}

void gv_config_print(const struct gv_config *c, struct gv_buf *out)
{
    gv_options_print(out, &gv_config_table, c);
}
