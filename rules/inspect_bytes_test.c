/* inspect_bytes_test.c - lists of matches on buffers: rows, and thousands of random lists against a search that
 * tries every place and remembers nothing. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/inspect_bytes.h"
#include "rules/parsed.h"
#include "rules/search.h"

struct bench {
	struct mem *mem;
	struct budget budget;
	struct bytes_scratch *scratch;
};

static void bench_new(struct bench *b)
{
	b->mem = mem_new();
	budget_init(&b->budget, b->mem, "test", 1 << 24);
	assert_int_equal(bytes_scratch_new(&b->scratch, &b->budget, 3500, 1500), 0);
}

static void bench_free(struct bench *b)
{
	bytes_scratch_free(b->scratch);
	mem_free(b->mem);
}

struct loaded {
	struct rule_set set;
	struct rule_report report;
	struct search searches[32];
};

/* False where the rule isn't one. */
static bool load(struct loaded *l, const char *options)
{
	struct rule_load how = { 0 };
	char text[1024];
	int n = snprintf(text, sizeof(text), "alert tcp any any -> any any (%s sid:1;)", options);

	memset(l, 0, sizeof(*l));
	assert_int_equal(rules_parse_text(&l->set, &how, "t", text, (size_t)n, &l->report), 0);
	if (l->set.count != 1)
		return false;
	for (unsigned i = 0; i < l->set.rules[0]->buffer_count; i++)
		inspect_bytes_plan(&l->set.rules[0]->buffers[i], l->searches);
	return true;
}

static void unload(struct loaded *l)
{
	rules_parse_free(&l->set);
	rule_report_free(&l->report);
}

static bool holds(struct bench *b, struct loaded *l, struct slice bytes)
{
	const struct rule *rule = l->set.rules[0];
	struct inspect in = { .steps = INT32_MAX };
	struct view view = { .bytes = bytes, .complete = true };
	bool yes = inspect_bytes(&in, b->scratch, rule, &rule->buffers[0], &view);

	assert_false(in.limit_hit);
	return yes;
}

static const struct {
	const char *options, *bytes;
	bool yes;
} rows[] = {
	{ "content:\"abc\";", "xxabcxx", true },
	{ "content:\"ABC\"; nocase;", "xxabcxx", true },
	{ "content:\"ABC\";", "xxabcxx", false },
	{ "content:!\"abc\";", "xxabxx", true },
	{ "content:\"abc\"; startswith;", "abcd", true },
	{ "content:\"abc\"; startswith;", "xabc", false },
	{ "content:\"abc\"; endswith;", "abcabc", true },
	{ "content:\"abc\"; endswith;", "abcabcd", false },
	{ "content:\"a\"; offset:2; depth:2;", "axxa", true },
	{ "content:\"a\"; offset:2; depth:1;", "axxa", false },
	{ "content:\"a\"; content:\"b\"; distance:1; within:1;", "abaxb", true },
	{ "content:\"a\"; content:\"b\"; distance:2; within:1;", "abaxb", false },
	{ "content:\"a\"; content:\"b\"; distance:-2;", "ba", true },
	{ "content:\"a\"; content:!\"b\"; within:1;", "abac", true },
	{ "content:\"a\"; content:!\"b\"; within:1;", "abab", false },
	{ "content:\"a\"; content:!\"b\"; within:1;", "aba", true },      /* behind the end there is none */
	{ "content:\"a\"; content:!\"b\"; within:1; content:\"c\"; distance:0;", "abcab", false },
	{ "content:\"a\"; isdataat:2,relative;", "xabc", true },
	{ "content:\"a\"; isdataat:3,relative;", "xabc", false },
	{ "content:\"a\"; isdataat:!1,relative;", "abca", true },
	{ "byte_test:0,<,200,0,string,dec; content:\"7\";", "70", true },
	{ "byte_test:0,>,70,0,string,dec; content:\"7\";", "70", false },
	{ "byte_test:2,=,70,0,string,dec; content:\"7\";", "701", true },
	{ "content:\"a\"; byte_test:1,=,1,0,relative,string,dec;", "xa1", true },
	{ "content:\"a\"; byte_jump:1,0,relative,string,dec; content:\"z\"; within:1;", "a2xxz", true },
	{ "content:\"a\"; byte_jump:1,0,relative,string,dec; content:\"z\"; within:1;", "a1xxz", false },
	{ "content:\"a\"; byte_extract:1,0,n,relative,string,dec; content:\"z\"; distance:n; within:1;", "a3xxxz", true },
	{ "content:\"a\"; pcre:\"/^b+c/R\";", "axabbc", true },
	{ "content:\"a\"; pcre:\"/b+c/R\"; content:\"d\"; within:1;", "abcxbcd", true },
	{ "content:\"a\"; pcre:!\"/^b/R\";", "abac", true },
	{ "pcre:\"/^abc$/\";", "abc", true },
	/* The first place of each won't do; only the last does. */
	{ "content:\"a\"; content:\"b\"; distance:1; within:3; content:\"c\"; distance:0; within:1;", "aab aab aabbc", true },
};

