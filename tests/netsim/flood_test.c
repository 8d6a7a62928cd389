/* flood_test.c - a million spoofed SYNs don't keep a client out, and a hundred thousand guessed RSTs and SYNs end nothing. */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/check.h"
#include "base/reader.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/tcp.h"
#include "tapir/host.h"
#include "tapir/socket.h"

#define SPOOFED 1000000u
#define GUESSES 100000u
#define CLIENT 0x0a000002u

struct flood {
	struct tapir_host *host;
	struct tapir_device *dev;
	uint64_t now;
	int listener;
};

static void inject(struct flood *f, uint32_t src, uint16_t port, uint8_t flags, uint32_t seq, uint32_t ack)
{
	uint8_t packet[128], from[4];
	struct writer w = writer_of(packet, sizeof(packet));
	const struct tcp_header h = { .src_port = port, .dst_port = 80, .seq = seq, .ack = ack, .flags = flags, .window = 1000 };
	struct ipv4_header ip = { .ttl = 64, .proto = PROTO_TCP, .payload_len = 20,
				  .dst = ip_addr_v4((const uint8_t[4]){ 10, 0, 0, 1 }) };

	store_be32(from, src);
	ip.src = ip_addr_v4(from);
	ipv4_build(&w, &ip);
	tcp_build(&w, &h);
	l4_checksum_set(packet + 20, 20, PROTO_TCP, 4, &ip.src, &ip.dst);
	must(tapir_device_inject(f->dev, packet, writer_len(&w)) == 0);
	f->now += 1000;
	tapir_host_poll(f->host, f->now, 0);
}

/* Empties what was sent; the sequence number of the last segment that went to the client. */
static uint32_t drain(struct flood *f, unsigned *answers)
{
	uint8_t frame[2048];
	uint32_t seq = 0;

	*answers = 0;
	while (tapir_device_drain(f->dev, frame, sizeof(frame), NULL) > 0)
		if (load_be32(frame + 16) == CLIENT) {
			seq = load_be32(frame + 24);
			++*answers;
		}
	return seq;
}

static int handshake(struct flood *f, uint16_t port, uint32_t *isn)
{
	unsigned answers;

	drain(f, &answers);
	inject(f, CLIENT, port, TCP_SYN, 5000, 0);
	*isn = drain(f, &answers);
	assert_int_equal(answers, 1);
	inject(f, CLIENT, port, TCP_ACK, 5001, *isn + 1);
	drain(f, &answers);
	return tapir_accept(f->host, f->listener, NULL, NULL);
}

static void test_floods(void **state)
{
	const struct tapir_host_config cfg = { .seed = 5 };
	const struct tapir_netif_config netif = { .name = "tun0", .no_ipv6 = true };
	const struct sockaddr_in name = { .sin_family = AF_INET, .sin_port = htons(80) };
	struct flood f = { .now = 1000000000 };
	uint32_t isn, random = 1;
	unsigned answers;
	int fd;

	(void)state;
	must(tapir_host_new(&f.host, &cfg) == 0);
	must(tapir_memory_new(&f.dev, TAPIR_MEDIUM_IP, 1500, 0) == 0);
	tapir_host_poll(f.host, f.now, 0);
	must(tapir_netif_add(f.host, f.dev, &netif) > 0);
	must(tapir_address_add(f.host, 2, "10.0.0.1/8") == 0);
	f.listener = tapir_socket(f.host, AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	must(tapir_bind(f.host, f.listener, (const struct sockaddr *)&name, sizeof(name)) == 0);
	must(tapir_listen(f.host, f.listener, 128) == 0);
	for (unsigned i = 0; i < SPOOFED; i++) {
		random = random * 1664525u + 1013904223u;
		inject(&f, 0x0a010000u + (random >> 12), (uint16_t)(1024 + i % 60000), TCP_SYN, random, 0);
		if (i % 256 == 0)
			drain(&f, &answers);
		if (i % 100000 == 99999) {
			fd = handshake(&f, (uint16_t)(2000 + i / 100000), &isn);
			assert_true(fd >= 0);
			assert_int_equal(tapir_close(f.host, fd), 0);
		}
	}
	assert_true(tapir_counter(f.host, "tcp.half_open") <= 128);
	fd = handshake(&f, 3000, &isn);
	assert_true(fd >= 0);
	for (unsigned i = 0; i < GUESSES; i++) {
		random = random * 1664525u + 1013904223u;
		if (random != 5001)
			inject(&f, CLIENT, 3000, i & 1 ? TCP_RST : TCP_SYN, random, 0);
		if (i % 256 == 0)
			drain(&f, &answers);
	}
	drain(&f, &answers);
	assert_int_equal(tapir_send(f.host, fd, "still here", 10, 0), 10);
	drain(&f, &answers);
	assert_int_equal(answers, 1);
	tapir_host_free(f.host);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_floods) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
