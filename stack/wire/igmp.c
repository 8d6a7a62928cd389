/* igmp.c - IGMP (RFC 1112, 2236, 3376): only its shape is looked at. */
#include "stack/wire/ip.h"
#include "stack/wire/walk.h"

#define IGMP_HEADER_LEN 8
#define IGMP_QUERY 0x11
#define IGMP_V3_REPORT 0x22
#define IGMP_V3_QUERY_LEN 12

enum layer igmp_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	const size_t len = walk_left(w);

	walk_count(w, WIRE_IGMP);
	if (len < IGMP_HEADER_LEN)
		return walk_broken(w, EVENT_IGMP_PKT_TOO_SMALL);
	w->pkt->l4 = h;
	w->pkt->l4_header_len = IGMP_HEADER_LEN;
	w->pkt->icmp_type = h[0];
	w->pkt->payload = slice_of(h + IGMP_HEADER_LEN, len - IGMP_HEADER_LEN);
	/* A query longer than eight bytes is version 3: then its sources must be there. */
	if (h[0] == IGMP_QUERY && len > IGMP_HEADER_LEN) {
		if (len < IGMP_V3_QUERY_LEN)
			return walk_broken(w, EVENT_IGMP_V3_PKT_TOO_SMALL);
		if (len < IGMP_V3_QUERY_LEN + load_be16(h + 10) * 4u)
			return walk_broken(w, EVENT_IGMP_MALFORMED);
	}
	if (h[0] == IGMP_V3_REPORT && len < IGMP_HEADER_LEN + load_be16(h + 6) * 8u)
		return walk_broken(w, EVENT_IGMP_MALFORMED);
	return LAYER_END;
}
