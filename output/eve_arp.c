/* eve_arp.c - `arp` records: who asks for, and who claims, an address. */
#include <stdio.h>

#include "output/eve.h"
#include "stack/wire/arp.h"

static void arp_ip(struct json *j, const char *key, const uint8_t ip[4])
{
	json_printf(j, key, "%u.%u.%u.%u", ip[0], ip[1], ip[2], ip[3]);
}

void eve_arp(struct records *r, struct eve *e, struct json *j, const struct packet *pkt)
{
	static const char *const opcodes[] = {
		[ARP_REQUEST] = "request", [ARP_REPLY] = "reply", [RARP_REQUEST] = "request_reverse",
		[RARP_REPLY] = "reply_reverse",
	};
	struct reader in = reader_of(pkt->arp, ARP_HEADER_LEN);
	struct arp_header h;

	if (arp_parse(&h, &in) != PARSE_OK)
		return;
	eve_header(r, e, j, NULL, pkt, DIR_PACKET, "arp", NULL);
	json_object(j, "arp");
	json_str(j, "hw_type", "ethernet");
	json_str(j, "proto_type", "ipv4");
	json_str(j, "opcode", h.opcode >= ARP_REQUEST && h.opcode <= RARP_REPLY ? opcodes[h.opcode] : "unknown");
	json_hex(j, "src_mac", h.src_mac, sizeof(h.src_mac), ':');
	arp_ip(j, "src_ip", h.src_ip);
	json_hex(j, "dest_mac", h.dst_mac, sizeof(h.dst_mac), ':');
	arp_ip(j, "dest_ip", h.dst_ip);
	json_close(j);
	eve_done(r, e, j, RECORD_TYPE_ARP, 0);
}
