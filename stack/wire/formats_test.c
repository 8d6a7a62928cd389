/* Headers built and read again. */
#include <errno.h>

#include "base/conf.h"
#include "stack/wire/arp.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/ipv6.h"
#include "stack/wire/mpls.h"
#include "stack/wire/nsh.h"
#include "stack/wire/pppoe.h"
#include "stack/wire/sctp.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp.h"
#include "stack/wire/tunnels.h"
#include "stack/wire/vlan.h"
#include "stack/wire/wire_check.h"

static uint8_t room[256];
static struct writer out;
static struct reader in;

static void fresh(void)
{
	out = writer_of(room, sizeof(room));
}

/* What was written, less cut bytes. */
static struct reader *again(size_t cut)
{
	assert_false(out.ran_out);
	in = reader_of(room, writer_len(&out) - cut);
	return &in;
}

static void ethernet(void **state)
{
	const struct eth_header h = { .dst = { 1, 2, 3, 4, 5, 6 }, .src = { 7, 8, 9, 10, 11, 12 }, .type = 0x86dd };
	const struct vlan_header v = { .priority = 5, .drop_eligible = true, .id = 4095, .type = 0x0800 };
	struct eth_header h2;
	struct vlan_header v2;

	(void)state;
	fresh();
	eth_build(&out, &h);
	vlan_build(&out, &v);
	assert_int_equal(eth_parse(&h2, again(0)), PARSE_OK);
	assert_memory_equal(&h, &h2, sizeof(h));
	assert_int_equal(vlan_parse(&v2, &in), PARSE_OK);
	assert_int_equal(v2.priority, 5);
	assert_true(v2.drop_eligible);
	assert_int_equal(v2.id, 4095);
	assert_int_equal(v2.type, 0x0800);
	assert_int_equal(vlan_parse(&v2, &in), PARSE_MORE);
}

static void arp(void **state)
{
	const struct arp_header h = {
		.opcode = ARP_REPLY, .src_mac = { 1, 2, 3, 4, 5, 6 }, .dst_mac = { 6, 5, 4, 3, 2, 1 },
		.src_ip = { 10, 0, 0, 1 }, .dst_ip = { 10, 0, 0, 2 },
	};
	struct arp_header h2;

	(void)state;
	fresh();
	arp_build(&out, &h);
	assert_int_equal(arp_parse(&h2, again(1)), PARSE_MORE);
	assert_int_equal(arp_parse(&h2, again(0)), PARSE_OK);
	assert_memory_equal(&h, &h2, sizeof(h));
	room[1] = 6;
	assert_int_equal(arp_parse(&h2, again(0)), PARSE_BAD);
}

static void labels_and_sessions(void **state)
{
	const struct mpls_entry e = { .label = 0xfffff, .traffic_class = 5, .bottom = true, .ttl = 3 };
	const struct pppoe_header p = { .code = 0, .session = 0x1234, .length = 99 };
	struct mpls_entry e2;
	struct pppoe_header p2;

	(void)state;
	fresh();
	mpls_build(&out, &e);
	assert_int_equal(mpls_parse(&e2, again(0)), PARSE_OK);
	assert_int_equal(e2.label, e.label);
	assert_int_equal(e2.traffic_class, 5);
	assert_true(e2.bottom);
	assert_int_equal(e2.ttl, 3);
	fresh();
	pppoe_build(&out, &p);
	assert_int_equal(pppoe_parse(&p2, again(0)), PARSE_OK);
	assert_int_equal(p2.session, 0x1234);
	assert_int_equal(p2.length, 99);
	room[0] = 0x12;
	assert_int_equal(pppoe_parse(&p2, again(0)), PARSE_BAD);
}

