/* Handshakes, and the record that comes of them. */
#include "analyzers/testing.h"

#include "base/must.h"

#define VERSION "RFB 003.008\n"
#define INIT "\4\0\3\0\x20\x18\0\1\0\xff\0\xff\0\xff\x10\x08\0\0\0\0\0\0\0\4desk"
#define BYTES(text) text, sizeof(text) - 1

struct message {
	char side;
	const char *data;
	size_t len;
};

static const struct {
	struct message messages[10];
	const char *record;             /* a part of it */
} rows[] = {
	{ { { '<', BYTES(VERSION) }, { '>', BYTES(VERSION) }, { '<', BYTES("\1\1") }, { '>', BYTES("\1") },
	    { '<', BYTES("\0\0\0\0") }, { '>', BYTES("\1") }, { '<', BYTES(INIT) } },
	  "\"authentication\":{\"security_type\":1,\"security_result\":\"OK\"},\"screen_shared\":true,"
	  "\"framebuffer\":{\"width\":1024,\"height\":768,\"name\":\"desk\"" },
	{ { { '<', BYTES(VERSION) }, { '>', BYTES(VERSION) }, { '<', BYTES("\1\2") }, { '>', BYTES("\2") },
	    { '<', BYTES("0123456789abcdef") }, { '>', BYTES("fedcba9876543210") },
	    { '<', BYTES("\0\0\0\1\0\0\0\2no") } },
	  "\"security_result\":\"FAIL\",\"failure_reason\":\"no\"}" },
	{ { { '<', BYTES(VERSION) }, { '>', BYTES(VERSION) }, { '<', BYTES("\1\x1e") }, { '>', BYTES("\x1e") } },
	  "\"authentication\":{\"security_type\":30}" },
};

static void handshakes(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct record_request req = { 0 };
		struct analysis *a;
		struct testbed b;
		struct json j;

		testbed_init(&b, NULL, 6, 5900);
		for (const struct message *m = rows[i].messages; m->side != 0; m++)
			testbed_piece(&b, m->side == '<' ? TO_CLIENT : TO_SERVER, PIECE_DATA, m->data, m->len);
		a = analysis_of(&b.flow);
		assert_int_equal(json_init(&j, 4096, 4096), 0);
		json_object(&j, NULL);
		assert_true(a->proto->record(a, a->tx_first, &req, &j));
		json_close(&j);
		j.buf[j.len] = '\0';
		if (strstr(j.buf, rows[i].record) == NULL)
			fail_msg("%s", j.buf);
		json_fini(&j);
		testbed_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(handshakes) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
