/* Questions and answers of the resolver, as bytes. */
#include <sys/socket.h>

#include "base/check.h"
#include "cli/resolve.h"

static void questions(void **state)
{
	static const struct {
		const char *name;
		size_t len;
	} rows[] = {
		{ "a.example", 12 + 11 + 4 }, { "a.example.", 12 + 11 + 4 }, { "", 0 }, { ".", 0 }, { "a..b", 0 }, { "a.b..", 0 },
		{ "0123456789012345678901234567890123456789012345678901234567890123.x", 0 },
	};
	uint8_t out[DNS_MESSAGE_MAX];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t len = resolve_question(out, sizeof(out), 0x1234, rows[i].name, AF_INET);

		if (len != rows[i].len)
			fail_msg("\"%s\": %zu", rows[i].name, len);
	}
	assert_int_equal(resolve_question(out, sizeof(out), 0x1234, "a.bc", AF_INET6), 22);
	assert_memory_equal(out, "\x12\x34\1\0\0\1\0\0\0\0\0\0\1a\2bc\0\0\x1c\0\1", 22);
}

#define HEAD "\x12\x34\x81\x80\0\1\0\2\0\0\0\0\1a\2bc\0\0\1\0\1"
#define HEAD_LEN 22

static void answers(void **state)
{
	/* An alias first, then what it stands for; names are pointers. */
	static const uint8_t good[] = HEAD "\xc0\x0c\0\5\0\1\0\0\0\1\0\2\xc0\x0e" "\xc0\x0e\0\1\0\1\0\0\0\1\0\4\1\2\3\4";
	const size_t good_len = sizeof(good) - 1;
	uint8_t question[64], out[16], bytes[128];
	const size_t len = resolve_question(question, sizeof(question), 0x1234, "a.bc", AF_INET);
	unsigned rcode = 9;

	(void)state;
	assert_int_equal(len, HEAD_LEN);
	assert_int_equal(resolve_answer(good, good_len, question, len, AF_INET, out, &rcode), 1);
	assert_memory_equal(out, "\1\2\3\4", 4);
	assert_int_equal(rcode, 0);
	/* Cut anywhere: no answer, and nothing read beyond. */
	for (size_t cut = 0; cut < good_len; cut++) {
		memcpy(bytes + sizeof(bytes) - cut, good, cut);
		assert_int_not_equal(resolve_answer(bytes + sizeof(bytes) - cut, cut, question, len, AF_INET, out, &rcode), 1);
	}
	/* Another's: a wrong id, a wrong question, a question. */
	for (size_t wrong = 0; wrong < 3; wrong++) {
		static const size_t at[] = { 0, 14, 2 };
		static const uint8_t value[] = { 0, 'x', 1 };

		memcpy(bytes, good, good_len);
		bytes[at[wrong]] = value[wrong];
		assert_int_equal(resolve_answer(bytes, good_len, question, len, AF_INET, out, &rcode), -1);
	}
	memcpy(bytes, good, HEAD_LEN);
	bytes[3] = 0x83;
	bytes[7] = 0;
	assert_int_equal(resolve_answer(bytes, HEAD_LEN, question, len, AF_INET, out, &rcode), 0);
	assert_int_equal(rcode, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(questions), cmocka_unit_test(answers) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
