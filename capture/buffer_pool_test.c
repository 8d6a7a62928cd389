#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/must.h"
#include "capture/frame.h"

static void takes_the_smallest_that_fits(void **state)
{
	static const struct {
		size_t size;
		unsigned tier;          /* BUFFER_TIERS = none */
	} rows[] = {
		{ 1, BUFFER_SMALL },   { 512, BUFFER_SMALL },   { 513, BUFFER_MEDIUM },
		{ 2048, BUFFER_MEDIUM }, { 2049, BUFFER_LARGE }, { 9216, BUFFER_LARGE },
		{ 9217, BUFFER_TIERS },
	};
	static const uint32_t counts[BUFFER_TIERS] = { 2, 2, 2 };
	struct buffer_tier_stats s[BUFFER_TIERS];
	struct buffer_pool *pool;

	(void)state;
	assert_int_equal(buffer_pool_new(&pool, counts), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		void *b = buffer_get(pool, rows[i].size);

		buffer_pool_stats(pool, s);
		for (unsigned t = 0; t < BUFFER_TIERS; t++)
			assert_int_equal(s[t].in_use, t == rows[i].tier);
		assert_true((b == NULL) == (rows[i].tier == BUFFER_TIERS));
		if (b) {
			memset(b, 0xff, rows[i].size);
			buffer_put(pool, b);
		}
	}
	assert_int_equal(s[BUFFER_LARGE].failures, 1);
	buffer_pool_free(pool);
}

static void borrows_upwards_then_fails(void **state)
{
	static const uint32_t counts[BUFFER_TIERS] = { 1, 0, 2 };
	struct buffer_tier_stats s[BUFFER_TIERS];
	struct buffer_pool *pool;
	void *b[3];

	(void)state;
	assert_int_equal(buffer_pool_new(&pool, counts), 0);
	for (unsigned i = 0; i < 3; i++)
		assert_non_null(b[i] = buffer_get(pool, 100));
	assert_null(buffer_get(pool, 100));
	assert_null(buffer_get(pool, 2000));
	buffer_pool_stats(pool, s);
	assert_int_equal(s[BUFFER_SMALL].in_use, 1);
	assert_int_equal(s[BUFFER_LARGE].in_use, 2);
	assert_int_equal(s[BUFFER_LARGE].high, 2);
	assert_int_equal(s[BUFFER_SMALL].failures, 1);
	assert_int_equal(s[BUFFER_MEDIUM].failures, 1);
	for (unsigned i = 0; i < 3; i++)
		buffer_put(pool, b[i]);
	buffer_pool_stats(pool, s);
	assert_int_equal(s[BUFFER_SMALL].in_use + s[BUFFER_LARGE].in_use, 0);
	assert_int_equal(s[BUFFER_LARGE].high, 2);
	assert_ptr_equal(buffer_get(pool, 1), b[0]);
	buffer_pool_free(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_the_smallest_that_fits),
		cmocka_unit_test(borrows_upwards_then_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
