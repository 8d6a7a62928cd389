/* What a refused packet is answered with: rows of a frame and of the frames that tell each end. */
#include <errno.h>
#include <stdio.h>

#include "base/check.h"
#include "stack/wire/craft.h"
#include "stack/wire/reject.h"

#define ETH_THERE "eth src=02:00:00:00:00:01 dst=02:00:00:00:00:02"
#define ETH_BACK "eth src=02:00:00:00:00:02 dst=02:00:00:00:00:01"
#define RST " win=0"

static const struct {
	const char *frame;
	enum reject_to to;
	const char *answers[REJECT_FRAMES_MAX];
} rows[] = {
	/* A SYN: as a closed port would answer. */
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / tcp 1000 80 S seq=7", REJECT_TO_SOURCE,
	  { ETH_BACK " / ip 10.0.0.2 10.0.0.1 df / tcp 80 1000 RA seq=0 ack=8" RST } },
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / tcp 1000 80 S seq=7", REJECT_TO_DESTINATION,
	  { ETH_THERE " / ip 10.0.0.1 10.0.0.2 df / tcp 1000 80 R seq=8" RST } },
	/* Data: the client expects what it has acknowledged, the server what comes behind it, or still it. */
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / tcp 1000 80 PA seq=7 ack=90 / \"hello\"", REJECT_TO_SOURCE,
	  { ETH_BACK " / ip 10.0.0.2 10.0.0.1 df / tcp 80 1000 RA seq=90 ack=12" RST } },
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / tcp 1000 80 PA seq=7 ack=90 / \"hello\"", REJECT_TO_DESTINATION,
	  { ETH_THERE " / ip 10.0.0.1 10.0.0.2 df / tcp 1000 80 RA seq=12 ack=90" RST,
	    ETH_THERE " / ip 10.0.0.1 10.0.0.2 df / tcp 1000 80 RA seq=7 ack=90" RST } },
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / tcp 1000 80 FA seq=4294967295 ack=90", REJECT_TO_SOURCE,
	  { ETH_BACK " / ip 10.0.0.2 10.0.0.1 df / tcp 80 1000 RA seq=90 ack=0" RST } },
	{ ETH_THERE " / vlan 5 prio=2 / vlan 6 / ip fe80::1 fe80::2 / tcp 1 2 . seq=1 ack=2", REJECT_TO_SOURCE,
	  { ETH_BACK " / vlan 5 prio=2 / vlan 6 / ip fe80::2 fe80::1 / tcp 2 1 RA seq=2 ack=1" RST } },
	{ "ip 10.0.0.1 10.0.0.2 / tcp 1000 80 S seq=7", REJECT_TO_SOURCE,
	  { "ip 10.0.0.2 10.0.0.1 df / tcp 80 1000 RA seq=0 ack=8" RST } },
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / tcp 1000 80 R seq=7", REJECT_TO_SOURCE, { NULL } },
	/* The error quotes the packet: 4500 0020 ... */
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 id=1 / udp 5 6 / \"abcd\"", REJECT_TO_SOURCE,
	  { ETH_BACK " / ip 10.0.0.2 10.0.0.1 df / icmp 3 10 / ip 10.0.0.1 10.0.0.2 id=1 / udp 5 6 / \"abcd\"" } },
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / udp 5 6 / zeros:1400", REJECT_TO_SOURCE,
	  { ETH_BACK " / ip 10.0.0.2 10.0.0.1 df / icmp 3 10 / hex:450005940000000040116157" "0a0000010a000002"
	    "000500060580e0e0 / zeros:520" } },
	{ ETH_THERE " / ip fd00::1 fd00::2 / udp 5 6 / \"abcd\"", REJECT_TO_SOURCE,
	  { ETH_BACK " / ip fd00::2 fd00::1 / icmpv6 1 1 / ip fd00::1 fd00::2 / udp 5 6 / \"abcd\"" } },
	{ ETH_THERE " / ip fd00::1 fd00::2 / udp 5 6 / \"abcd\"", REJECT_TO_DESTINATION, { NULL } },
	/* Nobody is told about these. */
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 / icmp 3 1 / ip 10.0.0.2 10.0.0.1 / udp 5 6", REJECT_TO_SOURCE, { NULL } },
	{ ETH_THERE " / ip 10.0.0.1 224.0.0.5 / udp 5 6", REJECT_TO_SOURCE, { NULL } },
	{ ETH_THERE " / ip 10.0.0.1 255.255.255.255 / udp 5 6", REJECT_TO_SOURCE, { NULL } },
	{ ETH_THERE " / ip 0.0.0.0 10.0.0.2 / udp 5 6", REJECT_TO_SOURCE, { NULL } },
	{ ETH_THERE " / ip :: ff02::1 / udp 5 6", REJECT_TO_SOURCE, { NULL } },
	{ ETH_THERE " / ip 10.0.0.1 10.0.0.2 off=8 / zeros:16", REJECT_TO_SOURCE, { NULL } },
	{ ETH_THERE " / arp request 10.0.0.1 10.0.0.2", REJECT_TO_SOURCE, { NULL } },
};

