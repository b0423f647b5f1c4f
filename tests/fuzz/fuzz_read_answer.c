/* Answers of remote read. The first byte says what the rest is: frames, a snappy block, or a bare message that is
 * framed or compressed here, so that what lies behind checksum and compression is reached too. However the bytes are
 * cut, the meaning is the same, and no memory stays charged. */
#include "../support/read_answers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FRAMES, BLOCK, CHUNKED_MESSAGE, SAMPLES_MESSAGE, N_FORMS };

static const struct gv_select queries[2];
static const struct gv_label external[] = {{GV_S("dc"), GV_S("x")}}, inject[] = {{GV_S("cluster"), GV_S("c1")}};
static const struct gv_mapping mapping = {inject, 1};

static void decode(struct gv_slice body, size_t piece, const struct gv_read_decoder_options *o, struct gv_buf *out)
{
    struct gv_budget budget;
    struct gv_err err = {0};
    gv_budget_init(&budget, "test", 64 << 20, GV_EXECUTION, NULL);
    if (!decode_answer(body, piece, o, &budget, out, &err)) {
        if (err.code != GV_BAD_DATA && err.code != GV_UNSUPPORTED_MEDIA && err.code != GV_EXECUTION)
            gv_die("a failure of code %d: %s", err.code, err.msg);
        gv_buf_clear(out);
        gv_buf_adds(out, err.msg);
    }
    if (atomic_load(&budget.used))
        gv_die("%lld bytes stay charged", (long long)atomic_load(&budget.used));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    int form = *data % N_FORMS;
    struct gv_slice rest = {(const char *)data + 1, size - 1};
    struct gv_buf body = GV_BUF_INIT, whole = GV_BUF_INIT, cut = GV_BUF_INIT;
    if (form == CHUNKED_MESSAGE)
        add_frame(&body, rest.p, rest.n);
    else if (form == SAMPLES_MESSAGE)
        gv_snappy_encode(&body, rest);
    else
        gv_buf_add_slice(&body, rest);
    bool streamed = form == FRAMES || form == CHUNKED_MESSAGE;
    struct gv_read_decoder_options o = {
        streamed ? GV_READ_STREAMED : GV_READ_SAMPLES, queries, streamed ? 2 : 1, external, 1, &mapping};
    decode(gv_buf_slice(&body), 0, &o, &whole);
    decode(gv_buf_slice(&body), 1 + (size_t)*data / N_FORMS % 16, &o, &cut);
    if (!gv_slice_eq(gv_buf_slice(&whole), gv_buf_slice(&cut)))
        gv_die("whole:\n%s\ncut:\n%s", gv_buf_cstr(&whole), gv_buf_cstr(&cut));
    gv_buf_fini(&body);
    gv_buf_fini(&whole);
    gv_buf_fini(&cut);
    return 0;
}
