/* http_test.c - conversations and what becomes of them, at every cut. */
#include "analyzers/testing.h"

#include <zlib.h>

#include "analyzers/http/http.h"

uint64_t stream_acked(const struct flow *flow, enum side side)
{
	(void)flow;
	(void)side;
	return UINT64_MAX;
}

struct step {
	char what;              /* '>' request, '<' response, 'g' 'G' gaps of 4, 'e' 'E' ends */
	const char *data;
};

static void play(struct testbed *b, const struct step *steps, size_t cut)
{
	for (; steps->what != 0; steps++) {
		enum side side = steps->what == '<' || steps->what == 'G' || steps->what == 'E';

		if (steps->what == 'g' || steps->what == 'G')
			testbed_piece(b, side, PIECE_GAP, NULL, 4);
		else if (steps->what == 'e' || steps->what == 'E')
			testbed_piece(b, side, PIECE_END, NULL, 0);
		else
			testbed_send(b, side, steps->data, strlen(steps->data), cut);
	}
	app_flow_end(b->app, &b->flow);
}

/* "method uri status body|events;" per transaction. */
static void trace(struct testbed *b, char *out, size_t cap)
{
	struct analysis *a = analysis_of(&b->flow);
	char f[5][512];
	size_t n = 0;

	out[0] = '\0';
	if (a->proto == NULL || strcmp(a->proto->name, "http") != 0)
		return;
	for (struct tx *tx = a->tx_first; tx != NULL && n < cap; tx = tx->next) {
		n += (size_t)snprintf(out + n, cap - n, "%s %s %s %s%s%s",
				      testbed_field(a, tx, TO_SERVER, "http.method", 0, f[0], sizeof(f[0])),
				      testbed_field(a, tx, TO_SERVER, "http.uri", 0, f[1], sizeof(f[1])),
				      testbed_field(a, tx, TO_CLIENT, "http.stat_code", 0, f[2], sizeof(f[2])),
				      testbed_field(a, tx, TO_CLIENT, "http.response_body", 0, f[3], sizeof(f[3])),
				      tx->event_count ? "|" : "",
				      testbed_events(a, tx, f[4], sizeof(f[4])));
		testbed_field(a, tx, TO_SERVER, "http.request_body", 0, f[3], sizeof(f[3]));
		if (f[3][0] != '\0')
			n += (size_t)snprintf(out + n, cap - n, "<%s>", f[3]);
		n += (size_t)snprintf(out + n, cap - n, ";");
	}
}

struct row {
	struct step steps[6];
	const char *expect;
	bool whole_only;        /* what follows a message at once counts as its body: cuts make a difference */
};

#define REQ "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

