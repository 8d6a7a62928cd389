/* ip_output.c - finding the way, putting IP headers in front, cutting what is too long. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "stack/host/icmp.h"
#include "stack/host/internal.h"
#include "stack/host/multicast.h"
#include "stack/host/neighbour.h"
#include "stack/host/pmtu.h"
#include "stack/host/route.h"
#include "stack/wire/checksum.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/ipv4.h"
#include "stack/wire/ipv6.h"

#define MULTICAST_TTL 1
#define LOOPED_MAX 1024

static const uint8_t broadcast_mac[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

enum ip_kind ip_kind(struct tapir_host *h, uint8_t version, const struct ip_addr *addr, uint16_t netif)
{
	const struct netif_address *a = address_find(h, version, addr);
	const struct netif *nif;

	if (a != NULL)
		return a->state == ADDRESS_TENTATIVE || a->state == ADDRESS_DUPLICATE ? IP_REFUSED : IP_LOCAL;
	if (ip_multicast(version, addr))
		return IP_MULTICAST;
	if (ip_addr_zero(addr))
		return IP_REFUSED;
	if (ip_loopback(version, addr))
		return host_ip(h)->loopback ? IP_LOCAL : IP_REFUSED;
	if (version == 6)
		return IP_UNICAST;
	if (addr->words[0] == UINT32_MAX)
		return IP_BROADCAST;
	if (addr->bytes[0] >= 240 || addr->bytes[0] == 0)
		return IP_REFUSED;
	for (unsigned i = netif ? netif : 1; i <= (netif ? netif : HOST_NETIFS_MAX); i++) {
		nif = h->netifs[i];
		if (nif != NULL && i != NETIF_LOOPBACK && address_broadcast(nif, addr))
			return IP_BROADCAST;
	}
	return IP_UNICAST;
}

/* ---- the way ---- */

/* Where multicasts and limited broadcasts go when nothing says where: the first interface that is one. */
static struct netif *netif_first(struct tapir_host *h, uint8_t version)
{
	for (unsigned i = NETIF_LOOPBACK + 1; i <= HOST_NETIFS_MAX; i++)
		if (h->netifs[i] != NULL && (version == 4 || !h->netifs[i]->cfg.no_ipv6))
			return h->netifs[i];
	return netif_get(h, NETIF_LOOPBACK);
}

static int path_to_group(struct tapir_host *h, struct ip_path *path, const struct ip_send *how)
{
	const struct netif_address *a = address_find(h, how->version, &how->src);
	struct netif *nif = how->netif ? netif_get(h, how->netif) : NULL;
	const struct route *r;

	if (nif == NULL && how->netif)
		return -ENODEV;
	if (nif == NULL && a != NULL && !ip_addr_zero(&how->src))
		nif = a->netif;
	if (nif == NULL) {
		r = route_find(h, how->version, &how->dst, 0);
		nif = r != NULL && r->kind == ROUTE_UNICAST ? netif_get(h, r->netif) : netif_first(h, how->version);
	}
	if (nif == NULL)
		return -ENETUNREACH;
	if (path->kind == IP_BROADCAST && how->dst.words[0] != UINT32_MAX && how->netif == 0)
		for (unsigned i = NETIF_LOOPBACK + 1; i <= HOST_NETIFS_MAX; i++)
			if (h->netifs[i] != NULL && address_broadcast(h->netifs[i], &how->dst))
				nif = h->netifs[i];
	path->netif = nif->index;
	path->mtu = nif->mtu;
	return 0;
}

static int path_to_host(struct tapir_host *h, struct ip_path *path, const struct ip_send *how)
{
	const struct route *r = route_find(h, how->version, &how->dst, how->netif);
	const struct ip_addr *next_hop = &how->dst;
	struct netif *nif;
	uint32_t mtu;

	if (r == NULL || (how->dont_route && !ip_addr_zero(&r->gateway))) {
		/* A single link may be spoken to without a route, as Linux does with SO_BINDTODEVICE. */
		nif = how->netif ? netif_get(h, how->netif) : NULL;
		if (nif == NULL) {
			host_ip(h)->no_route++;
			return -ENETUNREACH;
		}
		r = NULL;
	} else if (r->kind != ROUTE_UNICAST) {
		host_ip(h)->no_route++;
		return r->kind == ROUTE_BLACKHOLE ? -EINVAL : -EHOSTUNREACH;
	} else {
		nif = netif_get(h, r->netif);
	}
	if (r != NULL && !ip_addr_zero(&r->gateway)) {
		next_hop = &r->gateway;
		path->gateway = true;
	}
	path->netif = nif->index;
	path->mtu = r != NULL && r->mtu && r->mtu < nif->mtu ? r->mtu : nif->mtu;
	mtu = pmtu_get(h, how->version, &how->dst);
	if (mtu && mtu < path->mtu)
		path->mtu = mtu;
	if (nif->ethernet && how->link_dst == NULL) {
		path->neighbour = neighbour_need(h, nif, how->version, next_hop);
		if (path->neighbour == NULL)
			return -ENOBUFS;
	}
	return 0;
}

