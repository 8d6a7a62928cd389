/* nsh.h - Network Service Header (RFC 8300). */
#ifndef TAPIR_WIRE_NSH_H
#define TAPIR_WIRE_NSH_H

#include "base/reader.h"
#include "base/writer.h"

#define NSH_BASE_LEN 8

enum nsh_next { NSH_NEXT_IPV4 = 1, NSH_NEXT_IPV6 = 2, NSH_NEXT_ETHERNET = 3, NSH_NEXT_NSH = 4, NSH_NEXT_MPLS = 5 };

struct nsh_header {
	uint8_t version;
	uint8_t md_type;        /* 1: 16 bytes of context; 2: options */
	uint8_t next;           /* enum nsh_next */
	uint32_t path;          /* 24 bits */
	uint8_t index;
	struct slice context;   /* a multiple of four bytes */
};

enum parse nsh_parse(struct nsh_header *h, struct reader *in);
void nsh_build(struct writer *w, const struct nsh_header *h);

#endif
