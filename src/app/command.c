#include "app/command.h"
#include <curl/curl.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>

/* A command that takes no arguments: usage says so. */
static int print_alone(int argc, const char *usage, void (*print)(struct gv_buf *out))
{
    if (argc)
        return gv_complain(GV_EXIT_USAGE, "%s", usage);
    struct gv_buf out = GV_BUF_INIT;
    print(&out);
    return gv_print_out(&out);
}

static int help(int argc, char **argv)
{
    (void)argv;
    return print_alone(argc, "help takes no arguments; globalview COMMAND --help is of one command", gv_print_help);
}

const struct gv_command gv_commands[] = {
    {"serve", "[flags]", "Run the server (default).", gv_serve_main, false},
    {"check-config", "[--online] [FILE]", "Check a configuration; --online: also ask the clusters it names.",
     gv_check_config_main, false},
    {"explain", "[--config.file=FILE] [flags] QUERY", "Show how a query would be planned, asking nobody.",
     gv_explain_main, false},
    {"query", "[--url=URL] [--time=TIME] QUERY", "Ask a running server (" GV_DEFAULT_URL ") and print a table.",
     gv_query_main, false},
    {"healthcheck", "[URL]", "Exit with 0 if the server at URL is healthy.", gv_healthcheck_main, false},
    {"version", "", "Print the version.", gv_version_main, false},
    {"help", "", "Print this help.", help, false},
};
const size_t gv_commands_n = GV_COUNT(gv_commands);

int gv_complain(int status, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    fputs("globalview: ", stderr);
    vfprintf(stderr, fmt, args);
    fputc('\n', stderr);
    va_end(args);
    return status;
}

int gv_print_out(struct gv_buf *text)
{
    bool ok = (!text->n || fwrite(text->p, 1, text->n, stdout) == text->n) && fflush(stdout) == 0;
    gv_buf_fini(text);
    return ok ? GV_EXIT_OK : gv_complain(GV_EXIT_FAILED, "standard output: %m");
}

void gv_print_version(struct gv_buf *out)
{
    gv_buf_printf(out, "globalview, version %s\n", GV_VERSION);
    gv_buf_printf(out, "  compiler: %s\n", __VERSION__);
    gv_buf_printf(out, "  libevent: %s\n  libcurl:  %s\n", event_get_version(), curl_version());
}

int gv_version_main(int argc, char **argv)
{
    (void)argv;
    return print_alone(argc, "version takes no arguments", gv_print_version);
}

void gv_print_help(struct gv_buf *out)
{
    gv_buf_adds(out, "globalview answers like one Prometheus that holds the series of many clusters.\n\n"
                     "Usage: globalview [COMMAND] [flags]\n\nCommands:\n");
    for (const struct gv_command *c = gv_commands; c < gv_commands + gv_commands_n; c++) {
        if (c->hidden)
            continue;
        gv_buf_printf(out, "  %s%s%s\n        %s\n", c->name, *c->usage ? " " : "", c->usage, c->summary);
    }
    gv_buf_adds(out, "\nFlags of serve:\n");
    gv_flags_print_help(out);
}

static int fail_unknown(const char *name)
{
    const char *names[GV_COUNT(gv_commands) + 1] = {NULL};
    size_t n = 0;
    for (size_t i = 0; i < gv_commands_n; i++)
        if (!gv_commands[i].hidden)
            names[n++] = gv_commands[i].name;
    const char *near = gv_suggest(gv_slice_of(name), names);
    struct gv_buf shown = GV_BUF_INIT;
    gv_buf_add_quoted(&shown, gv_slice_of(name));
    gv_complain(GV_EXIT_USAGE, "%s is no command%s%s%s; globalview --help lists them", gv_buf_cstr(&shown),
                near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    gv_buf_fini(&shown);
    return GV_EXIT_USAGE;
}

static int print_usage(const struct gv_command *c)
{
    struct gv_buf out = GV_BUF_INIT;
    gv_buf_printf(&out, "Usage: globalview %s %s\n\n%s\n", c->name, c->usage, c->summary);
    return gv_print_out(&out);
}

static int run_command(const struct gv_command *c, int argc, char **argv)
{
    bool asks_help = argc > 0 && (strcmp(argv[0], "--help") == 0 || strcmp(argv[0], "-h") == 0);
    return asks_help && c->run != gv_serve_main ? print_usage(c) : c->run(argc, argv);
}

int gv_main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file at its size limit is EFBIG, an error like a full disk */
    if (argc < 2 || argv[1][0] == '-')
        return gv_serve_main(argc ? argc - 1 : 0, argv + 1);
    for (size_t i = 0; i < gv_commands_n; i++)
        if (strcmp(argv[1], gv_commands[i].name) == 0)
            return run_command(&gv_commands[i], argc - 2, argv + 2);
    return fail_unknown(argv[1]);
}