static int source_choose(struct tapir_host *h, const struct ip_path *path, struct ip_send *how)
{
	const struct netif *nif = netif_get(h, path->netif);

	if (how->unspecified || !ip_addr_zero(&how->src))
		return 0;
	if (path->kind == IP_LOCAL) {
		how->src = how->dst;
		return 0;
	}
	return address_source(h, nif, how->version, &how->dst, &how->src) ? 0 : -EADDRNOTAVAIL;
}

int ip_path_find(struct tapir_host *h, struct ip_path *path, struct ip_send *how)
{
	uint32_t generation;
	int err = 0;

	if (path->generation == h->path_generation)
		return source_choose(h, path, how);
	*path = (struct ip_path){ .kind = (uint8_t)ip_kind(h, how->version, &how->dst, how->netif) };
	switch (path->kind) {
	case IP_REFUSED:
		return how->version == 4 ? -ENETUNREACH : -EADDRNOTAVAIL;
	case IP_LOCAL:
		path->netif = NETIF_LOOPBACK;
		path->mtu = netif_get(h, NETIF_LOOPBACK)->mtu;
		break;
	case IP_BROADCAST:
		if (!how->broadcast)
			return -EACCES;
		err = path_to_group(h, path, how);
		break;
	case IP_MULTICAST:
		err = path_to_group(h, path, how);
		break;
	default:
		err = path_to_host(h, path, how);
	}
	if (err < 0)
		return err;
	/* Making room for a neighbour may have moved it: what counts is where it stands now. */
	generation = h->path_generation;
	err = source_choose(h, path, how);
	if (err == 0)
		path->generation = generation;
	return err;
}

void ip_path_confirm(struct tapir_host *h, const struct ip_path *path)
{
	if (path->neighbour != NULL && path->generation == h->path_generation)
		neighbour_confirm(h, path->neighbour);
}

/* ---- onto the link ---- */

static void loop_back(struct tapir_host *h, struct pbuf *p)
{
	if (h->looped.count >= LOOPED_MAX) {
		host_ip(h)->queue_full++;
		pbuf_put(h, p);
		return;
	}
	pbuf_queue_put(&h->looped, p);
}

/* We are one of those who are to hear it. */
static void loop_copy(struct tapir_host *h, const struct pbuf *p, uint16_t netif)
{
	struct pbuf *copy = pbuf_get(h, PBUF_HEADROOM, p->len);

	if (copy == NULL)
		return;
	memcpy(copy->data, p->data, p->len);
	copy->len = p->len;
	memcpy(copy->cb, &netif, sizeof(netif));
	loop_back(h, copy);
}

int ip_output_raw(struct tapir_host *h, struct pbuf *p, uint8_t version, const struct ip_addr *dst,
		  const struct ip_path *path, const uint8_t *link_dst)
{
	struct netif *nif = netif_get(h, path->netif);
	const uint16_t type = version == 4 ? ETHER_IPV4 : ETHER_IPV6;
	uint8_t mac[6];

	host_ip(h)->sent++;
	if (h->cfg.tap != NULL)
		h->cfg.tap(h->cfg.ctx, h, nif->index, true, p->data, p->len, h->now_ns);
	if (nif->device == NULL) {
		const uint16_t on = nif->index;

		memcpy(p->cb, &on, sizeof(on));
		loop_back(h, p);
		return 0;
	}
	if (!nif->ethernet || link_dst != NULL)
		return netif_send_to(nif, p, link_dst, type);
	if (path->kind == IP_BROADCAST)
		return netif_send_to(nif, p, broadcast_mac, type);
	if (path->kind == IP_MULTICAST) {
		multicast_mac(version, dst, mac);
		return netif_send_to(nif, p, mac, type);
	}
	return neighbour_send(h, path->neighbour, p);
}

