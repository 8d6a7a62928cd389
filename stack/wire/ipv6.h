/* ipv6.h - the IPv6 header and its extension headers (RFC 8200). */
#ifndef TAPIR_WIRE_IPV6_H
#define TAPIR_WIRE_IPV6_H

#include "base/writer.h"
#include "stack/wire/ip.h"

/* packet.ip_options: which extension headers were there. */
enum ipv6_header_bit {
	IPV6_HAS_HOPOPTS = 1 << 0,
	IPV6_HAS_ROUTING = 1 << 1,
	IPV6_HAS_FRAGMENT = 1 << 2,
	IPV6_HAS_DSTOPTS = 1 << 3,
	IPV6_HAS_DSTOPTS_2 = 1 << 4,
	IPV6_HAS_AH = 1 << 5,
	IPV6_HAS_MOBILITY = 1 << 6,     /* or HIP, SHIM6 */
};

struct ipv6_header {
	uint8_t traffic_class, next, hop_limit;
	uint32_t flow_label;            /* 20 bits */
	struct ip_addr src, dst;
	uint16_t payload_len;           /* extension headers included */
};

struct ipv6_fragment {
	uint8_t next;
	uint16_t offset;                /* in bytes */
	bool more;
	uint32_t id;
};

void ipv6_build(struct writer *w, const struct ipv6_header *h);
void ipv6_fragment_build(struct writer *w, const struct ipv6_fragment *f);
/* A hop-by-hop or destination options header: options are padded with PadN to a multiple of eight. */
void ipv6_options_build(struct writer *w, uint8_t next, struct slice options);

#endif
