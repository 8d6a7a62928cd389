/* ethernet.c - Ethernet II and what its type announces. 802.3 lengths (types below 0x600) are
 * LLC, which nothing here reads: they count as unknown types. */
#include "stack/wire/ethernet.h"

#include "stack/wire/walk.h"

/* FabricPath: a type, a tag, then a whole Ethernet header. */
#define DCE_TAG_LEN 2

enum parse eth_parse(struct eth_header *h, struct reader *in)
{
	struct slice addrs = read_slice(in, 12);

	h->type = read_be16(in);
	if (in->ran_out)
		return PARSE_MORE;
	memcpy(h->dst, addrs.data, 6);
	memcpy(h->src, addrs.data + 6, 6);
	return PARSE_OK;
}

void eth_build(struct writer *w, const struct eth_header *h)
{
	write_bytes(w, h->dst, 6);
	write_bytes(w, h->src, 6);
	write_be16(w, h->type);
}

enum layer ethernet_decode(struct walk *w)
{
	enum layer next;

	walk_count(w, WIRE_ETHERNET);
	if (unlikely(walk_left(w) < ETH_HEADER_LEN))
		return walk_broken(w, EVENT_ETHERNET_PKT_TOO_SMALL);
	w->pkt->eth = w->at;
	w->at += ETH_HEADER_LEN;
	next = walk_ether_type(w, load_be16(w->at - 2));
	if (unlikely(next == LAYER_END))
		packet_event(w->pkt, EVENT_ETHERNET_UNKNOWN_ETHERTYPE);
	return next;
}

enum layer dce_decode(struct walk *w)
{
	if (walk_left(w) < DCE_TAG_LEN + ETH_HEADER_LEN)
		return walk_broken(w, EVENT_DCE_PKT_TOO_SMALL);
	w->at += DCE_TAG_LEN;
	return LAYER_ETHERNET;
}

enum layer walk_ether_type(struct walk *w, uint16_t type)
{
	w->pkt->ether_type = type;
	switch (type) {
	case ETHER_IPV4:                return LAYER_IPV4;
	case ETHER_IPV6:                return LAYER_IPV6;
	case ETHER_VLAN:
	case ETHER_QINQ:
	case ETHER_QINQ_OLD:            return LAYER_VLAN;
	case ETHER_ARP:                 return LAYER_ARP;
	case ETHER_PPPOE_DISCOVERY:     return LAYER_PPPOE_DISCOVERY;
	case ETHER_PPPOE_SESSION:       return LAYER_PPPOE_SESSION;
	case ETHER_MPLS:
	case ETHER_MPLS_MULTI:          return LAYER_MPLS;
	case ETHER_8021AH:              return LAYER_8021AH;
	case ETHER_VNTAG:               return LAYER_VNTAG;
	case ETHER_ETAG:                return LAYER_ETAG;
	case ETHER_DCE:                 return LAYER_DCE;
	case ETHER_NSH:                 return LAYER_NSH;
	default:
		walk_count(w, WIRE_UNKNOWN_ETHERTYPE);
		return LAYER_END;
	}
}
