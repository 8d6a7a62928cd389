/* arp.c - see arp.h. */
#include "stack/wire/arp.h"

#include "stack/wire/ethernet.h"
#include "stack/wire/walk.h"

#define ARP_ETHERNET 1

enum parse arp_parse(struct arp_header *h, struct reader *in)
{
	const uint16_t hardware = read_be16(in), protocol = read_be16(in);
	const uint8_t hardware_size = read_u8(in), protocol_size = read_u8(in);
	struct slice s;

	h->opcode = read_be16(in);
	s = read_slice(in, 20);
	if (in->ran_out)
		return PARSE_MORE;
	if (hardware != ARP_ETHERNET || protocol != ETHER_IPV4 || hardware_size != 6 || protocol_size != 4)
		return PARSE_BAD;
	memcpy(h->src_mac, s.data, 6);
	memcpy(h->src_ip, s.data + 6, 4);
	memcpy(h->dst_mac, s.data + 10, 6);
	memcpy(h->dst_ip, s.data + 16, 4);
	return PARSE_OK;
}

void arp_build(struct writer *w, const struct arp_header *h)
{
	write_be16(w, ARP_ETHERNET);
	write_be16(w, ETHER_IPV4);
	write_u8(w, 6);
	write_u8(w, 4);
	write_be16(w, h->opcode);
	write_bytes(w, h->src_mac, 6);
	write_bytes(w, h->src_ip, 4);
	write_bytes(w, h->dst_mac, 6);
	write_bytes(w, h->dst_ip, 4);
}

enum layer arp_decode(struct walk *w)
{
	const uint8_t *p = w->at;
	uint16_t opcode;

	walk_count(w, WIRE_ARP);
	if (walk_left(w) < ARP_FIXED_LEN)
		return walk_broken(w, EVENT_ARP_PKT_TOO_SMALL);
	if (load_be16(p) != ARP_ETHERNET)
		return walk_broken(w, EVENT_ARP_UNSUPPORTED_HARDWARE);
	if (load_be16(p + 2) != ETHER_IPV4)
		return walk_broken(w, EVENT_ARP_UNSUPPORTED_PROTOCOL);
	if (walk_left(w) < ARP_HEADER_LEN)
		return walk_broken(w, EVENT_ARP_INVALID_PKT);
	if (p[4] != 6)
		return walk_broken(w, EVENT_ARP_INVALID_HARDWARE_SIZE);
	if (p[5] != 4)
		return walk_broken(w, EVENT_ARP_INVALID_PROTOCOL_SIZE);
	opcode = load_be16(p + 6);
	if (opcode < ARP_REQUEST || opcode > RARP_REPLY)
		return walk_broken(w, EVENT_ARP_UNSUPPORTED_OPCODE);
	w->pkt->arp = p;
	w->at += ARP_HEADER_LEN;
	return LAYER_END;
}
