#include "base/base64.h"

#include <errno.h>

#include "base/check.h"

static void decoding(void **state)
{
	static const struct {
		const char *in;
		enum base64_mode mode;
		int64_t len;
		const char *out;
	} rows[] = {
		{ "", BASE64_STRICT, 0, "" },
		{ "Zg==", BASE64_STRICT, 1, "f" },
		{ "Zm8=", BASE64_STRICT, 2, "fo" },
		{ "Zm9v", BASE64_STRICT, 3, "foo" },
		{ "Zm9vYmFy", BASE64_STRICT, 6, "foobar" },
		{ "Zm8", BASE64_STRICT, -EINVAL, "" },
		{ "Zm8", BASE64_LOOSE, 2, "fo" },
		{ "Z", BASE64_LOOSE, -EINVAL, "" },
		{ "Zm 9v", BASE64_LOOSE, -EINVAL, "" },
		{ "Zm\r\n9v", BASE64_SKIP, 3, "foo" },
		{ "Zm9v!", BASE64_STRICT, -EINVAL, "" },
		{ "Zg==Zg==", BASE64_STRICT, -EINVAL, "" },
		{ "=Zg=", BASE64_STRICT, -EINVAL, "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char out[16];
		int64_t n = base64_decode(out, sizeof(out), rows[i].in, strlen(rows[i].in),
					  rows[i].mode, NULL);

		assert_int_equal(n, rows[i].len);
		if (n > 0)
			assert_memory_equal(out, rows[i].out, (size_t)n);
	}
}

static void there_and_back(void **state)
{
	uint8_t in[100], back[100];
	char text[200];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	for (size_t len = 0; len <= sizeof(in); len++) {
		size_t n = base64_encode(text, in, len);

		assert_int_equal(n, base64_len(len));
		assert_int_equal(base64_decode(back, sizeof(back), text, n, BASE64_STRICT, NULL), len);
		assert_memory_equal(back, in, len);
	}
	assert_int_equal(base64_decode(back, 2, "Zm9v", 4, BASE64_STRICT, NULL), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decoding),
		cmocka_unit_test(there_and_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
