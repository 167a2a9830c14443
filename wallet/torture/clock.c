/* A wall clock that can be stepped, for one process: preloaded by wallet/torture/clocks.py.

   The file DIR/NAME holds nanoseconds, which are added to the true time; DIR is in the variable
   TORTURE_CLOCKS, NAME the program's. Without such a file nothing changes. Clocks that
   never jump are left alone, as on a machine whose time is set.

   Who waits until a moment of the wall clock names it by the stepped one: it is put right here,
   or the wait would be too long by the step. Moments after 1985 are those of a wall clock; the
   others count from the machine's start. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000LL
#define WALL_SECONDS 500000000LL

static const int64_t *offset;

__attribute__((constructor)) static void find_offset(void) {
    const char *folder = getenv("TORTURE_CLOCKS");
    char path[4096];
    if (folder == NULL) return;
    snprintf(path, sizeof path, "%s/%s", folder, program_invocation_short_name);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return;
    void *found = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    close(file);
    if (found != MAP_FAILED) offset = found;
}

static int64_t ahead(void) {
    return offset == NULL ? 0 : __atomic_load_n(offset, __ATOMIC_RELAXED);
}

static struct timespec moved(const struct timespec *from, int64_t by) {
    int64_t whole = from->tv_sec * SECOND + from->tv_nsec + by;
    struct timespec to = {whole / SECOND, whole % SECOND};
    return to;
}

static struct timespec true_moment(const struct timespec *told) {
    return told->tv_sec > WALL_SECONDS ? moved(told, -ahead()) : *told;
}

static void *next(const char *name, const char *version) {
    void *found = version == NULL ? NULL : dlvsym(RTLD_NEXT, name, version);
    return found == NULL ? dlsym(RTLD_NEXT, name) : found;
}

int clock_gettime(clockid_t clock, struct timespec *told) {
    static int (*real)(clockid_t, struct timespec *);
    if (real == NULL) real = next("clock_gettime", NULL);
    int failed = real(clock, told);
    if (failed == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        *told = moved(told, ahead());
    return failed;
}

int gettimeofday(struct timeval *restrict told, void *restrict zone) {
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    told->tv_sec = now.tv_sec;
    told->tv_usec = now.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told != NULL) *told = now.tv_sec;
    return now.tv_sec;
}

int pthread_cond_timedwait(pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until) {
    static int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    /* The oldest version, which a plain dlsym may find, has conditions of another shape. */
    if (real == NULL) real = next("pthread_cond_timedwait", "GLIBC_2.3.2");
    struct timespec moment = true_moment(until);
    return real(condition, mutex, &moment);
}

int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                  const struct timespec *restrict until) {
    static int (*real)(cnd_t *, mtx_t *, const struct timespec *);
    if (real == NULL) real = next("cnd_timedwait", NULL);
    struct timespec moment = true_moment(until);
    return real(condition, mutex, &moment);
}

int timespec_get(struct timespec *told, int base) {
    return base == TIME_UTC && clock_gettime(CLOCK_REALTIME, told) == 0 ? base : 0;
}

int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex,
                            const struct timespec *restrict until) {
    static int (*real)(pthread_mutex_t *, const struct timespec *);
    if (real == NULL) real = next("pthread_mutex_timedlock", NULL);
    struct timespec moment = true_moment(until);
    return real(mutex, &moment);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    static int (*real)(sem_t *, const struct timespec *);
    if (real == NULL) real = next("sem_timedwait", NULL);
    struct timespec moment = true_moment(until);
    return real(semaphore, &moment);
}