static void lists(void **state)
{
	struct bench b;

	(void)state;
	bench_new(&b);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct loaded l;

		if (!load(&l, rows[i].options))
			fail_msg("%s: %s", rows[i].options, l.report.count ? l.report.items[0].message : "?");
		if (holds(&b, &l, slice_str(rows[i].bytes)) != rows[i].yes)
			fail_msg("%s on \"%s\" isn't %d", rows[i].options, rows[i].bytes, rows[i].yes);
		unload(&l);
	}
	bench_free(&b);
}

/* ---- the search that remembers nothing ---- */

static bool plain(const struct buffer_list *list, unsigned i, int64_t at, struct slice text);

static bool plain_content(const struct buffer_list *list, unsigned i, int64_t at, struct slice text)
{
	const struct content *c = &list->matches[i].content;
	int64_t from = 0, to = (int64_t)text.len, len = (int64_t)c->bytes.len;
	bool negated = c->flags & CONTENT_NEGATED;

	if (c->flags & (CONTENT_DISTANCE | CONTENT_WITHIN)) {
		from = at + (c->flags & CONTENT_DISTANCE ? c->distance.value : 0);
		if (c->flags & CONTENT_WITHIN)
			to = from + c->within.value;
	} else {
		if (c->flags & CONTENT_OFFSET)
			from = c->offset.value;
		if (c->flags & CONTENT_DEPTH)
			to = from + c->depth.value;
	}
	from = from < 0 ? 0 : from;
	to = to > (int64_t)text.len ? (int64_t)text.len : to;
	for (int64_t place = from; place + len <= to; place++) {
		if (memcmp(text.data + place, c->bytes.data, c->bytes.len) != 0)
			continue;
		if (negated)
			return false;
		if (plain(list, i + 1, place + len, text))
			return true;
	}
	return negated && plain(list, i + 1, at, text);
}

static bool plain(const struct buffer_list *list, unsigned i, int64_t at, struct slice text)
{
	const struct match *m = &list->matches[i];
	int64_t len = (int64_t)text.len;

	if (i == list->count)
		return true;
	switch (m->kind) {
	case MATCH_CONTENT:
		return plain_content(list, i, at, text);
	case MATCH_ISDATAAT:
		return (at + (int64_t)m->isdataat.n.value <= len) != m->isdataat.negated && plain(list, i + 1, at, text);
	case MATCH_BYTE_TEST:
		return at < len && text.data[at] > m->byte.value.value && plain(list, i + 1, at, text);
	case MATCH_BYTE_JUMP:
		return at < len && at + 1 + text.data[at] <= len && plain(list, i + 1, at + 1 + text.data[at], text);
	default:
		fail();
		return false;
	}
}

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed >> 8;
}

