/* vxlan.c - Ethernet in UDP. A port proves nothing: flags and what must be zero are checked, and
 * what doesn't fit stays an ordinary datagram. */
#include "stack/wire/ethernet.h"
#include "stack/wire/tunnels.h"
#include "stack/wire/walk.h"

#define VXLAN_HAS_VNI 0x08

enum parse vxlan_parse(uint32_t *vni, struct reader *in)
{
	const uint8_t flags = read_u8(in);
	uint32_t last;

	reader_skip(in, 3);
	last = read_be32(in);
	if (in->ran_out)
		return PARSE_MORE;
	*vni = last >> 8;
	return flags & VXLAN_HAS_VNI && (last & 0xff) == 0 ? PARSE_OK : PARSE_BAD;
}

void vxlan_build(struct writer *w, uint32_t vni)
{
	write_be32(w, (uint32_t)VXLAN_HAS_VNI << 24);
	write_be32(w, vni << 8);
}

/* The packet inside begins behind its Ethernet header, as its records show it. */
enum layer vxlan_decode(struct walk *w)
{
	struct reader in = reader_of(w->at, walk_left(w));
	const uint8_t *eth;
	enum layer next;
	uint32_t vni;

	if (vxlan_parse(&vni, &in) != PARSE_OK || reader_left(&in) < ETH_HEADER_LEN)
		return LAYER_END;
	walk_count(w, WIRE_VXLAN);
	eth = in.at;
	w->at = eth + ETH_HEADER_LEN;
	next = walk_ether_type(w, load_be16(eth + 12));
	if (next == LAYER_END) {
		walk_invalid(w, EVENT_VXLAN_UNKNOWN_PAYLOAD_TYPE);
		return LAYER_END;
	}
	if (!walk_tunnel(w, TUNNEL_VXLAN, vni))
		return LAYER_END;
	w->pkt->eth = eth;
	w->pkt->ether_type = load_be16(eth + 12);
	return next;
}
