/* Accept fields: no byte is read beyond them, and what follows a whole clause that wins does not change the choice. */
#include "api/accept.h"
#include "base/arena.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char best[] =
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=inf,";
    char *text = malloc(sizeof best - 1 + size);
    if (!text)
        return 0;
    memcpy(text, best, sizeof best - 1);
    if (size)
        memcpy(text + sizeof best - 1, data, size);
    struct accepted alone = accept_exposition((struct gv_slice){text + sizeof best - 1, size});
    struct accepted both = accept_exposition((struct gv_slice){text, sizeof best - 1 + size});
    if (alone.format > GV_EXPOSITION_PROTOBUF || both.format != GV_EXPOSITION_PROTOBUF)
        gv_die("a clause behind the best one was chosen");
    free(text);
    return 0;
}
