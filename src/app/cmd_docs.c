#include "app/command.h"

int gv_docs_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return gv_complain(GV_EXIT_USAGE, "docs: not built yet");
}
