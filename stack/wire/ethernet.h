/* ethernet.h - Ethernet II, and the EtherTypes that the decoder follows. */
#ifndef TAPIR_WIRE_ETHERNET_H
#define TAPIR_WIRE_ETHERNET_H

#include <stdint.h>

#include "base/reader.h"
#include "base/writer.h"

#define ETH_HEADER_LEN 14

enum ether_type {
	ETHER_IPV4 = 0x0800,
	ETHER_ARP = 0x0806,
	ETHER_BRIDGE = 0x6558,          /* Ethernet in GRE, Geneve */
	ETHER_VLAN = 0x8100,
	ETHER_IPV6 = 0x86dd,
	ETHER_ERSPAN = 0x88be,
	ETHER_ERSPAN3 = 0x22eb,
	ETHER_MPLS = 0x8847,
	ETHER_MPLS_MULTI = 0x8848,
	ETHER_PPPOE_DISCOVERY = 0x8863,
	ETHER_PPPOE_SESSION = 0x8864,
	ETHER_PPP = 0x880b,
	ETHER_QINQ = 0x88a8,            /* 802.1ad */
	ETHER_8021AH = 0x88e7,
	ETHER_DCE = 0x8903,             /* Cisco FabricPath */
	ETHER_VNTAG = 0x8926,
	ETHER_ETAG = 0x893f,
	ETHER_NSH = 0x894f,
	ETHER_QINQ_OLD = 0x9100,
};

struct eth_header {
	uint8_t dst[6], src[6];
	uint16_t type;
};

enum parse eth_parse(struct eth_header *h, struct reader *in);
void eth_build(struct writer *w, const struct eth_header *h);

#endif
