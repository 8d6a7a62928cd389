/* geneve.c - Ethernet or IP in UDP, with options between. */
#include "stack/wire/ethernet.h"
#include "stack/wire/tunnels.h"
#include "stack/wire/walk.h"

#define GENEVE_CONTROL 0x80
#define GENEVE_CRITICAL 0x40

/* The options' own lengths must add up to what the header says. */
static bool options_sound(struct slice options)
{
	struct reader in = reader_slice(options);

	while (reader_left(&in) > 0) {
		reader_skip(&in, 3);
		reader_skip(&in, (read_u8(&in) & 0x1fu) * 4);
		if (in.ran_out)
			return false;
	}
	return true;
}

enum parse geneve_parse(struct geneve_header *h, struct reader *in)
{
	const uint8_t first = read_u8(in), flags = read_u8(in);
	uint32_t last;

	h->type = read_be16(in);
	last = read_be32(in);
	h->options = read_slice(in, (first & 0x3fu) * 4);
	if (in->ran_out)
		return PARSE_MORE;
	h->control = flags & GENEVE_CONTROL;
	h->critical = flags & GENEVE_CRITICAL;
	h->vni = last >> 8;
	if (first >> 6 != 0 || flags & 0x3f || last & 0xff || !options_sound(h->options))
		return PARSE_BAD;
	return PARSE_OK;
}

void geneve_build(struct writer *w, const struct geneve_header *h)
{
	write_u8(w, (uint8_t)(h->options.len / 4));
	write_u8(w, (uint8_t)((h->control ? GENEVE_CONTROL : 0) | (h->critical ? GENEVE_CRITICAL : 0)));
	write_be16(w, h->type);
	write_be32(w, h->vni << 8);
	write_bytes(w, h->options.data, h->options.len);
}

enum layer geneve_decode(struct walk *w)
{
	struct reader in = reader_of(w->at, walk_left(w));
	struct geneve_header h;
	enum layer next;

	if (geneve_parse(&h, &in) != PARSE_OK)
		return LAYER_END;
	walk_count(w, WIRE_GENEVE);
	switch (h.type) {
	case ETHER_IPV4:
		next = LAYER_IPV4;
		break;
	case ETHER_IPV6:
		next = LAYER_IPV6;
		break;
	case ETHER_BRIDGE:
		next = LAYER_ETHERNET;
		break;
	case ETHER_ARP:
		return LAYER_END;
	default:
		walk_invalid(w, EVENT_GENEVE_UNKNOWN_PAYLOAD_TYPE);
		return LAYER_END;
	}
	w->at = in.at;
	return walk_tunnel(w, TUNNEL_GENEVE, h.vni) ? next : LAYER_END;
}