static void service_chain(void **state)
{
	static const uint8_t context[16] = { 1, 2, 3 };
	const struct nsh_header h = { .md_type = 1, .next = NSH_NEXT_IPV6, .path = 0xabcdef, .index = 9,
				      .context = { context, sizeof(context) } };
	struct nsh_header h2;

	(void)state;
	fresh();
	nsh_build(&out, &h);
	assert_int_equal(nsh_parse(&h2, again(1)), PARSE_MORE);
	assert_int_equal(nsh_parse(&h2, again(0)), PARSE_OK);
	assert_int_equal(h2.path, 0xabcdef);
	assert_int_equal(h2.index, 9);
	assert_int_equal(h2.next, NSH_NEXT_IPV6);
	assert_true(slice_eq(h.context, h2.context));
}

static void udp_tunnels(void **state)
{
	static const uint8_t option[8] = { 1, 2, 3, 1, 9, 9, 9, 9 };
	const struct geneve_header g = { .critical = true, .type = ETHER_IPV6, .vni = 0x123456,
					 .options = { option, sizeof(option) } };
	struct geneve_header g2;
	uint32_t id;

	(void)state;
	fresh();
	vxlan_build(&out, 0xfedcba);
	assert_int_equal(vxlan_parse(&id, again(0)), PARSE_OK);
	assert_int_equal(id, 0xfedcba);
	fresh();
	geneve_build(&out, &g);
	assert_int_equal(geneve_parse(&g2, again(0)), PARSE_OK);
	assert_int_equal(g2.vni, 0x123456);
	assert_int_equal(g2.type, ETHER_IPV6);
	assert_true(g2.critical && !g2.control);
	assert_true(slice_eq(g.options, g2.options));
	room[8 + 3] = 5;                /* an option longer than all options */
	assert_int_equal(geneve_parse(&g2, again(0)), PARSE_BAD);
	fresh();
	gtpu_build(&out, 77, 4);
	write_be32(&out, 0x45000000);
	assert_int_equal(gtpu_parse(&id, again(0)), PARSE_OK);
	assert_int_equal(id, 77);
	assert_int_equal(gtpu_parse(&id, again(1)), PARSE_BAD);
}

static void sctp(void **state)
{
	const struct sctp_header h = { 1, 2, 0x11223344, 0x55667788 };
	struct sctp_header h2;
	struct sctp_chunk c;

	(void)state;
	fresh();
	sctp_build(&out, &h);
	write_be32(&out, 0x01000005);   /* one byte of value, three of padding */
	write_be32(&out, 0x77000000);
	write_be32(&out, 0x0a000004);
	write_be32(&out, 0x0b000003);
	assert_int_equal(sctp_parse(&h2, again(0)), PARSE_OK);
	assert_memory_equal(&h, &h2, sizeof(h));
	assert_int_equal(sctp_chunk_next(&c, &in), PARSE_OK);
	assert_int_equal(c.type, 1);
	assert_int_equal(c.value.len, 1);
	assert_int_equal(sctp_chunk_next(&c, &in), PARSE_OK);
	assert_int_equal(c.type, 10);
	assert_int_equal(sctp_chunk_next(&c, &in), PARSE_BAD);
}

static void tcp_options(void **state)
{
	const struct tcp_header h = {
		.src_port = 1, .dst_port = 2, .flags = TCP_ACK,
		.options = { .has_timestamp = true, .ts_val = 5, .ts_ecr = 6, .sack_blocks = 2,
			     .sack = { { 10, 20 }, { 30, 40 } } },
	};
	static const uint8_t others[] = { 19, 18, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 34, 6, 1, 2, 3, 4, 29, 4, 1, 1 };
	static const uint8_t fast_open_exp[] = { 254, 4, 0xf9, 0x89 };
	struct tcp_options t = { 0 };

	(void)state;
	fresh();
	tcp_build(&out, &h);
	assert_int_equal(room[12] >> 4, (20 + 12 + 20) / 4);
	assert_int_equal(tcp_options_parse(&t, room + 20, writer_len(&out) - 20), 0);
	assert_int_equal(t.sack_blocks, 2);
	assert_int_equal(t.sack[1][1], 40);
	assert_int_equal(t.ts_ecr, 6);
	t = (struct tcp_options){ 0 };
	assert_int_equal(tcp_options_parse(&t, others, sizeof(others)), 0);
	assert_true(t.has_md5 && t.has_ao && t.has_fast_open);
	assert_int_equal(t.fast_open.len, 4);
	t = (struct tcp_options){ 0 };
	assert_int_equal(tcp_options_parse(&t, fast_open_exp, sizeof(fast_open_exp)), 0);
	assert_true(t.has_fast_open && t.fast_open.len == 0);
}

