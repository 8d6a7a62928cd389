/* gre.c - see gre.h. The carrier has no flow of its own: only what it carries is followed. */
#include "stack/wire/gre.h"

#include "stack/wire/ethernet.h"
#include "stack/wire/walk.h"

/* The first byte; the second holds A (0x80), flags and the version. */
enum gre_flag { GRE_CHECKSUM = 0x80, GRE_ROUTE = 0x40, GRE_KEY = 0x20, GRE_SEQ = 0x10, GRE_STRICT = 0x08, GRE_RECUR = 0x07 };
#define GRE_ACK 0x80

void gre_build(struct writer *w, const struct gre_header *h)
{
	write_u8(w, (uint8_t)((h->has_checksum ? GRE_CHECKSUM : 0) | (h->has_key ? GRE_KEY : 0) |
			      (h->has_seq ? GRE_SEQ : 0)));
	write_u8(w, (uint8_t)((h->has_ack ? GRE_ACK : 0) | h->version));
	write_be16(w, h->type);
	if (h->has_checksum) {
		write_be16(w, h->checksum);
		write_be16(w, 0);
	}
	if (h->has_key)
		write_be32(w, h->key);
	if (h->has_seq)
		write_be32(w, h->seq);
	if (h->has_ack)
		write_be32(w, h->ack);
}

/* Source route entries (RFC 1701): family, offset, length; a null entry ends them. */
static bool routes_skip(struct reader *in)
{
	for (;;) {
		const uint16_t family = read_be16(in);
		uint8_t len;

		read_u8(in);
		len = read_u8(in);
		if (in->ran_out)
			return false;
		if (family == 0 && len == 0)
			return true;
		reader_skip(in, len);
	}
}

/* Reads a version 0 header. Returns an event, or -1. */
static int version0_parse(uint8_t flags, uint8_t flags2, struct reader *in, uint32_t *key)
{
	if (flags & GRE_RECUR)
		return EVENT_GRE_VERSION0_RECUR;
	if (flags2 & 0xf8)
		return EVENT_GRE_VERSION0_FLAGS;
	if (flags & (GRE_CHECKSUM | GRE_ROUTE))
		reader_skip(in, 4);
	if (flags & GRE_KEY)
		*key = read_be32(in);
	if (flags & GRE_SEQ)
		reader_skip(in, 4);
	if (in->ran_out)
		return EVENT_GRE_VERSION0_HDR_TOO_BIG;
	if (flags & GRE_ROUTE && !routes_skip(in))
		return EVENT_GRE_VERSION0_MALFORMED_SRE_HDR;
	return -1;
}

static int version1_parse(uint8_t flags, uint8_t flags2, uint16_t type, struct reader *in, uint32_t *key)
{
	if (flags & GRE_CHECKSUM)
		return EVENT_GRE_VERSION1_CHKSUM;
	if (flags & GRE_ROUTE)
		return EVENT_GRE_VERSION1_ROUTE;
	if (flags & GRE_STRICT)
		return EVENT_GRE_VERSION1_SSR;
	if (flags & GRE_RECUR)
		return EVENT_GRE_VERSION1_RECUR;
	if (flags2 & 0x78)
		return EVENT_GRE_VERSION1_FLAGS;
	if (type != ETHER_PPP)
		return EVENT_GRE_VERSION1_WRONG_PROTOCOL;
	if (!(flags & GRE_KEY))
		return EVENT_GRE_VERSION1_NO_KEY;
	*key = read_be32(in);
	if (flags & GRE_SEQ)
		reader_skip(in, 4);
	if (flags2 & GRE_ACK)
		reader_skip(in, 4);
	return in->ran_out ? EVENT_GRE_VERSION1_HDR_TOO_BIG : -1;
}

static enum layer payload_layer(uint16_t type, uint8_t flags)
{
	switch (type) {
	case ETHER_IPV4:        return LAYER_IPV4;
	case ETHER_IPV6:        return LAYER_IPV6;
	case ETHER_PPP:         return LAYER_PPP;
	case ETHER_VLAN:        return LAYER_VLAN;
	case ETHER_BRIDGE:      return LAYER_ETHERNET;
	case ETHER_ARP:         return LAYER_ARP;
	case ETHER_MPLS:
	case ETHER_MPLS_MULTI:  return LAYER_MPLS;
	/* Type I has no header at all, type II has GRE's sequence number. */
	case ETHER_ERSPAN:      return flags & GRE_SEQ ? LAYER_ERSPAN_2 : LAYER_ERSPAN_1;
	case ETHER_ERSPAN3:     return LAYER_ERSPAN_2;
	default:                return LAYER_END;
	}
}

enum layer gre_decode(struct walk *w)
{
	struct reader in = reader_of(w->at, walk_left(w));
	const uint8_t flags = read_u8(&in), flags2 = read_u8(&in);
	const uint16_t type = read_be16(&in);
	const uint8_t version = flags2 & 7;
	uint32_t key = 0;
	enum layer next;
	int event;

	walk_count(w, WIRE_GRE);
	if (in.ran_out)
		return walk_broken(w, EVENT_GRE_PKT_TOO_SMALL);
	if (version == 0)
		event = version0_parse(flags, flags2, &in, &key);
	else if (version == 1)
		event = version1_parse(flags, flags2, type, &in, &key);
	else
		event = EVENT_GRE_WRONG_VERSION;
	if (event >= 0)
		return walk_broken(w, (uint16_t)event);
	w->at = in.at;
	next = payload_layer(type, flags);
	if (next == LAYER_END || (version == 1 && key >> 16 == 0))      /* an acknowledgement alone */
		return LAYER_END;
	if (!walk_tunnel(w, next == LAYER_ERSPAN_1 || next == LAYER_ERSPAN_2 ? TUNNEL_ERSPAN : TUNNEL_GRE, key))
		return LAYER_END;
	w->pkt->ether_type = type;
	return next;
}
