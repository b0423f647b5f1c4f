/* Requests of remote write. The first byte says which version; protobuf-c reads the same bytes, and where it takes
 * them, so do we, with the same meaning. But for numbers of more bits than fit, and for a first symbol that begins with
 * a NUL: it cuts them off, we refuse. */
#include "../support/write_requests.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool is_stricter(const struct gv_err *err)
{
    return err->code != GV_BAD_DATA || strstr(err->msg, "number out of range") ||
           strstr(err->msg, "more than 64 bits") || strstr(err->msg, "first symbol");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size || size > 4096)
        return 0;
    enum gv_write_version version = *data % 2 ? GV_WRITE_2 : GV_WRITE_1;
    struct gv_slice message = {(const char *)data + 1, size - 1};
    struct gv_buf ours = GV_BUF_INIT, theirs = GV_BUF_INIT;
    struct gv_budget budget;
    struct gv_arena a;
    struct gv_err err = {0};
    gv_budget_init(&budget, "test", 64 << 20, GV_EXECUTION, NULL);
    gv_arena_init(&a, &budget);
    bool ok = print_decoded(&ours, &a, version, message, &err);
    bool oracle_ok = version == GV_WRITE_1 ? print_oracle_1(&theirs, message) : print_oracle_2(&theirs, message);
    if (!ok && err.code != GV_BAD_DATA && err.code != GV_EXECUTION)
        gv_die("a failure of code %d: %s", err.code, err.msg);
    if (oracle_ok && !ok && !is_stricter(&err))
        gv_die("refused: %s\nbut it is\n%s", err.msg, gv_buf_cstr(&theirs));
    if (oracle_ok && ok && !gv_slice_eq(gv_buf_slice(&ours), gv_buf_slice(&theirs)))
        gv_die("read:\n%s\nbut it is\n%s", gv_buf_cstr(&ours), gv_buf_cstr(&theirs));
    gv_arena_fini(&a);
    gv_buf_fini(&ours);
    gv_buf_fini(&theirs);
    return 0;
}
