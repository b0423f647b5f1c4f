/* The streaming decoder beside jansson: both accept or both refuse, and mean the same; however the text is cut.
 * Input: a digit k, k bytes that are the sizes of pieces (again and again; 0: the rest), then the text. */
#include "../support/result_oracle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct gv_label injected[] = {{{"cluster", 7}, {"c1", 2}}, {{"region", 6}, {"", 0}}};
static const struct gv_mapping mapping = {injected, 2};

static void check_equal(const char *what, struct gv_buf *a, struct gv_buf *b)
{
    if (!gv_slice_eq(gv_buf_slice(a), gv_buf_slice(b)))
        gv_die("%s differ:\n%s\n--- and ---\n%s", what, gv_buf_cstr(a), gv_buf_cstr(b));
}

static bool check_cuts(const char *text, size_t n, const struct gv_result_decoder_options *o, const size_t *pieces,
                       size_t n_pieces, struct gv_buf *meaning)
{
    struct gv_buf cut = GV_BUF_INIT;
    struct gv_err why = {0}, cut_why = {0};
    bool ok = stream_decode(text, n, o, NULL, 0, meaning, &why);
    if (stream_decode(text, n, o, pieces, n_pieces, &cut, &cut_why) != ok || strcmp(why.msg, cut_why.msg) != 0)
        gv_die("cuts matter: \"%s\" and \"%s\"", why.msg, cut_why.msg);
    check_equal("whole and cut", meaning, &cut);
    gv_buf_fini(&cut);
    return ok;
}

static void check_meaning(const char *text, size_t n, const size_t *pieces, size_t n_pieces)
{
    struct gv_result_decoder_options o = {.kind = GV_COLUMN_SPAN, .mapping = &mapping};
    struct gv_buf here = GV_BUF_INIT, there = GV_BUF_INIT;
    bool ok = check_cuts(text, n, &o, pieces, n_pieces, &here);
    enum verdict v = oracle_decode(text, n, &mapping, &there);
    if (v != UNDECIDED && ok != (v == ACCEPTED))
        gv_die("the decoder %s what jansson does not", ok ? "accepts" : "refuses");
    if (ok && v == ACCEPTED)
        check_equal("decoder and jansson", &here, &there);
    gv_buf_fini(&here);
    gv_buf_fini(&there);
}

static void check_steps(const char *text, size_t n, const size_t *pieces, size_t n_pieces)
{
    struct gv_result_decoder_options o = {
        .kind = GV_COLUMN_STEPS, .mapping = &mapping, .grid = {1435781430781, 15000, 100}, .max_samples = 50};
    struct gv_buf out = GV_BUF_INIT;
    check_cuts(text, n, &o, pieces, n_pieces, &out);
    o.floats_only = true;
    gv_buf_clear(&out);
    check_cuts(text, n, &o, pieces, n_pieces, &out);
    gv_buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t n_pieces = size ? data[0] & 7 : 0, pieces[7];
    if (!size || size - 1 < n_pieces || size > 1 << 16)
        return 0;
    for (size_t i = 0; i < n_pieces; i++)
        pieces[i] = data[1 + i];
    const char *text = (const char *)data + 1 + n_pieces;
    check_meaning(text, size - 1 - n_pieces, pieces, n_pieces);
    check_steps(text, size - 1 - n_pieces, pieces, n_pieces);
    return 0;
}
