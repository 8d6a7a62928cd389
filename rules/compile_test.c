/* compile_test.c - what compiling makes of a rule: what kind it is, and which literal brings it up; a reload finds it again. */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "rules/compile.h"

static const struct {
	const char *rule;
	enum rule_kind kind;
	const char *fast;               /* the literal; NULL: a list brings it up */
} rows[] = {
	{ "alert ip 192.0.2.1 any -> any any (sid:1;)", RULE_IPONLY, NULL },
	{ "alert tcp any any -> any 80 (flags:S; sid:1;)", RULE_PACKETS, NULL },
	{ "alert tcp any any -> any any (content:\"abc\"; sid:1;)", RULE_STREAM, "abc" },
	{ "alert tcp any any -> any any (content:\"abc\"; depth:3; sid:1;)", RULE_PACKETS_STREAM, "abc" },
	{ "alert udp any any -> any any (content:\"ab\"; content:\"longer\"; sid:1;)", RULE_PACKETS, "longer" },
	{ "alert udp any any -> any any (content:\"ab\"; fast_pattern; content:\"longer\"; sid:1;)", RULE_PACKETS, "ab" },
	{ "alert udp any any -> any any (content:\"ab\"; content:!\"longer\"; sid:1;)", RULE_PACKETS, "ab" },
	{ "alert http any any -> any any (http.uri; content:\"abc\"; sid:1;)", RULE_TX, "abc" },
	{ "alert http any any -> any any (http.method; content:\"PUT\"; http.uri; content:\"/very/long\"; sid:1;)", RULE_TX, "/very/long" },
	{ "alert http any any -> any any (urilen:>5; sid:1;)", RULE_TX, NULL },
	{ "alert tcp any any -> any any (app-layer-protocol:http; sid:1;)", RULE_PROTOCOL_ONLY, NULL },
	{ "alert pkthdr any any -> any any (decode-event:ipv4.pkt_too_small; sid:1;)", RULE_EVENTS, NULL },
};

static struct rule_set *load(const char *text, const struct rule_set *previous)
{
	char path[] = "/tmp/tapir-compile-XXXXXX";
	const char *files[] = { path };
	struct rule_load how = { .files = files, .file_count = 1, .previous = previous };
	struct rule_report report = { 0 };
	struct rule_set *set;
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	assert_int_equal(rule_set_load(&set, &how, &report), 0);
	unlink(path);
	if (report.errors > 0)
		fail_msg("%s: %s", text, report.items[0].message);
	rule_report_free(&report);
	return set;
}

static void kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct rule_set *set = load(rows[i].rule, NULL);
		const struct rule *r = rule_set_at(set, 0);
		const struct program *p = &set->compiled->programs[0];
		struct slice fast = { 0 };

		assert_int_equal(rule_set_count(set), 1);
		if (p->has_fast)
			fast = r->buffers[r->fast_buffer].matches[r->buffers[r->fast_buffer].fast].content.bytes;
		if (p->kind != rows[i].kind || p->has_fast != (rows[i].fast != NULL) ||
		    (rows[i].fast != NULL && !slice_eq(fast, slice_str(rows[i].fast))))
			fail_msg("%s: kind %u, fast \"%.*s\"", rows[i].rule, p->kind, (int)fast.len, (const char *)fast.data);
		rule_set_put(set);
	}
}

#define HEAD "alert tcp any any -> any any (content:\"abc\"; "
/* A reload: rules that are the same go on, letter for letter. */
static void carried(void **state)
{
	struct rule_set *before = load(HEAD "sid:1;)\n" HEAD "sid:2;)\n" HEAD "sid:3;)\n", NULL);
	struct rule_set *after = load("pass tcp any any -> any any (content:\"x\"; sid:9;)\n" HEAD "sid:3;)\n" HEAD "nocase; sid:2;)\n" HEAD "sid:1;)\n",
				      before);

	(void)state;
	assert_int_equal(after->carried_from, before->generation);
	assert_int_equal(after->carried_count, 3);
	for (unsigned i = 0; i < 3; i++) {
		const struct rule *old = rule_set_at(before, i);

		if (old->sid == 2)
			assert_int_equal(after->carried[i], RULE_NOT_CARRIED);
		else
			assert_int_equal(rule_set_at(after, after->carried[i])->sid, old->sid);
	}
	rule_set_put(before);
	rule_set_put(after);
}

/* Bits keep their numbers, so that what flows remember stays true. */
static void names_keep_their_ids(void **state)
{
	struct rule_set *before = load(HEAD "flowbits:set,one; sid:1;)\n" HEAD "flowbits:set,two; sid:2;)\n", NULL);
	struct rule_set *after = load(HEAD "flowbits:set,two; sid:2;)\n" HEAD "flowbits:set,three; sid:3;)\n", before);
	const struct name_table *t = &after->names[NAME_FLOWBIT];

	(void)state;
	assert_int_equal(t->count, 3);
	assert_string_equal(t->names[0].name, "one");
	assert_string_equal(t->names[1].name, "two");
	assert_string_equal(t->names[2].name, "three");
	assert_ptr_equal(rule_set_datasets(before), rule_set_datasets(after));
	rule_set_put(before);
	rule_set_put(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(kinds),
		cmocka_unit_test(carried),
		cmocka_unit_test(names_keep_their_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
