/* guard.h - malloc in the packet path is a mistake, and a test build catches it.
 *
 * The worker marks its burst with guard_enter and guard_leave. In a build with
 * TAPIR_MALLOC_GUARD, malloc and its relatives abort between the two, once the
 * worker has had guard_warm_bursts of them to fill its buffers. What may allocate
 * all the same (a buffer that grows to its record size once) says so with
 * guard_pause and guard_resume. In every other build all of this is nothing. */
#ifndef TAPIR_BASE_GUARD_H
#define TAPIR_BASE_GUARD_H

#ifdef TAPIR_MALLOC_GUARD
void guard_enter(void);
void guard_leave(void);
void guard_pause(void);
void guard_resume(void);
#else
static inline void guard_enter(void) {}
static inline void guard_leave(void) {}
static inline void guard_pause(void) {}
static inline void guard_resume(void) {}
#endif

#endif
