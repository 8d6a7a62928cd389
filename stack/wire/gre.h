/* gre.h - GRE: version 0 (RFC 2784, 2890; source routes of RFC 1701) and 1 (PPTP, RFC 2637). */
#ifndef TAPIR_WIRE_GRE_H
#define TAPIR_WIRE_GRE_H

#include "base/reader.h"
#include "base/writer.h"

#define GRE_HEADER_LEN 4

struct gre_header {
	uint8_t version;
	uint16_t type;                  /* EtherType */
	bool has_checksum, has_key, has_seq, has_ack;
	uint16_t checksum;              /* written as it is */
	uint32_t key;                   /* version 1: payload length and call id */
	uint32_t seq, ack;
};

void gre_build(struct writer *w, const struct gre_header *h);

#endif
