/* What is written, byte for byte; what happens at the limit. That other parsers
 * agree is checked where jansson is linked. */
#include "base/json.h"

#include <stdio.h>

#include "base/check.h"

static void strings(void **state)
{
	static const struct {
		const char *in;
		size_t len;
		const char *out;
	} rows[] = {
		{ "", 0, "\"\"" },
		{ "plain", 5, "\"plain\"" },
		{ "a\"b\\c/d", 7, "\"a\\\"b\\\\c/d\"" },
		{ "\b\f\n\r\t", 5, "\"\\b\\f\\n\\r\\t\"" },
		{ "\0\x01\x1f\x7f", 4, "\"\\u0000\\u0001\\u001f\x7f\"" },
		{ "12345678\n2345678", 16, "\"12345678\\n2345678\"" },
		{ "1234567\"", 8, "\"1234567\\\"\"" },
		{ "gr\xc3\xbc\xc3\x9f\x65", 7, "\"gr\xc3\xbc\xc3\x9f\x65\"" },
		{ "\xe2\x82\xac \xf0\x9f\x90\xbf", 8, "\"\xe2\x82\xac \xf0\x9f\x90\xbf\"" },
		{ "\xff", 1, "\"\\\\xff\"" },
		{ "ok\xc3", 3, "\"ok\\\\xc3\"" },
		{ "\xc3\xbc\x80\n", 4, "\"\\\\xc3\\\\xbc\\\\x80\\n\"" },
		{ "\xc0\xaf", 2, "\"\\\\xc0\\\\xaf\"" },                /* overlong */
		{ "\xed\xa0\x80", 3, "\"\\\\xed\\\\xa0\\\\x80\"" },     /* surrogate */
		{ "\xf4\x90\x80\x80", 4, "\"\\\\xf4\\\\x90\\\\x80\\\\x80\"" },
	};
	struct json j;

	(void)state;
	assert_int_equal(json_init(&j, 16, 1000), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		json_reset(&j);
		json_bytes(&j, NULL, rows[i].in, rows[i].len);
		assert_int_equal(j.len, strlen(rows[i].out));
		assert_memory_equal(j.buf, rows[i].out, j.len);
	}
	json_fini(&j);
}

static void values(void **state)
{
	static const char want[] =
		"{\"u\":18446744073709551615,\"zero\":0,\"i\":-9223372036854775808,\"t\":true,\"f\":false,"
		"\"n\":null,\"d\":0.1,\"e\":1e+300,\"w\":3.0,\"nan\":null,\"b\":\"Zm8=\",\"h\":\"00ff\","
		"\"m\":\"00:ff\",\"p\":\"a..\\r\\n\\\"\",\"f2\":\"7 x\",\"r\":[1],\"a\":[1,\"x\",{},[]],"
		"\"k\\\"\":\"v\",\"ko\":{\"x\":1},\"ka\":[]}\n";
	struct json j;

	(void)state;
	assert_int_equal(json_init(&j, 16, 1000), 0);
	json_object(&j, NULL);
	json_uint(&j, "u", UINT64_MAX);
	json_uint(&j, "zero", 0);
	json_int(&j, "i", INT64_MIN);
	json_bool(&j, "t", true);
	json_bool(&j, "f", false);
	json_null(&j, "n");
	json_double(&j, "d", 0.1);
	json_double(&j, "e", 1e300);
	json_double(&j, "w", 3);
	json_double(&j, "nan", __builtin_nan(""));
	json_base64(&j, "b", "fo", 2);
	json_hex(&j, "h", "\x00\xff", 2, 0);
	json_hex(&j, "m", "\x00\xff", 2, ':');
	json_printable(&j, "p", "a\x01\x80\r\n\"", 6);
	json_printf(&j, "f2", "%d %s", 7, "x");
	json_raw(&j, "r", slice_str("[1]"));
	json_array(&j, "a");
	json_uint(&j, NULL, 1);
	json_str(&j, NULL, "x");
	json_object(&j, NULL);
	json_close(&j);
	json_array(&j, NULL);
	json_close(&j);
	json_close(&j);
	json_bytes_keyed(&j, slice_str("k\""), slice_str("v"));
	json_object_keyed(&j, slice_str("ko"));
	json_uint(&j, "x", 1);
	json_close(&j);
	json_array_keyed(&j, slice_str("ka"));
	json_close(&j);
	json_close(&j);
	json_line(&j);
	assert_int_equal(j.len, strlen(want));
	assert_memory_equal(j.buf, want, j.len);
	json_fini(&j);
}

