/* Calls by hand: start lines, headers in both forms, bodies, and what is no SIP. */
#include "analyzers/talk_check.h"

#include "base/must.h"

#define INVITE_HEAD "INVITE sip:bob@b.example SIP/2.0\r\nv: SIP/2.0/TCP a.example\r\nTo: <sip:bob@b.example>\r\n"
#define SESSION                                                                                                \
	"v=0\r\no=anna 1 2 IN IP4 192.0.2.1\r\ns=call\r\nc=IN IP4 224.2.1.1/127\r\nt=0 0\r\na=sendrecv\r\n"    \
	"m=audio 30000 RTP/AVP 0 8\r\na=rtpmap:0 PCMU\r\n"
#define INVITE INVITE_HEAD "Content-Type: application/sdp\r\nl: 129\r\n\r\n" SESSION
#define INVITE_RECORD                                                                                          \
	"{\"sip\":{\"method\":\"INVITE\",\"uri\":\"sip:bob@b.example\",\"version\":\"SIP/2.0\","               \
	"\"request_line\":\"INVITE sip:bob@b.example SIP/2.0\",\"sdp\":{\"a\":[\"sendrecv\"],\"v\":0,"         \
	"\"o\":\"anna 1 2 IN IP4 192.0.2.1\",\"s\":\"call\",\"ttl\":127,\"c\":\"IN IP4 224.2.1.1/127\","       \
	"\"t\":\"0 0\",\"m\":[{\"m\":\"audio 30000 RTP/AVP 0 8\",\"a\":[\"rtpmap:0 PCMU\"]}]}}}\n"
#define BYE_RECORD                                                                                             \
	"{\"sip\":{\"method\":\"BYE\",\"uri\":\"sip:b\",\"version\":\"SIP/2.0\",\"request_line\":\"BYE sip:b SIP/2.0\"}}\n"

static const struct talk_row rows[] = {
	{ "a call", .port = 5060,
	  .steps = { CLIENT(INVITE), SERVER("SIP/2.0 180 Ringing\r\nl: 0\r\n\r\n"), CLIENT("\r\n\r\n"),
		     CLIENT("BYE sip:b SIP/2.0\r\n\r\n") },
	  .expected = "sip\n" INVITE_RECORD
		"{\"sip\":{\"version\":\"SIP/2.0\",\"code\":\"180\",\"reason\":\"Ringing\","
		"\"response_line\":\"SIP/2.0 180 Ringing\"}}\n" BYE_RECORD },
	{ "a body too long to keep", .port = 5060,
	  .steps = { CLIENT("BYE sip:b SIP/2.0\r\nContent-Length: 70000\r\n\r\n"), LOST(TO_SERVER, 70000),
		     CLIENT("BYE sip:b SIP/2.0\r\n\r\n") },
	  .expected = "sip\n" BYE_RECORD BYE_RECORD },
	{ "a start line that is none", .port = 5060,
	  .steps = { CLIENT("BYE sip:b SIP/2.0\r\n\r\n"), CLIENT("nonsense\r\n\r\n") },
	  .expected = "sip\n" BYE_RECORD "- !invalid_data\n" },
	{ "HTTP-like", .udp = true, .port = 1900, .steps = { CLIENT("NOTIFY * HTTP/1.1\r\n\r\n") },
	  .expected = "unknown\n" },
};

static void calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		talk_check(&rows[i]);
}

static void fields(void **state)
{
	static const struct {
		const char *keyword, *expected;
	} wanted[] = {
		{ "sip.via", "0:SIP/2.0/TCP a.example" }, { "sip.content_length", "0:129|1:0" },
		{ "sdp.attribute", "0:sendrecv" }, { "sdp.media.media", "0:audio 30000 RTP/AVP 0 8" },
		{ "sdp.media.connection_data", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		char *got = talk_field(&rows[0], wanted[i].keyword, TO_SERVER);

		assert_string_equal(got, wanted[i].expected);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(calls), cmocka_unit_test(fields) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
