/* short_memory_test.c - the k-th allocation of a host fails, for each k: that operation fails, what exists goes on, and when
 * all is over every byte has come back. */
#include "tests/netsim/sim.h"

/* A conversation with some loss; how many allocations host 0 made, and that nothing but this talk suffered. */
static uint64_t converse(uint64_t fail_at, unsigned victim, bool *whole)
{
	struct sim s;
	uint64_t made;

	sim_init(&s, 3);
	s.own_memory = true;
	s.tolerant = true;
	/* Making a host may fail as a whole: that is one operation, too. */
	s.hosts[victim].fail_at = fail_at;
	if (sim_host_add(&s) < 0 || sim_host_add(&s) < 0) {
		sim_free(&s);
		for (unsigned i = 0; i < 2; i++)
			assert_int_equal(s.hosts[i].bytes_out, 0);
		return 0;
	}
	sim_link(&s, 0, 1, 1, "loss=3%,delay=5ms,reorder=5%");
	sim_talk_start(&s, 0, 1, "10.0.1.2", 80, 60000, 60000);
	for (unsigned i = 0; i < 600 && !s.talks[0].done; i++)
		sim_run(&s, SIM_S);
	*whole = s.talks[0].done && s.talks[0].got[0] == 60000 && s.talks[0].got[1] == 60000;
	made = s.hosts[victim].allocations;
	/* Memory is back: so is the service. */
	if (s.hosts[0].links && s.hosts[1].links && !*whole && s.hosts[victim].allocations >= fail_at) {
		s.talks[0] = (struct sim_talk){ 0 };
		s.talk_count = 0;
		sim_talk_start(&s, 0, 1, "10.0.1.2", 81, 1000, 1000);
		sim_run(&s, 200 * SIM_S);
	}
	sim_free(&s);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(s.hosts[i].bytes_out, 0);
	return made;
}

static void sweep(unsigned victim)
{
	bool whole;
	const uint64_t made = converse(0, victim, &whole);
	unsigned survived = 0, runs = 0;

	assert_true(whole && made > 100);
	for (uint64_t k = 1; k <= made; k += k < 300 ? 1 : 7) {
		whole = false;
		converse(k, victim, &whole);
		survived += whole;
		runs++;
	}
	/* Once a connection is there, a missing buffer is a lost packet, and no more. */
	assert_true(survived > runs / 2);
}

static void test_client(void **state)
{
	(void)state;
	sweep(0);
}

static void test_server(void **state)
{
	(void)state;
	sweep(1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_server),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
