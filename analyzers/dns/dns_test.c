/* DNS conversations, and what becomes of them. */
#include "analyzers/dns/message.h"
#include "analyzers/talk_check.h"
#include "base/writer.h"

#define QUERY "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00" "\x03www\x07" "example\x03org\x00\x00\x01\x00\x01"
#define ANSWER                                                                                                \
	"\x12\x34\x81\x80\x00\x01\x00\x02\x00\x01\x00\x02" "\x03www\x07" "example\x03org\x00\x00\x01\x00\x01"     \
	"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x0a\x00\x06\x03" "cdn\xc0\x10"                                      \
	"\xc0\x2d\x00\x01\x00\x01\x00\x00\x00\x0a\x00\x04\xc0\x00\x02\x07"                                        \
	"\xc0\x10\x00\x02\x00\x01\x00\x00\x00\x0a\x00\x05\x02ns\xc0\x10"                                          \
	"\xc0\x4f\x00\x1c\x00\x01\x00\x00\x00\x05\x00\x10\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" \
	"\x00\x00\x29\x10\x00\x00\x00\x00\x00\x00\x00"
#define QUERY_TEXT                                                                                            \
	"{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":4660,\"flags\":\"100\",\"rd\":true,"           \
	"\"opcode\":0,\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}]}}"
#define HEADER(flags, counts) "\x00\x01" flags counts
#define ONE_QUERY "\x00\x01\x00\x00\x00\x00\x00\x00"

