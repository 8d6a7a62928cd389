/* vlan.c - see vlan.h. */
#include "stack/wire/vlan.h"

#include "stack/wire/walk.h"

enum parse vlan_parse(struct vlan_header *h, struct reader *in)
{
	const uint16_t tci = read_be16(in);

	h->priority = (uint8_t)(tci >> 13);
	h->drop_eligible = tci & 0x1000;
	h->id = tci & 0xfff;
	h->type = read_be16(in);
	return in->ran_out ? PARSE_MORE : PARSE_OK;
}

void vlan_build(struct writer *w, const struct vlan_header *h)
{
	write_be16(w, (uint16_t)(h->priority << 13 | h->drop_eligible << 12 | (h->id & 0xfff)));
	write_be16(w, h->type);
}

/* What a tag announces; an unknown type is the tag's fault, not Ethernet's. */
static enum layer tagged(struct walk *w, uint16_t event)
{
	enum layer next = walk_ether_type(w, load_be16(w->at - 2));

	return next == LAYER_END ? walk_broken(w, event) : next;
}

enum layer vlan_decode(struct walk *w)
{
	static const enum wire_counter counters[] = { WIRE_VLAN, WIRE_VLAN_QINQ, WIRE_VLAN_QINQINQ };
	struct packet *p = w->pkt;

	if (p->vlan_count < ARRAY_LEN(counters))
		walk_count(w, counters[p->vlan_count]);
	if (walk_left(w) < VLAN_HEADER_LEN)
		return walk_broken(w, EVENT_VLAN_HEADER_TOO_SMALL);
	if (p->vlan_count >= PACKET_VLANS_MAX)
		return walk_stop(w, EVENT_VLAN_TOO_MANY_LAYERS);
	p->vlan[p->vlan_count++] = load_be16(w->at) & 0xfff;
	w->at += VLAN_HEADER_LEN;
	return tagged(w, EVENT_VLAN_UNKNOWN_TYPE);
}

/* Flags and service id, customer addresses, type. */
enum layer ieee8021ah_decode(struct walk *w)
{
	walk_count(w, WIRE_IEEE8021AH);
	if (walk_left(w) < IEEE8021AH_HEADER_LEN)
		return walk_broken(w, EVENT_IEEE8021AH_HEADER_TOO_SMALL);
	w->at += IEEE8021AH_HEADER_LEN;
	return walk_ether_type(w, load_be16(w->at - 2));
}

enum layer vntag_decode(struct walk *w)
{
	walk_count(w, WIRE_VNTAG);
	if (walk_left(w) < VNTAG_HEADER_LEN)
		return walk_broken(w, EVENT_VNTAG_HEADER_TOO_SMALL);
	w->at += VNTAG_HEADER_LEN;
	return tagged(w, EVENT_VNTAG_UNKNOWN_TYPE);
}

enum layer etag_decode(struct walk *w)
{
	walk_count(w, WIRE_ETAG);
	if (walk_left(w) < ETAG_HEADER_LEN)
		return walk_broken(w, EVENT_ETAG_HEADER_TOO_SMALL);
	w->at += ETAG_HEADER_LEN;
	return tagged(w, EVENT_ETAG_UNKNOWN_TYPE);
}
