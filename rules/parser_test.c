/* parser_test.c - what rules become: headers, lists of addresses and ports, numbers, buffers, files of them. */
#include <stdlib.h>

#include "analyzers/number.h"
#include "base/check.h"
#include "rules/lists.h"
#include "rules/parsed.h"

struct parsed_rules {
	struct rule_set set;
	struct rule_report report;
};

static void parse_with(struct parsed_rules *r, const struct conf *conf, const char *text)
{
	struct rule_load load = { .conf = conf };

	memset(r, 0, sizeof(*r));
	assert_int_equal(rules_parse_text(&r->set, &load, "test.rules", text, strlen(text), &r->report), 0);
}

static void parse(struct parsed_rules *r, const char *text)
{
	parse_with(r, NULL, text);
}

static void parsed_free(struct parsed_rules *r)
{
	rules_parse_free(&r->set);
	rule_report_free(&r->report);
}

static const struct rule *one(struct parsed_rules *r, const char *text)
{
	parse(r, text);
	if (r->set.count != 1)
		fail_msg("%s\n%s", text, r->report.count > 0 ? r->report.items[0].message : "no rule");
	return r->set.rules[0];
}

static const struct {
	const char *list, *addr;
	bool in;
} addr_rows[] = {
	{ "any", "1.2.3.4", true },
	{ "any", "fe80::1", true },
	{ "10.0.0.0/8", "10.255.255.255", true },
	{ "10.0.0.0/8", "11.0.0.0", false },
	{ "10.0.0.0/8", "a00::", false },
	{ "10.1.2.3/255.255.0.0", "10.1.9.9", true },
	{ "0.0.0.0/0", "1.1.1.1", true },
	{ "1.2.3.4-1.2.3.9", "1.2.3.9", true },
	{ "1.2.3.4-1.2.3.9", "1.2.3.10", false },
	{ "!1.2.3.4", "1.2.3.4", false },
	{ "!1.2.3.4", "::1", true },
	{ "[1.1.1.0/24,!1.1.1.7]", "1.1.1.7", false },
	{ "[1.1.1.0/24,!1.1.1.7]", "1.1.1.8", true },
	{ "[1.1.1.0/24, !1.1.1.7 , 2.2.2.2]", "2.2.2.2", true },
	{ "![1.1.1.1,2.2.2.2]", "2.2.2.2", false },
	{ "![1.1.1.0/24,!1.1.1.7]", "1.1.1.7", true },
	{ "![1.1.1.0/24,!1.1.1.7]", "3.3.3.3", true },
	{ "$HOME_NET", "192.168.9.9", true },
	{ "$EXTERNAL_NET", "192.168.9.9", false },
	{ "![$HOME_NET,8.8.8.8]", "8.8.8.8", false },
	{ "![$HOME_NET,8.8.8.8]", "9.9.9.9", true },
	{ "fe80::/10", "fe80::5", true },
	{ "fe80::/10", "fec0::", false },
	{ "::/0", "1.1.1.1", false },
};

static void addresses(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(addr_rows); i++) {
		struct parsed_rules r;
		struct ip_addr addr;
		char text[256];
		int family;

		snprintf(text, sizeof(text), "alert ip %s any -> any any (sid:1;)\n", addr_rows[i].list);
		assert_true(addr_text_parse(slice_str(addr_rows[i].addr), &addr, &family));
		if (addr_set_match(one(&r, text)->src, &addr, family ? 6 : 4) != addr_rows[i].in)
			fail_msg("%s in %s", addr_rows[i].addr, addr_rows[i].list);
		parsed_free(&r);
	}
}

static const struct {
	const char *list;
	uint16_t port;
	bool in;
} port_rows[] = {
	{ "any", 0, true },      { "80", 80, true },          { "80", 81, false },       { "80:90", 90, true },
	{ "80:90", 91, false },  { ":1024", 1024, true },     { ":1024", 1025, false },  { "1024:", 65535, true },
	{ "!80", 80, false },    { "!80", 81, true },         { "[80,90]", 90, true },   { "[80:100,!90]", 90, false },
	{ "[80:100,!90]", 91, true }, { "![80,90]", 80, false }, { "[!80,!90]", 81, true }, { "$HTTP_PORTS", 80, true },
	{ "[$HTTP_PORTS, 8080]", 8080, true }, { "!$HTTP_PORTS", 80, false }, { "[1:100,![20:30,!25]]", 25, true },
	{ "[1:100,![20:30,!25]]", 26, false },
};

