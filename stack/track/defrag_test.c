/* defrag_test.c - fragments in, a datagram out. Novak and Sturges' case, whose answers differ for every
 * family of systems; then what today's kernels do, as measured against one. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/conf.h"
#include "base/must.h"
#include "base/writer.h"
#include "stack/track/defrag.h"

#define NS_PER_S ((uint64_t)1000000000)

struct fixture {
	struct mem *mem;
	struct conf *conf;
	struct track_config cfg;
	struct defrag d;
	uint64_t now_s;
};

static void start(struct fixture *x, const char *policy)
{
	struct hash_key key = { 1, 2 };
	char path[64];

	memset(x, 0, sizeof(*x));
	x->mem = mem_new();
	x->conf = conf_new();
	if (policy != NULL) {
		snprintf(path, sizeof(path), "host-os-policy.%s", policy);
		assert_int_equal(conf_set(x->conf, path, "0.0.0.0/0, ::/0"), 0);
	}
	assert_int_equal(track_config_read(&x->cfg, x->conf), 0);
	assert_int_equal(defrag_init(&x->d, x->mem, &x->cfg, &key), 0);
	x->now_s = 1000;
}

static void stop(struct fixture *x)
{
	defrag_fini(&x->d);
	assert_int_equal(x->d.budget.used, 0);
	track_config_fini(&x->cfg);
	conf_free(x->conf);
	mem_free(x->mem);
}

/* A fragment of slots of eight bytes, each filled with its letter. */
struct row {
	char letter;
	uint8_t first, last;
	bool final;
	uint8_t wait_s;
};

static enum defrag_result give(struct fixture *x, const struct row *r, uint8_t version, uint32_t id)
{
	uint8_t frame[60 + 256 * 8];
	struct packet p = { .ip_version = version, .proto = IPPROTO_UDP, .frag_id = id };
	uint32_t header = version == 4 ? 20 : 48, len = (r->last - r->first + 1) * 8u;

	memset(frame, 0, header);
	frame[0] = version == 4 ? 0x45 : 0x60;
	memset(frame + header, r->letter, len);
	p.ip = frame;
	p.ip_header_len = (uint16_t)header;
	p.frag_next_at = 6;
	p.src.bytes[0] = 1;
	p.dst.bytes[0] = 2;
	p.frag_offset = r->first * 8u;
	p.frag_more = !r->final;
	p.payload = slice_of(frame + header, len);
	x->now_s += r->wait_s;
	p.time_ns = x->now_s * NS_PER_S;
	return defrag_add(&x->d, &p);
}

/* One letter a slot. */
static void read_out(const struct fixture *x, uint8_t version, char *out)
{
	uint32_t header = version == 4 ? 20 : 40, n = 0;

	for (uint32_t at = header; at < x->d.out_len; at += 8) {
		for (uint32_t i = 1; i < 8; i++)
			assert_int_equal(x->d.out[at], x->d.out[at + i]);
		out[n++] = (char)x->d.out[at];
	}
	out[n] = 0;
}

static const struct row novak[] = {
	{ 'A', 0, 2, false, 0 },   { 'B', 4, 5, false, 0 },   { 'C', 6, 8, false, 0 },
	{ 'D', 10, 10, false, 0 }, { 'E', 13, 14, false, 0 }, { 'F', 15, 17, false, 0 },
	{ 'G', 18, 19, false, 0 }, { 'H', 20, 21, false, 0 }, { 'I', 22, 22, false, 0 },
	{ 'J', 1, 4, false, 0 },   { 'K', 6, 8, false, 0 },   { 'L', 9, 11, false, 0 },
	{ 'M', 12, 14, false, 0 }, { 'N', 16, 16, false, 0 }, { 'O', 19, 19, false, 0 },
	{ 'P', 20, 20, false, 0 }, { 'Q', 22, 23, true, 0 },
};

static const struct {
	const char *policy, *datagram;
} novak_answers[] = {
	{ "bsd", "AAAJJBCCCLLLMMMFFFGGHHIQ" },
	{ "old-linux", "AAAJJBKKKLLLMMMFFFGGPHQQ" },
	{ "windows", "AAAJBBCCCLLLMEEFFFGGHHIQ" },
	{ "solaris", "AAAJBBCCCLLLMMMFFFGGHHIQ" },
	{ "first", "AAAJBBCCCLDLMEEFFFGGHHIQ" },
	{ "last", "AJJJJBKKKLLLMMMFNFGOPHQQ" },
	{ "bsd-right", "AJJJBBKKKLDLMEEFNFGOPHQQ" },
	{ "hpux10", "AAAJJBCCCLLLMMMFFFGGHHIQ" },
	{ "irix", "AAAJJBCCCLLLMMMFFFGGHHIQ" },
	{ "windows2k3", "AAAJBBCCCLLLMEEFFFGGHHIQ" },
	{ "vista", "AAAJBBCCCLLLMEEFFFGGHHIQ" },
	{ "old-solaris", "AAAJBBCCCLDLMEEFFFGGHHIQ" },
	{ "hpux11", "AAAJBBCCCLDLMEEFFFGGHHIQ" },
	{ "macos", "AAAJBBCCCLDLMEEFFFGGHHIQ" },
	{ "linux", "" },                        /* today's kernels drop it all */
	{ "rfc8200", "" },
};