/* The sums of RFC 1071's example, and of one byte at a time. */
static void sums(void **state)
{
	static const uint8_t example[] = { 0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7 };
	uint8_t data[97];
	uint16_t before;

	(void)state;
	assert_int_equal(checksum(example, sizeof(example)), (uint16_t)~0xddf2);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 37 + 11);
	for (size_t n = 0; n <= sizeof(data); n++) {
		uint32_t slow = 0;

		for (size_t i = 0; i < n; i++)
			slow += i & 1 ? data[i] : (uint32_t)data[i] << 8;
		while (slow >> 16)
			slow = (slow & 0xffff) + (slow >> 16);
		assert_int_equal(checksum(data, n), (uint16_t)~slow);
	}
	before = checksum(data, 40);
	store_be16(data + 6, 0xbeef);
	assert_int_equal(checksum_update16(before, (uint16_t)((6 * 37 + 11) % 256 << 8 | (7 * 37 + 11) % 256), 0xbeef),
			 checksum(data, 40));
	before = checksum(data, 40);
	store_be32(data + 8, 0x01020304);
	assert_int_equal(checksum_update32(before, (uint32_t)((8 * 37 + 11) % 256) << 24 | (9 * 37 + 11) % 256 << 16 |
							   (10 * 37 + 11) % 256 << 8 | (11 * 37 + 11) % 256,
					   0x01020304), checksum(data, 40));
}