static void ports(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(port_rows); i++) {
		struct parsed_rules r;
		char text[256];

		snprintf(text, sizeof(text), "alert tcp any any -> any %s (sid:1;)\n", port_rows[i].list);
		if (port_set_match(one(&r, text)->dst_ports, port_rows[i].port) != port_rows[i].in)
			fail_msg("%u in %s", port_rows[i].port, port_rows[i].list);
		parsed_free(&r);
	}
}

static const struct {
	const char *text;
	uint64_t v;
	bool valid, holds;
} number_rows[] = {
	{ "5", 5, true, true },         { "5", 6, true, false },      { "=5", 5, true, true },      { "!5", 5, true, false },
	{ "!=5", 6, true, true },       { ">5", 6, true, true },      { ">5", 5, true, false },     { ">=5", 5, true, true },
	{ "<5", 4, true, true },        { "<= 5", 5, true, true },    { "2<>5", 2, true, false },   { "2<>5", 4, true, true },
	{ "2-5", 5, true, false },      { "!2-5", 5, true, true },    { "0x10", 16, true, true },   { "1kib", 1024, true, true },
	{ "&0x80=0x80", 0x81, true, true }, { "&0x80!=0x80", 0x81, true, false }, { "5<>2", 0, false, false },
	{ "2<>3", 0, false, false },    { "<0", 0, false, false },    { ">65535", 0, false, false }, { ">=0", 0, false, false },
	{ "65536", 0, false, false },   { "x", 0, false, false },     { "", 0, false, false },      { "-1", 0, false, false },
	{ "&1=2", 0, false, false },
};

static void numbers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(number_rows); i++) {
		struct number_test t;
		const char *error;
		bool valid = number_test_parse(&t, slice_str(number_rows[i].text), 16, NULL, &error);

		if (valid != number_rows[i].valid || (valid && number_test_match(&t, number_rows[i].v) != number_rows[i].holds))
			fail_msg("\"%s\" of %llu", number_rows[i].text, (unsigned long long)number_rows[i].v);
	}
}

/* Content bytes as they are looked for. */
static const struct {
	const char *written;
	const char *bytes;
	size_t len;
} content_rows[] = {
	{ "abc", "abc", 3 },            { "|41 42|c", "ABc", 3 },     { "|3 a20|x", ": x", 3 },    { "a\\;b", "a;b", 3 },
	{ "a\\\"b", "a\"b", 3 },        { "a\\\\b", "a\\b", 3 },      { "|00|", "\0", 1 },         { "\xe4\xbd\xa0", "\xe4\xbd\xa0", 3 },
	{ "a|7c|b", "a|b", 3 },
};

static void contents(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(content_rows); i++) {
		struct parsed_rules r;
		const struct rule *rule;
		char text[256];

		snprintf(text, sizeof(text), "alert tcp any any -> any any (content:\"%s\"; sid:1;)\n", content_rows[i].written);
		rule = one(&r, text);
		assert_int_equal(rule->buffer_count, 1);
		assert_int_equal(rule->buffers[0].matches[0].content.bytes.len, content_rows[i].len);
		assert_memory_equal(rule->buffers[0].matches[0].content.bytes.data, content_rows[i].bytes, content_rows[i].len);
		parsed_free(&r);
	}
}

/* "buffer/matches buffer/matches …" of a rule. */
static void shape(const struct rule *r, char *out, size_t cap)
{
	size_t len = 0;

	out[0] = '\0';
	for (unsigned i = 0; i < r->buffer_count && len < cap; i++) {
		const struct buffer *b = r->buffers[i].buffer;

		len += (size_t)snprintf(out + len, cap - len, "%s%s", i ? " " : "", b->name);
		for (unsigned t = 0; t < b->transform_count; t++)
			len += (size_t)snprintf(out + len, cap - len, "+%s", b->transforms[t].keyword->name);
		len += (size_t)snprintf(out + len, cap - len, "/%u", r->buffers[i].count);
	}
}

