/* condition_test.c - conditions and records, and what comes of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "output/condition.h"

static const char record[] = "{\"event_type\":\"alert\",\"src_ip\":\"10.1.2.3\",\"dest_ip\":\"2001:db8::5\",\"vlan\":[7,8],"
	"\"alert\":{\"severity\":2,\"signature\":\"ET \\\"x\\\" Trojan\",\"metadata\":{\"tag\":[\"a\",\"b\"]}},"
	"\"http\":{\"hostname\":\"www.example.org\",\"odd\":\"}{,\\\\\"}}";

static void test_holds(void **state)
{
	static const struct { const char *text; bool answer; } rows[] = {
		{ "event_type == alert", true }, { "event_type == \"alert\"", true }, { "event_type != alert", false },
		{ "alert.severity <= 2", true }, { "alert.severity < 2", false }, { "alert.severity >= 3", false },
		{ "alert.severity == 2 and event_type == dns", false }, { "alert.severity == 2 or event_type == dns", true },
		{ "not event_type == dns", true }, { "not (event_type == dns or event_type == alert)", false },
		{ "src_ip in 10.0.0.0/8", true }, { "src_ip in 10.1.2.0/25", true }, { "src_ip in 10.1.3.0/24", false },
		{ "src_ip in [192.168.0.0/16, 10.1.2.3]", true }, { "dest_ip in 2001:db8::/32", true },
		{ "dest_ip in 10.0.0.0/8", false }, { "event_type in (dns, alert)", true }, { "vlan == 8", true },
		{ "vlan == 9", false }, { "alert.metadata.tag == b", true }, { "http.hostname contains EXAMPLE", true },
		{ "http.hostname startswith www.", true }, { "http.hostname endswith '.com'", false },
		{ "tls.sni exists", false }, { "http exists", true }, { "http.odd endswith \"\\\"", true },
		{ "alert.signature contains '\"x\"'", true }, { "tls.sni != x", false }, { "not tls.sni exists", true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct condition *c;
		char error[160] = "";

		if (condition_parse(&c, rows[i].text, error, sizeof(error)) < 0)
			fail_msg("%s: %s", rows[i].text, error);
		if (condition_holds(c, record, sizeof(record) - 1) != rows[i].answer)
			fail_msg("%s", rows[i].text);
		condition_free(c);
	}
}

static void test_mistakes(void **state)
{
	static const struct { const char *text, *error; } rows[] = {
		{ "", "column 1: expected a field" }, { "alert.severity", "column 15: expected ==" },
		{ "a == ", "column 6: expected a value" }, { "a == 'x", "column 8: the text has no end" },
		{ "(a == 1", "column 8: expected )" }, { "a == 1 b == 2", "column 8: expected and, or, or the end" },
		{ "a in [1, 2", "column 11: expected , or ]" }, { "a in 10.0.0.0/40", "column 17: 10.0.0.0/40: the prefix" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct condition *c;
		char error[160] = "";

		assert_true(condition_parse(&c, rows[i].text, error, sizeof(error)) < 0);
		if (strstr(error, rows[i].error) != error)
			fail_msg("%s: %s", rows[i].text, error);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_holds), cmocka_unit_test(test_mistakes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
