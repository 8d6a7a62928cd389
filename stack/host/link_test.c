/* link_test.c - ARP, neighbours, routes and martians, with the wire in the test's hands. */
#include <errno.h>
#include <stdio.h>

#include "base/writer.h"
#include "stack/host/testing.h"
#include "stack/wire/arp.h"
#include "stack/wire/craft.h"
#include "stack/wire/ethernet.h"

static const uint8_t ours[6] = { 2, 0, 0, 0, 0, 1 };

struct lone {
	struct tapir_host *h;
	struct tapir_device *dev;
	int nif;
	uint64_t now;
};

static void lone_new(struct lone *l)
{
	const struct tapir_netif_config cfg = { .name = "wire", .no_ipv6 = true, .no_arp_announce = true };

	*l = (struct lone){ .h = host_new(7), .now = SECOND };
	assert_int_equal(tapir_memory_new(&l->dev, TAPIR_MEDIUM_ETHERNET, 1500, 0), 0);
	tapir_host_poll(l->h, l->now, 0);
	l->nif = tapir_netif_add(l->h, l->dev, &cfg);
	assert_true(l->nif > 0);
	assert_int_equal(tapir_address_add(l->h, l->nif, "192.0.2.1/24"), 0);
}

static void run(struct lone *l, uint64_t ns)
{
	const uint64_t until = l->now + ns;

	for (;;) {
		uint64_t due;

		tapir_host_poll(l->h, l->now, 0);
		due = tapir_host_deadline(l->h);
		if (due > until)
			break;
		l->now = due > l->now ? due : l->now;
	}
	l->now = until;
	tapir_host_poll(l->h, l->now, 0);
}

static void arp_in(struct lone *l, uint16_t opcode, uint32_t src, uint8_t mac_last, uint32_t dst)
{
	uint8_t frame[ETH_HEADER_LEN + ARP_HEADER_LEN];
	const uint8_t mac[6] = { 2, 0, 0, 0, 9, mac_last };
	struct eth_header eth = { .type = ETHER_ARP };
	struct arp_header a = { .opcode = opcode };
	struct writer w = writer_of(frame, sizeof(frame));

	memcpy(eth.dst, ours, 6);
	memcpy(eth.src, mac, 6);
	memcpy(a.src_mac, mac, 6);
	memcpy(a.dst_mac, ours, 6);
	store_be32(a.src_ip, src);
	store_be32(a.dst_ip, dst);
	eth_build(&w, &eth);
	arp_build(&w, &a);
	assert_int_equal(tapir_device_inject(l->dev, frame, sizeof(frame)), 0);
	tapir_host_poll(l->h, l->now, 0);
}

#define IP(last) (0xc0000200u + (last))
#define US IP(1)

/* How many frames of an EtherType were sent. */
static unsigned sent(struct lone *l, uint16_t type)
{
	uint8_t frame[2048];
	unsigned n = 0;

	while (tapir_device_drain(l->dev, frame, sizeof(frame), NULL) > 0)
		n += load_be16(frame + 12) == type;
	return n;
}

static void test_arp_throttled_and_bounded(void **state)
{
	struct lone l;
	int fd;

	(void)state;
	lone_new(&l);
	fd = tapir_socket(l.h, AF_INET, SOCK_DGRAM, 0);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(send_to(l.h, fd, "x", 1, "192.0.2.9", 9), 1);
	tapir_host_poll(l.h, l.now, 0);
	assert_int_equal(sent(&l, ETHER_ARP), 1);
	assert_int_equal(tapir_counter(l.h, "neighbour.queue_dropped"), 84);
	run(&l, SECOND * 10);
	assert_int_equal(sent(&l, ETHER_ARP), 2);       /* three in all, a second apart, and then silence */
	assert_int_equal(tapir_counter(l.h, "neighbour.failed"), 1);
	assert_int_equal(send_to(l.h, fd, "x", 1, "192.0.2.9", 9), 1);
	arp_in(&l, ARP_REPLY, IP(9), 9, US);
	assert_int_equal(sent(&l, ETHER_IPV4), 1);
	tapir_host_free(l.h);
}

