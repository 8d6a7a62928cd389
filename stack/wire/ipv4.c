/* ipv4.c - IPv4. A header that lies about its lengths is broken, that of an option included; wrong
 * contents of options are noted, and the packet is read on, since receivers differ about them. */
#include "stack/wire/ipv4.h"

#include "stack/wire/checksum.h"
#include "stack/wire/walk.h"

enum ipv4_option {
	OPT_EOL = 0, OPT_NOP = 1, OPT_RR = 7, OPT_QS = 25, OPT_TS = 68, OPT_SEC = 130, OPT_LSRR = 131,
	OPT_ESEC = 133, OPT_CIPSO = 134, OPT_SID = 136, OPT_SSRR = 137, OPT_RTRALT = 148,
};

void ipv4_build(struct writer *w, const struct ipv4_header *h)
{
	const size_t pad = (4 - h->options.len % 4) % 4;
	const size_t header_len = IPV4_HEADER_LEN + h->options.len + pad;
	uint8_t *p = write_room(w, header_len);

	if (p == NULL || header_len > IPV4_HEADER_MAX)
		return;
	memset(p, 0, header_len);
	p[0] = (uint8_t)(4 << 4 | header_len / 4);
	p[1] = h->tos;
	store_be16(p + 2, (uint16_t)(header_len + h->payload_len));
	store_be16(p + 4, h->id);
	store_be16(p + 6, (uint16_t)(h->frag_dont << 14 | h->frag_more << 13 | h->frag_offset / 8));
	p[8] = h->ttl;
	p[9] = h->proto;
	memcpy(p + 12, h->src.bytes, 4);
	memcpy(p + 16, h->dst.bytes, 4);
	if (h->options.len)
		memcpy(p + IPV4_HEADER_LEN, h->options.data, h->options.len);
	store_be16(p + 10, checksum(p, header_len));
}

/* Source routes, record route: the pointer is 1-based, behind the option's own three bytes. */
static int route_check(const uint8_t *o, uint8_t len)
{
	if (len < 3)
		return EVENT_IPV4_OPT_INVALID_LEN;
	if (o[2] < 4 || o[2] % 4 || o[2] > len + 1)
		return EVENT_IPV4_OPT_MALFORMED;
	return -1;
}

static int timestamp_check(const uint8_t *o, uint8_t len)
{
	uint8_t record, flag;

	if (len < 5)
		return EVENT_IPV4_OPT_INVALID_LEN;
	flag = o[3];
	record = flag == 1 || flag == 3 ? 8 : 4;        /* address and time, or time alone */
	if (o[2] < 5 || (o[2] - 5) % record || o[2] > len + 1)
		return EVENT_IPV4_OPT_MALFORMED;
	return -1;
}

static int cipso_check(const uint8_t *o, uint8_t len)
{
	if (len < 10)
		return EVENT_IPV4_OPT_INVALID_LEN;
	for (unsigned at = 6; at < len;) {              /* behind type, length, domain: tags */
		const unsigned left = len - at;
		const uint8_t type = o[at];
		const uint8_t tag_len = left >= 2 ? o[at + 1] : 0;

		if (tag_len < 4 || tag_len > left)
			return EVENT_IPV4_OPT_MALFORMED;
		if (type != 1 && type != 2 && (type < 5 || type > 7))
			return EVENT_IPV4_OPT_MALFORMED;
		if (type != 7 && o[at + 2] != 0)        /* alignment octet */
			return EVENT_IPV4_OPT_MALFORMED;
		at += tag_len;
	}
	return -1;
}

static int length_check(uint8_t len, uint8_t low, uint8_t high)
{
	return len < low || len > high ? EVENT_IPV4_OPT_INVALID_LEN : -1;
}

/* Judges one option. Returns its bit; *event is what is wrong with it, or -1. */
static uint32_t option_check(const uint8_t *o, uint8_t len, int *event)
{
	*event = -1;
	switch (o[0]) {
	case OPT_RR:
		*event = route_check(o, len);
		return IPV4_OPT_RR;
	case OPT_LSRR:
		*event = route_check(o, len);
		return IPV4_OPT_LSRR;
	case OPT_SSRR:
		*event = route_check(o, len);
		return IPV4_OPT_SSRR;
	case OPT_TS:
		*event = timestamp_check(o, len);
		return IPV4_OPT_TS;
	case OPT_CIPSO:
		*event = cipso_check(o, len);
		return IPV4_OPT_CIPSO;
	case OPT_QS:
		*event = length_check(len, 8, 255);
		return IPV4_OPT_QS;
	case OPT_SEC:                   /* 3 or more in RFC 1108, 11 in RFC 791 */
		*event = length_check(len, 3, 255);
		return IPV4_OPT_SEC;
	case OPT_ESEC:
		*event = length_check(len, 3, 255);
		return IPV4_OPT_ESEC;
	case OPT_SID:
		*event = length_check(len, 4, 4);
		return IPV4_OPT_SID;
	case OPT_RTRALT:
		*event = length_check(len, 4, 4);
		return IPV4_OPT_RTRALT;
	default:
		return 0;
	}
}

