/* walk.h - inside stack/wire: the walk from a frame's first byte inwards.
 *
 * Each protocol's file has one X_decode: it reads its header at w->at, notes what it found in
 * w->pkt, moves w->at behind the header (and w->end, where the header has a length), and answers
 * which layer comes next. packet.c drives. */
#ifndef TAPIR_WIRE_WALK_H
#define TAPIR_WIRE_WALK_H

#include "base/must.h"
#include "base/reader.h"
#include "stack/wire/packet.h"
#include "stack/wire/stats.h"

enum layer {
	LAYER_END,              /* nothing more to read */
	LAYER_ETHERNET, LAYER_VLAN, LAYER_8021AH, LAYER_VNTAG, LAYER_ETAG, LAYER_DCE,
	LAYER_SLL, LAYER_SLL2, LAYER_NULL, LAYER_RAW, LAYER_PPP, LAYER_CHDLC,
	LAYER_PPPOE_DISCOVERY, LAYER_PPPOE_SESSION, LAYER_MPLS, LAYER_ARP, LAYER_NSH,
	LAYER_IPV4, LAYER_IPV6, LAYER_GRE, LAYER_ERSPAN_1, LAYER_ERSPAN_2,
	/* L4: these end a packet, and are not counted as nesting */
	LAYER_TCP, LAYER_UDP, LAYER_ICMPV4, LAYER_ICMPV6, LAYER_IGMP, LAYER_SCTP, LAYER_ESP,
};

struct walk {
	struct packet *pkt;             /* the one being filled */
	const uint8_t *at, *end;        /* what the next layer may read */
	const struct packet_config *cfg;
	struct packet_set *set;
	bool vj;                        /* PPP announced Van Jacobson's uncompressed TCP/IP */
};

static inline size_t walk_left(const struct walk *w)
{
	return (size_t)(w->end - w->at);
}

static inline void walk_count(const struct walk *w, enum wire_counter counter)
{
	if (w->cfg->stats != NULL)
		w->cfg->stats->count[counter]++;
}

/* The snap length cut the frame that this packet stands in: what is missing is the capture's fault. */
static inline bool walk_snapped(const struct walk *w)
{
	return w->pkt->wire_len > w->pkt->len;
}

/* The header can't be read on: nothing behind it is looked at and no flow is followed. */
enum layer walk_broken(struct walk *w, uint16_t event);
/* Receivers throw such a packet away, but what follows can be read. */
void walk_invalid(struct walk *w, uint16_t event);
/* Odd, but not broken: the walk just ends here. */
enum layer walk_stop(struct walk *w, uint16_t event);

/* What follows at w->at is a packet of its own, carried by this one: the next free packet of the set
 * becomes w->pkt. False where nesting is at its limit (with its event). */
bool walk_tunnel(struct walk *w, enum tunnel tunnel, uint32_t id);

/* The layer behind an EtherType; LAYER_END, and counted, where it is unknown. */
enum layer walk_ether_type(struct walk *w, uint16_t type);
/* The layer behind a PPP protocol number. */
enum layer walk_ppp(struct walk *w, uint16_t protocol);

enum layer ethernet_decode(struct walk *w);
enum layer dce_decode(struct walk *w);
enum layer vlan_decode(struct walk *w);
enum layer ieee8021ah_decode(struct walk *w);
enum layer vntag_decode(struct walk *w);
enum layer etag_decode(struct walk *w);
enum layer sll_decode(struct walk *w);
enum layer sll2_decode(struct walk *w);
enum layer null_decode(struct walk *w);
enum layer raw_decode(struct walk *w);
enum layer ppp_decode(struct walk *w);
enum layer chdlc_decode(struct walk *w);
enum layer pppoe_discovery_decode(struct walk *w);
enum layer pppoe_session_decode(struct walk *w);
enum layer mpls_decode(struct walk *w);
enum layer arp_decode(struct walk *w);
enum layer nsh_decode(struct walk *w);
enum layer ipv4_decode(struct walk *w);
enum layer ipv6_decode(struct walk *w);
enum layer gre_decode(struct walk *w);
enum layer erspan1_decode(struct walk *w);
enum layer erspan2_decode(struct walk *w);
enum layer tcp_decode(struct walk *w);
enum layer udp_decode(struct walk *w);
enum layer icmpv4_decode(struct walk *w);
enum layer icmpv6_decode(struct walk *w);
enum layer igmp_decode(struct walk *w);
enum layer sctp_decode(struct walk *w);
enum layer esp_decode(struct walk *w);
/* These look at a UDP payload: LAYER_END where it isn't theirs, and nothing was touched. */
enum layer teredo_decode(struct walk *w);
enum layer vxlan_decode(struct walk *w);
enum layer geneve_decode(struct walk *w);
enum layer gtpu_decode(struct walk *w);

#endif