static const struct {
	const char *options, *shape;
} shape_rows[] = {
	{ "content:\"a\"; content:\"b\";", "payload/2" },
	{ "content:\"a\"; http_uri;", "http.uri/1" },
	{ "content:\"a\"; http_uri; content:\"b\"; http_header; content:\"c\"; http_uri; distance:0;", "http.uri/2 http.header/1" },
	{ "content:\"a\"; content:\"b\"; http_uri;", "payload/1 http.uri/1" },
	{ "http.uri; content:\"a\"; http.method; content:\"b\"; http.uri; content:\"c\";", "http.uri/2 http.method/1" },
	{ "dns.query; content:\"a\"; dns.query; content:\"b\";", "dns.query/1 dns.query/1" },
	{ "http.uri; content:\"a\"; pkt_data; content:\"b\";", "http.uri/1 payload/1" },
	{ "content:\"a\"; http_uri; isdataat:!1,relative;", "http.uri/2" },
	{ "pcre:\"/a/U\"; content:\"b\"; http_uri;", "http.uri/2" },
	{ "dns.query; dotprefix; content:\".a\";", "dns.query+dotprefix/1" },
	{ "http.uri; content:\"a\"; from_base64; content:\"b\";", "http.uri/1 http.uri+from_base64/1" },
	{ "http.uri; to_lowercase; strip_whitespace; content:\"b\";", "http.uri+to_lowercase+strip_whitespace/1" },
	{ "base64_decode:bytes 4; base64_data; content:\"b\";", "payload/1 base64_data/1" },
	{ "urilen:>10; content:\"a\"; http_uri;", "http.uri/2" },
	{ "file.data; content:\"a\"; file_data; content:\"b\";", "file.data/2" },
	{ "ipv4.hdr; content:\"a\"; tcp.hdr; content:\"b\";", "ipv4.hdr/1 tcp.hdr/1" },
	{ "uricontent:\"a\"; content:\"b\";", "http.uri/1 payload/1" },
	{ "fileext:\"exe\"; filename:\"a\";", "file.name/2" },
};

static void shapes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shape_rows); i++) {
		struct parsed_rules r;
		char text[512], got[256];

		snprintf(text, sizeof(text), "alert ip any any -> any any (%s sid:1;)\n", shape_rows[i].options);
		shape(one(&r, text), got, sizeof(got));
		assert_string_equal(got, shape_rows[i].shape);
		parsed_free(&r);
	}
}

/* Which way a rule looks follows from what it looks at. */
static void direction_follows(void **state)
{
	struct parsed_rules r;

	(void)state;
	assert_int_equal(one(&r, "alert http any any -> any any (http.uri; content:\"a\"; sid:1;)")->flow, FLOW_TO_SERVER);
	parsed_free(&r);
	assert_int_equal(one(&r, "alert http any any -> any any (http.stat_code; content:\"2\"; sid:1;)")->flow, FLOW_TO_CLIENT);
	parsed_free(&r);
	assert_int_equal(one(&r, "alert http any any -> any any (http.header; content:\"a\"; sid:1;)")->flow, 0);
	parsed_free(&r);
}

static void text_of_rules(void **state)
{
	struct parsed_rules r;
	const struct rule *rule;

	(void)state;
	parse(&r, "\xef\xbb\xbf# comment\n\n"
		  "alert tcp any any -> any any ( \\\r\n"
		  "\tmsg:\"\xe4\xbd\xa0 a\\;b\"; \\  \n"
		  "\tcontent:\"ab\\\n"
		  "cd\"; metadata: a b, c d e; metadata:f; \\\n"
		  "\treference:url,x.y; sid:7; rev:2;)\r\n"
		  "   alert udp any any <> any 53 (sid:8; requires:version >= 7;)\n"
		  "alert udp any any -> any 53 (sid:9; requires:version >= 99; foo:1;)\n"
		  "alert asdf any any => any 53 (sid:10; requires: feature nothing;)\n");
	assert_int_equal(r.report.errors, 0);
	assert_int_equal(r.report.rules_skipped, 2);
	assert_int_equal(r.set.count, 2);
	rule = r.set.rules[0];
	assert_string_equal(rule->msg, "\xe4\xbd\xa0 a;b");
	assert_int_equal(rule->line, 3);
	assert_int_equal(rule->rev, 2);
	assert_memory_equal(rule->buffers[0].matches[0].content.bytes.data, "abcd", 4);
	assert_int_equal(rule->metadata_count, 3);
	assert_string_equal(rule->metadata[1].key, "c");
	assert_string_equal(rule->metadata[1].value, "d e");
	assert_string_equal(rule->metadata[2].value, "");
	assert_string_equal(rule->references[0].text, "x.y");
	assert_true(r.set.rules[1]->flags & RULE_BIDIRECTIONAL);
	parsed_free(&r);
}

