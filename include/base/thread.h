/* Threads of this process's own: they take no signals (those go to the main thread) and carry a name, "worker-3".
 * And the locks between them that pthreads does not give as they are wanted. */
#pragma once
#include "base/err.h"
#include "base/slice.h"
#include <pthread.h>

GV_MUST_CHECK bool gv_thread_start(pthread_t *thread, const char *kind, unsigned index, void *(*fn)(void *), void *arg,
                                   struct gv_err *err);

/* A lock for which writers do not wait for a moment in which nobody reads. A reader must not take it twice. */
void gv_rwlock_init(pthread_rwlock_t *lock);
