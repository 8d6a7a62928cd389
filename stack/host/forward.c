/* forward.c - packets for others: one hop fewer to live, and on (RFC 1812, RFC 8200). */
#include <errno.h>
#include <string.h>

#include "stack/host/icmp.h"
#include "stack/host/internal.h"
#include "stack/host/neighbour.h"
#include "stack/host/netif.h"
#include "stack/host/route.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ip.h"

static void hop_taken(uint8_t *ip, uint8_t version)
{
	if (version == 4) {
		const uint16_t old = load_be16(ip + 8);

		ip[8]--;
		store_be16(ip + 10, checksum_update16(load_be16(ip + 10), old, load_be16(ip + 8)));
	} else {
		ip[7]--;
	}
}

static bool may_forward(const struct packet *pkt)
{
	if (ip_link_local(pkt->ip_version, &pkt->src) || ip_link_local(pkt->ip_version, &pkt->dst) ||
	    ip_addr_zero(&pkt->src))
		return false;
	/* What came as a link-layer broadcast isn't for a router to pass on (RFC 1812 5.3.4). */
	return pkt->eth == NULL || !(pkt->eth[0] & 1);
}

void ip_forward(struct tapir_host *h, struct netif *nif, const struct packet *pkt)
{
	struct ip_state *ip = host_ip(h);
	struct ip_send how = { .version = pkt->ip_version, .dst = pkt->dst, .src = pkt->src };
	struct ip_path path = { 0 };
	struct pbuf *p;
	int err;

	if (!may_forward(pkt)) {
		ip->not_ours++;
		return;
	}
	if (pkt->ttl <= 1) {
		ip->ttl_exceeded++;
		icmp_time_exceeded(h, nif, pkt, false);
		return;
	}
	err = ip_path_find(h, &path, &how);
	if (err < 0 || path.kind != IP_UNICAST) {
		if (err < 0 && err != -EINVAL)  /* a black hole is silent */
			icmp_unreachable(h, nif, pkt, err == -EHOSTUNREACH ? 1 : 0);
		return;
	}
	/* What a router carries is limited by the link, not by what its own connections found out. */
	path.mtu = netif_get(h, path.netif)->mtu;
	if (pkt->ip_len > path.mtu && (pkt->ip_version == 6 || pkt->frag_dont)) {
		ip->too_big++;
		icmp_too_big(h, nif, pkt, path.mtu);
		return;
	}
	p = pbuf_get(h, PBUF_HEADROOM, pkt->ip_len);
	if (p == NULL)
		return;
	memcpy(p->data, pkt->ip, pkt->ip_len);
	p->len = pkt->ip_len;
	hop_taken(p->data, pkt->ip_version);
	ip->forwarded++;
	if (p->len > path.mtu)
		ip_fragment(h, p, 4, &pkt->dst, &path, path.mtu);
	else
		ip_output_raw(h, p, pkt->ip_version, &pkt->dst, &path, NULL);
}
