/* Sessions by hand: requests, their answers, and what is wrong with them. */
#include "analyzers/talk_check.h"

#include "base/must.h"

#define BIND CLIENT("\x30\x0c\x02\1\1\x60\7\x02\1\3\x04\0\x80\0")
#define BOUND SERVER("\x30\x0c\x02\1\1\x61\7\x0a\1\0\x04\0\x04\0")
#define BIND_RECORD                                                                                            \
	"{\"ldap\":{\"request\":{\"message_id\":1,\"operation\":\"bind_request\",\"bind_request\":"            \
	"{\"version\":3,\"name\":\"\"}},\"responses\":[{\"operation\":\"bind_response\",\"bind_response\":"    \
	"{\"result_code\":\"success\",\"matched_dn\":\"\",\"message\":\"\"}}]}}\n"

/* What has the type c, below o=x; its attributes b and d come back, of which only b has a value. */
#define SEARCH                                                                                                 \
	CLIENT("\x30\x24\x02\1\2\x63\x1f\x04\3o=x\x0a\1\2\x0a\1\0\x02\1\0\x02\1\0\x01\1\0\x87\1c\x30\6\x04\1b\x04\1d")
#define FOUND SERVER("\x30\x1d\x02\1\2\x64\x18\x04\3o=y\x30\x11\x30\x08\x04\1b\x31\3\x04\1v\x30\5\x04\1d\x31\0")
#define DONE SERVER("\x30\x0d\x02\1\2\x65\x08\x0a\1\4\x04\0\x04\1m")
#define SEARCH_RECORD                                                                                          \
	"{\"ldap\":{\"request\":{\"message_id\":2,\"operation\":\"search_request\",\"search_request\":"        \
	"{\"base_object\":\"o=x\",\"scope\":2,\"deref_alias\":0,\"size_limit\":0,\"time_limit\":0,"            \
	"\"types_only\":false,\"filter\":{\"type\":\"present\",\"value\":\"c\"},\"attributes\":[\"b\",\"d\"]}}," \
	"\"responses\":[{\"operation\":\"search_result_entry\",\"search_result_entry\":{\"base_object\":\"o=y\"," \
	"\"attributes\":[{\"type\":\"b\",\"values\":[\"v\"]},{\"type\":\"d\"}]}},"                             \
	"{\"operation\":\"search_result_done\",\"search_result_done\":{\"result_code\":\"size_limit_exceeded\"," \
	"\"matched_dn\":\"\",\"message\":\"m\"}}]}}\n"

static const struct talk_row rows[] = {
	{ "bind and search", .port = 389, .steps = { BIND, BOUND, SEARCH, FOUND, DONE },
	  .expected = "ldap\n" BIND_RECORD SEARCH_RECORD },
	{ "an answer to nothing", .port = 389, .steps = { BIND, BOUND, SERVER("\x30\x0c\x02\1\7\x65\7\x0a\1\0\x04\0\x04\0") },
	  .expected = "ldap\n" BIND_RECORD
		"{\"ldap\":{\"responses\":[{\"operation\":\"search_result_done\",\"message_id\":7,"
		"\"search_result_done\":{\"result_code\":\"success\",\"matched_dn\":\"\",\"message\":\"\"}}]}}"
		" !request_not_found\n" },
	{ "a loss between messages", .port = 389, .steps = { BIND, BOUND, LOST(TO_SERVER, 100), SEARCH, DONE },
	  .expected = "ldap\n" BIND_RECORD
		"{\"ldap\":{\"request\":{\"message_id\":2,\"operation\":\"search_request\",\"search_request\":"
		"{\"base_object\":\"o=x\",\"scope\":2,\"deref_alias\":0,\"size_limit\":0,\"time_limit\":0,"
		"\"types_only\":false,\"filter\":{\"type\":\"present\",\"value\":\"c\"},\"attributes\":[\"b\",\"d\"]}},"
		"\"responses\":[{\"operation\":\"search_result_done\",\"search_result_done\":"
		"{\"result_code\":\"size_limit_exceeded\",\"matched_dn\":\"\",\"message\":\"m\"}}]}}\n" },
	{ "no message", .port = 389, .steps = { BIND, BOUND, CLIENT("\x04\x02xy") },
	  .expected = "ldap\n{\"ldap\":{\"request\":{\"message_id\":1,\"operation\":\"bind_request\",\"bind_request\":"
		"{\"version\":3,\"name\":\"\"}},\"responses\":[{\"operation\":\"bind_response\",\"bind_response\":"
		"{\"result_code\":\"success\",\"matched_dn\":\"\",\"message\":\"\"}}]}} !invalid_data\n" },
};

static void sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talk_check(&rows[i]);
}

static void fields(void **state)
{
	static const struct {
		const char *keyword;
		enum side side;
		const char *expected;
	} wanted[] = {
		{ "ldap.request.dn", TO_SERVER, "0:|1:o=x" }, { "ldap.request.attribute_type", TO_SERVER, "1:b|1:d" },
		{ "ldap.responses.dn", TO_CLIENT, "0:|1:o=y|1:" },
		{ "ldap.responses.attribute_type", TO_CLIENT, "1:b|1:d" },
		{ "ldap.responses.result_code", TO_CLIENT, "0:0|1:4" }, { "ldap.responses.count", TO_CLIENT, "0:1|1:2" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char *got = talk_field(&rows[0], wanted[i].keyword, wanted[i].side);

		assert_string_equal(got, wanted[i].expected);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sessions), cmocka_unit_test(fields) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
