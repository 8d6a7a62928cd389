/* icmp.c - ICMP, and the packets its errors quote. A quoted packet is only as much of one as its
 * sender felt like: what is there of it gives a flow key. */
#include "stack/wire/icmp.h"

#include "stack/wire/walk.h"

void icmp_build(struct writer *w, const struct icmp_header *h)
{
	write_u8(w, h->type);
	write_u8(w, h->code);
	write_be16(w, 0);
	write_be32(w, h->rest);
}

/* Highest code each type has; -1: no check, -2: a type nobody knows. */
static int code_max(uint8_t type)
{
	switch (type) {
	case ICMP_UNREACHABLE:          return 15;
	case ICMP_REDIRECT:             return 3;
	case ICMP_TIME_EXCEEDED:        return 1;
	case ICMP_ROUTER_ADVERT:        return -1;
	case ICMP_ECHO_REPLY:
	case ICMP_SOURCE_QUENCH:
	case ICMP_ECHO:
	case ICMP_PARAMETER:
	case ICMP_TIMESTAMP:
	case ICMP_TIMESTAMP_REPLY:
	case ICMP_INFO:
	case ICMP_INFO_REPLY:
	case ICMP_ADDRESS:
	case ICMP_ADDRESS_REPLY:        return 0;
	default:                        return -2;
	}
}

static void quoted_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;
	size_t header_len;

	if (walk_left(w) < IPV4_HEADER_LEN) {
		walk_invalid(w, EVENT_ICMPV4_IPV4_TRUNC_PKT);
		return;
	}
	if (h[0] >> 4 != 4) {
		walk_invalid(w, EVENT_ICMPV4_IPV4_UNKNOWN_VER);
		return;
	}
	header_len = (h[0] & 0xfu) * 4;
	p->flags |= PACKET_ICMP_ERROR;
	p->emb_ip_version = 4;
	p->emb_proto = h[9];
	p->emb_src = ip_addr_v4(h + 12);
	p->emb_dst = ip_addr_v4(h + 16);
	p->emb_src_port = p->emb_dst_port = 0;
	switch (p->emb_proto) {
	case PROTO_TCP: case PROTO_UDP: case PROTO_SCTP:
		if (header_len >= IPV4_HEADER_LEN && walk_left(w) >= header_len + 4 &&
		    (load_be16(h + 6) & 0x1fff) == 0) {
			p->emb_src_port = load_be16(h + header_len);
			p->emb_dst_port = load_be16(h + header_len + 2);
		}
		break;
	}
}

enum layer icmpv4_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;
	int max;

	walk_count(w, WIRE_ICMPV4);
	p->proto = PROTO_ICMP;
	if (walk_left(w) < ICMP_HEADER_LEN)
		return walk_broken(w, EVENT_ICMPV4_PKT_TOO_SMALL);
	p->l4 = h;
	p->l4_header_len = ICMP_HEADER_LEN;
	p->icmp_type = h[0];
	p->icmp_code = h[1];
	p->flags &= ~PACKET_NO_FLOW;
	w->at += ICMP_HEADER_LEN;
	p->payload = slice_of(w->at, walk_left(w));

	max = code_max(p->icmp_type);
	if (max == -2)
		return walk_stop(w, EVENT_ICMPV4_UNKNOWN_TYPE);
	if (max >= 0 && p->icmp_code > max)
		packet_event(p, EVENT_ICMPV4_UNKNOWN_CODE);
	switch (p->icmp_type) {
	case ICMP_UNREACHABLE: case ICMP_SOURCE_QUENCH: case ICMP_REDIRECT: case ICMP_TIME_EXCEEDED:
	case ICMP_PARAMETER:
		if (p->icmp_code <= max && walk_left(w) > 0)
			quoted_decode(w);
		break;
	case ICMP_ROUTER_ADVERT:
		break;
	default:
		p->icmp_id = load_be16(h + 4);
		p->icmp_seq = load_be16(h + 6);
		break;
	}
	return LAYER_END;
}
