/* The embedded store among the sources of a read: it stands in rounds and answers as a cluster that carries the cluster
 * label itself (no mapping, no endpoints), and is asked on a worker of this process. One per process; any thread. */
#pragma once
#include "cluster/cluster.h"
#include "store/store.h"

struct gv_local {
    struct gv_store *store;
    /* One thread, for what an administrator asks for: such requests wait for each other and for compactions, and none
     * of the threads that queries need waits with them. The owner's; NULL where nothing is administered. */
    struct gv_workers *admin;
    struct gv_cluster_config config;
    struct gv_cluster cluster; /* named "store" */
};
void gv_local_init(struct gv_local *l, struct gv_store *store);

/* Whether series of that cluster have been pushed. */
bool gv_local_has(const struct gv_local *l, struct gv_slice label, struct gv_slice cluster);
/* The clusters that have been, ascending; in a. NULL where there is none, or where the memory for them is not to be
 * had: they are not known then. */
struct gv_slice *gv_local_clusters(const struct gv_local *l, struct gv_arena *a, struct gv_slice label, size_t *n);