static void sequence_numbers(void **state)
{
	static const struct {
		uint32_t a, b;
		bool before;
	} rows[] = {
		{ 0, 1, true }, { 1, 0, false }, { 5, 5, false }, { 0xffffffff, 0, true }, { 0xfffffff0, 0x10, true },
		{ 0x10, 0xfffffff0, false }, { 0, 0x7fffffff, true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		assert_int_equal(seq_lt(rows[i].a, rows[i].b), rows[i].before);
		assert_int_equal(seq_geq(rows[i].a, rows[i].b), !rows[i].before);
		if (rows[i].a != rows[i].b)
			assert_int_equal(seq_gt(rows[i].b, rows[i].a), rows[i].before);
	}
	assert_true(seq_in(3, 0xfffffffe, 6));
	assert_false(seq_in(4, 0xfffffffe, 6));
	assert_int_equal(seq_max(0xffffffff, 1), 1);
	assert_int_equal(seq_min(0xffffffff, 1), 0xffffffff);
}

static void crafted_text(void **state)
{
	static const struct {
		const char *text;
		int len;
		size_t at;
	} rows[] = {
		{ "eth / arp request 10.0.0.1 10.0.0.2", 42, 0 },
		{ "eth src=02:00:00:00:00:05 / ipv4 1.2.3.4 5.6.7.8 opt=0101 / udp 1 2 / zeros:10 / \"a b\"", 14 + 24 + 8 + 13, 0 },
		{ "", -EINVAL, 0 },
		{ "eth / nothing", -EINVAL, 6 },
		{ "eth / ipv4 1.2.3.4 5.6.7 / udp 1 2", -EINVAL, 19 },
		{ "ipv4 1.2.3.4 5.6.7.8 / udp 1 x", -EINVAL, 29 },
		{ "ipv4 1.2.3.4 5.6.7.8 / udp 1", -EINVAL, 23 },
		{ "hex:0a0", -EINVAL, 4 },
		{ "\"unfinished", -EINVAL, 0 },
		{ "zeros:300", -ENOSPC, 0 },
	};
	uint8_t frame[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t at = 0;
		const int len = craft(frame, sizeof(frame), rows[i].text, &at);

		if (len != rows[i].len || at != rows[i].at)
			fail_msg("\"%s\": %d at %zu", rows[i].text, len, at);
	}
}

/* Words by name, in any order, give the same frame as words by place. */
static void crafted_by_name(void **state)
{
	static const char *const rows[][2] = {
		{ "ip src=10.0.0.1 dst=10.0.0.2/tcp flags=S dport=80 sport=5", "ipv4 10.0.0.1 10.0.0.2 / tcp 5 80 S" },
		{ "ip dst=fe80::2 ttl=9 src=fe80::1/udp dport=53 sport=1", "ipv6 fe80::1 fe80::2 ttl=9 / udp 1 53" },
		{ "ip fe80::1 dst=fe80::2/ icmpv6", "ipv6 fe80::1 fe80::2 / icmpv6 128 0" },
		{ "ip 1.1.1.1 2.2.2.2 df/icmp id=3", "ipv4 1.1.1.1 2.2.2.2 df / icmp 8 0 id=3" },
		{ "ip 1.1.1.1 2.2.2.2 / tcp 1 sackok dport=2 mss=9", "ipv4 1.1.1.1 2.2.2.2 / tcp 1 2 mss=9 sackok" },
		{ "ip 1.1.1.1 2.2.2.2 / tcp dport=2", "ipv4 1.1.1.1 2.2.2.2 / tcp 40000 2 ." },
		{ "ip dst=2.2.2.2 / udp 1 2", "ipv4 192.0.2.9 2.2.2.2 / udp 1 2" },
		{ "eth/vlan id=7/arp op=reply dst=10.0.0.1 src=10.0.0.2 src-mac=06:00:00:00:00:07",
		  "eth / vlan 7 / arp reply 10.0.0.2 10.0.0.1 06:00:00:00:00:07" },
		{ "\"GET /\\r\\n\\x41\\\\\\\"\\0\"", "hex:474554202f0d0a415c2200" },
	};
	struct craft_opts opts = craft_opts_default;
	uint8_t named[256], placed[256], version;
	struct craft_error error;

	(void)state;
	opts.has_src4 = true;
	assert_int_equal(ip_addr_parse(&opts.src4, &version, "192.0.2.9"), 0);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const int len = craft_with(named, sizeof(named), rows[i][0], &opts, &error);

		if (len < 0)
			fail_msg("\"%s\": at %zu: %s", rows[i][0], error.at, error.text);
		assert_int_equal(craft(placed, sizeof(placed), rows[i][1], NULL), len);
		assert_memory_equal(named, placed, (size_t)len);
	}
}

static void crafted_mistakes(void **state)
{
	static const struct {
		const char *text;
		size_t at, len;
		const char *says;
	} rows[] = {
		{ "ip src=1.2.3.4 dst=5.6.7/udp 1 2", 19, 5, "an IPv4 address" },
		{ "ip src=1.2.3.4 / tcp dport=80", 0, 2, "ipv4 needs dst=" },
		{ "ip dst=1.2.3.4 / tcp dport=80", 0, 2, "ipv4 needs src=" },
		{ "ip 1.1.1.1 2.2.2.2/tcp flags=S", 19, 3, "tcp needs dport=" },
		{ "ip 1.1.1.1 2.2.2.2/tcp flags=S dprot=80", 31, 8, "tcp has no \"dprot=80\"; it has: sport dport flags seq=" },
		{ "ip 1.1.1.1 2.2.2.2/tcp 1 70000", 25, 5, "a number up to 65535" },
		{ "ip 1.1.1.1 2.2.2.2/tcp 1 80 sport=2", 28, 7, "sport= is there twice" },
		{ "ip 1.1.1.1 2.2.2.2/tcp 1 80 X", 28, 1, "TCP flags" },
		{ "ip 1.1.1.1 2.2.2.2/tcp 1 80 seq=", 28, 4, "a value" },
		{ "ip 1.1.1.1 2.2.2.2/udp 1 80 9", 28, 1, "udp has no \"9\"" },
		{ "ip 1.1.1.1 2.2.2.2/", 19, 0, "expected a layer" },
		{ "ip 1.1.1.1 2.2.2.2//udp 1 2", 19, 1, "expected a layer" },
		{ "eth src=1/arp request 1.1.1.1 2.2.2.2", 8, 1, "a MAC address" },
		{ "eth/arp ask 1.1.1.1 2.2.2.2", 8, 3, "request or reply" },
		{ "ip 1.1.1.1 2.2.2.2/udq 1 2", 19, 3, "there is no layer \"udq\"" },
		{ "ip 1.1.1.1 2.2.2.2/udp 1 2/\"a\\q\"", 29, 2, "\\xHH" },
		{ "eth / hex:0g", 10, 2, "hex digits" },
		{ "ip 1.1.1.1 2.2.2.2/zeros:9999", 0, 0, "longer than 256 bytes" },
	};
	uint8_t frame[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct craft_error e = { 0 };
		const int len = craft_with(frame, sizeof(frame), rows[i].text, &craft_opts_default, &e);

		if (len >= 0 || e.at != rows[i].at || e.len != rows[i].len || strstr(e.text, rows[i].says) == NULL)
			fail_msg("\"%s\": %d at %zu, %zu long: %s", rows[i].text, len, e.at, e.len, e.text);
	}
}

