#include "app/check_online.h"
#include "app/command.h"

int gv_check_online(const struct gv_config *c)
{
    (void)c;
    return gv_complain(GV_EXIT_FAILED, "--online: not built yet");
}
