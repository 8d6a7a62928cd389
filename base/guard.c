/* guard.c - the address sanitizer calls us at each allocation; we look at what the
 * thread is doing. Only built where guard.h says so. */
#include "base/guard.h"

#ifdef TAPIR_MALLOC_GUARD

#include <pthread.h>
#include <sanitizer/common_interface_defs.h>
#include <stdio.h>
#include <stdlib.h>

/* From sanitizer/allocator_interface.h, which gcc doesn't install. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
					      void (*on_free)(const volatile void *));

static _Thread_local struct {
	unsigned inside, paused;
	unsigned long bursts;
} guard;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned long warm_bursts;       /* 0 = not asked for */

static void on_malloc(const volatile void *p, size_t size)
{
	(void)p;
	if (!guard.inside || guard.paused || guard.bursts <= warm_bursts)
		return;
	guard.inside = 0;
	fprintf(stderr, "tapir: malloc of %zu bytes in the packet path:\n", size);
	__sanitizer_print_stack_trace();
	abort();
}

static void on_free(const volatile void *p)
{
	(void)p;
}

static void install(void)
{
	const char *text = getenv("TAPIR_MALLOC_GUARD");

	warm_bursts = text ? strtoul(text, NULL, 10) : 0;
	if (warm_bursts > 0)
		__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

void guard_enter(void)
{
	pthread_once(&once, install);
	guard.bursts++;
	guard.inside++;
}

void guard_leave(void)
{
	guard.inside--;
}

void guard_pause(void)
{
	guard.paused++;
}

void guard_resume(void)
{
	guard.paused--;
}

#endif
