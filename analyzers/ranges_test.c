/* ranges_test.c - ranges in any order, overlapping, missing, too long. */
#include "analyzers/ranges.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const char whole[] = "0123456789abcdefghij";

struct row {
	const char *order;      /* pairs of letters: first and last byte of each part, 'a' = 0 */
	bool completes;         /* with the last part */
};

static const struct row rows[] = {
	{ "aekt fj", false }, { "ajkt", true }, { "ktaj", true }, { "ahdkft", true }, { "aiajjt", true }, { "ajlt", false },
	{ "ppagqthp", true },
};

static void take(void *ctx, struct slice s)
{
	char **at = ctx;

	memcpy(*at, s.data, s.len);
	*at += s.len;
}

static void test_orders(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ranges *r;
		bool done = false;
		char got[64], *at = got;
		const char *o = rows[i].order;

		assert_int_equal(ranges_new(&r, 1000, 60), 0);
		for (; o[0] != '\0' && o[1] != '\0' && o[0] != ' '; o += 2) {
			uint64_t from = (uint64_t)(o[0] - 'a'), to = (uint64_t)(o[1] - 'a');
			struct range_part *p = range_begin(r, slice_str("key"), from, to, 20, 1);

			assert_non_null(p);
			assert_true(range_data(r, p, slice_of(whole + from, (size_t)(to - from + 1))));
			done = range_end(r, p, take, &at);
		}
		assert_int_equal(done, rows[i].completes);
		if (done) {
			assert_int_equal(at - got, 20);
			assert_memory_equal(got, whole, 20);
		}
		ranges_free(r);
	}
}

static void test_refused(void **state)
{
	struct ranges *r;
	struct range_part *p;
	char got[64], *at = got;

	(void)state;
	assert_int_equal(ranges_new(&r, 100, 60), 0);
	assert_null(range_begin(r, slice_str("k"), 0, 19, 20, 1));      /* the whole file */
	assert_null(range_begin(r, slice_str("k"), 5, 4, 20, 1));
	assert_null(range_begin(r, slice_str("k"), 5, 20, 20, 1));
	assert_null(range_begin(r, slice_str("k"), 0, 100, 2000, 1));   /* beyond memcap */
	p = range_begin(r, slice_str("k"), 0, 4, 20, 1);
	assert_non_null(p);
	assert_false(range_data(r, p, slice_str("123456")));
	range_abort(r, p);
	p = range_begin(r, slice_str("k"), 0, 4, 20, 1);
	assert_true(range_data(r, p, slice_str("123")));
	assert_false(range_end(r, p, take, &at));                       /* two bytes are missing */
	for (unsigned i = 0; i < 50; i++) {                             /* nothing is held any more */
		p = range_begin(r, slice_str("k"), 0, 89, 100, i * UINT64_C(100000000000));
		assert_non_null(p);
		range_abort(r, p);
	}
	ranges_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_orders), cmocka_unit_test(test_refused) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
