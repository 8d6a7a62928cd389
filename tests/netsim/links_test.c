/* links_test.c - streams over links that lose, reorder, duplicate, delay and corrupt: every one arrives whole, a tracker
 * beside the server sees the same as the server, and nothing is left behind. */
#include <stdio.h>

#include "tests/netsim/judge.h"
#include "tests/netsim/sim.h"

struct row {
	const char *link;
	const char *address;
	uint64_t up, down;
};

static const struct row rows[] = {
	{ NULL, "10.0.1.2", 1000000, 1000000 },
	{ "delay=10ms", "10.0.1.2", 2000000, 300 },
	{ "delay=10ms", "fd00:1::2", 300, 2000000 },
	{ "loss=2%,delay=10ms", "10.0.1.2", 2000000, 500000 },
	{ "loss=2%,delay=10ms", "fd00:1::2", 500000, 2000000 },
	{ "loss=20%,delay=5ms", "10.0.1.2", 100000, 100000 },
	{ "reorder=10%,delay=10ms", "10.0.1.2", 2000000, 2000000 },
	{ "reorder=30%,reorder-gap=8,delay=10ms", "10.0.1.2", 1000000, 1000000 },
	{ "duplicate=5%,delay=10ms", "10.0.1.2", 1000000, 1000000 },
	{ "corrupt=1%,delay=10ms", "10.0.1.2", 1000000, 1000000 },
	{ "loss=2%,reorder=10%,duplicate=1%,delay=20ms,jitter=5ms", "10.0.1.2", 1000000, 1000000 },
	{ "burst-enter=0.5%,burst-leave=20%,delay=10ms", "10.0.1.2", 1000000, 1000000 },
	{ "rate=10mbit,delay=20ms,queue=20", "10.0.1.2", 3000000, 1000000 },
	{ "rate=1mbit,delay=300ms,queue=100", "fd00:1::2", 300000, 300000 },
};

static void run(const struct row *r, uint64_t seed, uint64_t *trace, uint64_t *packets)
{
	struct tapir_memory_use before[2], after;
	struct sim s;
	struct judge *j = judge_new();

	sim_init(&s, seed);
	sim_host_add(&s);
	sim_host_add(&s);
	must(sim_link(&s, 0, 1, 1, r->link) == 0);
	sim_run(&s, 5 * SIM_S);
	for (unsigned i = 0; i < 2; i++)
		tapir_memory_use(s.hosts[i].host, &before[i]);
	s.hosts[1].judge = j;
	sim_talk_start(&s, 0, 1, r->address, 80, r->up, r->down);
	for (unsigned i = 0; i < 3600 && !s.talks[0].done; i++)
		sim_run(&s, SIM_S);
	assert_true(s.talks[0].done);
	assert_int_equal(s.talks[0].got[1], r->up);
	assert_int_equal(s.talks[0].got[0], r->down);
	assert_true(r->link == NULL || judge_compared(j) > 10);
	assert_true(judge_bytes(j) == r->up + r->down);
	/* Whatever either end still repeats is over after that. */
	sim_run(&s, 300 * SIM_S);
	for (unsigned i = 0; i < 2; i++) {
		tapir_memory_use(s.hosts[i].host, &after);
		for (unsigned k = 0; k < 4; k++)
			assert_int_equal(after.buffers[k], before[i].buffers[k]);
		assert_int_equal(tapir_counter(s.hosts[i].host, "tcp.half_open"), 0);
	}
	*trace = s.trace;
	*packets = s.packets;
	s.hosts[1].judge = NULL;
	sim_free(&s);
	judge_free(j);
}

static void test_streams(void **state)
{
	(void)state;
	for (unsigned i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t trace, packets;

		for (uint64_t seed = 1; seed <= 3; seed++)
			run(&rows[i], seed, &trace, &packets);
	}
}

static void test_same_seed_same_bytes(void **state)
{
	const struct row *r = &rows[10];
	uint64_t trace[3], packets[3];

	(void)state;
	run(r, 7, &trace[0], &packets[0]);
	run(r, 7, &trace[1], &packets[1]);
	run(r, 8, &trace[2], &packets[2]);
	assert_int_equal(trace[0], trace[1]);
	assert_int_equal(packets[0], packets[1]);
	assert_true(trace[0] != trace[2]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_streams),
		cmocka_unit_test(test_same_seed_same_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
