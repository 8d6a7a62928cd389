/* udp.h - the UDP header (RFC 768). */
#ifndef TAPIR_WIRE_UDP_H
#define TAPIR_WIRE_UDP_H

#include "base/writer.h"
#include "stack/wire/ip.h"

#define UDP_HEADER_LEN 8

struct udp_header {
	uint16_t src_port, dst_port;
	uint16_t payload_len;
};

/* Writes the header, checksum 0: l4_checksum_set when the payload stands behind it. */
void udp_build(struct writer *w, const struct udp_header *h);

#endif
