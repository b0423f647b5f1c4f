/* Resolves a replica's host and leaves the addresses in its record, as CURLOPT_RESOLVE takes them. Blocks: off the
 * loops. False: the name has no address; what was known before stays. */
#pragma once
#include "cluster/record.h"

GV_MUST_CHECK bool gv_replica_resolve(struct gv_replica *r, struct gv_err *err);
