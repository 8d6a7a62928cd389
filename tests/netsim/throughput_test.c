/* throughput_test.c - what a stream carries, by buffer, loss and round trip: a golden file, so that whatever changes
 * about TCP shows as a difference of numbers. TAPIR_GOLDEN=write writes it anew. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/netsim/sim.h"

#define GOLDEN "tests/netsim/throughput.golden"
#define RUN_S 5

static const int buffers[] = { 16384, 131072, 1048576 };
static const char *const losses[] = { "0%", "1%", "5%" };
static const unsigned rtts_ms[] = { 2, 20, 100 };

/* Kilobits a second through a link of 10 Mbit/s with a queue of 100 packets. */
static unsigned measure(int buffer, const char *loss, unsigned rtt_ms, const char *cc)
{
	struct sim s;
	char link[128];
	unsigned kbit;

	sim_init(&s, 42);
	s.rcvbuf = s.sndbuf = buffer;
	sim_host_add(&s);
	sim_host_add(&s);
	snprintf(link, sizeof(link), "loss=%s,delay=%uus,rate=10mbit,queue=100", loss, rtt_ms * 500);
	must(sim_link(&s, 0, 1, 1, link) == 0);
	must(tapir_set(s.hosts[0].host, "tcp.congestion_control", cc) == 0);
	sim_talk_start(&s, 0, 1, "10.0.1.2", 80, UINT64_C(1) << 30, 0);
	sim_run(&s, RUN_S * SIM_S);
	kbit = (unsigned)(s.talks[0].got[1] * 8 / 1000 / RUN_S);
	sim_free(&s);
	return kbit;
}

static void test_matrix(void **state)
{
	const char *mode = getenv("TAPIR_GOLDEN");
	const bool write = mode && strcmp(mode, "write") == 0;
	FILE *f = fopen(GOLDEN, write ? "w" : "r");
	char want[128], got[128];

	(void)state;
	assert_non_null(f);
	for (unsigned b = 0; b < ARRAY_LEN(buffers); b++)
		for (unsigned l = 0; l < ARRAY_LEN(losses); l++)
			for (unsigned r = 0; r < ARRAY_LEN(rtts_ms); r++) {
				snprintf(got, sizeof(got), "buffer=%d loss=%s rtt=%ums cubic=%ukbit/s reno=%ukbit/s\n", buffers[b],
					 losses[l], rtts_ms[r], measure(buffers[b], losses[l], rtts_ms[r], "cubic"),
					 measure(buffers[b], losses[l], rtts_ms[r], "reno"));
				if (write) {
					fputs(got, f);
					continue;
				}
				assert_non_null(fgets(want, sizeof(want), f));
				assert_string_equal(got, want);
			}
	fclose(f);
}

/* An hour of two streams at 1 Mbit/s: half a million packets, a second or two of ours. */
static void test_hour(void **state)
{
	struct sim s;

	(void)state;
	sim_init(&s, 1);
	sim_host_add(&s);
	sim_host_add(&s);
	must(sim_link(&s, 0, 1, 1, "loss=0.1%,delay=20ms,rate=500kbit,queue=50") == 0);
	sim_talk_start(&s, 0, 1, "10.0.1.2", 80, UINT64_C(1) << 40, UINT64_C(1) << 40);
	sim_run(&s, 3600 * SIM_S);
	assert_true(s.talks[0].got[0] > 180000000);
	assert_true(s.talks[0].got[1] > 180000000);
	sim_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matrix),
		cmocka_unit_test(test_hour),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
