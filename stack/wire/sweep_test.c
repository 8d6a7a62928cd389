/* Sweeps: every combination once, the last hole fastest. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/check.h"
#include "base/must.h"
#include "stack/wire/sweep.h"

static void combinations(void **state)
{
	static const struct {
		const char *text, *all;         /* joined by "|" */
	} rows[] = {
		{ "plain", "plain" },
		{ "{1-3}", "1|2|3" },
		{ "a{1-2}b{x,y}c", "a1bxc|a1byc|a2bxc|a2byc" },
		{ "{0-10/4}", "0|4|8" },
		{ "{x8-xa}", "8|9|a" },
		{ "fd00::{xff-x101/2}", "fd00::ff|fd00::101" },
		{ "{22,80-81,https}", "22|80|81|https" },
		{ "{4294967294-4294967295}", "4294967294|4294967295" },
		{ "\"{1-3}\" {1-2}", "\"{1-3}\" 1|\"{1-3}\" 2" },
		{ "\"a\\\"{1-3}\"", "\"a\\\"{1-3}\"" },
		{ "{7}", "7" },
	};
	struct sweep s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char all[256] = "";
		const char *why, *one;
		uint64_t n = 0;
		size_t at;

		assert_int_equal(sweep_init(&s, rows[i].text, 1, &at, &why), 0);
		for (unsigned round = 0; round < 2; round++) {
			n = 0;
			all[0] = '\0';
			while ((one = sweep_next(&s)) != NULL) {
				size_t used = strlen(all);

				snprintf(all + used, sizeof(all) - used, "%s%s", n++ ? "|" : "", one);
			}
			assert_string_equal(all, rows[i].all);
			sweep_rewind(&s);
		}
		assert_int_equal(n, sweep_count(&s));
	}
}

static void mistakes(void **state)
{
	static const struct {
		const char *text;
		size_t at;
		const char *says;
	} rows[] = {
		{ "a {1-3", 2, "closing }" },
		{ "dport={9-1}", 7, "expected {FROM-TO}" },
		{ "{1-5,}", 5, "expected {FROM-TO}" },
		{ "{}", 1, "expected {FROM-TO}" },
		{ "{1-9/0}", 1, "expected {FROM-TO}" },
		{ "{random:5}", 1, "{random:FROM-TO}" },
		{ "{1-99999999999}", 1, "expected" },
		{ "{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}{1}", 48, "at most 16" },
	};
	struct sweep s;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *why;
		size_t at;

		assert_int_equal(sweep_init(&s, rows[i].text, 1, &at, &why), -EINVAL);
		if (at != rows[i].at || strstr(why, rows[i].says) == NULL)
			fail_msg("\"%s\": at %zu: %s", rows[i].text, at, why);
	}
}

static void random_and_origin(void **state)
{
	static const char text[] = "p={random:10-12} q={a,bcd} end";
	unsigned seen[13] = { 0 };
	struct sweep s;
	const char *why, *one;
	size_t at;

	(void)state;
	assert_int_equal(sweep_init(&s, text, 7, &at, &why), 0);
	assert_true(s.random);
	assert_int_equal(sweep_count(&s), 2);
	for (unsigned round = 0; round < 100; round++) {
		while ((one = sweep_next(&s)) != NULL) {
			unsigned v = (unsigned)(one[2] - '0') * 10 + (unsigned)(one[3] - '0');

			assert_in_range(v, 10, 12);
			seen[v]++;
			/* What is wrong in the result is shown where it was written. */
			assert_int_equal(sweep_origin(&s, (size_t)(strstr(one, "end") - one)), strstr(text, "end") - text);
			assert_int_equal(sweep_origin(&s, (size_t)(strstr(one, "q=") - one) + 2), strstr(text, "{a") - text);
		}
		sweep_rewind(&s);
	}
	assert_true(seen[10] > 20 && seen[11] > 20 && seen[12] > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(combinations), cmocka_unit_test(mistakes), cmocka_unit_test(random_and_origin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
