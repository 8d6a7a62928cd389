/* complexity_test.c - what an attacker's bytes cost a rule: steps are counted, nothing is timed.
 *
 * For each rule whose matches look from where the one before ended, 64 KiB of its first content over and over
 * are judged. They may cost 50 times what random bytes cost, which is one pass for the prefilter and one for the
 * rule. The same for regexes with repetitions in repetitions. What runs out of steps has to be seen. */
#include <glob.h>
#include <stdlib.h>

#include "base/check.h"
#include "rules/inspect_bytes.h"
#include "rules/parsed.h"
#include "rules/search.h"

#define PAYLOAD 65536
#define TIMES 50
#define PASS (PAYLOAD / 256)            /* steps of reading it once */

static const char *const own_rules[] = {
	"content:\"a\"; content:\"b\"; distance:0;",
	"content:\"a\"; content:\"b\"; within:5;",
	"content:\"ab\"; content:\"a\"; distance:0; content:\"c\"; distance:3; within:20;",
	"content:\"aa\"; content:\"a\"; distance:1; content:\"aaa\"; distance:2; content:\"z\"; within:10;",
	"content:\"a\"; content:!\"a\"; within:1; content:\"q\"; distance:0;",
	"content:\"a\"; byte_jump:1,0,relative; content:\"b\"; within:1;",
	"content:\"a\"; byte_test:1,>,200,0,relative; content:\"b\"; distance:0;",
	"content:\"a\"; byte_extract:1,0,n,relative; content:\"a\"; distance:n; content:\"b\"; within:n;",
	"content:\"a\"; isdataat:!1,relative; content:\"b\"; distance:-2;",
	"content:\"a\"; pcre:\"/^(a+)+b/R\";",
	"content:\"a\"; pcre:\"/(a|aa)+$/R\"; content:\"b\"; distance:0;",
	"content:\"a\"; pcre:\"/(x+x+)+y/\"; pcre:\"/^[^b]*b/R\";",
	"pcre:\"/(a*)*b/\";",
	"pcre:\"/^(([a-z])+.)+[A-Z]([a-z])+$/\";",
	"content:\"a\"; content:\"a\"; within:2; content:\"a\"; within:2; content:\"a\"; within:2; content:\"b\"; within:2;",
	"content:\"|00|\"; content:\"|00 00|\"; distance:4; within:2; content:\"|ff|\"; distance:0;",
};

struct totals {
	unsigned lists, limited;
	int64_t worst;
	uint32_t worst_sid;
};

static uint32_t next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

static void random_fill(uint8_t *out, size_t len)
{
	uint32_t seed = 2463534242u;

	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)next(&seed);
}

static void repeat_fill(uint8_t *out, size_t len, struct slice what)
{
	for (size_t i = 0; i < len; i++)
		out[i] = what.data[i % what.len];
}

/* Does a match of the list look from where another ended, or is one a regex? */
static bool is_interesting(const struct buffer_list *list)
{
	for (unsigned i = 0; i < list->count; i++) {
		const struct match *m = &list->matches[i];

		if ((m->kind == MATCH_CONTENT && m->content.flags & (CONTENT_DISTANCE | CONTENT_WITHIN)) ||
		    m->kind == MATCH_PCRE)
			return true;
	}
	return false;
}

static struct slice first_content(const struct buffer_list *list)
{
	for (unsigned i = 0; i < list->count; i++)
		if (list->matches[i].kind == MATCH_CONTENT && !(list->matches[i].content.flags & CONTENT_NEGATED))
			return list->matches[i].content.bytes;
	return slice_str("a");
}

static int64_t cost(struct bytes_scratch *scratch, const struct rule *rule, const struct buffer_list *list,
		    const uint8_t *bytes, bool *limit)
{
	struct inspect in = { .steps = STEPS_MAX_DEFAULT };
	struct view view = { .bytes = slice_of(bytes, PAYLOAD), .complete = true };

	inspect_bytes(&in, scratch, rule, list, &view);
	*limit = in.limit_hit || in.regex_limit_hit;
	/* The last thing done may overdraw. */
	return STEPS_MAX_DEFAULT - (in.steps < 0 ? 0 : in.steps);
}

static void list_try(struct totals *t, struct bytes_scratch *scratch, const struct rule *rule,
		     const struct buffer_list *list, uint8_t *payload, const uint8_t *random)
{
	bool limit, ignored;
	int64_t bad, usual;

	repeat_fill(payload, PAYLOAD, first_content(list));
	bad = cost(scratch, rule, list, payload, &limit);
	usual = cost(scratch, rule, list, random, &ignored) + 2 * PASS;
	t->lists++;
	t->limited += limit;
	if (bad / usual >= t->worst) {
		t->worst = bad / usual;
		t->worst_sid = rule->sid;
	}
	if (bad > TIMES * usual)
		fail_msg("rule %u: %lld steps, random bytes take %lld", rule->sid, (long long)bad, (long long)usual);
}

/* Each rule, or every step-th. */
static void set_try(const struct rule_set *set, const char *name, unsigned step)
{
	static uint8_t payload[PAYLOAD], random[PAYLOAD];
	static struct search searches[4096];
	struct bytes_scratch *scratch;
	struct totals t = { 0 };
	struct mem *mem = mem_new();
	struct budget budget;

	budget_init(&budget, mem, "test", 1 << 30);
	assert_int_equal(bytes_scratch_new(&scratch, &budget, 3500, 1500), 0);
	random_fill(random, PAYLOAD);
	for (unsigned i = 0; i < set->count; i += step) {
		const struct rule *rule = set->rules[i];

		for (unsigned k = 0; k < rule->buffer_count; k++) {
			assert_in_range(rule->buffers[k].count, 0, ARRAY_LEN(searches));
			inspect_bytes_plan(&rule->buffers[k], searches);
			if (is_interesting(&rule->buffers[k]))
				list_try(&t, scratch, rule, &rule->buffers[k], payload, random);
		}
	}
	print_message("%s: %u lists, worst %lld times (rule %u), %u ran out of steps\n", name, t.lists,
		      (long long)t.worst, t.worst_sid, t.limited);
	bytes_scratch_free(scratch);
	mem_free(mem);
}

static void own_set(void **state)
{
	struct rule_load load = { 0 };
	struct rule_report report = { 0 };
	struct rule_set set = { 0 };
	char text[8192];
	size_t len = 0;

	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(own_rules); i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len, "alert tcp any any -> any any (%s sid:%u;)\n",
					own_rules[i], i + 1);
	assert_int_equal(rules_parse_text(&set, &load, "own", text, len, &report), 0);
	rule_report_print(&report, stderr);
	assert_int_equal(set.count, ARRAY_LEN(own_rules));
	set_try(&set, "own", 1);
	rules_parse_free(&set);
	rule_report_free(&report);
}

/* The open rules of Emerging Threats, where they are: a part of them unless TAPIR_COMPLEXITY is set. */
static void large_set(void **state)
{
	const char *file = "../shared/rules/et-open/*.rules";
	struct rule_load load = { .files = &file, .file_count = 1 };
	struct rule_report report = { 0 };
	struct rule_set *set;
	glob_t found;

	(void)state;
	if (glob(file, 0, NULL, &found) != 0) {
		print_message("no %s: skipped\n", file);
		skip();
	}
	globfree(&found);
	assert_int_equal(rule_set_load(&set, &load, &report), 0);
	set_try(set, "et-open", getenv("TAPIR_COMPLEXITY") != NULL ? 1 : 8);
	rule_set_put(set);
	rule_report_free(&report);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(own_set), cmocka_unit_test(large_set) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
