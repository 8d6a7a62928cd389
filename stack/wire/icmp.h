/* icmp.h - ICMP (RFC 792) and ICMPv6 (RFC 4443). */
#ifndef TAPIR_WIRE_ICMP_H
#define TAPIR_WIRE_ICMP_H

#include "base/writer.h"
#include "stack/wire/ip.h"

#define ICMP_HEADER_LEN 8

enum icmp_type {
	ICMP_ECHO_REPLY = 0, ICMP_UNREACHABLE = 3, ICMP_SOURCE_QUENCH = 4, ICMP_REDIRECT = 5,
	ICMP_ECHO = 8, ICMP_ROUTER_ADVERT = 9, ICMP_TIME_EXCEEDED = 11, ICMP_PARAMETER = 12,
	ICMP_TIMESTAMP = 13, ICMP_TIMESTAMP_REPLY = 14, ICMP_INFO = 15, ICMP_INFO_REPLY = 16,
	ICMP_ADDRESS = 17, ICMP_ADDRESS_REPLY = 18,
};

enum icmpv6_type {
	ICMPV6_UNREACHABLE = 1, ICMPV6_TOO_BIG = 2, ICMPV6_TIME_EXCEEDED = 3, ICMPV6_PARAMETER = 4,
	ICMPV6_ECHO = 128, ICMPV6_ECHO_REPLY = 129,
	ICMPV6_MLD_QUERY = 130, ICMPV6_MLD_REPORT = 131, ICMPV6_MLD_DONE = 132,
	ICMPV6_ROUTER_SOLICIT = 133, ICMPV6_ROUTER_ADVERT = 134,
	ICMPV6_NEIGHBOR_SOLICIT = 135, ICMPV6_NEIGHBOR_ADVERT = 136, ICMPV6_REDIRECT = 137,
	ICMPV6_MLD2_REPORT = 143,
};

struct icmp_header {
	uint8_t type, code;
	uint32_t rest;          /* identifier and sequence number, MTU, pointer, ... */
};

/* Writes the header, checksum 0: l4_checksum_set when the payload stands behind it. */
void icmp_build(struct writer *w, const struct icmp_header *h);

#endif
