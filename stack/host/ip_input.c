/* ip_input.c - IP packets that came in: may they be what they say, are they ours, who takes them.
 *
 * A packet is dropped here for exactly one reason, which is counted: a broken header, an
 * address that can't be where it stands (a martian), not ours. Then it goes to raw sockets
 * and to the protocol. */
#include "stack/host/internal.h"

#include <arpa/inet.h>
#include <string.h>

#include "stack/host/dhcp.h"
#include "stack/host/icmp.h"
#include "stack/host/multicast.h"
#include "stack/host/neighbour.h"
#include "stack/host/raw.h"
#include "stack/host/route.h"
#include "stack/wire/icmp.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/ipv6.h"
#include "stack/wire/udp.h"

/* ---- addresses that can't be ---- */

static bool martian_source4(struct netif *nif, const struct packet *pkt)
{
	const struct ip_addr *src = &pkt->src;

	if (ip_addr_zero(src))          /* who has no address yet: DHCP, IGMP */
		return pkt->proto != PROTO_IGMP && pkt->dst.words[0] != UINT32_MAX;
	return src->bytes[0] == 0 || src->bytes[0] == 127 || src->bytes[0] >= 224 || address_broadcast(nif, src);
}

static bool martian_source6(const struct packet *pkt)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const struct ip_addr *src = &pkt->src;

	if (ip_addr_zero(src))          /* duplicate address detection, MLD: to groups only */
		return pkt->proto != PROTO_ICMPV6 || !ip_multicast(6, &pkt->dst);
	return ip_multicast(6, src) || ip_loopback(6, src) || memcmp(src->bytes, mapped, 12) == 0;
}

/* The way back to the source leads elsewhere (RFC 3704). */
static bool way_back_elsewhere(struct tapir_host *h, const struct netif *nif, const struct packet *pkt)
{
	if (!host_ip(h)->martians_strict || ip_link_local(pkt->ip_version, &pkt->src) || ip_addr_zero(&pkt->src))
		return false;
	return route_find(h, pkt->ip_version, &pkt->src, nif->index) !=
	       route_find(h, pkt->ip_version, &pkt->src, 0);
}

static bool martian(struct tapir_host *h, struct netif *nif, const struct packet *pkt)
{
	struct ip_state *ip = host_ip(h);
	const bool bad_source = pkt->ip_version == 4 ? martian_source4(nif, pkt) : martian_source6(pkt);

	if (nif->device == NULL)
		return false;
	if (bad_source) {
		ip->martian_source++;
		return true;
	}
	/* Our own address as a source, from outside: a forgery, or a loop in the network. While an address is
	 * being tested for duplicates it isn't ours yet. */
	if (address_find(h, pkt->ip_version, &pkt->src) != NULL &&
	    ip_kind(h, pkt->ip_version, &pkt->src, 0) == IP_LOCAL) {
		ip->spoofed++;
		return true;
	}
	if (way_back_elsewhere(h, nif, pkt)) {
		ip->spoofed++;
		return true;
	}
	if (ip_addr_zero(&pkt->dst) || ip_loopback(pkt->ip_version, &pkt->dst)) {
		ip->martian_destination++;
		return true;
	}
	return false;
}

/* ---- delivery ---- */

static bool checksum_right(struct tapir_host *h, struct packet *pkt)
{
	if (packet_check_l4(pkt))
		return true;
	host_ip(h)->bad_checksum++;
	return false;
}

static const struct host_protocol *protocol_find(uint8_t proto)
{
	for (unsigned i = 0; i < HOST_PROTOCOLS; i++) {
		const struct host_protocol *p = host_protocols[i];

		if (p != NULL && p->input != NULL && proto != 0 && (p->proto[0] == proto || p->proto[1] == proto))
			return p;
	}
	return NULL;
}

void ip_deliver(struct tapir_host *h, struct ip_input *in)
{
	struct packet *pkt = (struct packet *)in->pkt;
	const struct host_protocol *protocol = protocol_find(pkt->proto);
	bool raw;

	/* A header of a known protocol that can't be read. */
	if (protocol != NULL && (pkt->l4 == NULL || pkt->flags & PACKET_INVALID) && pkt->proto != PROTO_ICMP &&
	    pkt->proto != PROTO_ICMPV6) {
		host_ip(h)->bad_l4++;
		return;
	}
	if (pkt->l4 == NULL && (pkt->proto == PROTO_ICMP || pkt->proto == PROTO_ICMPV6)) {
		host_ip(h)->bad_l4++;
		return;
	}
	if (in->netif->peer_offload)
		pkt->frame_flags |= FRAME_CSUM_PARTIAL;
	if (!checksum_right(h, pkt))
		return;
	host_ip(h)->delivered++;
	raw = raw_input(h, in);
	if (protocol != NULL && protocol->input(h, in))
		return;
	if (raw || protocol != NULL)
		return;
	host_ip(h)->no_protocol++;
	if (in->dst == IP_LOCAL)
		icmp_protocol_unreachable(h, in);
}

/* IPv6 options that we don't know say themselves what is to be done (RFC 8200 4.2). False: dropped. */
static bool options6_allow(struct tapir_host *h, const struct ip_input *in, uint32_t at, uint32_t len)
{
	const uint8_t *ip = in->pkt->ip;
	uint32_t o = at + 2;

	while (o < at + len) {
		const uint8_t type = ip[o];
		uint32_t n;

		if (type == 0) {        /* Pad1 */
			o++;
			continue;
		}
		if (o + 2 > at + len || (n = 2u + ip[o + 1]) > at + len - o)
			return false;
		if (type != 1 && type != 5 && type != 0xc2 && type >> 6 != 0) {
			if (type >> 6 == 2 || (type >> 6 == 3 && in->dst != IP_MULTICAST))
				icmp_parameter_problem(h, in, 2, o);
			return false;
		}
		o += n;
	}
	return true;
}

