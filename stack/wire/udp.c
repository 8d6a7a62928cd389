/* udp.c - see udp.h. Some ports carry tunnels: what looks like one inside is followed. */
#include "stack/wire/udp.h"

#include "stack/wire/walk.h"

void udp_build(struct writer *w, const struct udp_header *h)
{
	write_be16(w, h->src_port);
	write_be16(w, h->dst_port);
	write_be16(w, (uint16_t)(UDP_HEADER_LEN + h->payload_len));
	write_be16(w, 0);
}

static bool port_in(const struct packet *p, const uint16_t ports[4])
{
	for (unsigned i = 0; i < 4; i++)
		if (ports[i] != 0 && (ports[i] == p->src_port || ports[i] == p->dst_port))
			return true;
	return false;
}

static enum layer tunnel_decode(struct walk *w)
{
	const struct packet_config *cfg = w->cfg;
	enum layer next = LAYER_END;

	/* Teredo last: its own header may be nothing at all, so that it sees itself in the others. */
	if (cfg->geneve && port_in(w->pkt, cfg->geneve_ports))
		next = geneve_decode(w);
	if (next == LAYER_END && cfg->vxlan && port_in(w->pkt, cfg->vxlan_ports))
		next = vxlan_decode(w);
	if (next == LAYER_END && cfg->gtpu && port_in(w->pkt, cfg->gtpu_ports))
		next = gtpu_decode(w);
	if (next == LAYER_END && cfg->teredo && (cfg->teredo_any_port || port_in(w->pkt, cfg->teredo_ports)))
		next = teredo_decode(w);
	return next;
}

enum layer udp_decode(struct walk *w)
{
	const uint8_t *h = w->at;
	struct packet *p = w->pkt;
	uint32_t len;

	walk_count(w, WIRE_UDP);
	p->proto = PROTO_UDP;
	if (unlikely(walk_left(w) < UDP_HEADER_LEN))
		return walk_broken(w, EVENT_UDP_HLEN_TOO_SMALL);
	len = load_be16(h + 4);
	if (unlikely((p->flags & PACKET_TRUNCATED) && len > walk_left(w)))
		len = walk_left(w);
	if (unlikely(len > walk_left(w)))
		return walk_broken(w, EVENT_UDP_PKT_TOO_SMALL);
	if (unlikely(len < UDP_HEADER_LEN))
		return walk_broken(w, EVENT_UDP_LEN_INVALID);
	p->l4 = h;
	p->l4_header_len = UDP_HEADER_LEN;
	p->src_port = load_be16(h);
	p->dst_port = load_be16(h + 2);
	w->at = h + UDP_HEADER_LEN;
	w->end = h + len;
	p->payload = slice_of(w->at, walk_left(w));
	p->flags &= ~PACKET_NO_FLOW;
	return tunnel_decode(w);
}