/* Identification of IPv4: unpredictable for who doesn't see our packets, no repetition for a pair of hosts
 * within its 65,536 (RFC 6864). A packet that can't be cut needs none. */
static uint16_t ipv4_id(struct tapir_host *h, const struct ip_send *how)
{
	const uint64_t words[3] = { how->src.words[0], how->dst.words[0], how->proto };
	const uint64_t hash = hash_words(&h->key, words, 3);

	return (uint16_t)(h->ip_ids[hash % ARRAY_LEN(h->ip_ids)]++ + (hash >> 32));
}

static uint8_t ttl_of(const struct tapir_host *h, const struct ip_send *how, const struct ip_path *path)
{
	if (how->ttl)
		return how->ttl;
	if (path->kind == IP_MULTICAST)
		return MULTICAST_TTL;
	return (uint8_t)(how->version == 4 ? host_ip(h)->ttl : host_ip(h)->hop_limit);
}

static const uint8_t router_alert4[4] = { 148, 4, 0, 0 };
static const uint8_t router_alert6[6] = { 5, 2, 0, 0, 1, 0 };

static void header4(struct tapir_host *h, struct pbuf *p, const struct ip_send *how, const struct ip_path *path,
		    bool dont_fragment)
{
	const struct ipv4_header ip = {
		.tos = how->tos, .ttl = ttl_of(h, how, path), .proto = how->proto,
		.id = dont_fragment && how->proto != PROTO_TCP ? 0 : ipv4_id(h, how),
		.frag_dont = dont_fragment, .src = how->src, .dst = how->dst, .payload_len = (uint16_t)p->len,
		.options = how->router_alert ? slice_of(router_alert4, sizeof(router_alert4)) : how->options,
	};
	const uint32_t len = IPV4_HEADER_LEN + ((uint32_t)ip.options.len + 3) / 4 * 4;
	struct writer w = writer_of(pbuf_push(p, len), len);

	ipv4_build(&w, &ip);
}

static void header6(struct tapir_host *h, struct pbuf *p, const struct ip_send *how, const struct ip_path *path)
{
	struct ipv6_header ip = {
		.traffic_class = how->tos, .next = how->proto, .hop_limit = ttl_of(h, how, path),
		.flow_label = how->flow_label & 0xfffff, .src = how->src, .dst = how->dst,
	};
	struct writer w;

	if (how->router_alert) {
		w = writer_of(pbuf_push(p, 8), 8);
		ipv6_options_build(&w, how->proto, slice_of(router_alert6, 4));
		ip.next = PROTO_HOPOPTS;
	}
	ip.payload_len = (uint16_t)p->len;
	w = writer_of(pbuf_push(p, IPV6_HEADER_LEN), IPV6_HEADER_LEN);
	ipv6_build(&w, &ip);
}

int ip_send(struct tapir_host *h, struct pbuf *p, const struct ip_send *how_given)
{
	struct ip_send how = *how_given;
	struct ip_path own = { 0 }, *path = how.path != NULL ? how.path : &own;
	const uint32_t header = how.version == 4 ? IPV4_HEADER_LEN + ((uint32_t)how.options.len + 3) / 4 * 4
						 : IPV6_HEADER_LEN;
	const struct netif *nif;
	uint32_t limit;
	bool fits, dont_fragment;
	int err = ip_path_find(h, path, &how);

	if (err < 0) {
		pbuf_put(h, p);
		return err;
	}
	nif = netif_get(h, path->netif);
	limit = how.fragment == IP_FRAGMENT_PROBE ? nif->mtu : path->mtu;
	fits = p->len + header <= limit;
	if ((!fits && how.fragment >= IP_FRAGMENT_NEVER) || p->len + header > (how.version == 4 ? 65535u : 65575u)) {
		pbuf_put(h, p);
		return -EMSGSIZE;
	}
	dont_fragment = fits && how.fragment != IP_FRAGMENT_LOCAL;
	if (how.version == 4)
		header4(h, p, &how, path, dont_fragment);
	else
		header6(h, p, &how, path);
	if (path->kind == IP_MULTICAST && how.loop && nif->device != NULL && multicast_joined(nif, how.version, &how.dst))
		loop_copy(h, p, nif->index);
	if (path->kind == IP_BROADCAST && nif->device != NULL && how.loop)
		loop_copy(h, p, nif->index);
	if (!fits)
		return ip_fragment(h, p, how.version, &how.dst, path, path->mtu);
	return ip_output_raw(h, p, how.version, &how.dst, path, how.link_dst);
}