static const struct row rows[] = {
	{ { { '>', REQ }, { '<', OK "Content-Length: 5\r\n\r\nhello" } }, "GET /a 200 hello;", false },
	{ { { '>', REQ REQ }, { '<', OK "Content-Length: 1\r\n\r\nx" OK "Content-Length: 1\r\n\r\ny" } },
	  "GET /a 200 x;GET /a 200 y;", false },
	{ { { '>', REQ }, { '<', OK "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n" } },
	  "GET /a 200 abcde|response_chunk_extension;", false },
	{ { { '>', REQ }, { '<', OK "Transfer-Encoding: xchunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n" } },
	  "GET /a 200 abc|response_abnormal_transfer_encoding;", false },
	{ { { '>', REQ }, { '<', "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nhello\r\nworld" } },
	  "GET /a 200 hello\r\nworld|response_chunked_old_proto invalid_response_chunk_len;", true },
	{ { { '>', REQ }, { '<', OK "\r\nup to the end" }, { 'E', NULL } }, "GET /a 200 up to the end;", false },
	{ { { '>', REQ }, { '<', "HTTP/1.1 100 Continue\r\nA: b\r\n\r\n" OK "Content-Length: 1\r\n\r\nx" } },
	  "GET /a 200 x;", false },
	{ { { '>', "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc" }, { '<', OK "\r\n" } },
	  "POST /p 200 <abc>;", false },
	{ { { '>', "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n" } },
	  "POST /p  <abc>;", false },
	{ { { '>', "GET /old\r\n" }, { '<', "<html>" } }, "GET /old  <html>;", false },
	{ { { '>', "GET /new\r\nHost: h\r\n\r\n" }, { '<', OK "Content-Length: 0\r\n\r\n" } },
	  "GET /new 200 |request_line_missing_protocol;", false },
	{ { { '<', OK "Content-Length: 1\r\n\r\nx" } },
	  " /libhtp::request_uri_not_seen 200 x|unable_to_match_response_to_request;", false },
	{ { { '>', "GET\t/tab HTTP/1.1\r\nHost : h\r\nno colon\r\nX: a\r\n b\r\nX: c\r\n\r\n" } },
	  "GET /tab  |method_delim_non_compliant request_invalid_lws_after_name request_field_missing_colon "
	  "request_header_repetition;", false },
	{ { { '>', "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\n" REQ },
	    { '<', OK "Content-Length: 10\r\n\r\n" OK "Content-Length: 1\r\n\r\nx" } },
	  "HEAD /h 200 ;GET /a 200 x;", false },
	{ { { '>', REQ }, { '<', OK "Content-Length: 2\r\nContent-Length: 3\r\n\r\nxy" } },
	  "GET /a 200 xy|response_header_repetition duplicate_content_length_field_in_response;", false },
	{ { { '>', REQ }, { '<', OK "Content-Length: 2\r\n\r\nxy and more" } },
	  "GET /a 200 xy and more|response_body_unexpected;", true },
	{ { { '>', REQ REQ }, { '<', OK "Content-Length: 8\r\n\r\nab" }, { 'G', NULL },
	    { '<', "gh" OK "Content-Length: 1\r\n\r\nx" } }, "GET /a 200 abgh;GET /a 200 x;", false },
	{ { { '>', "GET http://U@Ex%41mple.com:81/a/./b//c/../%64?q=%41#f HTTP/1.1\r\nHost: other\r\n\r\n" } },
	  "GET /a/b/d?q=A#f  |host_header_ambiguous;", false },
	{ { { '>', "GET /%u0041%2e%2E\\x%zz/../y HTTP/1.1\r\nHost: bad..host\r\n\r\n" } },
	  "GET /A../y  |request_header_host_invalid;", false },
	{ { { '>', "GET /\xc3\xa9\xef\xbc\xa1 HTTP/1.1\r\n\r\n" } }, "GET /\xe9""A  |missing_host_header;", false },
	{ { { '>', REQ }, { '<', "HTTP/1.1 200 OK\nA: b\nContent-Length:\n 1\n\nx" } }, "GET /a 200 x;", false },
	{ { { '>', REQ }, { '<', "HTTP/1.1 2x0 OK\r\n\r\n" } }, "GET /a 2x0 |response_invalid_status;", false },
};

static void test_rows(void **state)
{
	static char out[8192];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (size_t cut = 0; cut < (rows[i].whole_only ? 1 : 40); cut++) {
			struct testbed b;

			testbed_init(&b, NULL, 6, 80);
			play(&b, rows[i].steps, cut);
			trace(&b, out, sizeof(out));
			if (strcmp(out, rows[i].expect) != 0)
				fail_msg("row %zu, cut %zu: %s", i, cut, out);
			testbed_fini(&b);
		}
	}
}

struct field_row {
	enum side side;
	const char *name;
	unsigned index;
	const char *expect;
};

static const struct field_row field_rows[] = {
	{ TO_SERVER, "http.header", 0, "Host: WWW.Example.com:8080\r\nX: a, b c\r\n" },
	{ TO_SERVER, "http.header_names", 0, "\r\nHost\r\nX\r\n\r\n" },
	{ TO_SERVER, "http.header.raw", 0,
	  "Host: WWW.Example.com:8080\r\nCookie: c=d\r\nX:  a\r\nx: b\r\n c\r\n\r\n" },
	{ TO_SERVER, "http.cookie", 0, "c=d" },
	{ TO_SERVER, "http.host", 0, "www.example.com" },
	{ TO_SERVER, "http.host.raw", 0, "WWW.Example.com:8080" },
	{ TO_SERVER, "http.request_line", 0, "GET /x HTTP/1.1" },
	{ TO_SERVER, "http.start", 0, "GET /x HTTP/1.1\r\nHost: WWW.Example.com:8080\r\nX: a, b c\r\n\r\n" },
	{ TO_SERVER, "http.request_header", 1, "Cookie: c=d" },
	{ TO_SERVER, "http.protocol", 0, "HTTP/1.1" },
	{ TO_CLIENT, "http.protocol", 0, "HTTP/1.0" },
	{ TO_CLIENT, "http.stat_msg", 0, "Moved away" },
	{ TO_CLIENT, "http.location", 0, "/y" },
	{ TO_CLIENT, "http.response_header", 0, "Location: /y" },
	{ TO_CLIENT, "http.cookie", 0, "s=1" },
	{ TO_CLIENT, "http.header", 0, "Location: /y\r\n" },
};

