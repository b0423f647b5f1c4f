/* The Accept field of a request for an exposition: which form and which names the client would rather have (RFC 9110
 * section 12.5.1; Prometheus documentation, "Content negotiation"). Pure. */
#pragma once
#include "codec/exposition.h"

struct accepted {
    enum gv_exposition_format format;
    enum gv_exposition_escaping escaping;
};
/* Text where nothing is said, or nothing that there is; the first of several that are wanted alike. */
struct accepted accept_exposition(struct gv_slice accept);
