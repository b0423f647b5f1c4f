/* The program: everything it does is a subcommand of app/command.c. */
#include "app/command.h"

int main(int argc, char **argv)
{
    return gv_main(argc, argv);
}
