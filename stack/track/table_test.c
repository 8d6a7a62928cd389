/* table_test.c - what a packet costs in the flow table when an attacker chooses the tuples: flows looked at are counted,
 * never time taken.
 *
 * The attacker knows our hash function, but not the key: he searches tuples that share a bucket under a key of
 * zeros. Where the key is zeros they cost him nothing and us a lot; under a key of its own, no more than random ones. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <string.h>

#include "base/must.h"
#include "stack/track/table.h"

#define TUPLES 100000
#define CHOSEN 63       /* low bits of the hash that the chosen tuples have in common: all 0 */

struct fixture {
	struct mem *mem;
	struct conf *conf;
	struct track_config cfg;
	struct flow_table table;
};

static void start(struct fixture *x, const struct hash_key *key)
{
	memset(x, 0, sizeof(*x));
	x->mem = mem_new();
	x->conf = conf_new();
	assert_int_equal(conf_set(x->conf, "flow.memcap", "1gb"), 0);
	assert_int_equal(track_config_read(&x->cfg, x->conf), 0);
	assert_int_equal(flow_table_init(&x->table, x->mem, &x->cfg, key), 0);
}

static void stop(struct fixture *x)
{
	struct flow *f;

	flow_table_finish(&x->table, FLOW_END_SHUTDOWN);
	while ((f = flow_table_ended(&x->table)) != NULL)
		flow_table_release(&x->table, f);
	flow_table_fini(&x->table);
	track_config_fini(&x->cfg);
	conf_free(x->conf);
	mem_free(x->mem);
}

/* Any tuple from 64 bits: addresses and ports. */
static struct packet tuple(uint64_t n)
{
	struct packet p = { .ip_version = 4, .proto = IPPROTO_UDP, .ttl = 64, .len = 60, .wire_len = 60, .time_ns = 1000000000 };

	n *= 0x9e3779b97f4a7c15u;
	p.src.bytes[0] = 10;
	p.src.bytes[1] = (uint8_t)n;
	p.src.bytes[2] = (uint8_t)(n >> 8);
	p.src.bytes[3] = (uint8_t)(n >> 16);
	p.dst.bytes[0] = 192;
	p.dst.bytes[3] = (uint8_t)(n >> 24);
	p.src_port = (uint16_t)(n >> 32);
	p.dst_port = (uint16_t)(n >> 48);
	return p;
}

static uint32_t hash_of(const struct fixture *x, const struct packet *p)
{
	struct flow_lookup l;

	assert_true(flow_lookup_init(&x->table, &l, p));
	return l.hash;
}

/* Flows looked at per packet, in thousandths: each tuple comes once to make its flow, and once again. */
static uint64_t cost(const struct hash_key *key, const struct fixture *attacker)
{
	struct fixture x;
	uint64_t result, n;

	start(&x, key);
	for (int pass = 0; pass < 2; pass++) {
		uint32_t count = 0;

		for (n = 1; count < TUPLES; n++) {
			struct packet p = tuple(n);
			struct flow_lookup l;

			if (attacker != NULL && (hash_of(attacker, &p) & CHOSEN) != 0)
				continue;
			count++;
			assert_true(flow_lookup_init(&x.table, &l, &p));
			if (flow_table_find(&x.table, &l, p.time_ns) == NULL)
				assert_non_null(flow_table_add(&x.table, &l, &p));
		}
	}
	assert_true(x.table.count > TUPLES - 100);      /* a few of the tuples may be the same */
	result = x.table.probes * 1000 / x.table.lookups;
	stop(&x);
	return result;
}

static void chosen_tuples_cost_no_more(void **state)
{
	static const struct hash_key none = { 0, 0 };
	static const struct hash_key secret = { 0x0123456789abcdef, 0xfedcba9876543210 };
	struct fixture attacker;
	uint64_t random, chosen, unkeyed;

	(void)state;
	start(&attacker, &none);
	random = cost(&secret, NULL);
	chosen = cost(&secret, &attacker);
	unkeyed = cost(&none, &attacker);
	stop(&attacker);
	print_message("flows looked at per 1000 packets: %llu random, %llu chosen, %llu chosen and no key\n",
		      (unsigned long long)random, (unsigned long long)chosen, (unsigned long long)unkeyed);
	assert_true(random > 0 && random < 3000);
	assert_true(chosen <= random + random / 20);
	assert_true(unkeyed > 10 * random);     /* the attack is one */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(chosen_tuples_cost_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