/* False: an option reaches beyond the header, so that nobody can tell where what ends. */
static bool options_decode(struct walk *w, const uint8_t *o, size_t left)
{
	struct packet *p = w->pkt;

	if (left % 8)
		packet_event(p, EVENT_IPV4_OPT_PAD_REQUIRED);
	while (left) {
		uint32_t bit;
		int event;

		if (o[0] == OPT_EOL) {
			p->ip_options |= IPV4_OPT_EOL;
			return true;
		}
		if (o[0] == OPT_NOP) {
			p->ip_options |= IPV4_OPT_NOP;
			o++;
			left--;
			continue;
		}
		if (left < 2) {
			packet_event(p, EVENT_IPV4_OPT_EOL_REQUIRED);
			return true;
		}
		if (o[1] > left || o[1] < 2) {
			walk_broken(w, EVENT_IPV4_OPT_INVALID_LEN);
			return false;
		}
		bit = option_check(o, o[1], &event);
		if (bit == 0)
			packet_event(p, EVENT_IPV4_OPT_INVALID);
		else if (p->ip_options & bit)
			packet_event(p, EVENT_IPV4_OPT_DUPLICATE);
		else if (event >= 0)
			walk_invalid(w, (uint16_t)event);
		else
			p->ip_options |= bit;
		left -= o[1];
		o += o[1];
	}
	return true;
}

#define AH_HEADER_LEN 12         /* with a sequence number, before the value that proves it */

/* IP in IP: a packet of its own, and a flow for the carrier. */
static enum layer tunnel_decode(struct walk *w, enum layer next, enum wire_counter counter)
{
	w->pkt->flags &= ~PACKET_NO_FLOW;
	if (!walk_tunnel(w, TUNNEL_IPIP, 0))
		return LAYER_END;
	walk_count(w, counter);
	return next;
}

/* RFC 4302: what is authenticated stands in the clear behind it. One header of them; a second ends the walk. */
static uint8_t authentication_skip(struct walk *w)
{
	uint8_t next = PROTO_AH;
	uint32_t len;

	if (walk_left(w) < AH_HEADER_LEN)
		return next;
	len = (w->at[1] + 2u) * 4;
	if (len < AH_HEADER_LEN || walk_left(w) < len)
		return next;
	next = w->at[0];
	w->at += len;
	w->pkt->proto = next;
	w->pkt->payload = slice_of(w->at, walk_left(w));
	return next;
}

static enum layer payload_decode(struct walk *w, uint8_t proto)
{
	if (unlikely(proto == PROTO_AH))
		proto = authentication_skip(w);
	switch (proto) {
	case PROTO_TCP:         return LAYER_TCP;
	case PROTO_UDP:         return LAYER_UDP;
	case PROTO_ICMP:        return LAYER_ICMPV4;
	case PROTO_GRE:         return LAYER_GRE;
	case PROTO_SCTP:        return LAYER_SCTP;
	case PROTO_ESP:         return LAYER_ESP;
	case PROTO_IGMP:        return LAYER_IGMP;
	case PROTO_IPV6:        return tunnel_decode(w, LAYER_IPV6, WIRE_IPV6_IN_IPV4);
	case PROTO_IPIP:        return tunnel_decode(w, LAYER_IPV4, WIRE_IPV4_IN_IPV4);
	case PROTO_HOPOPTS:     return w->vj ? LAYER_TCP : LAYER_END;
	case PROTO_ICMPV6:      return walk_broken(w, EVENT_IPV4_WITH_ICMPV6);
	default:                return LAYER_END;
	}
}

#define WIRE_MTU 1500           /* a packet longer than that isn't one of the wire */

enum layer ipv4_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;
	uint32_t header_len, total_len, frag;

	walk_count(w, WIRE_IPV4);
	if (unlikely(walk_left(w) < IPV4_HEADER_LEN))
		return walk_broken(w, EVENT_IPV4_PKT_TOO_SMALL);
	if (unlikely(h[0] >> 4 != 4))
		return walk_broken(w, EVENT_IPV4_WRONG_IP_VERSION);
	header_len = (h[0] & 0xfu) * 4;
	if (unlikely(header_len < IPV4_HEADER_LEN))
		return walk_broken(w, EVENT_IPV4_HLEN_TOO_SMALL);
	total_len = load_be16(h + 2);
	if (unlikely(total_len == 0 && walk_left(w) > WIRE_MTU))
		total_len = walk_left(w);       /* segmentation is left to the NIC, and with it the length */
	if (unlikely(total_len < header_len))
		return walk_broken(w, EVENT_IPV4_IPLEN_SMALLER_THAN_HLEN);
	if (unlikely(walk_left(w) < total_len)) {
		p->flags |= PACKET_TRUNCATED;
		if (!walk_snapped(w) || walk_left(w) < header_len)
			return walk_broken(w, EVENT_IPV4_TRUNC_PKT);
		packet_event(p, EVENT_IPV4_TRUNC_PKT);
		total_len = walk_left(w);
	}
	if (unlikely(header_len > IPV4_HEADER_LEN) &&
	    !options_decode(w, h + IPV4_HEADER_LEN, header_len - IPV4_HEADER_LEN))
		return LAYER_END;
	p->ip = h;
	p->ip_version = 4;
	p->ip_len = total_len;
	p->ip_header_len = (uint16_t)header_len;
	p->tos = h[1];
	p->ttl = h[8];
	p->proto = h[9];
	memcpy(p->src.bytes, h + 12, 4);
	memcpy(p->dst.bytes, h + 16, 4);
	p->frag_id = load_be16(h + 4);
	frag = load_be16(h + 6);
	p->frag_dont = frag & 0x4000;
	p->frag_more = frag & 0x2000;
	p->frag_offset = (frag & 0x1fff) * 8;

	w->at = h + header_len;
	w->end = h + total_len;         /* what lies behind is the link's padding */
	p->payload = slice_of(w->at, walk_left(w));
	if (unlikely(p->frag_more || p->frag_offset)) {
		p->flags |= PACKET_FRAGMENT;
		return LAYER_END;
	}
	return payload_decode(w, p->proto);
}
