/* ip.h - what IPv4 and IPv6 share: protocol numbers, lengths, text forms of addresses. */
#ifndef TAPIR_WIRE_IP_H
#define TAPIR_WIRE_IP_H

#include "stack/wire/packet.h"

#define IPV4_HEADER_LEN 20
#define IPV4_HEADER_MAX 60
#define IPV6_HEADER_LEN 40
#define IPV6_FRAGMENT_LEN 8

/* Those of <netinet/in.h> are an enum that lacks some. */
enum ip_proto {
	PROTO_HOPOPTS = 0,
	PROTO_ICMP = 1,
	PROTO_IGMP = 2,
	PROTO_IPIP = 4,
	PROTO_TCP = 6,
	PROTO_UDP = 17,
	PROTO_IPV6 = 41,
	PROTO_ROUTING = 43,
	PROTO_FRAGMENT = 44,
	PROTO_GRE = 47,
	PROTO_ESP = 50,
	PROTO_AH = 51,
	PROTO_ICMPV6 = 58,
	PROTO_NONE = 59,
	PROTO_DSTOPTS = 60,
	PROTO_SCTP = 132,
	PROTO_MH = 135,
	PROTO_HIP = 139,
	PROTO_SHIM6 = 140,
};

struct ip_addr ip_addr_v4(const uint8_t bytes[4]);
struct ip_addr ip_addr_v6(const uint8_t bytes[16]);
/* "192.0.2.1", "2001:db8::1". Returns 0 or -EINVAL. */
int ip_addr_parse(struct ip_addr *a, uint8_t *ip_version, const char *text);

/* Puts the checksum into a TCP, UDP, ICMP or ICMPv6 header at l4 (len bytes with payload; the
 * checksum field may hold anything). */
void l4_checksum_set(uint8_t *l4, size_t len, uint8_t proto, uint8_t ip_version,
		     const struct ip_addr *src, const struct ip_addr *dst);

#endif
