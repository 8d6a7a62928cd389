/* fingerprint_test.c - SYNs as systems send them, and the policy that each suggests. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "base/must.h"
#include "stack/track/fingerprint.h"
#include "stack/wire/craft.h"

static const struct {
	const char *name, *ip, *options;        /* of the SYN, in hexadecimal */
	int policy;
} rows[] = {
	{ "Linux", "ttl=64", "020405b40402080a000000010000000001030307", OVERLAP_LINUX },
	{ "Linux, 12 hops away", "ttl=52", "020405b40402080a000000010000000001030307", OVERLAP_LINUX },
	{ "Linux without timestamps", "ttl=60", "020405b40101040201030307", OVERLAP_LINUX },
	{ "Windows 10", "ttl=128", "020405b40103030801010402", OVERLAP_VISTA },
	{ "Windows 10, 9 hops away", "ttl=119", "020405b40103030801010402", OVERLAP_VISTA },
	{ "Windows XP", "ttl=128", "020405b401010402", OVERLAP_WINDOWS },
	{ "macOS", "ttl=64", "020405b4010303060101080a000000010000000004020000", OVERLAP_MACOS },
	{ "FreeBSD", "ttl=64", "020405b40103030604020" "80a0000000100000000", OVERLAP_RFC8200 },
	{ "OpenBSD", "ttl=64", "020405b4010104020103030601" "01080a0000000100000000", OVERLAP_BSD },
	{ "Solaris 11", "ttl=64", "0402080a0000000100000000020405b401030305", OVERLAP_SOLARIS },
	{ "Linux' options with Windows' TTL", "ttl=128", "020405b40402080a000000010000000001030307", -1 },
	{ "no options", "ttl=64", "", -1 },
	{ "a TTL that says nothing", "ttl=30", "020405b40402080a000000010000000001030307", -1 },
	{ "an option of length 0", "ttl=64", "020405b404000000", -1 },
	{ "an option of length 1", "ttl=64", "020405b404010000", -1 },
};

static struct packet syn(const char *from, const char *ip, const char *options, uint8_t *frame, size_t cap,
			 struct packet_set *set)
{
	struct packet_config cfg;
	struct frame f = { .data = frame, .link = LINK_RAW };
	char text[256];
	int len;

	packet_config_default(&cfg);
	snprintf(text, sizeof(text), "ipv4 %s 10.0.0.9 %s / tcp 1000 80 S seq=1%s%s", from, ip, options[0] ? " opt=" : "",
		 options);
	len = craft(frame, cap, text, NULL);
	assert_true(len > 0);
	f.len = f.wire_len = (uint32_t)len;
	packet_decode(set, &f, &cfg);
	return set->pkts[0];
}

static void syns_tell_systems_apart(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct packet_set set;
		uint8_t frame[256];
		struct packet p = syn("10.0.0.1", rows[i].ip, rows[i].options, frame, sizeof(frame), &set);

		if (fingerprint_syn(&p) != rows[i].policy)
			fail_msg("%s: %d", rows[i].name, fingerprint_syn(&p));
	}
}

static void hosts_are_remembered(void **state)
{
	struct hash_key key = { 3, 4 };
	struct mem *mem = mem_new();
	struct budget budget;
	struct os_hosts hosts = { 0 };
	struct packet_set set;
	uint8_t frame[256];
	struct packet p;
	char from[32];

	(void)state;
	budget_init(&budget, mem, "stream", 1 << 22);
	os_hosts_init(&hosts, &budget, &key);
	p = syn("10.0.0.1", rows[3].ip, rows[3].options, frame, sizeof(frame), &set);
	assert_int_equal(os_hosts_policy(&hosts, &p.src, 4, OVERLAP_LINUX), OVERLAP_LINUX);
	os_hosts_learn(&hosts, &p);
	assert_int_equal(os_hosts_policy(&hosts, &p.src, 4, OVERLAP_LINUX), OVERLAP_VISTA);
	/* A gateway for several systems tells nothing. */
	p = syn("10.0.0.1", rows[6].ip, rows[6].options, frame, sizeof(frame), &set);
	os_hosts_learn(&hosts, &p);
	assert_int_equal(os_hosts_policy(&hosts, &p.src, 4, OVERLAP_LINUX), OVERLAP_LINUX);
	/* Invented hosts cost others their place, not memory. */
	for (unsigned i = 0; i < 50000; i++) {
		snprintf(from, sizeof(from), "11.%u.%u.%u", i >> 16, i >> 8 & 255, i & 255);
		p = syn(from, rows[0].ip, rows[0].options, frame, sizeof(frame), &set);
		os_hosts_learn(&hosts, &p);
	}
	assert_int_equal(os_hosts_policy(&hosts, &p.src, 4, OVERLAP_BSD), OVERLAP_LINUX);
	assert_true(budget.high < 1 << 20);
	os_hosts_fini(&hosts);
	assert_int_equal(budget.used, 0);
	mem_free(mem);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syns_tell_systems_apart),
		cmocka_unit_test(hosts_are_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
