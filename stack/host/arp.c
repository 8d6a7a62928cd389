/* arp.c - ARP (RFC 826), with the announcements and conflict rules of RFC 5227.
 *
 * Only two kinds of packet enter something new into the table: an answer to our own
 * question, and a question to us (who asks will be spoken to). All else may only refresh
 * what is there. Whoever claims one of our addresses is counted, and told once in ten
 * seconds that it is ours. */
#include "stack/host/neighbour.h"

#include <string.h>

#include "stack/host/dhcp.h"
#include "stack/host/ip.h"
#include "stack/wire/arp.h"
#include "stack/wire/ethernet.h"

#define DEFEND_INTERVAL_NS (10 * NS_PER_S)

static const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct neighbour_state *state_of(const struct netif *nif)
{
	return nif->host->state[HOST_NEIGHBOUR];
}

static void arp_send(struct netif *nif, uint16_t opcode, const struct ip_addr *src, const uint8_t *dst_mac,
		     const struct ip_addr *dst, const uint8_t link_dst[6])
{
	struct pbuf *p = pbuf_get(nif->host, PBUF_HEADROOM, ARP_HEADER_LEN);
	struct arp_header a = { .opcode = opcode };
	struct writer w;

	if (p == NULL)
		return;
	memcpy(a.src_mac, nif->mac, 6);
	memcpy(a.src_ip, src->bytes, 4);
	if (dst_mac != NULL)
		memcpy(a.dst_mac, dst_mac, 6);
	memcpy(a.dst_ip, dst->bytes, 4);
	w = writer_of(p->data, ARP_HEADER_LEN);
	arp_build(&w, &a);
	p->len = ARP_HEADER_LEN;
	if (opcode == ARP_REQUEST)
		state_of(nif)->arp_requests_out++;
	else
		state_of(nif)->arp_replies_out++;
	netif_send_to(nif, p, link_dst, ETHER_ARP);
}

void arp_request(struct netif *nif, const struct ip_addr *target, const uint8_t *unicast_to)
{
	struct ip_addr src = { 0 };

	if (address_source(nif->host, nif, 4, target, &src))
		arp_send(nif, ARP_REQUEST, &src, NULL, target, unicast_to ? unicast_to : broadcast_mac);
}

void arp_probe(struct netif *nif, const struct ip_addr *target)
{
	static const struct ip_addr none;

	arp_send(nif, ARP_REQUEST, &none, NULL, target, broadcast_mac);
}

void arp_announce(struct netif *nif, const struct ip_addr *addr)
{
	arp_send(nif, ARP_REQUEST, addr, NULL, addr, broadcast_mac);
}

static void conflict(struct netif_address *ours)
{
	struct netif *nif = ours->netif;
	struct tapir_host *h = nif->host;

	state_of(nif)->conflicts++;
	if (ours->defended_ns != 0 && h->now_ns - ours->defended_ns < DEFEND_INTERVAL_NS)
		return;
	ours->defended_ns = h->now_ns ? h->now_ns : 1;
	arp_announce(nif, &ours->addr);
}

/* Nobody's address on a link, whatever the packet says. */
static bool never_a_neighbour(const struct netif *nif, const struct ip_addr *a)
{
	return a->bytes[0] == 0 || a->bytes[0] == 127 || a->bytes[0] >= 224 || address_broadcast(nif, a);
}

void arp_input(struct netif *nif, const struct packet *pkt)
{
	struct reader in = reader_of(pkt->arp, ARP_HEADER_LEN);
	struct neighbour_state *s = state_of(nif);
	struct netif_address *ours, *target;
	struct ip_addr src, dst;
	struct arp_header a;

	if (arp_parse(&a, &in) != PARSE_OK || (a.opcode != ARP_REQUEST && a.opcode != ARP_REPLY))
		return;
	if (a.opcode == ARP_REQUEST)
		s->arp_requests_in++;
	else
		s->arp_replies_in++;
	src = ip_addr_v4(a.src_ip);
	dst = ip_addr_v4(a.dst_ip);
	ours = address_find(nif->host, 4, &src);
	target = address_find(nif->host, 4, &dst);
	if (ours != NULL && ours->netif == nif && memcmp(a.src_mac, nif->mac, 6) != 0) {
		conflict(ours);
		return;
	}
	if (target != NULL && target->netif != nif)
		target = NULL;
	if (memcmp(a.src_mac, nif->mac, 6) != 0)
		dhcp_conflict(nif, ip_addr_zero(&src) ? &dst : &src);
	if (ip_addr_zero(&src)) {       /* a probe: is the address free? (RFC 5227 2.1) */
		if (target != NULL && a.opcode == ARP_REQUEST)
			arp_send(nif, ARP_REPLY, &dst, a.src_mac, &src, a.src_mac);
		return;
	}
	if (never_a_neighbour(nif, &src) || ours != NULL) {
		s->spoofed++;
		return;
	}
	if (a.opcode == ARP_REQUEST) {
		neighbour_learn(nif, 4, &src, a.src_mac,
				NEIGHBOUR_OVERRIDE | (target != NULL ? NEIGHBOUR_CREATE : 0));
		if (target != NULL || (nif->cfg.any_ip && !ip_addr_eq(&src, &dst)))
			arp_send(nif, ARP_REPLY, &dst, a.src_mac, &src, a.src_mac);
	} else {
		const bool to_us = target != NULL && memcmp(a.dst_mac, nif->mac, 6) == 0;

		neighbour_learn(nif, 4, &src, a.src_mac, NEIGHBOUR_OVERRIDE | (to_us ? NEIGHBOUR_SOLICITED : 0));
	}
}
