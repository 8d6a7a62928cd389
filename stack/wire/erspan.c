/* erspan.c - a switch's mirror sessions over GRE: type I (nothing but the frame), II and III
 * (draft-foschiano-erspan-03). The mirrored VLAN is a tag of the frame inside. */
#include "stack/wire/ethernet.h"
#include "stack/wire/walk.h"

#define ERSPAN_2_LEN 8
#define ERSPAN_3_LEN 12
#define ERSPAN_3_SUBHEADER_LEN 8

enum layer erspan1_decode(struct walk *w)
{
	walk_count(w, WIRE_ERSPAN);
	return LAYER_ETHERNET;
}

enum layer erspan2_decode(struct walk *w)
{
	struct packet *p = w->pkt;
	uint16_t vlan;
	size_t len;
	uint8_t version;

	walk_count(w, WIRE_ERSPAN);
	if (walk_left(w) < ERSPAN_2_LEN)
		return walk_broken(w, EVENT_ERSPAN_HEADER_TOO_SMALL);
	version = w->at[0] >> 4;
	vlan = load_be16(w->at) & 0xfff;
	p->tunnel_id = load_be16(w->at + 2) & 0x3ff;    /* session */
	if (version == 1) {
		len = ERSPAN_2_LEN;
	} else if (version == 2) {
		len = ERSPAN_3_LEN;
		if (walk_left(w) >= ERSPAN_3_LEN && w->at[11] & 1)
			len += ERSPAN_3_SUBHEADER_LEN;
	} else {
		return walk_broken(w, EVENT_ERSPAN_UNSUPPORTED_VERSION);
	}
	if (walk_left(w) < len)
		return walk_broken(w, EVENT_ERSPAN_HEADER_TOO_SMALL);
	if (vlan != 0) {
		if (p->vlan_count >= PACKET_VLANS_MAX)
			return walk_broken(w, EVENT_ERSPAN_TOO_MANY_VLAN_LAYERS);
		p->vlan[p->vlan_count++] = vlan;
	}
	w->at += len;
	return LAYER_ETHERNET;
}
