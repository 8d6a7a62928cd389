/* A child that allocates inside a warm burst dies; one that doesn't lives. */
#include "base/guard.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/check.h"

#ifdef TAPIR_MALLOC_GUARD

static void allocate(void)
{
	void *volatile p = malloc(10);

	free(p);
}

static void nothing(void)
{
}

static void allocate_paused(void)
{
	guard_pause();
	allocate();
	guard_resume();
}

static int status_of(void (*burst)(void), unsigned bursts)
{
	pid_t child = fork();
	int status = 0;

	if (child == 0) {
		dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
		setenv("TAPIR_MALLOC_GUARD", "2", 1);
		for (unsigned i = 0; i < bursts; i++) {
			guard_enter();
			burst();
			guard_leave();
			allocate();
		}
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void only_warm_bursts_are_guarded(void **state)
{
	(void)state;
	assert_int_equal(status_of(nothing, 5), 0);
	assert_int_equal(status_of(allocate, 2), 0);
	assert_int_equal(status_of(allocate_paused, 5), 0);
	assert_int_not_equal(status_of(allocate, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(only_warm_bursts_are_guarded) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

int main(void)
{
	return 77;                      /* skipped: another build has it */
}

#endif
