#include "base/thread.h"
#include <signal.h>
#include <stdio.h>

bool gv_thread_start(pthread_t *thread, const char *kind, unsigned index, void *(*fn)(void *), void *arg,
                     struct gv_err *err)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t others, before;
    sigfillset(&others);
    for (size_t i = 0; i < GV_COUNT(faults); i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_BLOCK, &others, &before); /* the new thread inherits the mask */
    int failed = pthread_create(thread, NULL, fn, arg);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failed)
        return gv_fail(err, GV_INTERNAL, "cannot start thread %s-%u: %s", kind, index, strerror(failed));
    char name[32];
    snprintf(name, sizeof name, "%.7s-%u", kind, index % 10000000); /* the kernel takes 15 characters */
    pthread_setname_np(*thread, name);
    return true;
}

void gv_rwlock_init(pthread_rwlock_t *lock)
{
    pthread_rwlockattr_t attr;
    pthread_rwlockattr_init(&attr);
    pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(lock, &attr);
    pthread_rwlockattr_destroy(&attr);
}
