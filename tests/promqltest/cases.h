/* One eval of a script, in all the forms it is run in. */
#pragma once
#include "engine.h"
#include "script.h"

/* False with why, which names the form that failed. */
bool run_eval(struct engine *en, struct storage *s, const struct eval *e, struct gv_buf *why);
