/* packet.c - from a frame to packets.
 *
 * walk() goes from layer to layer: each decoder reads one header and says what comes next. A
 * tunnel starts the set's next packet, and the walk goes on with that: there is no recursion, and
 * a frame costs at most layers_max headers. A packet is initialised when it is begun, and only the
 * part that a reader may look at without asking first. */
#include "stack/wire/packet.h"

#include <stddef.h>

#include "stack/wire/walk.h"

void packet_config_default(struct packet_config *cfg)
{
	*cfg = (struct packet_config){
		.verify_checksums = true,
		.teredo = true, .teredo_any_port = true, .vxlan = true, .geneve = true, .gtpu = true,
		.vxlan_ports = { 4789 }, .geneve_ports = { 6081 }, .teredo_ports = { 3544 },
		.gtpu_ports = { 2152 },
		.nest_max = PACKET_NEST_MAX,
		.layers_max = 16,
	};
}

enum layer walk_broken(struct walk *w, uint16_t event)
{
	packet_event(w->pkt, event);
	w->pkt->flags |= PACKET_INVALID | PACKET_NO_FLOW;
	return LAYER_END;
}

void walk_invalid(struct walk *w, uint16_t event)
{
	packet_event(w->pkt, event);
	w->pkt->flags |= PACKET_INVALID;
}

enum layer walk_stop(struct walk *w, uint16_t event)
{
	packet_event(w->pkt, event);
	return LAYER_END;
}

static struct packet *packet_begin(struct packet_set *set, const struct packet_config *cfg)
{
	struct packet *p = &set->pkts[set->count++];

	memset(p, 0, offsetof(struct packet, tcp.fast_open));
	p->flags = PACKET_NO_FLOW;      /* until a layer is found that makes one */
	if (!cfg->verify_checksums)
		p->flags |= PACKET_IP_CHECKED | PACKET_L4_CHECKED;      /* and found right */
	return p;
}

bool walk_tunnel(struct walk *w, enum tunnel tunnel, uint32_t id)
{
	struct packet *outer = w->pkt;
	struct packet *p;

	if (w->set->count >= w->cfg->nest_max) {
		walk_broken(w, EVENT_TOO_MANY_LAYERS);
		return false;
	}
	p = packet_begin(w->set, w->cfg);
	p->data = w->at;
	p->len = p->wire_len = (uint32_t)walk_left(w);
	p->time_ns = outer->time_ns;
	p->number = outer->number;
	p->link = LINK_RAW;
	p->device = outer->device;
	p->frame_flags = outer->frame_flags;
	p->outer = outer;
	p->depth = outer->depth + 1;
	p->layers = outer->layers;
	p->tunnel = tunnel;
	p->tunnel_id = id;
	outer->flags |= PACKET_NO_PAYLOAD_INSPECT;      /* the rules look at it inside */
	w->pkt = p;
	return true;
}

/* One layer inwards. The common ones first: this is a compare for each, not a jump table. */
static enum layer step(struct walk *w, enum layer layer)
{
	switch (layer) {
	case LAYER_ETHERNET:            return ethernet_decode(w);
	case LAYER_IPV4:                return ipv4_decode(w);
	case LAYER_TCP:                 return tcp_decode(w);
	case LAYER_UDP:                 return udp_decode(w);
	case LAYER_IPV6:                return ipv6_decode(w);
	case LAYER_VLAN:                return vlan_decode(w);
	case LAYER_8021AH:              return ieee8021ah_decode(w);
	case LAYER_VNTAG:               return vntag_decode(w);
	case LAYER_ETAG:                return etag_decode(w);
	case LAYER_DCE:                 return dce_decode(w);
	case LAYER_SLL:                 return sll_decode(w);
	case LAYER_SLL2:                return sll2_decode(w);
	case LAYER_NULL:                return null_decode(w);
	case LAYER_RAW:                 return raw_decode(w);
	case LAYER_PPP:                 return ppp_decode(w);
	case LAYER_CHDLC:               return chdlc_decode(w);
	case LAYER_PPPOE_DISCOVERY:     return pppoe_discovery_decode(w);
	case LAYER_PPPOE_SESSION:       return pppoe_session_decode(w);
	case LAYER_MPLS:                return mpls_decode(w);
	case LAYER_ARP:                 return arp_decode(w);
	case LAYER_NSH:                 return nsh_decode(w);
	case LAYER_GRE:                 return gre_decode(w);
	case LAYER_ERSPAN_1:            return erspan1_decode(w);
	case LAYER_ERSPAN_2:            return erspan2_decode(w);
	case LAYER_ICMPV4:              return icmpv4_decode(w);
	case LAYER_ICMPV6:              return icmpv6_decode(w);
	case LAYER_IGMP:                return igmp_decode(w);
	case LAYER_SCTP:                return sctp_decode(w);
	case LAYER_ESP:                 return esp_decode(w);
	case LAYER_END:                 break;
	}
	return LAYER_END;
}

static void walk(struct walk *w, enum layer layer)
{
	while (layer != LAYER_END) {
		if (unlikely(layer < LAYER_TCP && w->pkt->layers++ >= w->cfg->layers_max)) {
			walk_broken(w, EVENT_TOO_MANY_LAYERS);
			walk_count(w, WIRE_TOO_MANY_LAYERS);
			return;
		}
		layer = step(w, layer);
	}
}

