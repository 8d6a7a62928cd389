/* Expected values from an independent SipHash-1-3 written in Python. */
#include "base/hash.h"

#include "base/check.h"

static void known_answers(void **state)
{
	static const struct hash_key key = { 0x0706050403020100, 0x0f0e0d0c0b0a0908 };
	static const struct {
		size_t len;
		uint64_t hash;
	} rows[] = {
		{ 0, 0xabac0158050fc4dc },
		{ 1, 0xc9f49bf37d57ca93 },
		{ 7, 0xd3927d989bb11140 },
		{ 8, 0x369095118d299a8e },
		{ 9, 0x25a48eb36c063de4 },
		{ 15, 0xd320d86d2a519956 },
		{ 16, 0xcc4fdd1a7d908b66 },
		{ 40, 0xc1d2363299e41531 },
		{ 63, 0x9d199062b7bbb3a8 },
	};
	uint8_t in[64];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)i;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(hash_bytes(&key, in, rows[i].len), rows[i].hash);
}

static void keys_and_words_matter(void **state)
{
	struct hash_key a, b;
	uint64_t words[2] = { 1, 2 }, swapped[2] = { 2, 1 };

	(void)state;
	assert_int_equal(hash_key_random(&a), 0);
	assert_int_equal(hash_key_random(&b), 0);
	assert_true(hash_words(&a, words, 2) == hash_words(&a, words, 2));
	assert_true(hash_words(&a, words, 2) != hash_words(&a, swapped, 2));
	assert_true(hash_words(&a, words, 2) != hash_words(&a, words, 1));
	assert_true(hash_words(&a, words, 2) != hash_words(&b, words, 2));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_answers),
		cmocka_unit_test(keys_and_words_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