static void addresses(void **state)
{
	struct ip_addr a;
	uint8_t version;
	char text[IP_TEXT_MAX];

	(void)state;
	assert_int_equal(ip_addr_parse(&a, &version, "255.10.9.100"), 0);
	assert_int_equal(version, 4);
	ip_addr_text(&a, 4, text);
	assert_string_equal(text, "255.10.9.100");
	assert_int_equal(ip_addr_parse(&a, &version, "2001:db8::abcd"), 0);
	assert_int_equal(version, 6);
	ip_addr_text(&a, 6, text);
	assert_string_equal(text, "2001:0db8:0000:0000:0000:0000:0000:abcd");
	assert_int_equal(ip_addr_parse(&a, &version, "1.2.3"), -EINVAL);
}

static void configuration(void **state)
{
	struct conf *root = conf_new();
	struct packet_config cfg;
	const struct conf *where;

	(void)state;
	assert_int_equal(packet_config_load(&cfg, root, &where), 0);
	assert_true(cfg.teredo_any_port && cfg.vxlan);
	conf_set(root, "vars.port-groups.VX", "[4789, 8472]");
	conf_set(root, "decoder.vxlan.ports", "$VX");
	conf_set(root, "decoder.teredo.ports", "3544");
	conf_set(root, "decoder.geneve.enabled", "no");
	conf_set(root, "decoder.max-layers", "9");
	assert_int_equal(packet_config_load(&cfg, root, &where), 0);
	assert_int_equal(cfg.vxlan_ports[1], 8472);
	assert_int_equal(cfg.vxlan_ports[2], 0);
	assert_false(cfg.teredo_any_port || cfg.geneve);
	assert_int_equal(cfg.layers_max, 9);
	conf_set(root, "decoder.vxlan.ports", "$NONE");
	assert_int_equal(packet_config_load(&cfg, root, &where), -EINVAL);
	assert_string_equal(where->name, "ports");
	conf_set(root, "decoder.vxlan.ports", "70000");
	assert_int_equal(packet_config_load(&cfg, root, &where), -EINVAL);
	conf_free(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ethernet),         cmocka_unit_test(arp),
		cmocka_unit_test(labels_and_sessions), cmocka_unit_test(service_chain),
		cmocka_unit_test(udp_tunnels),      cmocka_unit_test(sctp),
		cmocka_unit_test(tcp_options),      cmocka_unit_test(sums),
		cmocka_unit_test(sequence_numbers), cmocka_unit_test(crafted_text),
		cmocka_unit_test(crafted_by_name), cmocka_unit_test(crafted_mistakes),
		cmocka_unit_test(addresses),        cmocka_unit_test(configuration),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
