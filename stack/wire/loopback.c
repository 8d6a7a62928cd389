/* loopback.c - frames without a real link: BSD's NULL and LOOP (an address family in host or in
 * network order, 4 bytes) and raw IP (nothing at all). */
#include "stack/wire/walk.h"

/* AF_INET is the same everywhere; AF_INET6 differs between systems. */
static enum layer family_layer(uint32_t family)
{
	switch (family) {
	case 2:
		return LAYER_IPV4;
	case 10:        /* Linux */
	case 24:        /* NetBSD, OpenBSD */
	case 28:        /* FreeBSD */
	case 30:        /* Darwin */
		return LAYER_IPV6;
	default:
		return LAYER_END;
	}
}

enum layer null_decode(struct walk *w)
{
	enum layer next;

	walk_count(w, WIRE_NULL);
	if (walk_left(w) < 4)
		return walk_broken(w, EVENT_LTNULL_PKT_TOO_SMALL);
	/* LINK_NULL has the capturing host's byte order, which we don't know: a family is small. */
	next = family_layer(load_le32(w->at));
	if (next == LAYER_END)
		next = family_layer(load_be32(w->at));
	if (next == LAYER_END)
		return walk_stop(w, EVENT_LTNULL_UNSUPPORTED_TYPE);
	w->at += 4;
	return next;
}

enum layer raw_decode(struct walk *w)
{
	walk_count(w, WIRE_RAW);
	if (walk_left(w) == 0)
		return walk_broken(w, EVENT_IPV4_PKT_TOO_SMALL);
	switch (w->at[0] >> 4) {
	case 4:
		return LAYER_IPV4;
	case 6:
		return LAYER_IPV6;
	default:
		return walk_stop(w, EVENT_IPRAW_INVALID_IP_VERSION);
	}
}
