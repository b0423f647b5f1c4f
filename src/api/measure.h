/* Own metrics of the API: requests, latency and requests in flight, per route. */
#pragma once
#include "api/request.h"

void measure_start(struct request *r);
void measure_end(struct request *r, bool complete);
