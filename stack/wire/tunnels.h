/* tunnels.h - tunnels in UDP: VXLAN (RFC 7348), Geneve (RFC 8926), GTP-U (3GPP TS 29.281). */
#ifndef TAPIR_WIRE_TUNNELS_H
#define TAPIR_WIRE_TUNNELS_H

#include "base/reader.h"
#include "base/writer.h"

#define VXLAN_HEADER_LEN 8
#define GENEVE_HEADER_LEN 8
#define GTPU_HEADER_LEN 8

struct geneve_header {
	bool control, critical;
	uint16_t type;          /* EtherType */
	uint32_t vni;
	struct slice options;   /* a multiple of four bytes */
};

enum parse vxlan_parse(uint32_t *vni, struct reader *in);
void vxlan_build(struct writer *w, uint32_t vni);
enum parse geneve_parse(struct geneve_header *h, struct reader *in);
void geneve_build(struct writer *w, const struct geneve_header *h);
/* A data message (G-PDU) of len bytes behind the header. */
enum parse gtpu_parse(uint32_t *teid, struct reader *in);
void gtpu_build(struct writer *w, uint32_t teid, uint16_t len);

#endif
