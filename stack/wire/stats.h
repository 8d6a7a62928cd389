/* stats.h - what the decoder saw, by Suricata's names below stats.decoder.
 *
 * Counters of one worker, without locks: whoever reports adds the workers' up. */
#ifndef TAPIR_WIRE_STATS_H
#define TAPIR_WIRE_STATS_H

#include "stack/wire/event.h"
#include "stack/wire/packet.h"

/* In the order in which Suricata writes them. */
#define WIRE_COUNTERS(X)                                                                       \
	X(PKTS, "pkts") X(BYTES, "bytes") X(INVALID, "invalid") X(IPV4, "ipv4") X(IPV6, "ipv6") \
	X(ETHERNET, "ethernet") X(ARP, "arp") X(UNKNOWN_ETHERTYPE, "unknown_ethertype")          \
	X(CHDLC, "chdlc") X(RAW, "raw") X(NULL, "null") X(SLL, "sll") X(SLL2, "sll2")            \
	X(TCP, "tcp") X(UDP, "udp") X(SCTP, "sctp") X(ESP, "esp") X(ICMPV4, "icmpv4")            \
	X(ICMPV6, "icmpv6") X(IGMP, "igmp") X(PPP, "ppp") X(PPPOE, "pppoe")                      \
	X(GENEVE, "geneve") X(GRE, "gre") X(VLAN, "vlan") X(VLAN_QINQ, "vlan_qinq")              \
	X(VLAN_QINQINQ, "vlan_qinqinq") X(VXLAN, "vxlan") X(VNTAG, "vntag") X(ETAG, "etag")      \
	X(IEEE8021AH, "ieee8021ah") X(TEREDO, "teredo") X(GTPU, "gtpu")                          \
	X(IPV4_IN_IPV4, "ipv4_in_ipv4") X(IPV6_IN_IPV4, "ipv6_in_ipv4")                          \
	X(IPV4_IN_IPV6, "ipv4_in_ipv6") X(IPV6_IN_IPV6, "ipv6_in_ipv6") X(MPLS, "mpls")          \
	X(AVG_PKT_SIZE, "avg_pkt_size") X(MAX_PKT_SIZE, "max_pkt_size")                          \
	X(MAX_MAC_ADDRS_SRC, "max_mac_addrs_src") X(MAX_MAC_ADDRS_DST, "max_mac_addrs_dst")      \
	X(ERSPAN, "erspan") X(NSH, "nsh") X(TOO_MANY_LAYERS, "too_many_layers")

enum wire_counter {
#define X(id, name) WIRE_##id,
	WIRE_COUNTERS(X)
#undef X
	WIRE_COUNTER_COUNT,
};

struct wire_stats {
	uint64_t count[WIRE_COUNTER_COUNT];     /* AVG_PKT_SIZE: wire_stats_finish */
	uint64_t events[DECODE_EVENTS];         /* below stats.decoder.event */
};

/* NULL for a number that is none. */
const char *wire_counter_name(unsigned counter);
/* Counts the decoder's events of p, once nobody will add to them: the worker's last act on a packet. */
void wire_stats_events(struct wire_stats *s, const struct packet *p);
/* Adds one worker's counters to a total. */
void wire_stats_add(struct wire_stats *total, const struct wire_stats *one);
/* Works out what is an average, before a total is shown. */
void wire_stats_finish(struct wire_stats *total);

#endif
