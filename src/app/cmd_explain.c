#include "app/command.h"

/* The planner is not there yet; saying so beats a plan that would not be the one that runs. */
int gv_explain_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return gv_complain(GV_EXIT_USAGE, "explain: this build has no planner yet");
}
