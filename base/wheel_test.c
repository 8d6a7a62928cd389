/* Distances of every size, jumps of the clock, and a random walk against a plain list. */
#include "base/wheel.h"

#include "base/check.h"

#define TICK 1000
#define NOW UINT64_C(1700000000123456789)

static void never_early_never_late(void **state)
{
	static const uint64_t away_ticks[] = {
		0, 1, 2, 255, 256, 257, 65535, 65536, 65537, 1 << 24, (1 << 24) + 1,
		UINT64_C(1) << 32, (UINT64_C(1) << 32) + 5, UINT64_C(1) << 40,
	};
	struct wheel w;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(away_ticks); i++) {
		struct timer t = { 0 };
		uint64_t due = (NOW / TICK + away_ticks[i]) * TICK;

		wheel_init(&w, TICK, NOW);
		wheel_arm(&w, &t, due);
		assert_true(timer_armed(&t));
		if (away_ticks[i] > 0) {
			assert_null(wheel_next(&w, due - 1));
			assert_true(wheel_deadline(&w) <= due);
		}
		if (away_ticks[i] > 0 && away_ticks[i] < 256)
			assert_int_equal(wheel_deadline(&w), due);
		assert_ptr_equal(wheel_next(&w, due), &t);
		assert_false(timer_armed(&t));
		assert_null(wheel_next(&w, due));
		assert_int_equal(wheel_deadline(&w), UINT64_MAX);
	}
}

static void a_jump_of_the_clock_is_cheap(void **state)
{
	struct wheel w;
	struct timer t[3] = { 0 };

	(void)state;
	wheel_init(&w, TICK, 0);
	wheel_arm(&w, &t[0], NOW + 5 * TICK);
	wheel_arm(&w, &t[1], NOW);
	wheel_arm(&w, &t[2], 3 * TICK);
	assert_ptr_equal(wheel_next(&w, NOW * 2), &t[2]);
	assert_ptr_equal(wheel_next(&w, NOW * 2), &t[1]);
	assert_ptr_equal(wheel_next(&w, NOW * 2), &t[0]);
	assert_null(wheel_next(&w, NOW * 2));
	wheel_arm(&w, &t[0], NOW);              /* long past by now */
	assert_ptr_equal(wheel_next(&w, NOW), &t[0]);
}

static void cancelling(void **state)
{
	struct wheel w;
	struct timer t[3] = { 0 };

	(void)state;
	wheel_init(&w, TICK, 0);
	for (unsigned i = 0; i < 3; i++)
		wheel_arm(&w, &t[i], 10 * TICK);
	wheel_cancel(&w, &t[1]);
	wheel_cancel(&w, &t[1]);
	assert_int_equal(w.armed, 2);
	wheel_arm(&w, &t[0], 20 * TICK);
	assert_int_equal(wheel_deadline(&w), 10 * TICK);
	wheel_cancel(&w, &t[2]);
	assert_int_equal(wheel_deadline(&w), 20 * TICK);
	wheel_cancel(&w, &t[0]);
	assert_int_equal(wheel_deadline(&w), UINT64_MAX);
	assert_null(wheel_next(&w, 100 * TICK));
}

static void order_within_a_tick(void **state)
{
	struct wheel w;
	struct timer t[5] = { 0 };

	(void)state;
	wheel_init(&w, TICK, 0);
	for (unsigned i = 0; i < 5; i++)
		wheel_arm(&w, &t[i], 70000 * TICK);
	for (unsigned i = 0; i < 5; i++)
		assert_ptr_equal(wheel_next(&w, 70000 * TICK), &t[i]);
}

static void a_random_walk(void **state)
{
	enum { TIMERS = 300 };
	static struct timer t[TIMERS];
	uint64_t due[TIMERS] = { 0 };           /* 0 = not armed */
	uint64_t seed = 7, now = NOW;
	struct wheel w;

	(void)state;
	wheel_init(&w, TICK, now);
	for (unsigned step = 0; step < 30000; step++) {
		struct timer *got;
		unsigned i;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		i = (seed >> 33) % TIMERS;
		if (seed >> 62 == 0) {
			wheel_cancel(&w, &t[i]);
			due[i] = 0;
		} else {
			due[i] = now + (seed >> 8 & 0xffffffff) % (UINT64_C(1) << (step % 32)) * 37;
			wheel_arm(&w, &t[i], due[i]);
		}
		now += (seed >> 16 & 0xffff) * (step % 100 == 0 ? 100000 : 3);
		while ((got = wheel_next(&w, now)) != NULL) {
			i = (unsigned)(got - t);
			assert_true(due[i] != 0 && due[i] <= now);
			due[i] = 0;
		}
		for (i = 0; i < TIMERS; i++)
			assert_true(due[i] == 0 || due[i] + TICK > now);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(never_early_never_late),
		cmocka_unit_test(a_jump_of_the_clock_is_cheap),
		cmocka_unit_test(cancelling),
		cmocka_unit_test(order_within_a_tick),
		cmocka_unit_test(a_random_walk),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
