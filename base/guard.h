/* guard.h - malloc in the packet path is a mistake, and a test catches it.
 *
 * The worker marks its burst with guard_enter and guard_leave. In a sanitizer
 * build (TAPIR_MALLOC_GUARD) that runs with TAPIR_MALLOC_GUARD=N in its
 * environment, any allocation between the two aborts with a backtrace, once the
 * thread has had N bursts to fill its buffers. What may allocate all the same (a
 * buffer that grows to its record size once, a library that can't do without)
 * stands between guard_pause and guard_resume, with the reason beside it. In every
 * other build all of this is nothing. */
#ifndef TAPIR_BASE_GUARD_H
#define TAPIR_BASE_GUARD_H

#ifdef TAPIR_MALLOC_GUARD
void guard_enter(void);
void guard_leave(void);
void guard_pause(void);
void guard_resume(void);
#else
static inline void guard_enter(void)
{
}

static inline void guard_leave(void)
{
}

static inline void guard_pause(void)
{
}

static inline void guard_resume(void)
{
}
#endif

#endif
