#include "query/settings.h"

struct gv_settings *gv_settings_get(struct gv_settings *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void gv_settings_put(struct gv_settings *s)
{
    if (s && atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) == 1)
        s->free(s);
}
