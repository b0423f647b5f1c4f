/* Texts of numbers, durations and sizes: what is read prints, and reads again as the same. */
#include "base/duration.h"
#include "base/number.h"
#include "base/utf8.h"
#include <math.h>

static void must(bool ok, const char *what)
{
    if (!ok)
        gv_die("%s", what);
}

static void check_double(struct gv_slice s)
{
    double v, again;
    char text[GV_DOUBLE_F_MAX];
    if (!gv_double_parse(s, &v))
        return;
    size_t (*const formats[])(char *, double) = {gv_double_format, gv_double_format_f, gv_double_format_g};
    for (size_t i = 0; i < GV_COUNT(formats); i++) {
        size_t n = formats[i](text, v);
        must(n == strlen(text) && n < (i == 1 ? (size_t)GV_DOUBLE_F_MAX : (size_t)GV_DOUBLE_MAX), "length of a double");
        must(gv_double_parse((struct gv_slice){text, n}, &again), "a printed double is read");
        must(isnan(v) ? isnan(again) : memcmp(&v, &again, sizeof v) == 0, "a double is the same again");
    }
}

static void check_int(struct gv_slice s)
{
    int64_t v, again;
    char text[GV_INT64_MAX];
    if (gv_int64_parse(s, &v))
        must(gv_int64_parse((struct gv_slice){text, gv_int64_format(text, v)}, &again) && v == again, "an int again");
}

typedef bool parse_fn(struct gv_slice s, int64_t *v, struct gv_err *err);
typedef void print_fn(struct gv_buf *out, int64_t v);

static void check_unit(struct gv_slice s, parse_fn *parse, print_fn *print)
{
    int64_t v, again;
    struct gv_err err = {0};
    if (!parse(s, &v, &err)) {
        must(err.code == GV_BAD_DATA && err.msg[0], "a refusal says why");
        return;
    }
    struct gv_buf b = GV_BUF_INIT;
    print(&b, v);
    must(parse(gv_buf_slice(&b), &again, NULL) && v == again, "a duration or size is the same again");
    gv_buf_fini(&b);
}

/* JSON and Go quoting never let a control byte through, and JSON is always UTF-8. */
static void check_quotes(struct gv_slice s)
{
    struct gv_buf b = GV_BUF_INIT;
    gv_buf_add_json(&b, s);
    must(gv_utf8_valid(gv_buf_slice(&b)), "JSON is UTF-8");
    gv_buf_add_quoted(&b, s);
    must(gv_utf8_valid(gv_buf_slice(&b)), "a quoted text is UTF-8");
    for (size_t i = 0; i < b.n; i++)
        must((unsigned char)b.p[i] >= 0x20, "no control byte comes through");
    gv_buf_fini(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct gv_slice s = {(const char *)data, size};
    check_double(s);
    check_int(s);
    check_unit(s, gv_duration_parse, gv_duration_print);
    check_unit(s, gv_bytes_parse, gv_bytes_print);
    check_quotes(s);
    return 0;
}
