/* Subcommands: one row each, joined in app/command.c. Main thread. */
#pragma once
#include "app/flags.h"

#define GV_DEFAULT_URL "http://127.0.0.1:9490" /* of a server on the same host */
enum { GV_EXIT_OK, GV_EXIT_FAILED, GV_EXIT_USAGE };

struct gv_command {
    const char *name, *usage, *summary;
    int (*run)(int argc, char **argv); /* without the program's and the subcommand's names; the exit status */
    bool hidden;
};
extern const struct gv_command gv_commands[];
extern const size_t gv_commands_n;

int gv_main(int argc, char **argv); /* picks the subcommand, runs it */

int gv_serve_main(int argc, char **argv);
int gv_check_config_main(int argc, char **argv);
int gv_explain_main(int argc, char **argv);
int gv_query_main(int argc, char **argv);
int gv_healthcheck_main(int argc, char **argv);
int gv_version_main(int argc, char **argv);

/* "globalview: " and what fmt says, on stderr; returns status. */
int gv_complain(int status, const char *fmt, ...) GV_PRINTF(2, 3);
/* Writes to stdout; a broken pipe or a full disk is a failure: returns the exit status. */
int gv_print_out(struct gv_buf *text);
void gv_print_version(struct gv_buf *out);
void gv_print_help(struct gv_buf *out);
