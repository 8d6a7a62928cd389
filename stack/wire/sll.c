/* sll.c - Linux "cooked" captures, versions 1 and 2: a pseudo header instead of the link's own,
 * as a capture on "any" writes them. */
#include "stack/wire/walk.h"

#define SLL_HEADER_LEN 16       /* packet type, ARPHRD type, address length, address, protocol */
#define SLL2_HEADER_LEN 20      /* protocol, reserved, interface, ARPHRD type, packet type, address */

enum layer sll_decode(struct walk *w)
{
	walk_count(w, WIRE_SLL);
	if (walk_left(w) < SLL_HEADER_LEN)
		return walk_broken(w, EVENT_SLL_PKT_TOO_SMALL);
	w->at += SLL_HEADER_LEN;
	return walk_ether_type(w, load_be16(w->at - 2));
}

enum layer sll2_decode(struct walk *w)
{
	walk_count(w, WIRE_SLL2);
	if (walk_left(w) < SLL2_HEADER_LEN)
		return walk_broken(w, EVENT_SLL2_PKT_TOO_SMALL);
	w->at += SLL2_HEADER_LEN;
	return walk_ether_type(w, load_be16(w->at - SLL2_HEADER_LEN));
}