static void doubles_come_back(void **state)
{
	uint64_t seed = 3;
	struct json j;

	(void)state;
	assert_int_equal(json_init(&j, 64, 100), 0);
	for (unsigned i = 0; i < 20000; i++) {
		double v, back;

		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		memcpy(&v, &seed, sizeof(v));
		if (!__builtin_isfinite(v))
			continue;
		json_reset(&j);
		json_double(&j, NULL, v);
		json_line(&j);
		back = strtod(j.buf, NULL);
		assert_memory_equal(&v, &back, sizeof(v));
	}
	json_fini(&j);
}

/* At every limit the record closes, fits, and is a prefix of the whole one. */
static void a_full_record_stays_whole(void **state)
{
	enum { FULL = 290 };

	(void)state;
	for (size_t max = 64; max < 400; max++) {
		char long_text[120];
		struct json j;
		int depth = 0;
		bool quoted = false;

		memset(long_text, '\x02', sizeof(long_text));
		assert_int_equal(json_init(&j, 8, max), 0);
		json_object(&j, NULL);
		json_uint(&j, "first", 1);
		json_object(&j, "http");
		json_str(&j, "hostname", "www.example.org");
		json_array(&j, "list");
		for (unsigned i = 0; i < 5; i++)
			json_uint(&j, NULL, i * 1000);
		json_close(&j);
		json_bytes(&j, "body", long_text, sizeof(long_text) / 4);
		json_close(&j);
		json_object(&j, "flow");
		json_uint(&j, "pkts", 77);
		json_close(&j);
		json_close(&j);
		json_line(&j);
		assert_true(j.len <= max);
		/* Room is made for the longest number, so a little earlier. */
		assert_true(json_overflowed(&j) ? max < FULL + 20 : j.len == FULL);
		for (size_t i = 0; i < j.len; i++) {
			quoted ^= j.buf[i] == '"';
			if (!quoted && (j.buf[i] == '{' || j.buf[i] == '['))
				depth++;
			if (!quoted && (j.buf[i] == '}' || j.buf[i] == ']'))
				depth--;
		}
		assert_int_equal(depth, 0);
		assert_false(quoted);
		json_fini(&j);
	}
}

static void rewinding(void **state)
{
	struct json_mark mark;
	struct json j;

	(void)state;
	assert_int_equal(json_init(&j, 64, 1000), 0);
	json_object(&j, NULL);
	mark = json_mark(&j);
	json_object(&j, "empty");
	json_array(&j, "deep");
	json_rewind(&j, mark);
	json_uint(&j, "a", 1);
	mark = json_mark(&j);
	json_uint(&j, "b", 1);
	json_rewind(&j, mark);
	json_uint(&j, "c", 1);
	json_close(&j);
	json_line(&j);
	assert_memory_equal(j.buf, "{\"a\":1,\"c\":1}\n", j.len);
	json_fini(&j);
}

static void long_text(void **state)
{
	enum { LEN = 5000 };
	static char in[LEN];
	struct json j;

	(void)state;
	memset(in, 'x', LEN);
	in[LEN - 1] = '\n';
	assert_int_equal(json_init(&j, 64, LEN + 20), 0);
	json_object(&j, NULL);
	json_bytes(&j, "t", in, LEN);
	json_close(&j);
	json_line(&j);
	assert_false(json_overflowed(&j));
	assert_int_equal(j.len, LEN + 10);
	json_fini(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(strings),
		cmocka_unit_test(values),
		cmocka_unit_test(doubles_come_back),
		cmocka_unit_test(a_full_record_stays_whole),
		cmocka_unit_test(rewinding),
		cmocka_unit_test(long_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
