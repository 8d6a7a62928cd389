#include "base/ring.h"

#include <pthread.h>

#include "base/check.h"

static void full_and_empty(void **state)
{
	struct ring r;
	uint64_t v;

	(void)state;
	assert_int_equal(ring_init(&r, 5, sizeof(v)), 0);
	assert_int_equal(r.size, 8);
	assert_false(ring_pop(&r, &v));
	for (uint64_t round = 0; round < 100; round++) {
		for (v = 0; v < 8; v++)
			assert_true(ring_push(&r, &v));
		assert_false(ring_push(&r, &v));
		assert_int_equal(ring_used(&r), 8);
		for (uint64_t want = 0; want < 8; want++) {
			assert_true(ring_pop(&r, &v));
			assert_int_equal(v, want);
		}
		assert_false(ring_pop(&r, &v));
	}
	ring_fini(&r);
}

enum { ELEMENTS = 200000 };

static void *produce(void *arg)
{
	for (uint64_t v = 1; v <= ELEMENTS;) {
		if (ring_push(arg, &v))
			v++;
		else
			sched_yield();
	}
	return NULL;
}

static void two_threads(void **state)
{
	struct ring r;
	pthread_t thread;
	uint64_t v, want = 1;

	(void)state;
	assert_int_equal(ring_init(&r, 64, sizeof(v)), 0);
	assert_int_equal(pthread_create(&thread, NULL, produce, &r), 0);
	while (want <= ELEMENTS) {
		if (!ring_pop(&r, &v)) {
			sched_yield();
			continue;
		}
		assert_int_equal(v, want);
		want++;
	}
	pthread_join(thread, NULL);
	assert_int_equal(ring_used(&r), 0);
	ring_fini(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_and_empty),
		cmocka_unit_test(two_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
