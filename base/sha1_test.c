/* RFC 3174's own examples, and a length on each side of every padding boundary. */
#include "base/sha1.h"

#include <stdio.h>

#include "base/check.h"

static void known_answers(void **state)
{
	static const struct {
		const char *text;
		const char *hex;
	} rows[] = {
		{ "",
		  "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
		{ "abc",
		  "a9993e364706816aba3e25717850c26c9cd0d89d" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "cef734ba81a024479e09eb5a75b6ddae62e6abf1" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "901305367c259952f4e7af8323f480d59f81335b" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "0ddc4e0cccd9a12850deb5abb0853a4425559fec" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "bb2fa3ee7afb9f54c6dfb5d021f14b1ffe40c163" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "78c741ddc482e4cdf8c474a0876347a0905b6233" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "4300320394f7ee239bcdce7d3b8bcee173a0cd5c" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "ceb2821639c4b6dcb10bce0e522ca2e608ce056d" },
		{ "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
		  "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		  "150fa3fbdc899bd0b8f95a9fb6027f564d953762" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint8_t out[SHA1_LEN];
		char hex[2 * SHA1_LEN + 1];

		sha1(out, rows[i].text, strlen(rows[i].text));
		for (unsigned k = 0; k < SHA1_LEN; k++)
			snprintf(hex + 2 * k, 3, "%02x", out[k]);
		assert_string_equal(hex, rows[i].hex);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_answers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