static const struct talk_row rows[] = {
	{ "query and response", true, 53, NULL, { CLIENT(QUERY), SERVER(ANSWER) },
	  "dns\n" QUERY_TEXT "\n"
	  "{\"dns\":{\"version\":3,\"type\":\"response\",\"tx_id\":1,\"id\":4660,\"flags\":\"8180\",\"qr\":true,\"rd\":true,"
	  "\"ra\":true,\"opcode\":0,\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}],"
	  "\"answers\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"CNAME\",\"ttl\":10,\"rdata\":\"cdn.example.org\"},"
	  "{\"rrname\":\"cdn.example.org\",\"rrtype\":\"A\",\"ttl\":10,\"rdata\":\"192.0.2.7\"}],"
	  "\"grouped\":{\"CNAME\":[\"cdn.example.org\"],\"A\":[\"192.0.2.7\"]},"
	  "\"authorities\":[{\"rrname\":\"example.org\",\"rrtype\":\"NS\",\"ttl\":10,\"rdata\":\"ns.example.org\"}],"
	  "\"additionals\":[{\"rrname\":\"ns.example.org\",\"rrtype\":\"AAAA\",\"ttl\":5,"
	  "\"rdata\":\"2001:0db8:0000:0000:0000:0000:0000:0001\"}]}}\n" },
	{ "over TCP, two at once", false, 53, NULL, { CLIENT("\x00\x21" QUERY "\x00\x00\x00\x21" QUERY) },
	  "dns\n" QUERY_TEXT "\n"
	  "{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":1,\"id\":4660,\"flags\":\"100\",\"rd\":true,\"opcode\":0,"
	  "\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}]}}\n" },
	{ "a gap, then the next message", false, 53, NULL,
	  { CLIENT("\x00\x21" QUERY), LOST(TO_SERVER, 35), CLIENT("\x00\x21" QUERY) },
	  "dns\n" QUERY_TEXT "\n"
	  "{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":1,\"id\":4660,\"flags\":\"100\",\"rd\":true,\"opcode\":0,"
	  "\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"www.example.org\",\"rrtype\":\"A\"}]}}\n" },
	{ "reserved bit, unassigned opcode", true, 53, NULL, { CLIENT(HEADER("\x48\x40", ONE_QUERY) "\x01" "a\x00\x00\x10\x00\x01") },
	  "dns\n{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":1,\"flags\":\"4840\",\"z\":true,\"opcode\":9,"
	  "\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"a\",\"rrtype\":\"TXT\"}]}} !z_flag_set !invalid_opcode\n" },
	{ "a pointer to itself", true, 53, NULL,
	  { CLIENT(HEADER("\x01\x00", ONE_QUERY) "\x01" "a\x00\x00\x01\x00\x01"), CLIENT(HEADER("\x01\x00", ONE_QUERY) "\xc0\x0c\x00\x01\x00\x01") },
	  "dns\n{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":1,\"flags\":\"100\",\"rd\":true,\"opcode\":0,"
	  "\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"a\",\"rrtype\":\"A\"}]}} !malformed_data\n" },
	{ "pointers in a circle", true, 53, NULL,
	  { CLIENT(HEADER("\x01\x00", ONE_QUERY) "\xc0\x12\x00\x01\x00\x01\xc0\x0c") },
	  "dns\n{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":1,\"flags\":\"100\",\"rd\":true,\"opcode\":0,"
	  "\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"\",\"rrtype\":\"A\",\"rrname_truncated\":true}]}}"
	  " !name_too_long !too_many_labels\n" },
	{ "a broken additional record", true, 53, NULL,
	  { CLIENT(HEADER("\x01\x00", "\x00\x01\x00\x00\x00\x00\x00\x01") "\x01" "a\x00\x00\x01\x00\x01\x00\x00\x29\x00") },
	  "dns\n{\"dns\":{\"version\":3,\"type\":\"request\",\"tx_id\":0,\"id\":1,\"flags\":\"100\",\"rd\":true,\"opcode\":0,"
	  "\"rcode\":\"NOERROR\",\"queries\":[{\"rrname\":\"a\",\"rrtype\":\"A\"}]}} !invalid_additionals\n" },
	{ "all kinds of data", true, 53, NULL,
	  { SERVER(HEADER("\x81\x83", "\x00\x01\x00\x05\x00\x00\x00\x00") "\x01" "a\x00\x00\xff\x00\x01"
		   "\x00\x00\x10\x00\x01\x00\x00\x00\x01\x00\x05\x01x\x02yz"
		   "\x00\x00\x0f\x00\x01\x00\x00\x00\x01\x00\x04\x00\x0a\xc0\x0c"
		   "\x00\x00\x21\x00\x01\x00\x00\x00\x01\x00\x08\x00\x01\x00\x02\x00\x03\xc0\x0c"
		   "\x00\x00\x06\x00\x01\x00\x00\x00\x01\x00\x18\xc0\x0c\xc0\x0c\x00\x00\x00\x01\x00\x00\x00\x02\x00\x00\x00\x03"
		   "\x00\x00\x00\x04\x00\x00\x00\x05"
		   "\x00\x00\x2c\x00\x01\x00\x00\x00\x01\x00\x04\x01\x02\xab\xcd") },
	  "dns\n{\"dns\":{\"version\":3,\"type\":\"response\",\"tx_id\":0,\"id\":1,\"flags\":\"8183\",\"qr\":true,\"rd\":true,"
	  "\"ra\":true,\"opcode\":0,\"rcode\":\"NXDOMAIN\",\"queries\":[{\"rrname\":\"a\",\"rrtype\":\"ANY\"}],\"answers\":["
	  "{\"rrname\":\"\",\"rrtype\":\"TXT\",\"ttl\":1,\"rdata\":\"x\"},{\"rrname\":\"\",\"rrtype\":\"TXT\",\"ttl\":1,\"rdata\":\"yz\"},"
	  "{\"rrname\":\"\",\"rrtype\":\"MX\",\"ttl\":1,\"rdata\":\"a\"},"
	  "{\"rrname\":\"\",\"rrtype\":\"SRV\",\"ttl\":1,\"srv\":{\"priority\":1,\"weight\":2,\"port\":3,\"name\":\"a\"}},"
	  "{\"rrname\":\"\",\"rrtype\":\"SOA\",\"ttl\":1,\"soa\":{\"mname\":\"a\",\"rname\":\"a\",\"serial\":1,\"refresh\":2,\"retry\":3,"
	  "\"expire\":4,\"minimum\":5}},"
	  "{\"rrname\":\"\",\"rrtype\":\"SSHFP\",\"ttl\":1,\"sshfp\":{\"fingerprint\":\"ab:cd\",\"algo\":1,\"type\":2}}],"
	  "\"grouped\":{\"TXT\":[\"x\",\"yz\"],\"MX\":[\"a\"],\"SRV\":[{\"priority\":1,\"weight\":2,\"port\":3,\"name\":\"a\"}],"
	  "\"SOA\":[{\"mname\":\"a\",\"rname\":\"a\",\"serial\":1,\"refresh\":2,\"retry\":3,\"expire\":4,\"minimum\":5}],"
	  "\"SSHFP\":[{\"fingerprint\":\"ab:cd\",\"algo\":1,\"type\":2}]}}}\n" },
	{ "not DNS", true, 53, NULL, { CLIENT("hello, is anybody there? nobody.") }, "unknown\n" },
	{ "mdns", true, 5353, NULL,
	  { CLIENT(HEADER("\x84\x00", "\x00\x00\x00\x01\x00\x00\x00\x00") "\x01" "a\x00\x00\x10\x80\x01\x00\x00\x00\x01\x00\x05\x01x\x02yz") },
	  "mdns\n{\"mdns\":{\"type\":\"response\",\"id\":1,\"flags\":[\"aa\"],\"opcode\":0,\"rcode\":0,"
	  "\"answers\":[{\"rrname\":\"a\",\"txt\":[\"x\",\"yz\"]}]}}\n" },
	{ "llmnr", false, 5355, NULL, { CLIENT("\x00\x13" HEADER("\x00\x00", ONE_QUERY) "\x01" "a\x00\x00\x01\x00\x01") },
	  "llmnr\n{\"llmnr\":{\"type\":\"request\",\"id\":1,\"opcode\":0,\"rcode\":0,\"queries\":[{\"rrname\":\"a\",\"rrtype\":\"a\"}]}}\n" },
};

