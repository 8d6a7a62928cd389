/* mpls.c - a stack of labels; nothing in it says what the bottom one carries, so the payload's
 * first half byte decides, as routers do (RFC 4385: 0 is a pseudowire's control word). */
#include "stack/wire/mpls.h"

#include "stack/wire/walk.h"

#define MPLS_CONTROL_WORD_LEN 4

enum mpls_label { LABEL_IPV4 = 0, LABEL_ROUTER_ALERT = 1, LABEL_IPV6 = 2, LABEL_NULL = 3, LABEL_RESERVED = 15 };

enum parse mpls_parse(struct mpls_entry *e, struct reader *in)
{
	const uint32_t v = read_be32(in);

	e->label = v >> 12;
	e->traffic_class = (v >> 9) & 7;
	e->bottom = v & 0x100;
	e->ttl = (uint8_t)v;
	return in->ran_out ? PARSE_MORE : PARSE_OK;
}

void mpls_build(struct writer *w, const struct mpls_entry *e)
{
	write_be32(w, e->label << 12 | (uint32_t)e->traffic_class << 9 | (uint32_t)e->bottom << 8 | e->ttl);
}

static enum layer payload_decode(struct walk *w)
{
	if (walk_left(w) < MPLS_CONTROL_WORD_LEN)
		return walk_broken(w, EVENT_MPLS_PKT_TOO_SMALL);
	switch (w->at[0] >> 4) {
	case 4:
		return LAYER_IPV4;
	case 6:
		return LAYER_IPV6;
	case 0:
		w->at += MPLS_CONTROL_WORD_LEN;
		return LAYER_ETHERNET;
	default:
		return walk_broken(w, EVENT_MPLS_UNKNOWN_PAYLOAD_TYPE);
	}
}

enum layer mpls_decode(struct walk *w)
{
	struct reader in = reader_of(w->at, walk_left(w));
	struct mpls_entry e;

	walk_count(w, WIRE_MPLS);
	do {
		if (mpls_parse(&e, &in) != PARSE_OK)
			return walk_broken(w, EVENT_MPLS_HEADER_TOO_SMALL);
	} while (!e.bottom);
	w->at = in.at;
	w->pkt->tunnel_id = e.label;

	switch (e.label) {
	case LABEL_IPV4:                return LAYER_IPV4;
	case LABEL_IPV6:                return LAYER_IPV6;
	case LABEL_ROUTER_ALERT:        return walk_stop(w, EVENT_MPLS_BAD_LABEL_ROUTER_ALERT);
	case LABEL_NULL:                return walk_stop(w, EVENT_MPLS_BAD_LABEL_IMPLICIT_NULL);
	default:
		if (e.label < LABEL_RESERVED)
			return walk_stop(w, EVENT_MPLS_BAD_LABEL_RESERVED);
		return payload_decode(w);
	}
}
