/* What the operating system gives this process: descriptors, memory, cores. Any thread. */
#pragma once
#include <stdint.h>

/* From now on large memory that is freed goes back to the system. At start. */
void gv_process_give_memory_back(void);
uint64_t gv_process_raise_nofile(void); /* RLIMIT_NOFILE to its hard limit; the limit then in force */
unsigned gv_process_cores(void);        /* that it may use: affinity and cgroup quota; at least 1 */
int64_t gv_process_memory(void);        /* bytes that it may use: the machine's or the cgroup's, whichever is less */

/* Tells systemd where it asks (sd_notify(3)): "READY=1". Without NOTIFY_SOCKET nothing happens. */
void gv_process_notify(const char *state);
