/* mpls.h - label stack entries (RFC 3032). */
#ifndef TAPIR_WIRE_MPLS_H
#define TAPIR_WIRE_MPLS_H

#include "base/reader.h"
#include "base/writer.h"

#define MPLS_HEADER_LEN 4

struct mpls_entry {
	uint32_t label;         /* 20 bits */
	uint8_t traffic_class;
	bool bottom;
	uint8_t ttl;
};

enum parse mpls_parse(struct mpls_entry *e, struct reader *in);
void mpls_build(struct writer *w, const struct mpls_entry *e);

#endif
