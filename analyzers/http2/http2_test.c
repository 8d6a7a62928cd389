/* http2_test.c - frames, streams and what rules see of them, at every cut. */
#include "analyzers/testing.h"

#include "analyzers/http2/http2.h"

uint64_t stream_acked(const struct flow *flow, enum side side)
{
	(void)flow;
	(void)side;
	return UINT64_MAX;
}

#define MAGIC "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\6\4\0\0\0\0\0\0\3\0\0\0\144"
/* :method GET, :scheme http, :path /index.html, :authority www.example.com, user-agent: t, cookie: a, cookie: b */
#define BLOCK "\202\206\205\101\017www.example.com\172\1t\140\1a\140\1b"
#define REQUEST "\0\0\035\1\5\0\0\0\1" BLOCK
#define RESPONSE "\0\0\001\1\4\0\0\0\1\210"
#define DATA "\0\0\5\0\0\0\0\0\1hello" "\0\0\6\0\011\0\0\0\1\3it\0\0\0"

static void conversation(struct testbed *b, size_t cut)
{
	testbed_send(b, TO_SERVER, MAGIC SETTINGS REQUEST, sizeof(MAGIC SETTINGS REQUEST) - 1, cut);
	testbed_send(b, TO_CLIENT, SETTINGS RESPONSE DATA, sizeof(SETTINGS RESPONSE DATA) - 1, cut);
}

static void test_stream(void **state)
{
	static const struct {
		enum side side;
		const char *name, *expect;
	} rows[] = {
		{ TO_SERVER, "http.uri", "/index.html" }, { TO_SERVER, "http.method", "GET" },
		{ TO_SERVER, "http.host", "www.example.com" }, { TO_SERVER, "http.user_agent", "t" },
		{ TO_SERVER, "http.cookie", "a; b" }, { TO_SERVER, "http.request_line", "GET /index.html HTTP/2" },
		{ TO_CLIENT, "http.stat_code", "200" }, { TO_CLIENT, "http.response_line", "HTTP/2 200\r\n" },
		{ TO_CLIENT, "http.response_body", "helloit" }, { TO_CLIENT, "file.data", "helloit" },
		{ TO_CLIENT, "http.header_names", "\r\n:status\r\n\r\n" },
		{ TO_SERVER, "http.request_header", "::method: GET" },
	};
	char out[256];

	(void)state;
	for (size_t cut = 0; cut < 40; cut++) {
		struct testbed b;
		struct analysis *a;
		struct tx *tx;

		testbed_init(&b, NULL, 6, 8080);
		conversation(&b, cut);
		a = analysis_of(&b.flow);
		assert_string_equal(a->proto->name, "http2");
		assert_int_equal(a->tx_count, 3);
		tx = a->tx_first->next;
		assert_int_equal(((struct h2_tx *)tx)->stream, 1);
		assert_true(tx_done(a, tx, TO_SERVER) && tx_done(a, tx, TO_CLIENT));
		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			testbed_field(a, tx, rows[i].side, rows[i].name, 0, out, sizeof(out));
			if (strcmp(out, rows[i].expect) != 0)
				fail_msg("%s, cut %zu: %s", rows[i].name, cut, out);
		}
		testbed_fini(&b);
	}
}

static void test_events(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		const char *events;
	} rows[] = {
#define ROW(s, e) { s, sizeof(s) - 1, e }
		ROW("\0\0\5\6\0\0\0\0\0pingp", "invalid_frame_data"),
		ROW("\0\0\5\4\0\0\0\0\0\0\3\0\0\0", "invalid_frame_length"),
		ROW("\0\0\2\0\0\0\0\0\0xx", "data_stream_zero"),
		ROW("\0\0\1\1\5\0\0\0\3\377", "invalid_header"),
		ROW("\0\0\3\1\015\0\0\0\3\7xx", "invalid_frame_data"),
		ROW("\0\0\4\11\4\0\0\0\3abcd", "invalid_frame_data"),
		ROW("\0\0\015\1\5\0\0\0\3\101\1a\0\4host\3b.c", "authority_host_mismatch"),
		ROW("\0\0\6\1\5\0\0\0\3\101\4x@y0", "userinfo_in_uri"),
	};
	char out[256];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t cut = 0; cut < 12; cut++) {
			struct testbed b;
			struct analysis *a;

			testbed_init(&b, NULL, 6, 8080);
			testbed_send(&b, TO_SERVER, MAGIC, sizeof(MAGIC) - 1, cut);
			testbed_send(&b, TO_SERVER, rows[i].bytes, rows[i].len, cut);
			a = analysis_of(&b.flow);
			assert_non_null(a->tx_last);
			assert_string_equal(testbed_events(a, a->tx_last, out, sizeof(out)), rows[i].events);
			testbed_fini(&b);
		}
	}
}

static void test_upgrade(void **state)
{
	static const char request[] = "GET /r HTTP/1.1\r\nHost: h.org\r\nUser-Agent: x\r\nUpgrade: h2c\r\n"
				      "HTTP2-Settings: AAMAAABk\r\n\r\n";
	static const char answer[] = "HTTP/1.1 101 Switching\r\nUpgrade: h2c\r\n\r\n" SETTINGS RESPONSE DATA;
	char out[128];

	(void)state;
	for (size_t cut = 0; cut < 30; cut++) {
		struct testbed b;
		struct analysis *a;
		uint32_t streams = 0;

		testbed_init(&b, NULL, 6, 80);
		testbed_send(&b, TO_SERVER, request, sizeof(request) - 1, cut);
		testbed_send(&b, TO_CLIENT, answer, sizeof(answer) - 1, cut);
		a = analysis_of(&b.flow);
		assert_string_equal(a->proto->name, "http2");
		assert_string_equal(a->original->name, "http");
		assert_string_equal(testbed_field(a, a->tx_first, TO_SERVER, "http.host", 0, out, sizeof(out)), "h.org");
		assert_string_equal(testbed_field(a, a->tx_first, TO_CLIENT, "file.data", 0, out, sizeof(out)), "helloit");
		for (struct tx *tx = a->tx_first; tx != NULL; tx = tx->next)
			streams = streams * 10 + ((struct h2_tx *)tx)->stream;
		assert_int_equal(streams, 100);         /* stream 1, the header's settings, the server's */
		testbed_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stream), cmocka_unit_test(test_events), cmocka_unit_test(test_upgrade),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
