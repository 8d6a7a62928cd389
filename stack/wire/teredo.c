/* teredo.c - IPv6 in UDP (RFC 4380), on any port: only what holds together to the last byte is
 * taken for it. */
#include "stack/wire/ip.h"
#include "stack/wire/walk.h"

#define TEREDO_ORIGIN_LEN 8

/* A next header that a Teredo relay would carry; the length alone is too weak a sign. */
static bool next_header_sound(uint8_t next)
{
	switch (next) {
	case PROTO_TCP: case PROTO_UDP: case PROTO_ICMPV6: case PROTO_SCTP: case PROTO_NONE:
	case PROTO_HOPOPTS: case PROTO_ROUTING: case PROTO_FRAGMENT: case PROTO_DSTOPTS:
	case PROTO_AH: case PROTO_ESP: case PROTO_IPIP: case PROTO_IPV6: case PROTO_GRE:
		return true;
	default:
		return false;
	}
}

enum layer teredo_decode(struct walk *w)
{
	const uint8_t *at = w->at;
	size_t left = walk_left(w);

	/* origin indication; authentication (0001) never comes with a packet we could check */
	if (left >= TEREDO_ORIGIN_LEN + IPV6_HEADER_LEN && at[0] == 0 && at[1] == 0) {
		at += TEREDO_ORIGIN_LEN;
		left -= TEREDO_ORIGIN_LEN;
	}
	if (left < IPV6_HEADER_LEN || at[0] >> 4 != 6 || load_be16(at + 4) != left - IPV6_HEADER_LEN ||
	    !next_header_sound(at[6]))
		return LAYER_END;
	w->at = at;
	return walk_tunnel(w, TUNNEL_TEREDO, 0) ? LAYER_IPV6 : LAYER_END;       /* counted when it has proved sound */
}