static void answers(void **state)
{
	struct reject_frame out[REJECT_FRAMES_MAX];
	struct packet_config cfg;
	struct packet_set set;
	uint8_t bytes[2048], want[2048];

	(void)state;
	packet_config_default(&cfg);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int len = craft(bytes, sizeof(bytes), rows[i].frame, NULL);
		struct frame f = { .data = bytes, .len = (uint32_t)len, .wire_len = (uint32_t)len,
				   .link = rows[i].frame[0] == 'e' ? LINK_ETHERNET : LINK_RAW };
		unsigned n, wanted = 0;

		assert_true(len > 0);
		packet_decode(&set, &f, &cfg);
		n = reject_build(out, &set.pkts[0], rows[i].to);
		while (wanted < REJECT_FRAMES_MAX && rows[i].answers[wanted] != NULL)
			wanted++;
		if (n != wanted)
			fail_msg("%s: %u answers", rows[i].frame, n);
		for (unsigned k = 0; k < n; k++) {
			const int l = craft(want, sizeof(want), rows[i].answers[k], NULL);

			if (l != (int)out[k].len || memcmp(want, out[k].data, (size_t)l) != 0) {
				for (uint32_t b = 0; b < out[k].len; b++)
					fprintf(stderr, "%02x", out[k].data[b]);
				fail_msg(": not %s (%d)", rows[i].answers[k], l);
			}
		}
	}
}

/* Inner packets have no link header of their own; a tag that the NIC took out does. */
static void tunnels_and_tags(void **state)
{
	struct reject_frame out[REJECT_FRAMES_MAX];
	struct packet_config cfg;
	struct packet_set set;
	uint8_t bytes[256];
	struct frame f = { .data = bytes, .link = LINK_ETHERNET };

	(void)state;
	packet_config_default(&cfg);
	f.len = f.wire_len = (uint32_t)craft(bytes, sizeof(bytes), "eth / ip 1.1.1.1 2.2.2.2 / gre / ip 10.0.0.1 10.0.0.2 / udp 1 2", NULL);
	packet_decode(&set, &f, &cfg);
	assert_int_equal(set.count, 2);
	assert_int_equal(reject_build(out, &set.pkts[1], REJECT_TO_SOURCE), 0);
	f.len = f.wire_len = (uint32_t)craft(bytes, sizeof(bytes), "eth / ip 10.0.0.1 10.0.0.2 / tcp 1 2 S", NULL);
	f.flags = FRAME_VLAN_STRIPPED;
	f.vlan_tci = 7;
	packet_decode(&set, &f, &cfg);
	assert_int_equal(reject_build(out, &set.pkts[0], REJECT_TO_SOURCE), 1);
	assert_memory_equal(out[0].data + 12, "\x81\x00\x00\x07\x08\x00", 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(answers), cmocka_unit_test(tunnels_and_tags) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
