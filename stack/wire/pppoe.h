/* pppoe.h - PPP over Ethernet (RFC 2516). */
#ifndef TAPIR_WIRE_PPPOE_H
#define TAPIR_WIRE_PPPOE_H

#include "base/reader.h"
#include "base/writer.h"

#define PPPOE_HEADER_LEN 6

struct pppoe_header {
	uint8_t code;           /* 0 = session data */
	uint16_t session;
	uint16_t length;        /* of what follows */
};

enum parse pppoe_parse(struct pppoe_header *h, struct reader *in);
void pppoe_build(struct writer *w, const struct pppoe_header *h);

#endif
