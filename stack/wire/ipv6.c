/* ipv6.c - IPv6 and its chain of extension headers. Every extension header is at least eight
 * bytes long, so the chain is linear in the packet's bytes. A fragment ends the walk: what follows
 * is read when the datagram is whole; an atomic fragment (RFC 6946) is read on at once. */
#include "stack/wire/ipv6.h"

#include "stack/wire/walk.h"

enum ipv6_option { OPT_PAD1 = 0, OPT_PADN = 1, OPT_ROUTER_ALERT = 5, OPT_JUMBO = 0xc2, OPT_HOME_ADDRESS = 0xc9 };

void ipv6_build(struct writer *w, const struct ipv6_header *h)
{
	write_be32(w, 6u << 28 | (uint32_t)h->traffic_class << 20 | (h->flow_label & 0xfffff));
	write_be16(w, h->payload_len);
	write_u8(w, h->next);
	write_u8(w, h->hop_limit);
	write_bytes(w, h->src.bytes, 16);
	write_bytes(w, h->dst.bytes, 16);
}

void ipv6_fragment_build(struct writer *w, const struct ipv6_fragment *f)
{
	write_u8(w, f->next);
	write_u8(w, 0);
	write_be16(w, (uint16_t)((f->offset & 0xfff8) | f->more));
	write_be32(w, f->id);
}

void ipv6_options_build(struct writer *w, uint8_t next, struct slice options)
{
	const size_t total = (2 + options.len + 7) / 8 * 8;
	const size_t pad = total - 2 - options.len;

	write_u8(w, next);
	write_u8(w, (uint8_t)(total / 8 - 1));
	write_bytes(w, options.data, options.len);
	if (pad <= 2) {                 /* a PadN of nothing is what some take offence at */
		for (size_t i = 0; i < pad; i++)
			write_u8(w, OPT_PAD1);
	} else {
		write_u8(w, OPT_PADN);
		write_u8(w, (uint8_t)(pad - 2));
		for (size_t i = 2; i < pad; i++)
			write_u8(w, 0);
	}
}

