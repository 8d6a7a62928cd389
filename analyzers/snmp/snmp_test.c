/* Messages of each version, by hand. */
#include "analyzers/talk_check.h"

#include "base/must.h"

#define PDU(tag) tag "\x19\x02\1\1\x02\1\0\x02\1\0\x30\x0e\x30\x0c\x06\x08\x2b\6\1\2\1\1\1\0\5\0"

static const struct talk_row rows[] = {
	{ "version 2", .udp = true, .port = 161,
	  .steps = { CLIENT("\x30\x26\x02\1\1\x04\6public" PDU("\xa0")), SERVER("\x30\x26\x02\1\1\x04\6public" PDU("\xa2")) },
	  .expected = "snmp\n{\"snmp\":{\"version\":2,\"pdu_type\":\"get_request\",\"vars\":[\"1.3.6.1.2.1.1.1.0\"],"
		"\"community\":\"public\"}}\n{\"snmp\":{\"version\":2,\"pdu_type\":\"response\","
		"\"vars\":[\"1.3.6.1.2.1.1.1.0\"],\"community\":\"public\"}}\n" },
	{ "a trap", .udp = true, .port = 162,
	  .steps = { CLIENT("\x30\x25\x02\1\0\x04\1c\xa4\x1d\x06\3\x2b\6\1\x40\4\xc0\0\2\1\x02\1\2\x02\1\0\x43\1\1"
			    "\x30\7\x30\5\x06\1\x2b\5\0") },
	  .expected = "snmp\n{\"snmp\":{\"version\":1,\"pdu_type\":\"trap_v1\",\"trap_type\":\"LinkDown\","
		"\"trap_oid\":\"1.3.6.1\",\"trap_address\":\"192.0.2.1\",\"vars\":[\"1.3\"],\"community\":\"c\"}}\n" },
	{ "encrypted", .udp = true, .port = 161,
	  .steps = { CLIENT("\x30\x2c\x02\1\3\x30\x0d\x02\1\1\x02\2\x05\xdc\x04\1\3\x02\1\3\x04\x14\x30\x12\x04\0\x02\1\0"
			    "\x02\1\0\x04\4anna\x04\0\x04\0\x04\2xy") },
	  .expected = "snmp\n{\"snmp\":{\"version\":3,\"pdu_type\":\"encrypted\",\"usm\":\"anna\"}}\n" },
	{ "cut short", .udp = true, .port = 161,
	  .steps = { CLIENT("\x30\x26\x02\1\1\x04\6public" PDU("\xa0")), CLIENT("\x30\x0c\x02\1\1\x04\6public\xa0\x19") },
	  .expected = "snmp\n{\"snmp\":{\"version\":2,\"pdu_type\":\"get_request\",\"vars\":[\"1.3.6.1.2.1.1.1.0\"],"
		"\"community\":\"public\"}}\n{\"snmp\":{\"version\":2,\"community\":\"public\"}} !malformed_data\n" },
};

static void messages(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char *got = talk(&rows[i], SIZE_MAX);

		assert_string_equal(got, rows[i].expected);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(messages) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
