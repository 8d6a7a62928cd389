/* gtpu.c - IP in UDP in mobile networks: G-PDU messages with a tunnel endpoint id. */
#include "stack/wire/tunnels.h"
#include "stack/wire/walk.h"

#define GTPU_G_PDU 255
#define GTPU_EXTENSIONS_MAX 8

enum gtpu_flag { GTPU_NPDU = 1, GTPU_SEQ = 2, GTPU_EXTENSION = 4, GTPU_GTP = 16 };

enum parse gtpu_parse(uint32_t *teid, struct reader *in)
{
	const uint8_t flags = read_u8(in), type = read_u8(in);
	const uint16_t len = read_be16(in);
	uint8_t next;

	*teid = read_be32(in);
	if (in->ran_out)
		return PARSE_MORE;
	if (flags >> 5 != 1 || !(flags & GTPU_GTP) || type != GTPU_G_PDU || len > reader_left(in))
		return PARSE_BAD;
	if (!(flags & (GTPU_NPDU | GTPU_SEQ | GTPU_EXTENSION)))
		return PARSE_OK;
	reader_skip(in, 3);             /* sequence number, N-PDU number */
	next = read_u8(in);
	for (unsigned i = 0; flags & GTPU_EXTENSION && next != 0; i++) {
		const uint8_t words = read_u8(in);

		if (words == 0 || i >= GTPU_EXTENSIONS_MAX)
			return PARSE_BAD;
		reader_skip(in, words * 4u - 2);
		next = read_u8(in);
	}
	return in->ran_out ? PARSE_MORE : PARSE_OK;
}

void gtpu_build(struct writer *w, uint32_t teid, uint16_t len)
{
	write_u8(w, 1 << 5 | GTPU_GTP);
	write_u8(w, GTPU_G_PDU);
	write_be16(w, len);
	write_be32(w, teid);
}

enum layer gtpu_decode(struct walk *w)
{
	struct reader in = reader_of(w->at, walk_left(w));
	uint32_t teid;

	if (gtpu_parse(&teid, &in) != PARSE_OK || reader_left(&in) == 0)
		return LAYER_END;
	if (*in.at >> 4 != 4 && *in.at >> 4 != 6)
		return LAYER_END;
	walk_count(w, WIRE_GTPU);
	w->at = in.at;
	if (!walk_tunnel(w, TUNNEL_GTPU, teid))
		return LAYER_END;
	return *in.at >> 4 == 4 ? LAYER_IPV4 : LAYER_IPV6;
}