int ip_send_raw(struct tapir_host *h, struct pbuf *p, const struct ip_send *how)
{
	return ip_output_raw(h, p, how->version, &how->dst, how->path, how->link_dst);
}

/* ---- fragments ---- */

static struct pbuf *piece_new(struct tapir_host *h, uint32_t header_len, const uint8_t *data, uint32_t len)
{
	struct pbuf *f = pbuf_get(h, PBUF_HEADROOM, header_len + len);

	if (f == NULL)
		return NULL;
	memcpy(f->data + header_len, data, len);
	f->len = header_len + len;
	return f;
}

/* Options that stay out of all fragments but the first become NOPs (RFC 791: the copied flag). */
static void options_uncopied(uint8_t *options, uint32_t len)
{
	for (uint32_t at = 0; at < len;) {
		const uint32_t n = options[at] <= 1 ? 1 : at + 1 < len ? options[at + 1] : len - at;

		if (options[at] == 0)
			return;
		if (n == 0 || n > len - at)
			return;
		if (!(options[at] & 0x80))
			memset(options + at, 1, n);
		at += n;
	}
}

static int fragment4(struct tapir_host *h, const struct pbuf *p, const struct ip_addr *dst,
		     const struct ip_path *path, uint32_t mtu)
{
	const uint32_t header = (p->data[0] & 15u) * 4, len = p->len - header;
	const uint32_t step = (mtu - header) & ~7u;
	const uint16_t old = load_be16(p->data + 6);
	int err = 0;

	for (uint32_t at = 0; at < len && err == 0; at += step) {
		const uint32_t n = len - at < step ? len - at : step;
		struct pbuf *f = piece_new(h, header, p->data + header + at, n);

		if (f == NULL)
			return -ENOBUFS;
		memcpy(f->data, p->data, header);
		if (at)
			options_uncopied(f->data + IPV4_HEADER_LEN, header - IPV4_HEADER_LEN);
		store_be16(f->data + 2, (uint16_t)(header + n));
		store_be16(f->data + 6, (uint16_t)((old & 0x2000) | ((at + n < len) << 13) |
						   ((old & 0x1fff) + at / 8)));
		store_be16(f->data + 10, 0);
		store_be16(f->data + 10, checksum(f->data, header));
		host_ip(h)->fragments_out++;
		err = ip_output_raw(h, f, 4, dst, path, NULL);
	}
	return err;
}

static int fragment6(struct tapir_host *h, const struct pbuf *p, const struct ip_addr *dst,
		     const struct ip_path *path, uint32_t mtu)
{
	const uint32_t header = IPV6_HEADER_LEN + IPV6_FRAGMENT_LEN, len = p->len - IPV6_HEADER_LEN;
	const uint32_t step = (mtu - header) & ~7u;
	const uint32_t id = host_random32(h);
	int err = 0;

	for (uint32_t at = 0; at < len && err == 0; at += step) {
		const uint32_t n = len - at < step ? len - at : step;
		struct pbuf *f = piece_new(h, header, p->data + IPV6_HEADER_LEN + at, n);
		const struct ipv6_fragment fh = {
			.next = p->data[6], .offset = (uint16_t)at, .more = at + n < len, .id = id,
		};
		struct writer w;

		if (f == NULL)
			return -ENOBUFS;
		memcpy(f->data, p->data, IPV6_HEADER_LEN);
		store_be16(f->data + 4, (uint16_t)(IPV6_FRAGMENT_LEN + n));
		f->data[6] = PROTO_FRAGMENT;
		w = writer_of(f->data + IPV6_HEADER_LEN, IPV6_FRAGMENT_LEN);
		ipv6_fragment_build(&w, &fh);
		host_ip(h)->fragments_out++;
		err = ip_output_raw(h, f, 6, dst, path, NULL);
	}
	return err;
}

int ip_fragment(struct tapir_host *h, struct pbuf *p, uint8_t version, const struct ip_addr *next_hop,
		const struct ip_path *path, uint32_t mtu)
{
	int err;

	host_ip(h)->fragmented++;
	err = version == 4 ? fragment4(h, p, next_hop, path, mtu) : fragment6(h, p, next_hop, path, mtu);
	pbuf_put(h, p);
	return err;
}
