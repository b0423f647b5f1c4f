/* Threads of this process's own: they take no signals (those go to the main thread) and carry a name, "worker-3". */
#pragma once
#include "base/err.h"
#include "base/slice.h"
#include <pthread.h>

GV_MUST_CHECK bool gv_thread_start(pthread_t *thread, const char *kind, unsigned index, void *(*fn)(void *), void *arg,
                                   struct gv_err *err);
