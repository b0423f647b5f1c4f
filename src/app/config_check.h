/* What rows cannot say: checks across keys, and the structs that other layers take. */
#pragma once
#include "app/config_read.h"

GV_MUST_CHECK bool gv_config_check(struct gv_config *c, struct gv_config_reader *r);
/* Turns pairs into labels and parameters, header files into values, and gathers the clusters in one array. */
GV_MUST_CHECK bool gv_config_complete(struct gv_config *c, struct gv_config_reader *r);
