/* gendocs ROOT: writes the generated parts of the documentation anew. gendocs --check ROOT: says which differ. */
#include "app/docs.h"
#include <stdio.h>

static const char *const pages[] = {"docs/configuration.md", "docs/metrics.md", "docs/globalview.1",
                                    "conf/globalview.yml"};

static bool read_page(const char *path, struct gv_buf *out)
{
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    size_t got;
    while ((got = fread(gv_buf_reserve(out, 65536), 1, 65536, f)) > 0)
        out->n += got;
    bool ok = !ferror(f);
    fclose(f);
    return ok;
}

static bool write_page(const char *path, const struct gv_buf *text)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return false;
    bool ok = fwrite(text->p, 1, text->n, f) == text->n;
    return fclose(f) == 0 && ok;
}

/* False where the page cannot be made, or differs and only a check was asked for. */
static bool renew(const char *path, bool check)
{
    struct gv_buf old = GV_BUF_INIT, new = GV_BUF_INIT;
    struct gv_err err = {0};
    bool ok = true;
    if (!read_page(path, &old)) {
        perror(path);
        ok = false;
    } else if (!gv_docs_fill(gv_buf_slice(&old), &new, &err)) {
        fprintf(stderr, "%s: %s\n", path, err.msg);
        ok = false;
    } else if (!gv_slice_eq(gv_buf_slice(&old), gv_buf_slice(&new))) {
        printf("%s %s\n", path, check ? "differs from what the tables say: ./run docs" : "written");
        ok = !check && write_page(path, &new);
    }
    gv_buf_fini(&old);
    gv_buf_fini(&new);
    return ok;
}

int main(int argc, char **argv)
{
    bool check = argc == 3 && strcmp(argv[1], "--check") == 0, ok = true;
    if (argc != (check ? 3 : 2)) {
        fputs("usage: gendocs [--check] ROOT\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < GV_COUNT(pages); i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", argv[argc - 1], pages[i]);
        ok &= renew(path, check);
    }
    return !ok;
}