/* Hop-by-hop and destination options, and routing headers, of what is for us. */
static bool extensions_allow(struct tapir_host *h, const struct ip_input *in)
{
	const uint8_t *ip = in->pkt->ip;
	uint8_t type = ip[6];
	uint32_t at = IPV6_HEADER_LEN;

	while (at + 8 <= in->pkt->ip_header_len) {
		const uint32_t len = type == PROTO_FRAGMENT ? 8 : type == PROTO_AH ? (ip[at + 1] + 2u) * 4
										 : (ip[at + 1] + 1u) * 8;

		if (type == PROTO_HOPOPTS && at != IPV6_HEADER_LEN) {
			icmp_parameter_problem(h, in, 1, 40);
			return false;
		}
		if ((type == PROTO_HOPOPTS || type == PROTO_DSTOPTS) && !options6_allow(h, in, at, len))
			return false;
		/* Source routes are over: type 0 is deprecated (RFC 5095), others aren't for us to follow. */
		if (type == PROTO_ROUTING && ip[at + 3] != 0) {
			host_ip(h)->source_route++;
			icmp_parameter_problem(h, in, 0, at + 2);
			return false;
		}
		type = ip[at];
		at += len;
	}
	return true;
}

static void local_input(struct tapir_host *h, struct ip_input *in)
{
	struct packet *pkt = (struct packet *)in->pkt;

	if (pkt->ip_version == 6 && pkt->ip_header_len > IPV6_HEADER_LEN && !extensions_allow(h, in)) {
		host_ip(h)->bad_header++;
		return;
	}
	if (pkt->flags & PACKET_FRAGMENT) {
		host_ip(h)->fragments_in++;
		if (!reassembly_add(h, in, h->packets))
			return;
		in->pkt = pkt = &h->packets->pkts[0];
	}
	ip_deliver(h, in);
}

static bool group_wanted(const struct netif *nif, const struct packet *pkt)
{
	return multicast_joined(nif, pkt->ip_version, &pkt->dst);
}

static bool for_us(struct tapir_host *h, struct netif *nif, const struct packet *pkt, struct ip_input *in)
{
	in->dst = ip_kind(h, pkt->ip_version, &pkt->dst, nif->index);
	switch (in->dst) {
	case IP_LOCAL:
	case IP_BROADCAST:
		return true;
	case IP_MULTICAST:
		return group_wanted(nif, pkt);
	case IP_UNICAST:
		if (nif->cfg.any_ip) {
			in->dst = IP_LOCAL;
			return true;
		}
		return dhcp_wants(nif, pkt);
	default:
		return false;
	}
}

static bool header_right(struct tapir_host *h, const struct packet *pkt)
{
	struct ip_state *ip = host_ip(h);

	if (!packet_check_ip((struct packet *)pkt)) {
		ip->bad_checksum++;
		return false;
	}
	if (pkt->ip_version == 4 && pkt->ip_options & (IPV4_OPT_LSRR | IPV4_OPT_SSRR) && !ip->accept_source_route) {
		ip->source_route++;
		return false;
	}
	return true;
}

void ip_input(struct tapir_host *h, struct netif *nif, const struct packet *pkt)
{
	struct ip_state *ip = host_ip(h);
	struct ip_input in = { .netif = nif, .pkt = pkt };

	ip->received++;
	if (h->cfg.tap != NULL)
		h->cfg.tap(h->cfg.ctx, h, nif->index, false, pkt->ip, pkt->ip_len, h->now_ns);
	if (!header_right(h, pkt) || martian(h, nif, pkt))
		return;
	if (for_us(h, nif, pkt, &in)) {
		local_input(h, &in);
		return;
	}
	if (in.dst == IP_UNICAST && (pkt->ip_version == 4 ? ip->forward4 : ip->forward6)) {
		ip_forward(h, nif, pkt);
		return;
	}
	ip->not_ours++;
}

bool ip_looped_run(struct tapir_host *h)
{
	struct pbuf_queue queue = h->looped;
	struct pbuf *p;

	if (queue.count == 0)
		return false;
	/* Answers to these go behind them, to the next round. */
	h->looped = (struct pbuf_queue){ 0 };
	while ((p = pbuf_queue_take(&queue)) != NULL) {
		const struct frame frame = {
			.data = p->data, .len = p->len, .wire_len = p->len, .time_ns = p->time_ns,
			.link = LINK_RAW, .flags = FRAME_CSUM_OK,
		};
		struct ip_input in = { .pkt = &h->packets->pkts[0] };
		uint16_t on;

		memcpy(&on, p->cb, sizeof(on));
		in.netif = netif_get(h, on);
		packet_decode(h->packets, &frame, &h->decode);
		if (in.netif != NULL && in.pkt->ip != NULL) {
			in.dst = ip_kind(h, in.pkt->ip_version, &in.pkt->dst, 0);
			host_ip(h)->received++;
			if (in.dst != IP_REFUSED && (in.dst != IP_UNICAST || in.netif->cfg.any_ip))
				local_input(h, &in);
		}
		pbuf_put(h, p);
	}
	return true;
}
