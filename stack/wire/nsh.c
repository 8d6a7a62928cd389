/* nsh.c - see nsh.h. What follows isn't a packet of its own: it's how the packet travelled. */
#include "stack/wire/nsh.h"

#include "stack/wire/walk.h"

enum parse nsh_parse(struct nsh_header *h, struct reader *in)
{
	const uint16_t first = read_be16(in);
	const size_t length = (first & 0x3f) * 4u;
	uint32_t path;

	h->version = (uint8_t)(first >> 14);
	h->md_type = read_u8(in) & 0xf;
	h->next = read_u8(in);
	path = read_be32(in);
	h->path = path >> 8;
	h->index = (uint8_t)path;
	if (in->ran_out)
		return PARSE_MORE;
	if (length < NSH_BASE_LEN)
		return PARSE_BAD;
	h->context = read_slice(in, length - NSH_BASE_LEN);
	return in->ran_out ? PARSE_MORE : PARSE_OK;
}

void nsh_build(struct writer *w, const struct nsh_header *h)
{
	const size_t words = (NSH_BASE_LEN + h->context.len) / 4;

	write_be16(w, (uint16_t)(h->version << 14 | 63 << 6 | (words & 0x3f)));
	write_u8(w, h->md_type);
	write_u8(w, h->next);
	write_be32(w, h->path << 8 | h->index);
	write_bytes(w, h->context.data, h->context.len);
}

enum layer nsh_decode(struct walk *w)
{
	size_t length;
	uint8_t md_type, next;

	walk_count(w, WIRE_NSH);
	if (walk_left(w) < NSH_BASE_LEN)
		return walk_broken(w, EVENT_NSH_HEADER_TOO_SMALL);
	if (w->at[0] >> 6 != 0)
		return walk_stop(w, EVENT_NSH_UNSUPPORTED_VERSION);
	length = (w->at[1] & 0x3f) * 4u;
	md_type = w->at[2];
	next = w->at[3];
	if (length >= walk_left(w) || length < NSH_BASE_LEN)
		return walk_broken(w, EVENT_NSH_BAD_HEADER_LENGTH);
	if (md_type == 0 || md_type == 15)
		return walk_stop(w, EVENT_NSH_RESERVED_TYPE);
	if (md_type == 1 && length != 24)
		return walk_broken(w, EVENT_NSH_BAD_HEADER_LENGTH);
	if (md_type > 2)
		return walk_stop(w, EVENT_NSH_UNSUPPORTED_TYPE);
	w->pkt->tunnel_id = load_be32(w->at + 4) >> 8;
	w->at += length;
	switch (next) {
	case NSH_NEXT_IPV4:             return LAYER_IPV4;
	case NSH_NEXT_IPV6:             return LAYER_IPV6;
	case NSH_NEXT_ETHERNET:         return LAYER_ETHERNET;
	case NSH_NEXT_MPLS:             return LAYER_MPLS;
	default:                        return walk_stop(w, EVENT_NSH_UNKNOWN_PAYLOAD);
	}
}