static void test_fields(void **state)
{
	static const struct step steps[] = {
		{ '>', "GET /x HTTP/1.1\r\nHost: WWW.Example.com:8080\r\nCookie: c=d\r\nX:  a\r\nx: b\r\n c\r\n\r\n" },
		{ '<', "HTTP/1.0 301 Moved away\r\nLocation: /y\r\nSet-Cookie: s=1\r\n\r\n" },
		{ 0, NULL },
	};
	char out[512];

	(void)state;
	for (size_t cut = 0; cut < 20; cut++) {
		struct testbed b;
		struct analysis *a;

		testbed_init(&b, NULL, 6, 80);
		play(&b, steps, cut);
		a = analysis_of(&b.flow);
		for (size_t i = 0; i < sizeof(field_rows) / sizeof(field_rows[0]); i++) {
			const struct field_row *r = &field_rows[i];

			testbed_field(a, a->tx_first, r->side, r->name, r->index, out, sizeof(out));
			if (strcmp(out, r->expect) != 0)
				fail_msg("%s, cut %zu: %s", r->name, cut, out);
		}
		testbed_fini(&b);
	}
}

/* deflate in one of zlib's forms: 31 gzip, 15 zlib, -15 raw. */
static size_t pack(const char *text, int window_bits, uint8_t *out, size_t cap)
{
	z_stream z = { 0 };

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (uint8_t *)(uintptr_t)text;
	z.avail_in = (unsigned)strlen(text);
	z.next_out = out;
	z.avail_out = (unsigned)cap;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return cap - z.avail_out;
}

static void test_codings(void **state)
{
	static const struct {
		const char *header;
		int bits;
		const char *events;
	} codings[] = {
		{ "gzip", 31, "" }, { "x-gzip", 31, "" }, { "GZip", 31, "" }, { "deflate", 15, "" },
		{ "deflate", -15, "" }, { "gzip", 15, "" }, { "deflate", 31, "" }, { "gzip", -15, "" },
		{ "nonsense,gzip", 31, "abnormal_ce_header" }, { "mygzip", 31, "abnormal_ce_header" },
	};
	const char *text = "the plain text, plain and plain again";
	uint8_t body[256];
	char head[256], out[512];

	(void)state;
	for (size_t i = 0; i < sizeof(codings) / sizeof(codings[0]); i++) {
		size_t len = pack(text, codings[i].bits, body, sizeof(body));

		snprintf(head, sizeof(head), OK "Content-Encoding: %s\r\nContent-Length: %zu\r\n\r\n",
			 codings[i].header, len);
		for (size_t cut = 0; cut < 12; cut++) {
			struct testbed b;
			struct analysis *a;

			testbed_init(&b, NULL, 6, 80);
			testbed_send(&b, TO_SERVER, REQ, strlen(REQ), cut);
			testbed_send(&b, TO_CLIENT, head, strlen(head), cut);
			testbed_send(&b, TO_CLIENT, body, len, cut);
			a = analysis_of(&b.flow);
			testbed_field(a, a->tx_first, TO_CLIENT, "file.data", 0, out, sizeof(out));
			if (strcmp(out, text) != 0)
				fail_msg("%s %d, cut %zu: %s", codings[i].header, codings[i].bits, cut, out);
			assert_string_equal(testbed_events(a, a->tx_first, out, sizeof(out)),
					    codings[i].events);
			testbed_fini(&b);
		}
	}
}

