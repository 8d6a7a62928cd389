/* pppoe.c - see pppoe.h. A session's payload begins with PPP's protocol number alone. */
#include "stack/wire/pppoe.h"

#include "stack/wire/walk.h"

enum pppoe_code { PADO = 0x07, PADI = 0x09, PADR = 0x19, PADS = 0x65, PADT = 0xa7 };

enum parse pppoe_parse(struct pppoe_header *h, struct reader *in)
{
	const uint8_t version = read_u8(in);

	h->code = read_u8(in);
	h->session = read_be16(in);
	h->length = read_be16(in);
	if (in->ran_out)
		return PARSE_MORE;
	return version == 0x11 ? PARSE_OK : PARSE_BAD;
}

void pppoe_build(struct writer *w, const struct pppoe_header *h)
{
	write_u8(w, 0x11);
	write_u8(w, h->code);
	write_be16(w, h->session);
	write_be16(w, h->length);
}

enum layer pppoe_discovery_decode(struct walk *w)
{
	uint16_t length;

	walk_count(w, WIRE_PPPOE);
	if (walk_left(w) < PPPOE_HEADER_LEN)
		return walk_broken(w, EVENT_PPPOE_PKT_TOO_SMALL);
	switch (w->at[1]) {
	case PADI: case PADO: case PADR: case PADS: case PADT:
		break;
	default:
		return walk_broken(w, EVENT_PPPOE_WRONG_CODE);
	}
	length = load_be16(w->at + 4);
	w->at += PPPOE_HEADER_LEN;
	if (length > walk_left(w))
		return walk_broken(w, EVENT_PPPOE_MALFORMED_TAGS);
	return LAYER_END;
}

enum layer pppoe_session_decode(struct walk *w)
{
	uint16_t length, protocol;

	walk_count(w, WIRE_PPPOE);
	if (walk_left(w) < PPPOE_HEADER_LEN + 1)
		return walk_broken(w, EVENT_PPPOE_PKT_TOO_SMALL);
	length = load_be16(w->at + 4);
	w->pkt->tunnel_id = load_be16(w->at + 2);
	w->at += PPPOE_HEADER_LEN;
	if (length == 0)
		return LAYER_END;
	if (w->at[0] & 1) {             /* compressed protocol field */
		protocol = *w->at++;
	} else {
		if (walk_left(w) < 2)
			return walk_broken(w, EVENT_PPPOE_PKT_TOO_SMALL);
		protocol = load_be16(w->at);
		w->at += 2;
	}
	return walk_ppp(w, protocol);
}