static void test_arp_expires_and_is_asked_again(void **state)
{
	struct lone l;
	uint8_t mac[6];
	int fd;

	(void)state;
	lone_new(&l);
	fd = tapir_socket(l.h, AF_INET, SOCK_DGRAM, 0);
	send_to(l.h, fd, "x", 1, "192.0.2.9", 9);
	arp_in(&l, ARP_REPLY, IP(9), 9, US);
	assert_int_equal(tapir_neighbour_get(l.h, l.nif, "192.0.2.9", mac), 0);
	assert_int_equal(mac[5], 9);
	run(&l, 200 * SECOND);
	assert_int_equal(tapir_neighbour_get(l.h, l.nif, "192.0.2.9", mac), -ENOENT);
	tapir_host_free(l.h);
}

static void test_static_entries_stay(void **state)
{
	static const uint8_t fixed[6] = { 2, 1, 1, 1, 1, 1 };
	struct tapir_memory_use before, after;
	struct lone l;
	uint8_t mac[6];

	(void)state;
	lone_new(&l);
	assert_int_equal(tapir_set(l.h, "neighbour.max", "100"), 0);
	assert_int_equal(tapir_neighbour_set(l.h, l.nif, "192.0.2.200", fixed), 0);
	arp_in(&l, ARP_REPLY, IP(200), 66, US);
	arp_in(&l, ARP_REQUEST, IP(200), 66, US);
	assert_true(tapir_counter(l.h, "neighbour.static_kept") >= 2);
	tapir_memory_use(l.h, &before);
	/* Everybody asks for us, from ever new addresses. */
	for (uint32_t i = 0; i < 20000; i++)
		arp_in(&l, ARP_REQUEST, 0x0a000001 + i, (uint8_t)i, US);
	tapir_memory_use(l.h, &after);
	assert_true(after.bytes - before.bytes < 100000);
	assert_true(tapir_counter(l.h, "neighbour.evicted") > 19000);
	assert_int_equal(tapir_neighbour_get(l.h, l.nif, "192.0.2.200", mac), 0);
	assert_memory_equal(mac, fixed, 6);
	tapir_host_free(l.h);
}

static void test_conflict_is_answered_seldom(void **state)
{
	struct lone l;

	(void)state;
	lone_new(&l);
	for (unsigned i = 0; i < 50; i++)
		arp_in(&l, ARP_REPLY, US, 66, US);
	assert_int_equal(tapir_counter(l.h, "neighbour.conflicts"), 50);
	assert_int_equal(sent(&l, ETHER_ARP), 1);
	tapir_host_free(l.h);
}

/* ---- martians ---- */

static void crafted_in(struct lone *l, const char *text)
{
	uint8_t frame[2048];
	char full[512];
	size_t at;
	int len;

	snprintf(full, sizeof(full), "eth src=02:00:00:00:09:01 dst=02:00:00:00:00:01/%s", text);
	len = craft(frame, sizeof(frame), full, &at);
	assert_true(len > 0);
	assert_int_equal(tapir_device_inject(l->dev, frame, (size_t)len), 0);
	tapir_host_poll(l->h, l->now, 0);
}

static const struct {
	const char *src, *dst, *counter;
} martians[] = {
	{ "127.0.0.1", "192.0.2.1", "ip.martian_source" },
	{ "0.0.0.0", "192.0.2.1", "ip.martian_source" },
	{ "0.1.2.3", "192.0.2.1", "ip.martian_source" },
	{ "224.0.0.1", "192.0.2.1", "ip.martian_source" },
	{ "240.0.0.1", "192.0.2.1", "ip.martian_source" },
	{ "255.255.255.255", "192.0.2.1", "ip.martian_source" },
	{ "192.0.2.255", "192.0.2.1", "ip.martian_source" },
	{ "192.0.2.1", "192.0.2.1", "ip.spoofed" },
	{ "192.0.2.9", "127.0.0.1", "ip.martian_destination" },
	{ "192.0.2.9", "0.0.0.0", "ip.martian_destination" },
	{ "192.0.2.9", "198.51.100.1", "ip.not_ours" },
};