static void novak_has_its_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(novak_answers); i++) {
		for (uint8_t version = 4; version <= 6; version += 2) {
			struct fixture x;
			char out[64] = "";

			start(&x, novak_answers[i].policy);
			for (size_t k = 0; k < ARRAY_LEN(novak); k++)
				if (give(&x, &novak[k], version, 7) == DEFRAG_DONE)
					read_out(&x, version, out);
			if (strcmp(out, novak_answers[i].datagram) != 0)
				fail_msg("%s: %s", novak_answers[i].policy, out);
			stop(&x);
		}
	}
}

#define ROWS_MAX 8

/* What a fragment of each row answers: h held, i ignored, d done. */
static const struct {
	const char *name, *policy;
	struct row rows[ROWS_MAX];
	const char *results, *datagram;
} cases[] = {
	{ "in order", NULL, { { 'A', 0, 0, false, 0 }, { 'B', 1, 1, true, 0 } }, "hd", "AB" },
	{ "backwards", NULL, { { 'C', 2, 2, true, 0 }, { 'B', 1, 1, false, 0 }, { 'A', 0, 0, false, 0 } },
	  "hhd", "ABC" },
	{ "same again is ignored", NULL,
	  { { 'A', 0, 0, false, 0 }, { 'X', 0, 0, false, 0 }, { 'B', 1, 1, true, 0 } }, "hid", "AB" },
	{ "inside a run is ignored", NULL,
	  { { 'A', 0, 1, false, 0 }, { 'B', 2, 3, false, 0 }, { 'X', 1, 2, false, 0 }, { 'C', 4, 4, true, 0 } },
	  "hhid", "AABBC" },
	{ "across two runs ruins it", NULL,
	  { { 'B', 2, 3, false, 0 }, { 'A', 0, 1, false, 0 }, { 'X', 1, 2, false, 0 }, { 'C', 4, 4, true, 0 } },
	  "hhih", "" },
	{ "a partial overlap ruins it", NULL,
	  { { 'A', 0, 1, false, 0 }, { 'X', 1, 2, false, 0 }, { 'C', 3, 3, true, 0 } }, "hih", "" },
	{ "covering ruins it", NULL,
	  { { 'B', 1, 1, false, 0 }, { 'X', 0, 2, false, 0 }, { 'C', 3, 3, true, 0 } }, "hih", "" },
	{ "two ends ruin it", NULL,
	  { { 'B', 1, 1, true, 0 }, { 'C', 2, 2, true, 0 }, { 'A', 0, 0, false, 0 } }, "hih", "" },
	{ "beyond the end ruins it", NULL,
	  { { 'B', 1, 1, true, 0 }, { 'C', 2, 2, false, 0 }, { 'A', 0, 0, false, 0 } }, "hih", "" },
	{ "too late", NULL, { { 'A', 0, 0, false, 0 }, { 'B', 1, 1, true, 31 } }, "hh", "" },
	{ "late, not too late", NULL, { { 'A', 0, 0, false, 0 }, { 'B', 1, 1, true, 29 } }, "hd", "AB" },
	{ "rfc8200: exactly the same again is ignored", "rfc8200",
	  { { 'A', 0, 1, false, 0 }, { 'A', 0, 1, false, 0 }, { 'B', 2, 2, true, 0 } }, "hid", "AAB" },
	{ "rfc8200: inside ruins it", "rfc8200",
	  { { 'A', 0, 1, false, 0 }, { 'A', 0, 0, false, 0 }, { 'B', 2, 2, true, 0 } }, "hih", "" },
};

static void cases_have_their_answers(void **state)
{
	static const char letters[] = "hdis";

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		char results[ROWS_MAX + 1] = "", out[64] = "";
		struct fixture x;

		start(&x, cases[i].policy);
		for (size_t k = 0; cases[i].rows[k].letter != 0; k++) {
			enum defrag_result r = give(&x, &cases[i].rows[k], 4, 7);

			results[k] = letters[r];
			if (r == DEFRAG_DONE)
				read_out(&x, 4, out);
		}
		if (strcmp(results, cases[i].results) != 0 || strcmp(out, cases[i].datagram) != 0)
			fail_msg("%s: %s \"%s\"", cases[i].name, results, out);
		stop(&x);
	}
}

static void memory_is_bounded(void **state)
{
	static const struct row lone = { 'A', 1, 100, false, 0 }, first = { 'A', 0, 0, false, 0 },
				last = { 'B', 1, 1, true, 0 };
	struct fixture x;

	(void)state;
	start(&x, NULL);
	x.d.budget.max = 1 << 20;
	for (uint32_t id = 0; id < 10000; id++)
		assert_int_equal(give(&x, &lone, 4, id), DEFRAG_HELD);
	assert_true(x.d.budget.used <= 1 << 20);
	assert_true(x.d.shed > 8000);
	assert_int_equal(give(&x, &first, 6, 1), DEFRAG_HELD);
	assert_int_equal(give(&x, &last, 6, 1), DEFRAG_DONE);
	defrag_expire(&x.d, (x.now_s + 61) * NS_PER_S);
	for (int i = 0; i < 100; i++)
		defrag_expire(&x.d, (x.now_s + 61) * NS_PER_S);
	assert_int_equal(x.d.count, 0);
	stop(&x);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(novak_has_its_answers),
		cmocka_unit_test(cases_have_their_answers),
		cmocka_unit_test(memory_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
