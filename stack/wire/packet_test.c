/* Frames and what the decoder makes of them, layer by layer and tunnel by tunnel. */
#include "stack/wire/ip.h"
#include "stack/wire/stats.h"
#include "stack/wire/wire_check.h"

struct row {
	const char *text;
	unsigned count;         /* packets found */
	uint8_t tunnel;         /* of the innermost */
	uint8_t ip_version, proto;
	uint16_t src_port, dst_port;
	uint8_t vlans;
	const char *payload;
};

static const struct row rows[] = {
	{ "eth / ipv4 10.0.0.1 10.0.0.2 / tcp 1000 80 S seq=1 / \"data\"", 1, 0, 4, 6, 1000, 80, 0, "data" },
	{ "eth / ipv6 fe80::1 fe80::2 / tcp 1000 80 / \"data\"", 1, 0, 6, 6, 1000, 80, 0, "data" },
	{ "eth / ipv6 fe80::1 fe80::2 / udp 53 5353 / \"data\" ", 1, 0, 6, 17, 53, 5353, 0, "data" },
	{ "eth / ipv4 10.0.0.1 10.0.0.2 / sctp 7 8 tag=9 / \"data\"", 1, 0, 4, 132, 7, 8, 0, "data" },
	{ "eth / ipv4 10.0.0.1 10.0.0.2 / icmp 8 0 id=5 / \"data\"", 1, 0, 4, 1, 0, 0, 0, "data" },
	{ "eth / ipv6 fe80::1 fe80::2 / icmpv6 128 0 / \"data\"", 1, 0, 6, 58, 0, 0, 0, "data" },
	{ "eth / ipv4 10.0.0.1 10.0.0.2 proto=51 / hex:110400000000000000000001 / zeros:12 / udp 1 2 / \"x\"", 1, 0, 4, 17, 1, 2,
	  0, "x" },
	{ "eth / ipv4 10.0.0.1 10.0.0.2 proto=51 / hex:11ff00000000000000000001 / udp 1 2", 1, 0, 4, 51, 0, 0, 0, NULL },
	{ "eth / ipv4 10.0.0.1 10.0.0.2 / esp 7 8 / \"data\"", 1, 0, 4, 50, 0, 0, 0, "data" },
	{ "eth / ipv4 10.0.0.1 10.0.0.2 proto=200 / \"data\"", 1, 0, 4, 200, 0, 0, 0, "data" },
	{ "eth / vlan 5 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 1, "" },
	{ "eth / vlan 5 / vlan 6 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 2, "" },
	{ "eth / vlan 5 / vlan 6 / vlan 7 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 3, "" },
	{ "eth type=0x88e7 / zeros:16 / hex:0800 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 0, "" },
	{ "eth type=0x8926 / zeros:4 / hex:0800 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 0, "" },
	{ "eth type=0x893f / zeros:6 / hex:86dd / ipv6 ::1 ::2 / udp 1 2", 1, 0, 6, 17, 1, 2, 0, "" },
	{ "eth type=0x8903 / zeros:2 / eth / ipv6 ::1 ::2 / udp 1 2", 1, 0, 6, 17, 1, 2, 0, "" },
	{ "eth / mpls 100 / mpls 16 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 0, "" },
	{ "eth / mpls 100 / zeros:4 / eth / ipv6 ::1 ::2 / udp 1 2", 1, 0, 6, 17, 1, 2, 0, "" },
	{ "eth / pppoe 7 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 0, "" },
	{ "eth / pppoe 7 / ipv6 ::1 ::2 / udp 1 2", 1, 0, 6, 17, 1, 2, 0, "" },
	{ "eth type=0x894f / hex:0fc2020100000102 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 1, 0, 4, 17, 1, 2, 0, "" },
	{ "eth / ipv6 ::1 ::2 / hop 05020000 / dst / udp 1 2 / \"x\"", 1, 0, 6, 17, 1, 2, 0, "x" },
	{ "eth / ipv6 ::1 ::2 / frag id=1 / udp 1 2 / \"x\"", 1, 0, 6, 17, 1, 2, 0, "x" },
	{ "eth / ipv6 ::1 ::2 next=51 / hex:1104000000000000 / zeros:16 / udp 1 2 / \"x\"", 1, 0, 6, 17, 1, 2, 0, "x" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / ipv4 10.0.0.1 10.0.0.2 / udp 1 2", 2, TUNNEL_IPIP, 4, 17, 1, 2, 0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_IPIP, 6, 17, 1, 2, 0, "" },
	{ "eth / ipv6 ::1 ::2 / ipv4 10.0.0.1 10.0.0.2 / udp 1 2", 2, TUNNEL_IP6, 4, 17, 1, 2, 0, "" },
	{ "eth / ipv6 ::1 ::2 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_IP6, 6, 17, 1, 2, 0, "" },
	{ "eth / vlan 9 / ipv4 1.2.3.4 5.6.7.8 / gre key=3 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2", 2, TUNNEL_GRE, 4, 17, 1, 2,
	  0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / gre / eth / vlan 4 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_GRE, 6, 17, 1, 2, 1,
	  "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 proto=47 / hex:3001880b0030000100000001ff030021 / ipv4 1.1.1.1 1.1.1.2 / udp 1 2",
	  2, TUNNEL_GRE, 4, 17, 1, 2, 0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / gre type=0x88be / eth / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_ERSPAN, 6, 17, 1, 2,
	  0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / gre seq=1 type=0x88be / hex:1005000100000000 / eth / ipv6 ::1 ::2 / udp 1 2", 2,
	  TUNNEL_ERSPAN, 6, 17, 1, 2, 1, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / gre seq=1 type=0x22eb / hex:200500010000000000000000 / eth / ipv6 ::1 ::2 / "
	  "udp 1 2", 2, TUNNEL_ERSPAN, 6, 17, 1, 2, 1, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 4789 / vxlan 3 / eth / vlan 7 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_VXLAN,
	  6, 17, 1, 2, 1, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 6081 / geneve 3 / eth / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_GENEVE, 6, 17,
	  1, 2, 0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 6081 / geneve 3 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_GENEVE, 6, 17, 1, 2,
	  0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 2152 / gtpu 3 / ipv4 1.1.1.1 1.1.1.2 / udp 1 2", 2, TUNNEL_GTPU, 4, 17, 1,
	  2, 0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 3544 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_TEREDO, 6, 17, 1, 2, 0, "" },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 3544 / zeros:8 / ipv6 ::1 ::2 / udp 1 2", 2, TUNNEL_TEREDO, 6, 17, 1, 2, 0,
	  "" },
	/* not quite a tunnel */
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 3544 / ipv6 ::1 ::2 / hex:00", 1, 0, 4, 17, 9, 3544, 0, NULL },
	{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 9 4789 / hex:0000000000000300 / eth / ipv6 ::1 ::2 / udp 1 2", 1, 0, 4, 17,
	  9, 4789, 0, NULL },
	/* three deep */
	{ "eth / ipv4 1.1.1.1 2.2.2.2 / gre / ipv6 ::1 ::2 / ipv4 3.3.3.3 4.4.4.4 / tcp 1 2 / \"in\"", 3, TUNNEL_IP6, 4, 6,
	  1, 2, 0, "in" },
};

static void rows_decode(void **state)
{
	static struct crafted c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct row *r = &rows[i];
		const struct packet *p;

		crafted_decode(&c, r->text, LINK_ETHERNET, NULL);
		p = &c.set.pkts[c.set.count - 1];
		if (c.set.count != r->count || p->tunnel != r->tunnel || p->ip_version != r->ip_version ||
		    p->proto != r->proto || p->src_port != r->src_port || p->dst_port != r->dst_port ||
		    p->vlan_count != r->vlans)
			fail_msg("%s: %u packets, tunnel %u, IPv%u, proto %u, ports %u %u, %u tags", r->text,
				 c.set.count, p->tunnel, p->ip_version, p->proto, p->src_port, p->dst_port,
				 p->vlan_count);
		if (r->payload != NULL && !slice_eq(p->payload, slice_str(r->payload)))
			fail_msg("%s: payload of %zu bytes", r->text, p->payload.len);
		assert_false(p->flags & PACKET_INVALID && r->payload != NULL);
		assert_int_equal(p->depth, r->count - 1);
		for (unsigned k = 0; k < c.set.count; k++) {
			assert_true(packet_check_ip(&c.set.pkts[k]));
			assert_true(packet_check_l4(&c.set.pkts[k]));
		}
	}
}

static void links(void **state)
{
	static const struct {
		uint16_t link;
		const char *text;
	} frames[] = {
		{ LINK_RAW, "ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_RAW_BSD, "ipv6 ::1 ::2 / udp 1 2" },
		{ LINK_IPV4, "ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_IPV6, "ipv6 ::1 ::2 / udp 1 2" },
		{ LINK_NULL, "hex:02000000 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_NULL, "hex:0000001e / ipv6 ::1 ::2 / udp 1 2" },
		{ LINK_LOOP, "hex:00000018 / ipv6 ::1 ::2 / udp 1 2" },
		{ LINK_SLL, "hex:0000000100060200000000010000 / hex:0800 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_SLL2, "hex:0800000000000001000100060200000000010000 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_PPP, "hex:ff030021 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_PPP, "hex:0021 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_PPP, "hex:57 / ipv6 ::1 ::2 / udp 1 2" },
		{ LINK_CHDLC, "hex:0f000800 / ipv4 1.2.3.4 5.6.7.8 / udp 1 2" },
		{ LINK_CHDLC, "hex:8f0086dd / ipv6 ::1 ::2 / udp 1 2" },
	};
	static struct crafted c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		crafted_decode(&c, frames[i].text, frames[i].link, NULL);
		if (c.set.pkts[0].dst_port != 2 || c.set.pkts[0].event_count)
			fail_msg("link %u: %s", frames[i].link, frames[i].text);
	}
}

static void fields_are_read(void **state)
{
	static struct crafted c;
	const struct packet *p = &c.set.pkts[0];
	char text[IP_TEXT_MAX];

	(void)state;
	crafted_decode(&c, "eth / vlan 77 / ipv4 10.0.0.1 192.168.255.3 ttl=9 tos=4 id=513 df / tcp 1000 80 SA seq=1 ack=4294967295 "
		       "win=512 urg=3 mss=1460 wscale=7 sackok ts=1,2", LINK_ETHERNET, NULL);
	assert_int_equal(p->vlan[0], 77);
	assert_int_equal(p->ttl, 9);
	assert_int_equal(p->tos, 4);
	assert_int_equal(p->frag_id, 513);
	assert_true(p->frag_dont);
	assert_int_equal(p->seq, 1);
	assert_int_equal(p->ack, 0xffffffff);
	assert_int_equal(p->tcp_flags, 0x12);
	assert_int_equal(p->window, 512);
	assert_int_equal(p->urgent, 3);
	assert_true(p->tcp.has_mss && p->tcp.has_wscale && p->tcp.sack_permitted && p->tcp.has_timestamp);
	assert_int_equal(p->tcp.mss, 1460);
	assert_int_equal(p->tcp.wscale, 7);
	assert_int_equal(p->tcp.ts_val, 1);
	assert_int_equal(p->tcp.ts_ecr, 2);
	assert_false(p->flags & PACKET_NO_FLOW);
	ip_addr_text(&p->src, 4, text);
	assert_string_equal(text, "10.0.0.1");
	ip_addr_text(&p->dst, 4, text);
	assert_string_equal(text, "192.168.255.3");

	crafted_decode(&c, "eth / ipv6 fe80::1 2001:db8::ff / udp 1 2", LINK_ETHERNET, NULL);
	assert_int_equal(p->tcp_flags, 0);
	assert_false(p->tcp.has_mss);
	assert_int_equal(p->vlan_count, 0);
	ip_addr_text(&p->src, 6, text);
	assert_string_equal(text, "fe80:0000:0000:0000:0000:0000:0000:0001");
}

static void fragments(void **state)
{
	static struct crafted c;
	const struct packet *p = &c.set.pkts[0];

	(void)state;
	crafted_decode(&c, "eth / ipv4 1.2.3.4 5.6.7.8 id=7 off=16 mf proto=6 / \"12345678\"", LINK_ETHERNET, NULL);
	assert_true(p->flags & PACKET_FRAGMENT && p->frag_more);
	assert_int_equal(p->frag_offset, 16);
	assert_int_equal(p->payload.len, 8);
	assert_null(p->l4);
	crafted_decode(&c, "eth / ipv6 ::1 ::2 / hop 05020000 / frag id=70000 off=24 mf next=17 / \"12345678\"", LINK_ETHERNET,
		       NULL);
	assert_true(p->flags & PACKET_FRAGMENT && p->frag_more);
	assert_int_equal(p->frag_id, 70000);
	assert_int_equal(p->frag_offset, 24);
	assert_int_equal(p->proto, 17);
	assert_int_equal(p->ip_header_len, 40 + 8 + 8);
	assert_int_equal(p->frag_next_at, 40);
	assert_int_equal(p->ip[p->frag_next_at], 44);
	assert_int_equal(p->payload.len, 8);
}

static void quoted(void **state)
{
	static struct crafted c;
	const struct packet *p = &c.set.pkts[0];

	(void)state;
	crafted_decode(&c, "eth / ipv4 9.9.9.9 10.0.0.1 / icmp 3 3 / ipv4 10.0.0.1 10.0.0.2 / udp 5000 53 / \"q\"", LINK_ETHERNET,
		       NULL);
	assert_true(p->flags & PACKET_ICMP_ERROR);
	assert_int_equal(p->emb_proto, 17);
	assert_int_equal(p->emb_src_port, 5000);
	assert_int_equal(p->emb_dst_port, 53);
	assert_int_equal(p->emb_src.bytes[3], 1);
	crafted_decode(&c, "eth / ipv6 ::9 ::1 / icmpv6 1 4 / ipv6 ::1 ::2 / tcp 5000 53", LINK_ETHERNET, NULL);
	assert_true(p->flags & PACKET_ICMP_ERROR);
	assert_int_equal(p->emb_proto, 6);
	assert_int_equal(p->emb_ip_version, 6);
	assert_int_equal(p->emb_dst_port, 53);
}

static void datagram(void **state)
{
	static struct crafted c, whole;
	static struct packet_set out;
	struct packet_config cfg;

	(void)state;
	packet_config_default(&cfg);
	crafted_decode(&c, "eth / vlan 3 / ipv4 1.2.3.4 5.6.7.8 mf proto=17 / \"12345678\"", LINK_ETHERNET, NULL);
	crafted_decode(&whole, "ipv4 1.2.3.4 5.6.7.8 / udp 1 2 / \"put together\"", LINK_RAW, NULL);
	packet_decode_datagram(&out, &c.set.pkts[0], whole.data, whole.frame.len, &cfg);
	assert_int_equal(out.count, 1);
	assert_true(out.pkts[0].flags & PACKET_REASSEMBLED);
	assert_int_equal(out.pkts[0].dst_port, 2);
	assert_int_equal(out.pkts[0].vlan[0], 3);
}

static void checksums(void **state)
{
	static const struct {
		const char *text;
		bool ip, l4;
	} frames[] = {
		{ "eth / ipv4 1.2.3.4 5.6.7.8 badsum / udp 1 2 / \"x\"", false, true },
		{ "eth / ipv4 1.2.3.4 5.6.7.8 / udp 1 2 badsum / \"x\"", true, false },
		{ "eth / ipv4 1.2.3.4 5.6.7.8 / tcp 1 2 badsum / \"odd\"", true, false },
		{ "eth / ipv6 ::1 ::2 / tcp 1 2 badsum / \"odd\"", true, false },
		{ "eth / ipv4 1.2.3.4 5.6.7.8 / icmp 8 0 badsum", true, false },
		{ "eth / ipv6 ::1 ::2 / icmpv6 128 0 badsum", true, false },
		{ "eth / ipv4 1.2.3.4 5.6.7.8 proto=17 / hex:0001000200080000", true, true },
	};
	static struct crafted c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		crafted_decode(&c, frames[i].text, LINK_ETHERNET, NULL);
		for (int again = 0; again < 2; again++) {
			assert_int_equal(packet_check_ip(&c.set.pkts[0]), frames[i].ip);
			assert_int_equal(packet_check_l4(&c.set.pkts[0]), frames[i].l4);
		}
	}
	/* Where a NIC that never was may have been meant to fill it in, a wrong one is still wrong ... */
	crafted_decode(&c, frames[2].text, LINK_ETHERNET, NULL);
	c.set.pkts[0].frame_flags |= FRAME_CSUM_PARTIAL;
	assert_false(packet_check_l4(&c.set.pkts[0]));
	/* ... unless it is what the NIC would have started from: 1.2 + 3.4 + 5.6 + 7.8 + protocol + length. */
	for (unsigned flag = 0; flag < 2; flag++) {
		crafted_decode(&c, frames[2].text, LINK_ETHERNET, NULL);
		memcpy(c.data + 14 + 20 + 16, "\x10\x31", 2);
		c.set.pkts[0].frame_flags |= flag ? FRAME_CSUM_PARTIAL : 0;
		assert_int_equal(packet_check_l4(&c.set.pkts[0]), flag);
		assert_int_equal(!!(c.set.pkts[0].flags & PACKET_CSUM_UNKNOWN), flag);
	}
}

/* Every prefix of every frame, and each frame with each byte turned over: it must end, with sane pointers. */
static void broken_frames_end(void **state)
{
	static struct crafted c;
	struct packet_config cfg;

	(void)state;
	packet_config_default(&cfg);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint32_t whole;

		crafted_decode(&c, rows[i].text, LINK_ETHERNET, NULL);
		whole = c.frame.len;
		for (uint32_t n = 0; n < whole * 2; n++) {
			/* memory of its own, so that a sanitizer sees one byte too many */
			uint8_t *copy = test_malloc(n < whole ? n + 1 : whole);

			memcpy(copy, c.data, n < whole ? n : whole);
			if (n >= whole)
				copy[n - whole] ^= 0xff;
			c.frame.data = copy;
			c.frame.len = n < whole ? n : whole;
			packet_decode(&c.set, &c.frame, &cfg);
			assert_in_range(c.set.count, 1, PACKET_NEST_MAX);
			for (unsigned k = 0; k < c.set.count; k++) {
				struct packet *p = &c.set.pkts[k];

				assert_true(p->payload.len == 0 ||
					    (p->payload.data >= copy &&
					     p->payload.data + p->payload.len <= copy + c.frame.len));
				packet_check_ip(p);
				packet_check_l4(p);
			}
			test_free(copy);
		}
	}
}

static void counted(void **state)
{
	static struct crafted c;
	static struct wire_stats stats, total;
	struct packet_config cfg;

	(void)state;
	packet_config_default(&cfg);
	cfg.stats = &stats;
	crafted_decode(&c, "eth / vlan 5 / vlan 6 / ipv4 1.2.3.4 5.6.7.8 / udp 1 4789 / vxlan 3 / eth / ipv6 ::1 ::2 / udp 1 2",
		       LINK_ETHERNET, &cfg);
	crafted_decode(&c, "eth / ipv4 1.2.3.4 5.6.7.8 / tcp 1 2 opt=0205", LINK_ETHERNET, &cfg);
	wire_stats_events(&stats, &c.set.pkts[0]);
	crafted_decode(&c, "eth type=0x0800 / hex:45", LINK_ETHERNET, &cfg);
	wire_stats_add(&total, &stats);
	wire_stats_add(&total, &stats);
	wire_stats_finish(&total);
	assert_int_equal(total.count[WIRE_PKTS], 6);
	assert_int_equal(total.count[WIRE_INVALID], 2);
	assert_int_equal(total.count[WIRE_ETHERNET], 6);
	assert_int_equal(total.count[WIRE_VLAN], 2);
	assert_int_equal(total.count[WIRE_VLAN_QINQ], 2);
	assert_int_equal(total.count[WIRE_VXLAN], 2);
	assert_int_equal(total.count[WIRE_UDP], 4);
	assert_int_equal(total.count[WIRE_MAX_PKT_SIZE], stats.count[WIRE_MAX_PKT_SIZE]);
	assert_int_equal(total.events[EVENT_TCP_OPT_INVALID_LEN], 2);
	assert_string_equal(wire_counter_name(WIRE_VLAN_QINQINQ), "vlan_qinqinq");
	assert_null(wire_counter_name(WIRE_COUNTER_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_decode),
		cmocka_unit_test(links),
		cmocka_unit_test(fields_are_read),
		cmocka_unit_test(fragments),
		cmocka_unit_test(quoted),
		cmocka_unit_test(datagram),
		cmocka_unit_test(checksums),
		cmocka_unit_test(broken_frames_end),
		cmocka_unit_test(counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
