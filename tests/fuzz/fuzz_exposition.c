/* Expositions: the cutting of the text never matters, and what was written is read and written again as the same.
 * Input: a byte that is the size of the pieces (0: whole), then the text. */
#include "codec/exposition.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gv_label injected[] = {{{"cluster", 7}, {"c1", 2}}};
static const struct gv_mapping mapping = {injected, 1};

static bool parse(struct gv_exposition *x, struct gv_arena *a, const struct gv_mapping *m, struct gv_slice text,
                  size_t piece, struct gv_err *err)
{
    gv_exposition_init(x, a);
    struct gv_exposition_parser *p = gv_exposition_parser_new(x, m);
    for (size_t at = 0; at < text.n; at += piece)
        if (!gv_exposition_parser_feed(p, text.p + at, piece < text.n - at ? piece : text.n - at, err))
            return false;
    return gv_exposition_parser_finish(p, err);
}

static void write_text(struct gv_buf *out, struct gv_arena *a, const struct gv_exposition *x,
                       enum gv_exposition_escaping escaping)
{
    struct gv_err err = {0};
    struct gv_exposition_writer *w = gv_exposition_writer_new(a, &x, 1, escaping, &err);
    while (gv_exposition_writer_next(w, out, 100))
        ;
}

static void check(struct gv_arena *a, const struct gv_exposition *x)
{
    struct gv_buf first = GV_BUF_INIT, second = GV_BUF_INIT;
    struct gv_exposition again;
    struct gv_err err = {0};
    write_text(&first, a, x, GV_ESCAPE_ALLOW_UTF8);
    if (!parse(&again, a, NULL, gv_buf_slice(&first), first.n, &err))
        gv_die("what was written does not parse: %s\n%s", err.msg, gv_buf_cstr(&first));
    write_text(&second, a, &again, GV_ESCAPE_ALLOW_UTF8);
    if (!gv_slice_eq(gv_buf_slice(&first), gv_buf_slice(&second)))
        gv_die("what was written is read as something else:\n%s\n%s", gv_buf_cstr(&first), gv_buf_cstr(&second));
    gv_buf_clear(&second);
    write_text(&second, a, x, GV_ESCAPE_UNDERSCORES);
    gv_buf_fini(&first);
    gv_buf_fini(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 1 << 14)
        return 0;
    struct gv_slice text = {(const char *)data + 1, size - 1};
    struct gv_arena a;
    struct gv_exposition x, cut;
    struct gv_err err = {0}, cut_err = {0};
    gv_arena_init(&a, NULL);
    bool ok = parse(&x, &a, &mapping, text, text.n, &err);
    bool same = parse(&cut, &a, &mapping, text, data[0] ? data[0] : text.n, &cut_err);
    if (ok != same || x.n != cut.n || strcmp(err.msg, cut_err.msg) != 0)
        gv_die("cuts matter: \"%s\" and \"%s\"", err.msg, cut_err.msg);
    if (ok)
        check(&a, &x);
    gv_arena_fini(&a);
    return 0;
}
