/* arp.h - address resolution for IPv4 over Ethernet (RFC 826). */
#ifndef TAPIR_WIRE_ARP_H
#define TAPIR_WIRE_ARP_H

#include "base/reader.h"
#include "base/writer.h"

#define ARP_HEADER_LEN 28
#define ARP_FIXED_LEN 8

enum arp_opcode { ARP_REQUEST = 1, ARP_REPLY = 2, RARP_REQUEST = 3, RARP_REPLY = 4 };

struct arp_header {
	uint16_t opcode;
	uint8_t src_mac[6], dst_mac[6];
	uint8_t src_ip[4], dst_ip[4];
};

/* PARSE_BAD: not Ethernet and IPv4. */
enum parse arp_parse(struct arp_header *h, struct reader *in);
void arp_build(struct writer *w, const struct arp_header *h);

#endif
