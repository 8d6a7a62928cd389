/* lint_test.c - what `tapir rules check` finds doubtful, and what it leaves alone. */
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "rules/lint.h"
#include "rules/parsed.h"

/* Regexes; which of them can take very long. */
static const struct {
	const char *pattern;
	bool slow;
} regex_rows[] = {
	{ "(a+)+", true }, { "(a*)*b", true }, { "(a|b+)+c", true }, { "(\\w+\\s?)+x", true }, { "([a-z]+)*@", true },
	{ "(?:x*y*)+", true }, { "((a+)+b)+", true }, { "(a+){2,}", true }, { "(?<n>[^x]+)+", true },
	{ "(a+b)+", false }, { "(\\w+\\s)+", false }, { "a+b+c+", false }, { "(a+){2}", false }, { "(ab)+", false },
	{ "(a++)+", false }, { "[(a+)+]", false }, { "\\(a+\\)+", false }, { "(a|b)+", false }, { "", false }, { "(", false },
	{ "a{2,5}", false }, { "(x{1,3})+", false }, { "(?=a+)b", false }, { "^(a+)$", false }, { "x{", false }, { "[", false },
};

static void regexes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(regex_rows); i++)
		if (regex_is_slow(slice_str(regex_rows[i].pattern)) != regex_rows[i].slow)
			fail_msg("%s is %sslow", regex_rows[i].pattern, regex_rows[i].slow ? "" : "not ");
}

#define HEAD "alert tcp any any -> any any ("
/* Rules; what is said: level, line, column and the beginning of the text; NULL: nothing. */
static const struct {
	const char *rules;
	uint8_t level;
	uint32_t line, column;
	const char *message, *suggestion;
} rows[] = {
	{ HEAD "content:\"abcd\"; sid:1;)", 0, 0, 0, NULL, NULL },
	{ HEAD "content:\"ab\"; sid:1;)", DIAG_HINT, 1, 31, "the fast pattern has 2 bytes", "a longer content" },
	{ HEAD "content:\"a\"; content:\"bcd\"; sid:1;)", 0, 0, 0, NULL, NULL },
	{ HEAD "content:!\"abcd\"; sid:1;)", DIAG_HINT, 1, 1, "nothing for the prefilter", NULL },
	{ HEAD "flags:S; sid:1;)", DIAG_HINT, 1, 1, "nothing for the prefilter: the rule is judged on every packet", NULL },
	{ "alert http any any -> any any (urilen:>9; sid:1;)", DIAG_HINT, 1, 1, "nothing for the prefilter: the rule is judged on every trans", NULL },
	{ "alert ip 192.0.2.1 any -> any any (sid:1;)", 0, 0, 0, NULL, NULL },
	{ HEAD "pcre:\"/abc/\"; sid:1;)", DIAG_WARNING, 1, 31, "a regex without a content", "add a content" },
	{ HEAD "content:\"abc\"; pcre:\"/(a+)+x/\"; sid:1;)", DIAG_WARNING, 1, 46, "this regex repeats", "make one" },
	{ HEAD "content:\"abc\"; flowbits:isset,ET.one; sid:1;)", DIAG_WARNING, 1, 61, "the flowbit ET.one is asked for, but no rule sets it", NULL },
	{ HEAD "content:\"abc\"; flowbits:isset,ET.one; sid:1;)\n" HEAD "content:\"abc\"; flowbits:set,ET.ons; flowbits:isset,ET.ons; sid:2;)",
	  DIAG_WARNING, 1, 61, "the flowbit ET.one is asked for, but no rule sets it", "did you mean ET.ons?" },
	{ HEAD "content:\"abc\"; flowbits:set,ET.one; sid:1;)", DIAG_HINT, 1, 59, "the flowbit ET.one is set, but no rule asks for it", NULL },
	{ HEAD "content:\"abc\"; xbits:isset,x,track ip_src; sid:1;)", DIAG_WARNING, 1, 58, "the xbit x is asked for", NULL },
	{ HEAD "msg:\"a\"; content:\"abc\"; sid:1;)\n" HEAD "msg:\"b\"; content:\"abc\"; reference:cve,1; sid:2; rev:3;)",
	  DIAG_WARNING, 2, 1, "says the same as the rule 1 (test.rules:1)", "take one of them out" },
	{ HEAD "content:\"abc\"; sid:1;)\npass tcp any any -> any any (content:\"abc\"; sid:2;)",
	  DIAG_WARNING, 1, 1, "never alerts: the pass rule 2 (test.rules:2)", NULL },
	{ HEAD "content:\"abc\"; sid:1;)\n" HEAD "content:\"abc\"; nocase; sid:2;)", 0, 0, 0, NULL, NULL },
	{ HEAD "content:\"abc\"; metadata:service http; sid:1;)", DIAG_WARNING, 1, 55, "metadata:service http is Snort's way", "write the protocol" },
	{ HEAD "content:\"abc\"; sd_pattern:2,us_social; sid:1;)", DIAG_ERROR, 1, 46, "unknown keyword \"sd_pattern\"", "a keyword of Snort: write a pcre" },
	{ HEAD "content:\"abc\",nocase; sid:1;)", DIAG_ERROR, 1, 39, "the quotes of content aren't closed", "Snort 3 writes modifiers behind a comma" },
	{ HEAD "contnet:\"abc\"; sid:1;)", DIAG_ERROR, 1, 31, "unknown keyword \"contnet\"", "did you mean content?" },
};

static const struct diagnostic *said(const struct rule_report *report, const char *message)
{
	for (unsigned i = 0; message != NULL && i < report->count; i++)
		if (!strncmp(report->items[i].message, message, strlen(message)))
			return &report->items[i];
	return NULL;
}

static void findings(void **state)
{
	char path[] = "/tmp/tapir-lint-XXXXXX", name[64];
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *files[] = { path };
		struct rule_load load = { .files = files, .file_count = 1, .lint = true };
		struct rule_report report = { 0 };
		const struct diagnostic *d;
		struct rule_set *set;
		FILE *out = fopen(path, "w");
		const char *message = rows[i].message;
		char text[256];

		assert_non_null(out);
		fputs(rows[i].rules, out);
		assert_int_equal(fclose(out), 0);
		/* The file's name varies. */
		snprintf(name, sizeof(name), "(%s:", path);
		if (message != NULL && strstr(message, "(test.rules:") != NULL) {
			size_t at = (size_t)(strstr(message, "(test.rules:") - message);

			snprintf(text, sizeof(text), "%.*s%s%s", (int)at, message, name, message + at + strlen("(test.rules:"));
			message = text;
		}
		assert_int_equal(rule_set_load(&set, &load, &report), 0);
		d = said(&report, message);
		if (message == NULL && report.count > 0)
			fail_msg("%s\nwanted nothing, got %s", rows[i].rules, report.items[0].message);
		if (message != NULL && (d == NULL || d->level != rows[i].level || d->line != rows[i].line || d->column != rows[i].column))
			fail_msg("%s\nwanted %u:%u: %s\n   got %u:%u: %s", rows[i].rules, rows[i].line, rows[i].column, message,
				 d ? d->line : 0, d ? d->column : 0, d ? d->message : report.count ? report.items[0].message : "nothing");
		if (d != NULL && rows[i].suggestion != NULL &&
		    (d->suggestion == NULL || strstr(d->suggestion, rows[i].suggestion) == NULL))
			fail_msg("%s\nwanted %s\n   got %s", rows[i].rules, rows[i].suggestion, d->suggestion ? d->suggestion : "nothing");
		rule_set_put(set);
		rule_report_free(&report);
	}
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(regexes),
		cmocka_unit_test(findings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
