/* compile_test.c - what compiling makes of rules: kinds, order, which literal brings a rule up, and where. */
#include <stdlib.h>

#include "base/check.h"
#include "rules/compile.h"
#include "rules/parsed.h"

struct made {
	struct rule_set set;
	struct rule_report report;
};

static void make(struct made *m, const char *text)
{
	struct rule_load load = { 0 };

	memset(m, 0, sizeof(*m));
	assert_int_equal(rules_parse_text(&m->set, &load, "t", text, strlen(text), &m->report), 0);
	if (m->report.errors)
		fail_msg("%s: %s", text, m->report.items[0].message);
	assert_int_equal(compile(&m->set, &load, &m->report), 0);
}

static void unmake(struct made *m)
{
	compile_free(&m->set);
	rules_parse_free(&m->set);
	rule_report_free(&m->report);
}

static const struct {
	const char *rule;
	uint8_t kind;
	bool in_packets, in_stream;     /* of TCP */
	bool has_fast;
	const char *fast;               /* the literal that brings it up */
} rows[] = {
	{ "alert ip [1.2.3.4,5.6.7.8] any -> any any (sid:1;)", RULE_IPONLY, false, false, false, NULL },
	{ "alert tcp any any -> any any (flags:S; sid:1;)", RULE_PACKETS, false, false, false, NULL },
	{ "alert tcp any any -> any any (content:\"abcd\"; sid:1;)", RULE_STREAM, false, true, true, "abcd" },
	{ "alert tcp any any -> any any (content:\"abcd\"; depth:9; sid:1;)", RULE_PACKETS_STREAM, true, true, true, "abcd" },
	{ "alert tcp-pkt any any -> any any (content:\"abcd\"; sid:1;)", RULE_PACKETS, true, false, true, "abcd" },
	{ "alert tcp-stream any any -> any any (content:\"abcd\"; sid:1;)", RULE_STREAM, false, true, true, "abcd" },
	{ "alert tcp any any -> any any (content:\"abcd\"; dsize:>3; sid:1;)", RULE_PACKETS, true, false, true, "abcd" },
	{ "alert udp any any -> any any (content:\"ab\"; content:\"longer one\"; sid:1;)", RULE_PACKETS, false, false, true,
	  "longer one" },
	{ "alert udp any any -> any any (content:\"ab\"; fast_pattern; content:\"longer one\"; sid:1;)", RULE_PACKETS, false,
	  false, true, "ab" },
	{ "alert udp any any -> any any (content:\"0123456789\"; fast_pattern:2,4; sid:1;)", RULE_PACKETS, false, false, true,
	  "0123456789" },
	{ "alert udp any any -> any any (content:!\"only this\"; sid:1;)", RULE_PACKETS, false, false, false, NULL },
	{ "alert http any any -> any any (http.uri; content:\"/x\"; http.host; content:\"example.org\"; sid:1;)", RULE_TX,
	  false, false, true, "example.org" },
	{ "alert http any any -> any any (http.uri; content:\"/x\"; fast_pattern; http.host; content:\"example.org\"; sid:1;)",
	  RULE_TX, false, false, true, "/x" },
	{ "alert dns any any -> any any (dns.query; content:!\"a\"; sid:1;)", RULE_TX, false, false, false, NULL },
	{ "alert http any any -> any any (sid:1;)", RULE_APP, false, false, false, NULL },
	{ "alert ip any any -> any any (decode-event:ipv4.trunc_pkt; sid:1;)", RULE_EVENTS, false, false, false, NULL },
};

static void kinds(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct program *p;
		const struct rule *r;
		struct made m;

		make(&m, rows[i].rule);
		r = m.set.rules[0];
		p = &m.set.compiled->programs[0];
		if (p->kind != rows[i].kind || p->has_fast != rows[i].has_fast)
			fail_msg("%s: kind %u, has_fast %d", rows[i].rule, p->kind, p->has_fast);
		if ((rows[i].in_packets || rows[i].in_stream) &&
		    (p->in_packets != rows[i].in_packets || p->in_stream != rows[i].in_stream))
			fail_msg("%s: packets %d, stream %d", rows[i].rule, p->in_packets, p->in_stream);
		if (rows[i].fast != NULL) {
			const struct buffer_list *list = &r->buffers[r->fast_buffer];

			assert_true(slice_eq(list->matches[list->fast].content.bytes, slice_str(rows[i].fast)));
		}
		unmake(&m);
	}
}

/* Actions first, then priority, then as written. */
static void order(void **state)
{
	static const uint32_t want[] = { 4, 3, 5, 2, 1 };
	struct made m;

	(void)state;
	make(&m, "alert ip any any -> any any (priority:2; sid:1;)\n"
		 "alert ip any any -> any any (priority:1; sid:2;)\n"
		 "drop ip any any -> any any (priority:1; sid:3;)\n"
		 "pass ip any any -> any any (priority:9; sid:4;)\n"
		 "drop ip any any -> any any (priority:2; sid:5;)\n");
	assert_int_equal(m.set.count, ARRAY_LEN(want));
	for (unsigned i = 0; i < m.set.count; i++) {
		assert_int_equal(m.set.rules[i]->sid, want[i]);
		assert_int_equal(m.set.rules[i]->index, i);
	}
	unmake(&m);
}

/* A pattern that matters on few ports is looked for on those alone; equal headers are one. */
static void databases(void **state)
{
	const struct compiled *c;
	struct made m;

	(void)state;
	make(&m, "alert udp any any -> any 53 (content:\"first\"; sid:1;)\n"
		 "alert udp any any -> any 53 (content:\"second\"; sid:2;)\n"
		 "alert udp any any -> any any (content:\"third\"; sid:3;)\n"
		 "alert udp any any -> any 1024: (content:\"fourth\"; sid:4;)\n"
		 "alert udp any any -> any any (content:\"third\"; nocase; sid:5;)\n"
		 "alert udp any any -> any any (content:\"third\"; content:\"x\"; sid:6;)\n");
	c = m.set.compiled;
	assert_int_equal(c->payload[PAYLOAD_UDP][TO_SERVER].count, 2);
	assert_int_equal(c->payload[PAYLOAD_TCP_PACKET][TO_SERVER].count, 0);
	assert_int_equal(c->header_count, 3);
	for (unsigned i = 0; i < 2; i++) {
		const struct payload_database *p = &c->payload[PAYLOAD_UDP][TO_SERVER].items[i];

		/* "third" as it is, whatever the case, and "fourth"; or "first" and "second" */
		assert_int_equal(p->db.literal_count, p->dst_ports == NULL ? 3 : 2);
		assert_int_equal(p->db.first[p->db.literal_count], p->dst_ports == NULL ? 4 : 2);
	}
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(kinds), cmocka_unit_test(order), cmocka_unit_test(databases) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
