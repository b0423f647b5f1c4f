/* Errors: one code table that gives HTTP status and Prometheus errorType, and one value that carries the first failure.
 * Any thread; a struct gv_err belongs to whoever declared it. */
#pragma once
#include <stdarg.h>
#include <stdbool.h>

/* code, HTTP status, errorType of the Prometheus envelope (Prometheus HTTP API, "Format overview") */
#define GV_ERR_CODES(X)                                                                                                \
    X(GV_OK, 200, "")                                                                                                  \
    X(GV_BAD_DATA, 400, "bad_data")                                                                                    \
    X(GV_UNAUTHORIZED, 401, "unauthorized")                                                                            \
    X(GV_FORBIDDEN, 403, "forbidden")                                                                                  \
    X(GV_NOT_FOUND, 404, "not_found")                                                                                  \
    X(GV_METHOD_NOT_ALLOWED, 405, "bad_data")                                                                          \
    X(GV_NOT_ACCEPTABLE, 406, "not_acceptable")                                                                        \
    X(GV_TOO_LARGE, 413, "bad_data")                                                                                   \
    X(GV_UNSUPPORTED_MEDIA, 415, "bad_data")                                                                           \
    X(GV_EXECUTION, 422, "execution")                                                                                  \
    X(GV_CANCELED, 499, "canceled")                                                                                    \
    X(GV_INTERNAL, 500, "internal")                                                                                    \
    X(GV_TIMEOUT, 503, "timeout")                                                                                      \
    X(GV_UNAVAILABLE, 503, "unavailable")

#define GV_ERR_ENUM(code, status, type) code,
enum gv_err_code { GV_ERR_CODES(GV_ERR_ENUM) };
#undef GV_ERR_ENUM

enum { GV_ERR_MSG_MAX = 1024 }; /* bytes, with the NUL; longer texts end in "..." */

struct gv_err {
    enum gv_err_code code;
    char msg[GV_ERR_MSG_MAX];
};

#define GV_MUST_CHECK        __attribute__((warn_unused_result))
#define GV_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

/* Records a failure and returns false, so that `return gv_fail(err, ...)` reads well. The first failure wins:
 * an err that holds one already is left alone. err may be NULL. Outside text is the caller's to quote. */
bool gv_fail(struct gv_err *err, enum gv_err_code code, const char *fmt, ...) GV_PRINTF(3, 4);
bool gv_vfail(struct gv_err *err, enum gv_err_code code, const char *fmt, va_list args) GV_PRINTF(3, 0);

/* Puts context in front of a recorded failure: "cluster \"c2\": " + what it said. Returns false. */
bool gv_err_prefix(struct gv_err *err, const char *fmt, ...) GV_PRINTF(2, 3);

int gv_err_status(enum gv_err_code code);       /* HTTP status */
const char *gv_err_type(enum gv_err_code code); /* errorType of the envelope */

/* A bug or real out-of-memory: says what and where on stderr, then aborts. */
#define gv_die(...) gv_die_at(__FILE__, __LINE__, __VA_ARGS__)
void gv_die_at(const char *file, int line, const char *fmt, ...) GV_PRINTF(3, 4) __attribute__((noreturn));