static void test_martians(void **state)
{
	struct lone l;

	(void)state;
	lone_new(&l);
	for (unsigned i = 0; i < ARRAY_LEN(martians); i++) {
		const uint64_t before = tapir_counter(l.h, martians[i].counter);
		char text[128];

		snprintf(text, sizeof(text), "ip src=%s dst=%s/udp sport=1 dport=2", martians[i].src, martians[i].dst);
		crafted_in(&l, text);
		assert_int_equal(tapir_counter(l.h, martians[i].counter), before + 1);
		assert_int_equal(tapir_counter(l.h, "ip.delivered"), 0);
	}
	assert_int_equal(sent(&l, ETHER_IPV4), 0);
	tapir_host_free(l.h);
}

static void test_icmp_errors_are_limited(void **state)
{
	static const uint8_t fixed[6] = { 2, 0, 0, 0, 9, 1 };
	struct lone l;

	(void)state;
	lone_new(&l);
	tapir_neighbour_set(l.h, l.nif, "192.0.2.9", fixed);
	for (unsigned i = 0; i < 1000; i++)
		crafted_in(&l, "ip src=192.0.2.9 dst=192.0.2.1/udp sport=1 dport=2");
	assert_int_equal(sent(&l, ETHER_IPV4), 6);
	assert_int_equal(tapir_counter(l.h, "icmp.errors_limited"), 994);
	run(&l, 3 * SECOND);
	for (unsigned i = 0; i < 10; i++)
		crafted_in(&l, "ip src=192.0.2.9 dst=192.0.2.1/udp sport=1 dport=2");
	assert_int_equal(sent(&l, ETHER_IPV4), 3);
	tapir_host_free(l.h);
}

/* ---- routes ---- */

static void test_longest_prefix_of_ten_thousand(void **state)
{
	struct lone l;
	int fd;

	(void)state;
	lone_new(&l);
	assert_int_equal(tapir_route_add(l.h, "default", "192.0.2.254", l.nif, 0), 0);
	assert_int_equal(tapir_route_add(l.h, "default", "192.0.2.254", l.nif, 0), -EEXIST);
	for (unsigned i = 0; i < 10000; i++) {
		char text[32];

		snprintf(text, sizeof(text), "10.%u.%u.0/24", i / 250, i % 250);
		assert_int_equal(tapir_route_add(l.h, text, i % 2 ? "192.0.2.3" : "unreachable", l.nif, 5), 0);
	}
	assert_int_equal(tapir_route_add(l.h, "10.1.1.7/32", "blackhole", l.nif, 5), 0);
	fd = tapir_socket(l.h, AF_INET, SOCK_DGRAM, 0);
	assert_int_equal(send_to(l.h, fd, "x", 1, "10.0.1.1", 9), 1);
	assert_int_equal(send_to(l.h, fd, "x", 1, "10.0.2.1", 9), -EHOSTUNREACH);
	assert_int_equal(send_to(l.h, fd, "x", 1, "10.1.1.7", 9), -EINVAL);
	/* A better metric for the same prefix wins, and loses again when it goes. */
	assert_int_equal(tapir_route_add(l.h, "10.0.2.0/24", "192.0.2.3", l.nif, 1), 0);
	assert_int_equal(send_to(l.h, fd, "x", 1, "10.0.2.1", 9), 1);
	assert_int_equal(tapir_route_remove(l.h, "10.0.2.0/24", "192.0.2.3", l.nif, 1), 0);
	assert_int_equal(send_to(l.h, fd, "x", 1, "10.0.2.1", 9), -EHOSTUNREACH);
	assert_int_equal(tapir_route_remove(l.h, "default", "192.0.2.254", l.nif, 0), 0);
	assert_int_equal(send_to(l.h, fd, "x", 1, "198.51.100.1", 9), -ENETUNREACH);
	tapir_host_free(l.h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_arp_throttled_and_bounded),
		cmocka_unit_test(test_arp_expires_and_is_asked_again),
		cmocka_unit_test(test_static_entries_stay),
		cmocka_unit_test(test_conflict_is_answered_seldom),
		cmocka_unit_test(test_martians),
		cmocka_unit_test(test_icmp_errors_are_limited),
		cmocka_unit_test(test_longest_prefix_of_ten_thousand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
