/* Broken headers and the events they become, by Suricata's names; "!" marks a packet as invalid. */
#include "stack/wire/event.h"

#include "stack/wire/wire_check.h"

static const struct {
	uint16_t link;
	const char *text;
	const char *events;     /* of the innermost packet, in order */
} rows[] = {
	{ LINK_ETHERNET, "hex:0000", "! ethernet.pkt_too_small" },
	{ LINK_ETHERNET, "eth type=0x1234 / \"x\"", "ethernet.unknown_ethertype" },
	{ LINK_ETHERNET, "eth type=0x8903 / zeros:14", "! dce.pkt_too_small" },
	{ LINK_ETHERNET, "eth type=0x8100 / zeros:3", "! vlan.header_too_small" },
	{ LINK_ETHERNET, "eth / vlan 1 type=0x1234", "! vlan.unknown_type" },
	{ LINK_ETHERNET, "eth / vlan 1 / vlan 2 / vlan 3 / vlan 4 / ipv4 1.1.1.1 2.2.2.2 / udp 1 2",
	  "vlan.too_many_layers" },
	{ LINK_ETHERNET, "eth type=0x88e7 / zeros:17", "! ieee8021ah.header_too_small" },
	{ LINK_ETHERNET, "eth type=0x8926 / zeros:5", "! vntag.header_too_small" },
	{ LINK_ETHERNET, "eth type=0x8926 / zeros:6", "! vntag.unknown_type" },
	{ LINK_ETHERNET, "eth type=0x893f / zeros:7", "! etag.header_too_small" },
	{ LINK_ETHERNET, "eth type=0x893f / zeros:8", "! etag.unknown_type" },
	{ LINK_SLL, "zeros:15", "! sll.pkt_too_small" },
	{ LINK_SLL2, "zeros:19", "! sll2.pkt_too_small" },
	{ LINK_NULL, "zeros:3", "! ltnull.pkt_too_small" },
	{ LINK_NULL, "hex:05050505", "ltnull.unsupported_type" },
	{ LINK_RAW, "hex:75", "ipraw.invalid_ip_version" },
	{ LINK_CHDLC, "zeros:3", "! chdlc.pkt_too_small" },
	{ LINK_PPP, "hex:ff0300", "! ppp.pkt_too_small" },
	{ LINK_PPP, "hex:ff03002145", "! ppp.ip4_pkt_too_small" },
	{ LINK_PPP, "hex:ff03005760", "! ppp.ip6_pkt_too_small" },
	{ LINK_PPP, "hex:ff03002f45", "! ppp.vju_pkt_too_small" },
	{ LINK_PPP, "hex:ff03c02101", "" },
	{ LINK_PPP, "hex:ff03002b01", "ppp.unsup_proto" },
	{ LINK_PPP, "hex:ff0300ee01", "! ppp.wrong_type" },
	{ LINK_ETHERNET, "eth type=0x8864 / zeros:5", "! pppoe.pkt_too_small" },
	{ LINK_ETHERNET, "eth type=0x8863 / hex:111200000000", "! pppoe.wrong_code" },
	{ LINK_ETHERNET, "eth type=0x8863 / hex:110900000004", "! pppoe.malformed_tags" },
	{ LINK_ETHERNET, "eth type=0x8847 / zeros:3", "! mpls.header_too_small" },
	{ LINK_ETHERNET, "eth / mpls 99 / zeros:3", "! mpls.pkt_too_small" },
	{ LINK_ETHERNET, "eth / mpls 1 / zeros:8", "mpls.bad_label_router_alert" },
	{ LINK_ETHERNET, "eth / mpls 3 / zeros:8", "mpls.bad_label_implicit_null" },
	{ LINK_ETHERNET, "eth / mpls 7 / zeros:8", "mpls.bad_label_reserved" },
	{ LINK_ETHERNET, "eth / mpls 99 / hex:15000000", "! mpls.unknown_payload_type" },
	{ LINK_ETHERNET, "eth type=0x0806 / zeros:7", "! arp.pkt_too_small" },
	{ LINK_ETHERNET, "eth type=0x0806 / hex:0002080006040001 / zeros:20", "! arp.unsupported_hardware" },
	{ LINK_ETHERNET, "eth type=0x0806 / hex:0001080106040001 / zeros:20", "! arp.unsupported_protocol" },
	{ LINK_ETHERNET, "eth type=0x0806 / hex:0001080006040001 / zeros:19", "! arp.invalid_packet" },
	{ LINK_ETHERNET, "eth type=0x0806 / hex:0001080007040001 / zeros:20", "! arp.invalid_hardware_size" },
	{ LINK_ETHERNET, "eth type=0x0806 / hex:0001080006050001 / zeros:20", "! arp.invalid_protocol_size" },
	{ LINK_ETHERNET, "eth type=0x0806 / hex:0001080006040009 / zeros:20", "! arp.unsupported_opcode" },
	{ LINK_ETHERNET, "eth type=0x894f / zeros:7", "! nsh.header_too_small" },
	{ LINK_ETHERNET, "eth type=0x894f / hex:4fc2020100000102 / zeros:4", "nsh.unsupported_version" },
	{ LINK_ETHERNET, "eth type=0x894f / hex:0fc2020100000102", "! nsh.bad_header_length" },
	{ LINK_ETHERNET, "eth type=0x894f / hex:0fc2000100000102 / zeros:4", "nsh.reserved_type" },
	{ LINK_ETHERNET, "eth type=0x894f / hex:0fc2030100000102 / zeros:4", "nsh.unsupported_type" },
	{ LINK_ETHERNET, "eth type=0x894f / hex:0fc2020900000102 / zeros:4", "nsh.unknown_payload" },
	{ LINK_IPV4, "hex:45000000", "! ipv4.pkt_too_small" },
	{ LINK_ETHERNET, "eth type=0x0800 / hex:65 / zeros:19", "! ipv4.wrong_ip_version" },
	{ LINK_ETHERNET, "eth type=0x0800 / hex:44 / zeros:19", "! ipv4.hlen_too_small" },
	{ LINK_ETHERNET, "eth type=0x0800 / hex:45000013 / zeros:16", "! ipv4.iplen_smaller_than_hlen" },
	{ LINK_ETHERNET, "eth type=0x0800 / hex:45000015 / zeros:16", "! ipv4.trunc_pkt" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=07ff010101010101", "! ipv4.opt_invalid_len" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=0702010101010100 / udp 1 2", "! ipv4.opt_invalid_len" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=0704010101010100 / udp 1 2", "! ipv4.opt_malformed" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=01010100 / udp 1 2", "ipv4.opt_pad_required" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=01010101010101aa / udp 1 2", "ipv4.opt_eol_required" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=9404000094040000 / udp 1 2", "ipv4.opt_duplicate" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 opt=cc04000001010101 / udp 1 2", "ipv4.opt_invalid" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / icmpv6 128 0", "! ipv4.icmpv6" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=1 / zeros:7", "! icmpv4.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / icmp 99 0", "icmpv4.unknown_type" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / icmp 3 16", "icmpv4.unknown_code" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / icmp 3 1 / zeros:19", "! icmpv4.ipv4_trunc_pkt" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / icmp 3 1 / zeros:20", "! icmpv4.ipv4_unknown_ver" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=2 / zeros:7", "! igmp.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=2 / hex:110000000000000000", "! igmp.v3_pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=2 / hex:110000000000000000000001", "! igmp.malformed" },
	{ LINK_IPV6, "hex:6000", "! ipv6.pkt_too_small" },
	{ LINK_ETHERNET, "eth type=0x86dd / hex:45 / zeros:39", "! ipv6.wrong_ip_version" },
	{ LINK_ETHERNET, "eth type=0x86dd / hex:6000000000010000 / zeros:32", "! ipv6.trunc_pkt" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=0 / hex:1101000000000000", "! ipv6.trunc_exthdr" },
	{ LINK_RAW, "ipv6 ::1 ::2 / hop 05020000 / hop 05020000 / udp 1 2", "ipv6.exthdr_dupl_hh" },
	{ LINK_RAW, "ipv6 ::1 ::2 / dst 05020000 / dst 05020000 / dst 05020000 / udp 1 2", "ipv6.exthdr_dupl_dh" },
	{ LINK_RAW, "ipv6 ::1 ::2 / hop / udp 1 2", "ipv6.hopopts_only_padding" },
	{ LINK_RAW, "ipv6 ::1 ::2 / dst / udp 1 2", "ipv6.dstopts_only_padding" },
	{ LINK_RAW, "ipv6 ::1 ::2 / hop 1e021122 / udp 1 2", "ipv6.hopopts_unknown_opt" },
	{ LINK_RAW, "ipv6 ::1 ::2 / dst 1e021122 / udp 1 2", "ipv6.dstopts_unknown_opt" },
	{ LINK_RAW, "ipv6 ::1 ::2 / hop 050200000100 / udp 1 2", "ipv6.zero_len_padn" },
	{ LINK_RAW, "ipv6 ::1 ::2 / hop 050900000000 / udp 1 2", "! ipv6.exthdr_invalid_optlen" },
	{ LINK_RAW, "ipv6 ::1 ::2 / frag id=1 / udp 1 2", "ipv6.exthdr_useless_fh" },
	{ LINK_RAW, "ipv6 ::1 ::2 / frag id=1 / frag id=1 / udp 1 2", "ipv6.exthdr_useless_fh ipv6.exthdr_dupl_fh" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=44 / hex:1101000000000000 / udp 1 2",
	  "ipv6.fh_non_zero_reserved_field ipv6.exthdr_useless_fh" },
	{ LINK_RAW, "ipv6 ::1 ::2 / frag id=1 mf next=17 / zeros:7", "ipv6.frag_invalid_length" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=43 / hex:1100000000000000 / udp 1 2", "ipv6.rh_type_0" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=43 / hex:2b00020000000000 / hex:1100020000000000 / udp 1 2", "ipv6.exthdr_dupl_rh" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=51 / hex:110400010000000000000000 / zeros:12 / udp 1 2",
	  "ipv6.exthdr_ah_res_not_null" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=59 / \"x\"", "ipv6.data_after_none_header" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=99 / \"xx\"", "ipv6.unknown_next_header" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmp 8 0", "ipv6.icmpv4" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=4 / zeros:19", "! ipv6.ipv4_in_ipv6_too_small" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=4 / zeros:20", "! ipv6.ipv4_in_ipv6_wrong_version" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=41 / zeros:39", "! ipv6.ipv6_in_ipv6_too_small" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=41 / zeros:40", "! ipv6.ipv6_in_ipv6_wrong_version" },
	{ LINK_RAW, "ipv6 ::1 ::2 next=58 / zeros:7", "! icmpv6.pkt_too_small" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 0 0", "icmpv6.unknown_type" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 128 1", "icmpv6.unknown_code" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 138 255", "" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 66 1", "icmpv6.unassigned_type" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 200 1", "icmpv6.experimentation_type" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 130 0", "icmpv6.mld_message_with_invalid_hl" },
	{ LINK_RAW, "ipv6 ::1 ::2 ttl=1 / icmpv6 130 0", "" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 1 0 / zeros:39", "! icmpv6.ipv6_trunc_pkt" },
	{ LINK_RAW, "ipv6 ::1 ::2 / icmpv6 1 0 / zeros:40", "! icmpv6.ipv6_unknown_version" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=6 / zeros:19", "! tcp.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=6 / zeros:12 / hex:60 / zeros:7", "! tcp.hlen_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=6 / zeros:12 / hex:40 / zeros:7", "! tcp.invalid_optlen" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / tcp 1 2 opt=0205", "tcp.opt_invalid_len" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / tcp 1 2 opt=020405b4020405b4", "tcp.opt_duplicate" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=17 / zeros:7", "! udp.hlen_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=17 / hex:0001000200090000", "! udp.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=17 / hex:0001000200070000", "! udp.len_invalid" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=132 / zeros:11", "! sctp.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=50 / zeros:7", "! esp.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / zeros:3", "! gre.pkt_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:00020800", "! gre.wrong_version" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:01000800", "! gre.version0_recur" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:00080800", "! gre.version0_flags" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:20000800", "! gre.version0_hdr_too_big" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:4000080000000000", "! gre.version0_malformed_sre_hdr" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:8001880b", "! gre.version1_chksum" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:4001880b", "! gre.version1_route" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:0801880b", "! gre.version1_ssr" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:0101880b", "! gre.version1_recur" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:0009880b", "! gre.version1_flags" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:00010800", "! gre.version1_wrong_protocol" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:0001880b", "! gre.version1_no_key" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 proto=47 / hex:2001880b0000", "! gre.version1_hdr_too_big" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / gre seq=1 type=0x88be / zeros:7", "! erspan.header_too_small" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / gre seq=1 type=0x88be / hex:3000000000000000", "! erspan.unsupported_version" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / udp 1 6081 / geneve 5 type=0x1234", "! geneve.unknown_payload_type" },
	{ LINK_RAW, "ipv4 1.1.1.1 2.2.2.2 / udp 1 4789 / vxlan 5 / eth type=0x1234", "! vxlan.unknown_payload_type" },
	{ LINK_ETHERNET,
	  "eth / pppoe 1 / ipv4 1.1.1.1 2.2.2.2 / gre / eth / ipv4 1.1.1.1 2.2.2.2 / gre / eth / ipv4 1.1.1.1 2.2.2.2 / "
	  "gre / eth / ipv4 1.1.1.1 2.2.2.2 / gre / eth / ipv4 1.1.1.1 2.2.2.2 / gre / eth / ipv4 1.1.1.1 2.2.2.2 / udp 1 2",
	  "! too_many_layers" },
};

static void rows_become_events(void **state)
{
	static struct crafted c;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char got[256] = "";
		const struct packet *p;
		size_t n = 0;

		crafted_decode(&c, rows[i].text, rows[i].link, NULL);
		p = &c.set.pkts[c.set.count - 1];
		if (p->flags & PACKET_INVALID)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "! ");
		for (unsigned k = 0; k < p->event_count; k++)
			n += (size_t)snprintf(got + n, sizeof(got) - n, "%s%s", k ? " " : "",
					      decode_event_name(p->events[k]));
		if (strcmp(got, rows[i].events) != 0)
			fail_msg("%s: \"%s\", not \"%s\"", rows[i].text, got, rows[i].events);
	}
}

static void names_go_both_ways(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < DECODE_EVENTS; i++)
		assert_int_equal(decode_event_find(decode_event_name(i)), i);
	assert_null(decode_event_name(DECODE_EVENTS));
	assert_int_equal(decode_event_find("ipv4.no_such"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_become_events),
		cmocka_unit_test(names_go_both_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
