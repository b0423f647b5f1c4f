/* Compression of replies: who wants it (RFC 9110 section 12.5.3), and the compressor (level 1: 6 times faster than
 * level 6 for 10 % more bytes). Loop thread only. */
#pragma once
#include "net/http_server.h"

/* Does the client accept gzip, and prefer it to nothing? */
bool gv_http_accepts_gzip(const struct gv_http_request *r);

struct gv_gzip;
struct gv_gzip *gv_gzip_new(void); /* 270 KB */
void gv_gzip_free(struct gv_gzip *g);
void gv_gzip_reset(struct gv_gzip *g); /* ready for another stream */
/* Appends what comes out; with finish all of it. 6 ms a MB. */
void gv_gzip_write(struct gv_gzip *g, struct gv_slice in, bool finish, struct gv_buf *out);
