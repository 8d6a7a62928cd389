/* icmpv6.c - ICMPv6: errors with the packet they quote, echo, neighbour discovery, MLD. */
#include "stack/wire/icmp.h"
#include "stack/wire/walk.h"

#define CODE_ANY (-1)
#define TYPE_UNKNOWN (-2)
#define TYPE_UNASSIGNED (-3)
#define TYPE_EXPERIMENT (-4)

/* Highest code a type has, or one of the above; by IANA's icmpv6-parameters. */
static int code_max(uint8_t type)
{
	switch (type) {
	case 0: case 127:
		return TYPE_UNKNOWN;
	case ICMPV6_UNREACHABLE:
		return 6;
	case ICMPV6_TIME_EXCEEDED:
		return 1;
	case ICMPV6_PARAMETER: case 138: case 139: case 140:    /* node information */
		return 2;
	case 155:               /* RPL control */
		return 3;
	case 150: case 151: case 152: case 153:
		return CODE_ANY;
	case 100: case 101: case 200: case 201:
		return TYPE_EXPERIMENT;
	default:
		if (type == ICMPV6_TOO_BIG || (type >= ICMPV6_ECHO && type <= 159))
			return 0;
		return TYPE_UNASSIGNED;
	}
}

static void quoted_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;

	if (walk_left(w) < IPV6_HEADER_LEN) {
		walk_invalid(w, EVENT_ICMPV6_IPV6_TRUNC_PKT);
		return;
	}
	if (h[0] >> 4 != 6) {
		walk_invalid(w, EVENT_ICMPV6_IPV6_UNKNOWN_VERSION);
		return;
	}
	p->flags |= PACKET_ICMP_ERROR;
	p->emb_ip_version = 6;
	p->emb_proto = h[6];
	p->emb_src = ip_addr_v6(h + 8);
	p->emb_dst = ip_addr_v6(h + 24);
	p->emb_src_port = p->emb_dst_port = 0;
	switch (p->emb_proto) {
	case PROTO_TCP: case PROTO_UDP: case PROTO_SCTP:
		if (walk_left(w) >= IPV6_HEADER_LEN + 4) {
			p->emb_src_port = load_be16(h + IPV6_HEADER_LEN);
			p->emb_dst_port = load_be16(h + IPV6_HEADER_LEN + 2);
		}
		break;
	}
}

/* Those whose hop limit the event is about: version 2 reports aren't judged. */
static bool is_mld(uint8_t type)
{
	return type == ICMPV6_MLD_QUERY || type == ICMPV6_MLD_REPORT || type == ICMPV6_MLD_DONE;
}

static enum layer type_judge(struct walk *w)
{
	struct packet *p = w->pkt;
	const int max = code_max(p->icmp_type);

	switch (max) {
	case TYPE_UNKNOWN:      return walk_stop(w, EVENT_ICMPV6_UNKNOWN_TYPE);
	case TYPE_UNASSIGNED:   return walk_stop(w, EVENT_ICMPV6_UNASSIGNED_TYPE);
	case TYPE_EXPERIMENT:   return walk_stop(w, EVENT_ICMPV6_EXPERIMENTATION_TYPE);
	}
	/* 255: the reset of sequence numbers in router renumbering (RFC 2894) */
	if (max != CODE_ANY && p->icmp_code > max && !(p->icmp_type == 138 && p->icmp_code == 255))
		return walk_stop(w, EVENT_ICMPV6_UNKNOWN_CODE);
	if (is_mld(p->icmp_type) && p->ttl != 1)        /* RFC 2710 3: never routed */
		packet_event(p, EVENT_ICMPV6_MLD_INVALID_HL);
	if (p->icmp_type <= ICMPV6_PARAMETER)
		quoted_decode(w);
	return LAYER_END;
}

enum layer icmpv6_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;

	walk_count(w, WIRE_ICMPV6);
	p->proto = PROTO_ICMPV6;
	if (walk_left(w) < ICMP_HEADER_LEN)
		return walk_broken(w, EVENT_ICMPV6_PKT_TOO_SMALL);
	p->l4 = h;
	p->l4_header_len = ICMP_HEADER_LEN;
	p->icmp_type = h[0];
	p->icmp_code = h[1];
	if (p->icmp_type == ICMPV6_ECHO || p->icmp_type == ICMPV6_ECHO_REPLY) {
		p->icmp_id = load_be16(h + 4);
		p->icmp_seq = load_be16(h + 6);
	}
	p->flags &= ~PACKET_NO_FLOW;
	w->at += ICMP_HEADER_LEN;
	p->payload = slice_of(w->at, walk_left(w));
	return type_judge(w);
}