/* Errors in joined lines point into the line they stand in; columns are characters. */
static void places(void **state)
{
	struct parsed_rules r;

	(void)state;
	parse(&r, "alert tcp any any -> any any (msg:\"x\"; \\\n  content:\"a\"; \\\n  foo; sid:1;)\n"
		  "alert tcp any any -> any any (msg:\"\xe4\xbd\xa0\xe5\xa5\xbd\"; foo; sid:2;)\n");
	assert_int_equal(r.report.count, 2);
	assert_int_equal(r.report.items[0].line, 3);
	assert_int_equal(r.report.items[0].column, 3);
	assert_int_equal(r.report.items[1].line, 4);
	assert_int_equal(r.report.items[1].column, 41);
	assert_int_equal(r.report.items[1].sid, 2);
	parsed_free(&r);
}

static void revisions(void **state)
{
	struct parsed_rules r;

	(void)state;
	parse(&r, "alert tcp any any -> any any (msg:\"old\"; sid:1; rev:1;)\n"
		  "alert tcp any any -> any any (msg:\"new\"; sid:1; rev:2;)\n"
		  "alert tcp any any -> any any (msg:\"older\"; sid:1; rev:1;)\n"
		  "alert tcp any any -> any any (msg:\"group\"; gid:2; sid:1; rev:1;)\n");
	assert_int_equal(r.set.count, 2);
	assert_string_equal(r.set.rules[0]->msg, "new");
	assert_int_equal(r.report.rules_failed, 1);
	assert_int_equal(r.report.warnings, 1);
	parsed_free(&r);
}

static void suggestions(void **state)
{
	static const struct {
		const char *options, *suggestion;
	} rows[] = {
		{ "contnet:\"a\";", "did you mean content?" },
		{ "http.urii; content:\"a\";", "did you mean http.uri?" },
		{ "flowbit:set,a;", "did you mean flowbits?" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct parsed_rules r;
		char text[256];

		snprintf(text, sizeof(text), "alert tcp any any -> any any (%s sid:1;)", rows[i].options);
		parse(&r, text);
		assert_int_equal(r.report.count, 1);
		assert_string_equal(r.report.items[0].suggestion, rows[i].suggestion);
		parsed_free(&r);
	}
}

static void variables(void **state)
{
	struct conf *conf = conf_new();
	struct parsed_rules r;

	(void)state;
	conf_set(conf, "vars.address-groups.HOME_NET", "[10.0.0.0/8]");
	conf_set(conf, "vars.address-groups.LOOP", "[$LOOP]");
	conf_set(conf, "vars.port-groups.WEB", "[80,443]");
	parse_with(&r, conf, "alert tcp $HOME_NET any -> any $WEB (sid:1;)\n"
			     "alert tcp $HOME_NET any -> any $WEB (sid:2;)\n"
			     "alert tcp $LOOP any -> any any (sid:3;)\n"
			     "alert tcp $HOME_NTE any -> any any (sid:4;)\n");
	assert_int_equal(r.set.count, 2);
	assert_ptr_equal(r.set.rules[0]->src, r.set.rules[1]->src);
	assert_ptr_equal(r.set.rules[0]->dst_ports, r.set.rules[1]->dst_ports);
	assert_int_equal(r.report.errors, 2);
	assert_string_equal(r.report.items[1].suggestion, "did you mean $HOME_NET?");
	parsed_free(&r);
	conf_free(conf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses), cmocka_unit_test(ports), cmocka_unit_test(numbers), cmocka_unit_test(contents),
		cmocka_unit_test(shapes), cmocka_unit_test(direction_follows), cmocka_unit_test(text_of_rules),
		cmocka_unit_test(places), cmocka_unit_test(revisions), cmocka_unit_test(suggestions),
		cmocka_unit_test(variables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
