/* ipv4.h - the IPv4 header and its options (RFC 791). */
#ifndef TAPIR_WIRE_IPV4_H
#define TAPIR_WIRE_IPV4_H

#include "base/writer.h"
#include "stack/wire/ip.h"

/* packet.ip_options: what was there. */
enum ipv4_option_bit {
	IPV4_OPT_EOL = 1 << 0,
	IPV4_OPT_NOP = 1 << 1,
	IPV4_OPT_RR = 1 << 2,           /* record route */
	IPV4_OPT_QS = 1 << 3,           /* quick start, RFC 4782 */
	IPV4_OPT_TS = 1 << 4,
	IPV4_OPT_SEC = 1 << 5,          /* basic security, RFC 1108 */
	IPV4_OPT_LSRR = 1 << 6,
	IPV4_OPT_ESEC = 1 << 7,         /* extended security */
	IPV4_OPT_CIPSO = 1 << 8,        /* FIPS 188 */
	IPV4_OPT_SID = 1 << 9,
	IPV4_OPT_SSRR = 1 << 10,
	IPV4_OPT_RTRALT = 1 << 11,      /* router alert, RFC 2113 */
};

struct ipv4_header {
	uint8_t tos, ttl, proto;
	uint16_t id;
	bool frag_dont, frag_more;
	uint16_t frag_offset;           /* in bytes */
	struct ip_addr src, dst;
	struct slice options;           /* padded to a multiple of four with EOL when built */
	uint16_t payload_len;           /* behind the header */
};

/* Writes the header with its checksum. */
void ipv4_build(struct writer *w, const struct ipv4_header *h);

#endif