/* The options of a hop-by-hop or destination header; `hop` tells which. */
static void options_decode(struct walk *w, const uint8_t *o, size_t left, bool hop)
{
	bool padding = false, other = false;

	while (left) {
		uint8_t len, least = 0;

		if (o[0] == OPT_PAD1) {
			padding = true;
			o++;
			left--;
			continue;
		}
		if (left < 2 || o[1] + 2u > left) {
			walk_invalid(w, EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
			break;
		}
		len = o[1];
		switch (o[0]) {
		case OPT_PADN:
			padding = true;
			if (len == 0)
				packet_event(w->pkt, EVENT_IPV6_ZERO_LEN_PADN);
			break;
		case OPT_ROUTER_ALERT:
			least = 2;
			other = true;
			break;
		case OPT_JUMBO:
			least = 4;
			break;
		case OPT_HOME_ADDRESS:
			least = 16;
			other = true;
			break;
		default:
			packet_event(w->pkt, hop ? EVENT_IPV6_HOPOPTS_UNKNOWN_OPT :
						   EVENT_IPV6_DSTOPTS_UNKNOWN_OPT);
			other = true;
			break;
		}
		if (len < least) {
			walk_invalid(w, EVENT_IPV6_EXTHDR_INVALID_OPTLEN);
			break;
		}
		o += len + 2;
		left -= len + 2u;
	}
	if (padding && !other)
		packet_event(w->pkt, hop ? EVENT_IPV6_HOPOPTS_ONLY_PADDING :
					   EVENT_IPV6_DSTOPTS_ONLY_PADDING);
}

/* A header may come once (destination options twice): *seen says so. */
static bool repeated(struct packet *p, uint32_t bit, uint16_t event)
{
	if (!(p->ip_options & bit)) {
		p->ip_options |= bit;
		return false;
	}
	packet_event(p, event);
	return true;
}

static void extension_decode(struct walk *w, uint8_t type, size_t len)
{
	struct packet *p = w->pkt;

	switch (type) {
	case PROTO_ROUTING:
		if (!repeated(p, IPV6_HAS_ROUTING, EVENT_IPV6_EXTHDR_DUPL_RH) && w->at[2] == 0)
			packet_event(p, EVENT_IPV6_RH_TYPE_0);
		break;
	case PROTO_HOPOPTS:
		if (!repeated(p, IPV6_HAS_HOPOPTS, EVENT_IPV6_EXTHDR_DUPL_HH))
			options_decode(w, w->at + 2, len - 2, true);
		break;
	case PROTO_DSTOPTS:
		if (!(p->ip_options & IPV6_HAS_DSTOPTS))
			p->ip_options |= IPV6_HAS_DSTOPTS;
		else if (repeated(p, IPV6_HAS_DSTOPTS_2, EVENT_IPV6_EXTHDR_DUPL_DH))
			break;
		options_decode(w, w->at + 2, len - 2, false);
		break;
	case PROTO_AH:
		if (load_be16(w->at + 2) != 0)
			packet_event(p, EVENT_IPV6_EXTHDR_AH_RES_NOT_NULL);
		repeated(p, IPV6_HAS_AH, EVENT_IPV6_EXTHDR_DUPL_AH);
		break;
	default:
		p->ip_options |= IPV6_HAS_MOBILITY;
		break;
	}
}

/* Reads a fragment header; true: a real fragment, the walk ends. announced_at: where, from the IP
 * header, this header was announced. */
static bool fragment_decode(struct walk *w, size_t announced_at)
{
	const uint8_t *h = w->at;
	const uint16_t offset = load_be16(h + 2);
	struct packet *p = w->pkt;

	if (h[1] != 0)
		packet_event(p, EVENT_IPV6_FH_NON_ZERO_RESERVED_FIELD);
	if (repeated(p, IPV6_HAS_FRAGMENT, EVENT_IPV6_EXTHDR_DUPL_FH))
		return false;
	p->frag_offset = offset & 0xfff8;
	p->frag_more = offset & 1;
	p->frag_id = load_be32(h + 4);
	p->frag_next_at = (uint16_t)announced_at;
	if (p->frag_offset == 0 && !p->frag_more) {
		packet_event(p, EVENT_IPV6_EXTHDR_USELESS_FH);
		return false;
	}
	if (p->frag_more && walk_left(w) % 8)
		packet_event(p, EVENT_IPV6_FRAG_INVALID_LENGTH);
	p->flags |= PACKET_FRAGMENT;
	return true;
}

static bool is_extension(uint8_t type)
{
	switch (type) {
	case PROTO_HOPOPTS: case PROTO_ROUTING: case PROTO_FRAGMENT: case PROTO_DSTOPTS:
	case PROTO_AH: case PROTO_MH: case PROTO_HIP: case PROTO_SHIM6:
		return true;
	default:
		return false;
	}
}

/* How long the extension header at h says it is. */
static size_t extension_len(uint8_t type, const uint8_t *h)
{
	switch (type) {
	case PROTO_FRAGMENT:
		return IPV6_FRAGMENT_LEN;
	case PROTO_AH:                  /* in words, less two; RFC 4302 2.2 */
		return 12 + (h[1] > 0 ? (h[1] - 1u) * 4 : 0);
	default:
		return 8 + h[1] * 8u;
	}
}

static enum layer tunnel_decode(struct walk *w, uint8_t proto)
{
	const bool v6 = proto == PROTO_IPV6;

	if (walk_left(w) < (v6 ? IPV6_HEADER_LEN : IPV4_HEADER_LEN))
		return walk_broken(w, v6 ? EVENT_IPV6_IN_IPV6_TOO_SMALL : EVENT_IPV4_IN_IPV6_TOO_SMALL);
	if (w->at[0] >> 4 != (v6 ? 6 : 4))
		return walk_broken(w, v6 ? EVENT_IPV6_IN_IPV6_WRONG_VERSION : EVENT_IPV4_IN_IPV6_WRONG_VERSION);
	w->pkt->flags &= ~PACKET_NO_FLOW;
	if (!walk_tunnel(w, TUNNEL_IP6, 0))
		return LAYER_END;
	walk_count(w, v6 ? WIRE_IPV6_IN_IPV6 : WIRE_IPV4_IN_IPV6);
	return v6 ? LAYER_IPV6 : LAYER_IPV4;
}

static enum layer payload_decode(struct walk *w, uint8_t proto)
{
	switch (proto) {
	case PROTO_TCP:         return LAYER_TCP;
	case PROTO_UDP:         return LAYER_UDP;
	case PROTO_ICMPV6:      return LAYER_ICMPV6;
	case PROTO_SCTP:        return LAYER_SCTP;
	case PROTO_GRE:         return LAYER_GRE;
	case PROTO_ESP:         return LAYER_ESP;
	case PROTO_IPIP:
	case PROTO_IPV6:        return tunnel_decode(w, proto);
	case PROTO_NONE:
		if (walk_left(w) > 0)
			packet_event(w->pkt, EVENT_IPV6_DATA_AFTER_NONE_HEADER);
		return LAYER_END;
	case PROTO_ICMP:        return walk_stop(w, EVENT_IPV6_WITH_ICMPV4);
	default:                return walk_stop(w, EVENT_IPV6_UNKNOWN_NEXT_HEADER);
	}
}

/* Walks the chain from type on; the last header that was read, or the payload's protocol, stays in
 * p->proto. */
static enum layer extensions_decode(struct walk *w, uint8_t type)
{
	struct packet *p = w->pkt;
	size_t announced_at = 6;
	bool fragment = false;

	while (is_extension(type) && !fragment) {
		const size_t at = (size_t)(w->at - p->ip);
		size_t len;

		p->proto = type;
		if (walk_left(w) < 2 || (len = extension_len(type, w->at)) > walk_left(w))
			return walk_broken(w, EVENT_IPV6_TRUNC_EXTHDR);
		if (type == PROTO_FRAGMENT)
			fragment = fragment_decode(w, announced_at);
		else
			extension_decode(w, type, len);
		announced_at = at;
		type = w->at[0];
		w->at += len;
	}
	p->proto = type;
	p->ip_header_len = (uint16_t)(w->at - p->ip);
	p->payload = slice_of(w->at, walk_left(w));
	if (fragment)
		return LAYER_END;
	if (type != PROTO_NONE && walk_left(w) < 2)
		return walk_broken(w, EVENT_IPV6_TRUNC_EXTHDR);
	return payload_decode(w, type);
}

enum layer ipv6_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;
	uint32_t payload_len, first;

	walk_count(w, WIRE_IPV6);
	if (unlikely(walk_left(w) < IPV6_HEADER_LEN))
		return walk_broken(w, EVENT_IPV6_PKT_TOO_SMALL);
	first = load_be32(h);
	if (unlikely(first >> 28 != 6))
		return walk_broken(w, EVENT_IPV6_WRONG_IP_VERSION);
	payload_len = load_be16(h + 4);
	if (unlikely(walk_left(w) < IPV6_HEADER_LEN + payload_len)) {
		p->flags |= PACKET_TRUNCATED;
		if (!walk_snapped(w))
			return walk_broken(w, EVENT_IPV6_TRUNC_PKT);
		packet_event(p, EVENT_IPV6_TRUNC_PKT);
		payload_len = walk_left(w) - IPV6_HEADER_LEN;
	}
	p->ip = h;
	p->ip_version = 6;
	p->ip_len = IPV6_HEADER_LEN + payload_len;
	p->ip_header_len = IPV6_HEADER_LEN;
	p->tos = (uint8_t)(first >> 20);
	p->ttl = h[7];
	p->proto = h[6];
	memcpy(p->src.bytes, h + 8, 16);
	memcpy(p->dst.bytes, h + 24, 16);

	w->at = h + IPV6_HEADER_LEN;
	w->end = w->at + payload_len;
	p->payload = slice_of(w->at, payload_len);
	if (unlikely(is_extension(p->proto)))
		return extensions_decode(w, p->proto);
	return payload_decode(w, p->proto);
}