static void conversations(void **state)
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
	} tests[] = {
		{ "dns.query", TO_SERVER, "0:www.example.org" },
		{ "dns.queries.rrname", TO_CLIENT, "0:www.example.org|1:www.example.org" },
		{ "dns.answers.rrname", TO_CLIENT, "1:www.example.org|1:cdn.example.org" },
		{ "dns.authorities.rrname", TO_CLIENT, "1:example.org" },
		{ "dns.additionals.rrname", TO_CLIENT, "1:ns.example.org|1:" },
		{ "dns.rrtype", TO_CLIENT, "0:1|1:1" },
		{ "dns.rcode", TO_CLIENT, "0:0|1:0" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
		char *got = talk_field(&rows[0], tests[i].keyword, tests[i].side);

		assert_string_equal(got, tests[i].expected);
		free(got);
	}
}

/* A message of pointers alone means far more text than it has bytes: it is cut, and ends. */
static void bombs(void **state)
{
	static uint8_t data[65535];
	struct mem *mem = mem_new();
	struct dns_message m = { 0 };
	struct budget budget;
	size_t n = DNS_HEADER_LEN;

	(void)state;
	budget_init(&budget, mem, "test", 64u << 20);
	while (n < 2000) {                      /* labels of 63, as one long name */
		data[n++] = 63;
		memset(data + n, 'a', 63);
		n += 63;
	}
	data[n++] = 0;
	n += 4;
	data[5] = 1;
	for (unsigned count = 0; n + 6 <= sizeof(data); count++) {
		store_be16(data + n, (uint16_t)(0xc000 + DNS_HEADER_LEN + 64 * (count % 31)));
		n += 6;
		data[4] = (uint8_t)((count + 2) >> 8);
		data[5] = (uint8_t)(count + 2);
	}
	assert_int_equal(dns_message_parse(&m, &budget, slice_of(data, n)), PARSE_OK);
	assert_true(m.oddities & DNS_NAME_LONG);
	assert_true(budget.used < 16u << 20);
	dns_message_fini(&m, &budget);
	assert_int_equal(budget.used, 0);
	mem_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(conversations),
		cmocka_unit_test(fields),
		cmocka_unit_test(bombs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
