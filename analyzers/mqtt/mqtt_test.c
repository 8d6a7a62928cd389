/* Sessions by hand: what becomes of messages, their answers, and of what is wrong with them. */
#include "analyzers/talk_check.h"

#include "base/must.h"

#define CONNECT CLIENT("\x10\x0e\0\4MQTT\4\2\0\x3c\0\2P1")
#define CONNACK SERVER("\x20\2\0\0")
#define HELLO                                                                                                    \
	"mqtt\n"                                                                                                 \
	"{\"mqtt\":{\"connect\":{\"qos\":0,\"retain\":false,\"dup\":false,\"protocol_string\":\"MQTT\","         \
	"\"protocol_version\":4,\"client_id\":\"P1\",\"flags\":{\"username\":false,\"password\":false,"          \
	"\"will_retain\":false,\"will\":false,\"clean_session\":true}},"                                         \
	"\"connack\":{\"qos\":0,\"retain\":false,\"dup\":false,\"session_present\":false,\"return_code\":0}}}\n"
#define HEAD(qos) "\"qos\":" qos ",\"retain\":false,\"dup\":false"

static const struct talk_row rows[] = {
	{ "hello", .port = 1883, .steps = { CONNECT, CONNACK }, .expected = HELLO },
	{ "publish and its answers", .port = 1883,
	  .steps = { CONNECT, CONNACK, CLIENT("\x34\5\0\1t\0\7"), SERVER("\x50\2\0\7"), CLIENT("\x62\2\0\7"),
		     SERVER("\x70\2\0\7") },
	  .expected = HELLO
		"{\"mqtt\":{\"publish\":{" HEAD("2") ",\"topic\":\"t\",\"message_id\":7,\"message\":\"\"},"
		"\"pubrec\":{" HEAD("0") ",\"message_id\":7},\"pubrel\":{" HEAD("1") ",\"message_id\":7},"
		"\"pubcomp\":{" HEAD("0") ",\"message_id\":7}}}\n" },
	{ "an answer to nothing", .port = 1883, .steps = { CONNECT, CONNACK, SERVER("\x40\2\0\1") },
	  .expected = HELLO "{\"mqtt\":{\"puback\":{" HEAD("0") ",\"message_id\":1}}} !missing_publish\n" },
	{ "before it is connected", .port = 1883, .steps = { CLIENT("\xc0\0") },
	  .expected = "mqtt\n{\"mqtt\":{\"pingreq\":{" HEAD("0") "}}} !unintroduced_message\n" },
	{ "longer than may be", .port = 1883, .conf = "app-layer.protocols.mqtt.max-msg-length=20",
	  .steps = { CONNECT, CONNACK, CLIENT("\x30\x18\0\1tabcdefghijklmnopqrstu\xe0\0") },
	  .expected = HELLO "{\"mqtt\":{\"publish\":{" HEAD("0") ",\"truncated\":true,\"skipped_length\":26}}}\n"
		"{\"mqtt\":{\"disconnect\":{" HEAD("0") "}}}\n" },
	{ "a topic longer than its message", .port = 1883, .steps = { CONNECT, CONNACK, CLIENT("\x30\3\0\x09t") },
	  .expected = HELLO "{\"mqtt\":{}} !malformed_traffic\n" },
	{ "properties, known and not", .port = 1883,
	  .steps = { CLIENT("\x10\x1f\0\4MQTT\5\2\0\x3c\x10\x21\0\5\x26\0\3key\0\5value\0\2P1"),
		     SERVER("\x20\5\0\0\2\x63\0") },
	  .expected = "mqtt\n{\"mqtt\":{\"connect\":{" HEAD("0") ",\"protocol_string\":\"MQTT\",\"protocol_version\":5,"
		"\"client_id\":\"P1\",\"flags\":{\"username\":false,\"password\":false,\"will_retain\":false,"
		"\"will\":false,\"clean_session\":true},\"properties\":{\"receive_maximum\":5,\"key\":\"value\"}}}}\n"
		"{\"mqtt\":{}} !malformed_traffic\n" },
};

static void sessions(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talk_check(&rows[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(sessions) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
