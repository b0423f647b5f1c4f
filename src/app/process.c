#include "app/process.h"
#include "base/slice.h"
#include <limits.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/sysinfo.h>
#include <sys/un.h>
#include <unistd.h>

/* glibc serves large requests by mmap, but raises what it calls large with the first one that is freed: then a query of
 * hundreds of megabytes stays in the heap for good. A threshold that is set stays: below the arenas' large blocks,
 * above the receive buffers that curl makes for every transfer. */
void gv_process_give_memory_back(void)
{
    mallopt(M_MMAP_THRESHOLD, 192 << 10);
}

uint64_t gv_process_raise_nofile(void)
{
    struct rlimit l;
    if (getrlimit(RLIMIT_NOFILE, &l) != 0)
        return 0;
    l.rlim_cur = l.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &l) != 0)
        getrlimit(RLIMIT_NOFILE, &l);
    return l.rlim_cur;
}

/* --- cgroups: version 2 as seen from inside a container or from the host; version 1 at its usual place --- */

/* The first line of folder/name, without its newline; false where there is none. */
static bool read_line(const char *folder, const char *name, char *line, size_t size)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    bool got = fgets(line, (int)size, f);
    fclose(f);
    if (got)
        line[strcspn(line, "\n")] = 0;
    return got;
}

/* Calls visit with the folder of this process's cgroup and of all above it. */
static void each_cgroup(void (*visit)(const char *folder, void *arg), void *arg)
{
    char line[PATH_MAX / 2], folder[PATH_MAX];
    if (read_line("/proc/self", "cgroup", line, sizeof line) && strncmp(line, "0::/", 4) == 0) {
        snprintf(folder, sizeof folder, "/sys/fs/cgroup%s", line + 3);
        for (char *slash; strcmp(folder, "/sys/fs/cgroup") != 0 && (slash = strrchr(folder, '/')); *slash = 0)
            visit(folder, arg);
    }
    visit("/sys/fs/cgroup", arg);
    visit("/sys/fs/cgroup/memory", arg);
}

static void bound_memory(const char *folder, void *arg)
{
    static const char *const names[] = {"memory.max", "memory.limit_in_bytes"};
    int64_t *least = arg;
    char line[64];
    for (size_t i = 0; i < GV_COUNT(names); i++) {
        int64_t bytes = read_line(folder, names[i], line, sizeof line) ? strtoll(line, NULL, 10) : 0; /* "max": 0 */
        if (bytes > 0 && bytes < *least)
            *least = bytes;
    }
}

int64_t gv_process_memory(void)
{
    struct sysinfo s;
    int64_t bytes = sysinfo(&s) == 0 ? (int64_t)s.totalram * s.mem_unit : INT64_MAX;
    each_cgroup(bound_memory, &bytes);
    return bytes;
}

static void bound_cores(const char *folder, void *arg)
{
    unsigned *least = arg;
    char line[64];
    long quota, period;
    if (!read_line(folder, "cpu.max", line, sizeof line) || sscanf(line, "%ld %ld", &quota, &period) != 2)
        return;
    unsigned cores = period > 0 && quota > 0 ? (unsigned)((quota + period - 1) / period) : 0;
    if (cores && cores < *least)
        *least = cores;
}

unsigned gv_process_cores(void)
{
    cpu_set_t set;
    unsigned cores = sched_getaffinity(0, sizeof set, &set) == 0 ? (unsigned)CPU_COUNT(&set) : 1;
    each_cgroup(bound_cores, &cores);
    return cores ? cores : 1;
}

void gv_process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t n = path ? strlen(path) : 0;
    if (n < 2 || n >= sizeof to.sun_path || (*path != '/' && *path != '@'))
        return;
    memcpy(to.sun_path, path, n);
    if (*path == '@') /* the abstract name space */
        to.sun_path[0] = 0;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *)&to,
           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n));
    close(fd);
}