static void test_multipart(void **state)
{
	static const char body[] =
		"--xx\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nvalue\r\n"
		"--xx\r\nContent-Disposition: form-data; name=\"f\"; filename=\"one.txt\"\r\n"
		"Content-Type: text/plain\r\n\r\nfirst\r\n--file\r\n"
		"--xx\r\nContent-Disposition: form-data; filename=two.txt; name=g\r\n\r\nsecond"
		"\r\n--xx--\r\n";
	char head[256], out[128];

	(void)state;
	snprintf(head, sizeof(head), "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n"
		 "Content-Type: multipart/form-data; boundary=xx\r\n\r\n", sizeof(body) - 1);
	for (size_t cut = 0; cut < 60; cut++) {
		struct testbed b;
		struct analysis *a;

		testbed_init(&b, NULL, 6, 80);
		testbed_send(&b, TO_SERVER, head, strlen(head), cut);
		testbed_send(&b, TO_SERVER, body, sizeof(body) - 1, cut);
		a = analysis_of(&b.flow);
		assert_string_equal(testbed_field(a, a->tx_first, TO_SERVER, "file.name", 0, out, sizeof(out)),
				    "one.txt");
		assert_string_equal(testbed_field(a, a->tx_first, TO_SERVER, "file.data", 0, out, sizeof(out)),
				    "first\r\n--file");
		assert_string_equal(testbed_field(a, a->tx_first, TO_SERVER, "file.name", 1, out, sizeof(out)),
				    "two.txt");
		assert_string_equal(testbed_field(a, a->tx_first, TO_SERVER, "file.data", 1, out, sizeof(out)),
				    "second");
		assert_int_equal(file_at(a->tx_first, TO_SERVER, 1)->state, FILE_CLOSED);
		testbed_fini(&b);
	}
}

static void test_connect(void **state)
{
	static const struct step steps[] = {
		{ '>', "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n" }, { '<', OK "\r\n" },
		{ '>', "GET /inside HTTP/1.1\r\nHost: i\r\n\r\n" }, { 0, NULL },
	};
	char out[256];

	(void)state;
	for (size_t cut = 0; cut < 20; cut++) {
		struct testbed b;
		struct analysis *a;

		testbed_init(&b, NULL, 6, 3128);
		play(&b, steps, cut);
		a = analysis_of(&b.flow);
		assert_non_null(a->older);
		assert_string_equal(a->original->name, "http");
		testbed_field(a, a->tx_first, TO_SERVER, "http.uri", 0, out, sizeof(out));
		assert_string_equal(out, "/inside");
		assert_true(tx_done(a->older, a->older->tx_first, TO_SERVER));
		assert_true(tx_done(a->older, a->older->tx_first, TO_CLIENT));
		testbed_fini(&b);
	}
}

/* Random bytes with some HTTP in them: whatever they do, nothing breaks, and everything is given back. */
static void test_garbage(void **state)
{
	static const char *const words[] = {
		"GET ", "HTTP/1.1", " 200 OK", "\r\n", "\n", "\r", "Content-Length: 3", "Transfer-Encoding: chunked",
		"Content-Encoding: gzip, deflate, br", "5\r\n", "0\r\n\r\n", ":", " ", "\t", "%u00", "%2", "/../",
		"\x1f\x8b\x08", "multipart/form-data; boundary=x", "--x\r\n", "POST /", "Expect: 100-continue", "",
	};
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct testbed b;

		testbed_init(&b, NULL, 6, 80);
		testbed_send(&b, TO_SERVER, "GET /", 5, 0);
		for (int i = 0; i < 40; i++) {
			const char *w;
			enum side side;

			seed = seed * 1103515245 + 12345;
			w = words[(seed >> 16) % (sizeof(words) / sizeof(words[0]))];
			side = seed >> 28 & 1;
			testbed_send(&b, side, w, *w == '\0' ? 1 : strlen(w), seed >> 29 & 3);
			if ((seed >> 8 & 63) == 0)
				testbed_piece(&b, side, PIECE_GAP, NULL, 3);
		}
		app_flow_end(b.app, &b.flow);
		testbed_fini(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows), cmocka_unit_test(test_fields), cmocka_unit_test(test_codings),
		cmocka_unit_test(test_multipart), cmocka_unit_test(test_connect), cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