/* What turned out to be no packet at all isn't a tunnel's payload either: then the rules look at
 * the carrier's payload as at any other. Teredo moreover is only guessed from a datagram's bytes:
 * where the packet found there is broken, there was none. */
static void tunnels_settle(struct packet_set *set, struct wire_stats *stats)
{
	for (unsigned i = 1; i < set->count; i++) {
		struct packet *p = &set->pkts[i], *outer = &set->pkts[i - 1];
		const bool broken = p->flags & PACKET_INVALID;

		if (broken && (p->ip_version == 0 || p->tunnel == TUNNEL_TEREDO))
			outer->flags &= ~PACKET_NO_PAYLOAD_INSPECT;
		if (p->tunnel == TUNNEL_TEREDO && broken)
			set->count = i;
		else if (p->tunnel == TUNNEL_TEREDO && stats != NULL)
			stats->count[WIRE_TEREDO]++;
	}
}

static enum layer link_layer(uint16_t link)
{
	switch (link) {
	case LINK_ETHERNET:     return LAYER_ETHERNET;
	case LINK_NULL:
	case LINK_LOOP:         return LAYER_NULL;
	case LINK_PPP:          return LAYER_PPP;
	case LINK_CHDLC:        return LAYER_CHDLC;
	case LINK_SLL:          return LAYER_SLL;
	case LINK_SLL2:         return LAYER_SLL2;
	case LINK_RAW_BSD:
	case LINK_RAW:
	case LINK_IPV4:
	case LINK_IPV6:         return LAYER_RAW;
	default:                return LAYER_END;
	}
}

/* Packets and bytes are what was captured; what tunnels carry isn't counted again. */
static void count_frame(struct wire_stats *s, const struct packet *p)
{
	s->count[WIRE_PKTS]++;
	s->count[WIRE_BYTES] += p->len;
	if (p->len > s->count[WIRE_MAX_PKT_SIZE])
		s->count[WIRE_MAX_PKT_SIZE] = p->len;
	if (p->flags & PACKET_INVALID)
		s->count[WIRE_INVALID]++;
}

void packet_decode(struct packet_set *set, const struct frame *frame, const struct packet_config *cfg)
{
	struct walk w = { .at = frame->data, .end = frame->data + frame->len, .cfg = cfg, .set = set };
	struct packet *p;

	set->count = 0;
	p = w.pkt = packet_begin(set, cfg);
	p->data = frame->data;
	p->len = frame->len;
	p->wire_len = frame->wire_len;
	p->time_ns = frame->time_ns;
	p->number = frame->number;
	p->link = frame->link;
	p->frame_flags = frame->flags;
	if (frame->flags & FRAME_VLAN_STRIPPED)
		p->vlan[p->vlan_count++] = frame->vlan_tci & 0xfff;

	walk(&w, link_layer(frame->link));
	if (set->count > 1)
		tunnels_settle(set, cfg->stats);
	if (cfg->stats != NULL)
		count_frame(cfg->stats, p);
}

void packet_decode_datagram(struct packet_set *set, const struct packet *fragment, const uint8_t *data,
			    uint32_t len, const struct packet_config *cfg)
{
	struct walk w = { .at = data, .end = data + len, .cfg = cfg, .set = set };
	struct packet *p;

	set->count = 0;
	p = w.pkt = packet_begin(set, cfg);
	p->data = data;
	p->len = p->wire_len = len;
	p->time_ns = fragment->time_ns;
	p->number = fragment->number;
	p->link = fragment->link == LINK_IPV4 || fragment->link == LINK_IPV6 ? fragment->link : LINK_RAW;
	p->device = fragment->device;
	p->frame_flags = fragment->frame_flags & ~FRAME_CSUM_OK;
	p->outer = fragment->outer;
	p->depth = fragment->depth;
	p->tunnel = fragment->tunnel;
	p->tunnel_id = fragment->tunnel_id;
	p->eth = fragment->eth;
	p->ether_type = fragment->ether_type;
	p->vlan_count = fragment->vlan_count;
	memcpy(p->vlan, fragment->vlan, sizeof(p->vlan));
	p->flags |= PACKET_REASSEMBLED;

	walk(&w, fragment->ip_version == 6 ? LAYER_IPV6 : LAYER_IPV4);
	if (set->count > 1)
		tunnels_settle(set, cfg->stats);
}

const char *tunnel_name(uint8_t tunnel)
{
	switch (tunnel) {
	case TUNNEL_IPIP:       return "ipv4 tunnel";
	case TUNNEL_IP6:        return "ipv6 tunnel";
	case TUNNEL_GRE:
	case TUNNEL_ERSPAN:     return "gre tunnel";
	case TUNNEL_VXLAN:      return "vxlan encapsulation";
	case TUNNEL_GENEVE:     return "geneve encapsulation";
	case TUNNEL_TEREDO:     return "teredo tunnel";
	case TUNNEL_GTPU:       return "gtpu tunnel";
	default:                return "wire/pcap";
	}
}
