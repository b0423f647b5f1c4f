/* check-config --online: asks every endpoint of a configuration what it is. Main thread; blocks. */
#pragma once
#include "cluster/cluster.h"

/* Prints a line per endpoint and the faults found; returns the exit status. */
int gv_check_online(const struct gv_clusters *cs);
