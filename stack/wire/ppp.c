/* ppp.c - PPP (RFC 1661, in HDLC framing RFC 1662) and Cisco's HDLC. */
#include "stack/wire/ethernet.h"
#include "stack/wire/ip.h"
#include "stack/wire/walk.h"

#define PPP_HEADER_LEN 4        /* ff 03 protocol */
#define CHDLC_HEADER_LEN 4      /* address, control, EtherType */

enum ppp_protocol {
	PPP_IPV4 = 0x0021,
	PPP_VJ_UNCOMPRESSED = 0x002f,
	PPP_IPV6 = 0x0057,
};

/* Network layers that exist and that we don't read. */
static bool ppp_known(uint16_t protocol)
{
	static const uint16_t known[] = {
		0x0023, 0x0025, 0x0027, 0x0029, 0x002b, 0x002d, 0x0031, 0x0033, 0x0035, 0x004b, 0x004d,
		0x0201, 0x0205, 0x0231, 0x0281, 0x0283,
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (known[i] == protocol)
			return true;
	return false;
}

/* How the two ends set up their link and its network layers: part of every session. */
static bool ppp_control(uint16_t protocol)
{
	static const uint16_t control[] = {
		0x00fd, 0x8021, 0x8023, 0x8025, 0x8027, 0x8029, 0x802b, 0x8033, 0x8035, 0x8053, 0x8057, 0x80fb, 0x80fd,
		0x8281, 0xc021, 0xc023, 0xc025, 0xc029, 0xc223,
	};

	for (size_t i = 0; i < ARRAY_LEN(control); i++)
		if (control[i] == protocol)
			return true;
	return false;
}

enum layer walk_ppp(struct walk *w, uint16_t protocol)
{
	switch (protocol) {
	case PPP_IPV4:
		if (walk_left(w) < IPV4_HEADER_LEN)
			return walk_broken(w, EVENT_PPP_IP4_PKT_TOO_SMALL);
		return LAYER_IPV4;
	case PPP_IPV6:
		if (walk_left(w) < IPV6_HEADER_LEN)
			return walk_broken(w, EVENT_PPP_IP6_PKT_TOO_SMALL);
		return LAYER_IPV6;
	case PPP_VJ_UNCOMPRESSED:
		if (walk_left(w) < IPV4_HEADER_LEN)
			return walk_broken(w, EVENT_PPP_VJU_PKT_TOO_SMALL);
		w->vj = true;           /* IP's protocol field holds a slot number; TCP follows */
		return w->at[0] >> 4 == 4 ? LAYER_IPV4 : LAYER_END;
	default:
		if (ppp_control(protocol))
			return LAYER_END;
		return ppp_known(protocol) ? walk_stop(w, EVENT_PPP_UNSUP_PROTO) :
					     walk_broken(w, EVENT_PPP_WRONG_TYPE);
	}
}

/* Address and control may be left out (RFC 1661 6.6), and so may the protocol's first byte. */
enum layer ppp_decode(struct walk *w)
{
	uint16_t protocol;

	walk_count(w, WIRE_PPP);
	if (walk_left(w) < PPP_HEADER_LEN)
		return walk_broken(w, EVENT_PPP_PKT_TOO_SMALL);
	if (w->at[0] == 0xff && w->at[1] == 0x03)
		w->at += 2;
	if (w->at[0] & 1) {
		protocol = *w->at++;
	} else {
		protocol = load_be16(w->at);
		w->at += 2;
	}
	return walk_ppp(w, protocol);
}

enum layer chdlc_decode(struct walk *w)
{
	walk_count(w, WIRE_CHDLC);
	if (walk_left(w) < CHDLC_HEADER_LEN)
		return walk_broken(w, EVENT_CHDLC_PKT_TOO_SMALL);
	if (w->at[0] != 0x0f && w->at[0] != 0x8f)       /* unicast, multicast */
		return LAYER_END;
	w->at += CHDLC_HEADER_LEN;
	return walk_ether_type(w, load_be16(w->at - 2));
}
