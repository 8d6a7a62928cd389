/* prefilter_test.c - literals in one pass: each found once, whatever the case, set size and ballast; saved and loaded. */
#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "rules/prefilter.h"

#define LITERALS_MAX 2000

struct hits {
	unsigned counts[LITERALS_MAX];
	unsigned total;
};

static void note(void *ctx, unsigned number)
{
	struct hits *h = ctx;

	assert_in_range(number, 0, LITERALS_MAX - 1);
	h->counts[number]++;
	h->total++;
}

static const struct prefilter_literal few[] = {
	{ { (const uint8_t *)"abc", 3 }, false }, { { (const uint8_t *)"abc", 3 }, true },
	{ { (const uint8_t *)"\0\1", 2 }, false }, { { (const uint8_t *)"abcabc", 6 }, false },
	{ { (const uint8_t *)"x", 1 }, true },
};

static const struct {
	const char *text;
	size_t len;
	const char *found;              /* a digit a literal */
} rows[] = {
	{ "abc", 3, "01" }, { "ABC", 3, "1" }, { "abcabc abc", 10, "013" }, { "a\0\1b", 4, "2" }, { "", 0, "" },
	{ "ab", 2, "" }, { "X", 1, "4" }, { "aBcAbC", 6, "1" },
};

static void rows_try(const struct prefilter *pf)
{
	struct prefilter_scratch *scratch = NULL;

	assert_int_equal(prefilter_scratch_fit(&scratch, pf), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct hits h = { 0 };

		prefilter_scan(pf, scratch, slice_of(rows[i].text, rows[i].len), note, &h);
		assert_int_equal(h.total, strlen(rows[i].found));
		for (const char *f = rows[i].found; *f; f++)
			assert_int_equal(h.counts[*f - '0'], 1);
	}
	prefilter_scratch_free(scratch);
}

static void finds(void **state)
{
	struct prefilter *pf;

	(void)state;
	assert_int_equal(prefilter_compile(&pf, few, ARRAY_LEN(few)), 0);
	rows_try(pf);
	prefilter_free(pf);
}

static void saved(void **state)
{
	struct prefilter *pf, *again;
	char *bytes;
	size_t len;

	(void)state;
	assert_int_equal(prefilter_compile(&pf, few, ARRAY_LEN(few)), 0);
	assert_int_equal(prefilter_save(pf, &bytes, &len), 0);
	prefilter_free(pf);
	assert_int_equal(prefilter_load(&again, slice_of(bytes, len), ARRAY_LEN(few)), 0);
	rows_try(again);
	prefilter_free(again);
	assert_int_equal(prefilter_load(&again, slice_of(bytes, len / 2), ARRAY_LEN(few)), -EINVAL);
	bytes[0] ^= 0x55;
	assert_int_equal(prefilter_load(&again, slice_of(bytes, len), ARRAY_LEN(few)), -EINVAL);
	free(bytes);
}

/* Sets below, in and above the sizes that get ballast; what the ballast looks like finds nothing. */
static void sizes(void **state)
{
	static const unsigned counts[] = { 20, 200, 700, LITERALS_MAX };
	static char texts[LITERALS_MAX][24];
	static struct prefilter_literal literals[LITERALS_MAX];

	(void)state;
	for (unsigned i = 0; i < LITERALS_MAX; i++) {
		int n = snprintf(texts[i], sizeof(texts[i]), "%u-needle-%u;", i * 7919u, i);

		literals[i] = (struct prefilter_literal){ slice_of(texts[i], (size_t)n), i % 2 };
	}
	for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
		struct prefilter_scratch *scratch = NULL;
		struct prefilter *pf;
		struct hits h = { 0 };
		char text[200];

		assert_int_equal(prefilter_compile(&pf, literals, counts[k]), 0);
		assert_int_equal(prefilter_scratch_fit(&scratch, pf), 0);
		for (unsigned i = 0; i < counts[k]; i++) {
			int n = snprintf(text, sizeof(text), "<%s><%s>", texts[i], texts[i]);

			memset(&h, 0, sizeof(h));
			prefilter_scan(pf, scratch, slice_of(text, (size_t)n), note, &h);
			assert_int_equal(h.counts[i], 1);
			assert_int_equal(h.total, 1);
		}
		memset(&h, 0, sizeof(h));
		memset(text, 0x85, sizeof(text));
		memcpy(text + 62, "\xf3\x1c\xd9\xee\xe1\xab\x07\x91", 8);
		prefilter_scan(pf, scratch, slice_of(text, 70), note, &h);
		assert_int_equal(h.total, 0);
		prefilter_scratch_free(scratch);
		prefilter_free(pf);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(finds), cmocka_unit_test(saved), cmocka_unit_test(sizes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