/* Contents of one or two bytes out of three, so that nearly everything nearly holds. */
static void options_make(char *out, size_t size, uint32_t *seed)
{
	static const char *const bytes[] = { "|00|", "|01|", "|02|", "|00 00|", "|00 01|", "|01 00|" };
	unsigned count = 2 + next(seed) % 4;
	size_t len = (size_t)snprintf(out, size, "content:\"%s\";", bytes[next(seed) % ARRAY_LEN(bytes)]);

	for (unsigned i = 1; i < count; i++) {
		unsigned what = next(seed) % 10;

		if (what == 0) {
			len += (size_t)snprintf(out + len, size - len, " isdataat:%s%u,relative;", next(seed) % 2 ? "!" : "",
						1 + next(seed) % 8);
		} else if (what == 1) {
			len += (size_t)snprintf(out + len, size - len, " byte_test:1,>,%u,0,relative;", next(seed) % 2);
		} else if (what == 2) {
			len += (size_t)snprintf(out + len, size - len, " byte_jump:1,0,relative;");
		} else {
			unsigned shape = next(seed) % 8;

			len += (size_t)snprintf(out + len, size - len, " content:%s\"%s\";", what == 3 ? "!" : "",
						bytes[next(seed) % ARRAY_LEN(bytes)]);
			if (shape & 1)
				len += (size_t)snprintf(out + len, size - len, " distance:%d;", (int)(next(seed) % 7) - 3);
			if (shape & 2)
				len += (size_t)snprintf(out + len, size - len, " within:%u;", 2 + next(seed) % 5);
			if (shape == 4)
				len += (size_t)snprintf(out + len, size - len, " offset:%u;", next(seed) % 6);
			if (shape == 0)
				len += (size_t)snprintf(out + len, size - len, " depth:%u;", 2 + next(seed) % 20);
		}
	}
}

static void random_lists(void **state)
{
	uint32_t seed = 88172645u;
	unsigned tried = 0, held = 0;
	struct bench b;

	(void)state;
	bench_new(&b);
	for (unsigned i = 0; i < 4000; i++) {
		char options[512];
		struct loaded l;

		options_make(options, sizeof(options), &seed);
		if (!load(&l, options)) {
			unload(&l);
			continue;
		}
		for (unsigned k = 0; k < 24; k++) {
			uint8_t bytes[80];
			size_t len = next(&seed) % sizeof(bytes);
			bool yes;

			for (size_t n = 0; n < len; n++)        /* mostly zeros: long runs of failing places */
				bytes[n] = next(&seed) % 4 == 0 ? (uint8_t)(next(&seed) % 3) : 0;
			yes = plain(&l.set.rules[0]->buffers[0], 0, 0, slice_of(bytes, len));
			if (holds(&b, &l, slice_of(bytes, len)) != yes)
				fail_msg("list %u, buffer %u isn't %d: %s", i, k, yes, options);
			held += yes;
			tried++;
		}
		unload(&l);
	}
	assert_in_range(tried, 40000, 96000);
	assert_in_range(held, tried / 10, tried * 9 / 10);
	bench_free(&b);
}

/* What runs out of steps says so, and doesn't hold. */
static void steps(void **state)
{
	struct loaded l;
	struct bench b;
	uint8_t bytes[4096];
	struct inspect in = { .steps = 500 };
	struct view view = { .bytes = slice_of(bytes, sizeof(bytes)), .complete = true };

	(void)state;
	bench_new(&b);
	memset(bytes, 'a', sizeof(bytes));
	assert_true(load(&l, "content:\"a\"; byte_jump:1,0,relative; content:\"b\"; within:1;"));
	assert_false(inspect_bytes(&in, b.scratch, l.set.rules[0], &l.set.rules[0]->buffers[0], &view));
	assert_true(in.limit_hit);
	unload(&l);
	bench_free(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists), cmocka_unit_test(random_lists), cmocka_unit_test(steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
