/* nd.c - see nd.h.
 *
 * Whatever is not from this very link (hop limit 255) or malformed in any way is counted and
 * ignored, before a byte of it counts. What routers say is bounded: so many addresses, so many
 * routes of theirs an interface, and no lifetime gets shorter than two hours by an
 * advertisement that anybody could have sent (RFC 4862 5.5.3). */
#include "stack/host/nd.h"

#include <errno.h>
#include <string.h>

#include "stack/host/ip.h"
#include "stack/host/multicast.h"
#include "stack/host/neighbour.h"
#include "stack/host/pmtu.h"
#include "stack/host/route.h"
#include "stack/wire/ethernet.h"
#include "stack/wire/icmp.h"

#define HOP_LIMIT 255
#define OPT_SOURCE 1
#define OPT_TARGET 2
#define OPT_PREFIX 3
#define OPT_MTU 5
#define ADVERT_ROUTER 0x80
#define ADVERT_SOLICITED 0x40
#define ADVERT_OVERRIDE 0x20
#define PREFIX_ON_LINK 0x80
#define PREFIX_AUTONOMOUS 0x40
#define SOLICITATIONS_MAX 3             /* RFC 4861: MAX_RTR_SOLICITATIONS, each 4 s apart */
#define SOLICIT_INTERVAL_NS (4 * NS_PER_S)
#define DAD_INTERVAL_NS NS_PER_S        /* RetransTimer */
#define SLAAC_ADDRESSES_MAX 16          /* net.ipv6.conf.max_addresses */
#define ROUTES_MAX 32                  /* that advertisements bring, on an interface */
#define MTU_MIN6 1280
#define TWO_HOURS 7200
#define ROUTE_METRIC_RA 1024
#define REDIRECT_S 600

struct nd_router {
	struct netif *netif;
	struct host_timer timer;        /* solicitations */
	unsigned solicitations;
	struct host_timer expiry;       /* of what advertisements have brought */
	unsigned routes;                /* how many those are */
};

static struct neighbour_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_NEIGHBOUR];
}

static const struct ip_addr all_nodes = { .bytes = { 0xff, 2, [15] = 1 } };
static const struct ip_addr all_routers = { .bytes = { 0xff, 2, [15] = 2 } };

/* ---- sending ---- */

/* An ICMPv6 message: type, four bytes, maybe a target, maybe our link address as an option. src all zero:
 * unspecified. */
struct nd_message {
	uint8_t type;
	uint32_t rest;
	const struct ip_addr *target;   /* NULL: the type has none */
	uint8_t option;                 /* 0 = none */
	struct ip_addr src, dst;
	const uint8_t *link_dst;
};

static void nd_send(struct netif *nif, const struct nd_message *m)
{
	struct tapir_host *h = nif->host;
	const struct icmp_header header = { .type = m->type, .rest = m->rest };
	struct pbuf *p = pbuf_get(h, PBUF_HEADROOM, ICMP_HEADER_LEN + 16 + 8);
	struct ip_send how = {
		.version = 6, .proto = PROTO_ICMPV6, .src = m->src, .dst = m->dst, .ttl = HOP_LIMIT,
		.netif = nif->index, .unspecified = ip_addr_zero(&m->src), .link_dst = m->link_dst,
		.fragment = IP_FRAGMENT_NEVER,
	};
	struct writer w;

	if (p == NULL)
		return;
	w = writer_of(p->data, ICMP_HEADER_LEN + 16 + 8);
	icmp_build(&w, &header);
	if (m->target != NULL)
		write_bytes(&w, m->target->bytes, 16);
	if (m->option && nif->ethernet) {
		write_u8(&w, m->option);
		write_u8(&w, 1);
		write_bytes(&w, nif->mac, 6);
	}
	p->len = (uint32_t)writer_len(&w);
	l4_checksum_set(p->data, p->len, PROTO_ICMPV6, 6, &how.src, &how.dst);
	ip_send(h, p, &how);
}

static bool link_local_of(const struct netif *nif, struct ip_addr *out)
{
	for (const struct netif_address *a = nif->addresses; a != NULL; a = a->next) {
		if (a->version == 6 && ip_link_local(6, &a->addr) && a->state != ADDRESS_TENTATIVE &&
		    a->state != ADDRESS_DUPLICATE) {
			*out = a->addr;
			return true;
		}
	}
	return false;
}

void nd_solicit(struct netif *nif, const struct ip_addr *target, const uint8_t *unicast_to)
{
	struct nd_message m = {
		.type = ICMPV6_NEIGHBOR_SOLICIT, .target = target, .option = OPT_SOURCE, .dst = *target,
		.link_dst = unicast_to,
	};

	if (!address_source(nif->host, nif, 6, target, &m.src) && !link_local_of(nif, &m.src))
		return;
	if (unicast_to == NULL)
		m.dst = multicast_solicited(target);
	state_of(nif->host)->nd_solicits_out++;
	nd_send(nif, &m);
}

static void advertise(struct netif *nif, const struct ip_addr *target, const struct ip_addr *to, uint32_t flags,
		      const uint8_t *link_dst)
{
	const bool router = host_ip(nif->host)->forward6;
	const struct nd_message m = {
		.type = ICMPV6_NEIGHBOR_ADVERT, .rest = (flags | (router ? ADVERT_ROUTER : 0)) << 24,
		.target = target, .option = OPT_TARGET, .src = *target, .dst = *to, .link_dst = link_dst,
	};

	state_of(nif->host)->nd_adverts_out++;
	nd_send(nif, &m);
}

/* ---- our own addresses: is somebody else there? (RFC 4862 5.4) ---- */

static void dad_probe(struct netif_address *a)
{
	const struct nd_message m = {
		.type = ICMPV6_NEIGHBOR_SOLICIT, .target = &a->addr, .dst = multicast_solicited(&a->addr),
	};

	state_of(a->netif->host)->nd_solicits_out++;
	nd_send(a->netif, &m);
}

static void solicit_routers(struct netif *nif);

static void dad_done(struct netif_address *a)
{
	struct tapir_host *h = a->netif->host;

	a->state = a->preferred_until > h->now_ns ? ADDRESS_PREFERRED : ADDRESS_DEPRECATED;
	h->path_generation++;
	address_timer_set(a);
	if (ip_link_local(6, &a->addr))
		solicit_routers(a->netif);
}

void nd_dad_start(struct netif_address *a)
{
	struct tapir_host *h = a->netif->host;

	/* A moment's wait, so that hosts that were switched on together don't all speak at once. */
	a->probes = 1;
	host_timer_arm(h, &a->timer, h->now_ns + NS_PER_MS * host_random_below(h, 1000));
}

void nd_dad_step(struct netif_address *a)
{
	struct tapir_host *h = a->netif->host;

	if (a->probes == 0) {
		dad_done(a);
		return;
	}
	a->probes--;
	dad_probe(a);
	host_timer_arm(h, &a->timer, h->now_ns + DAD_INTERVAL_NS);
}

static void dad_failed(struct netif_address *a)
{
	struct tapir_host *h = a->netif->host;

	state_of(h)->dad_failed++;
	a->state = ADDRESS_DUPLICATE;
	host_timer_cancel(h, &a->timer);
	h->path_generation++;
}

/* ---- what comes in ---- */

struct nd_options {
	const uint8_t *source, *target; /* link addresses, 6 bytes */
	uint32_t mtu;
};

/* Reads the options; each prefix goes to visit. False where they are malformed. */
static bool options_read(struct slice data, struct nd_options *o, struct netif *nif,
			 void (*prefix)(struct netif *nif, const uint8_t *option))
{
	*o = (struct nd_options){ 0 };
	while (data.len) {
		size_t len;

		if (data.len < 8 || data.data[1] == 0)
			return false;
		len = data.data[1] * 8u;
		if (len > data.len)
			return false;
		switch (data.data[0]) {
		case OPT_SOURCE:
			o->source = data.data + 2;
			break;
		case OPT_TARGET:
			o->target = data.data + 2;
			break;
		case OPT_PREFIX:
			if (len == 32 && prefix != NULL)
				prefix(nif, data.data);
			break;
		case OPT_MTU:
			o->mtu = load_be32(data.data + 4);
			break;
		}
		data = slice_skip(data, len);
	}
	return true;
}

static void solicit_input(struct netif *nif, const struct ip_input *in, struct slice body)
{
	const struct packet *pkt = in->pkt;
	const bool probe = ip_addr_zero(&pkt->src);
	const struct ip_addr target = ip_addr_v6(body.data);
	struct netif_address *a = address_find(nif->host, 6, &target);
	struct neighbour_state *s = state_of(nif->host);
	struct nd_options o;

	s->nd_solicits_in++;
	if (!options_read(slice_skip(body, 16), &o, nif, NULL) || ip_multicast(6, &target) ||
	    (probe && (o.source != NULL || !ip_multicast(6, &pkt->dst)))) {
		s->nd_bad++;
		return;
	}
	if ((a == NULL || a->netif != nif) && !nif->cfg.any_ip)
		return;
	if (a != NULL && a->state == ADDRESS_TENTATIVE) {
		if (probe)              /* somebody else is about to take it */
			dad_failed(a);
		return;
	}
	if (a != NULL && a->state == ADDRESS_DUPLICATE)
		return;
	if (probe) {
		advertise(nif, &target, &all_nodes, ADVERT_OVERRIDE, NULL);
		return;
	}
	if (o.source != NULL)
		neighbour_learn(nif, 6, &pkt->src, o.source, NEIGHBOUR_OVERRIDE | NEIGHBOUR_CREATE);
	advertise(nif, &target, &pkt->src, ADVERT_SOLICITED | ADVERT_OVERRIDE,
		  nif->ethernet && o.source != NULL ? o.source : NULL);
}

static void advert_input(struct netif *nif, const struct ip_input *in, struct slice body, uint8_t flags)
{
	const struct packet *pkt = in->pkt;
	const struct ip_addr target = ip_addr_v6(body.data);
	struct netif_address *a = address_find(nif->host, 6, &target);
	struct neighbour_state *s = state_of(nif->host);
	struct nd_options o;
	unsigned news;

	s->nd_adverts_in++;
	if (!options_read(slice_skip(body, 16), &o, nif, NULL) || ip_multicast(6, &target) ||
	    (ip_multicast(6, &pkt->dst) && flags & ADVERT_SOLICITED)) {
		s->nd_bad++;
		return;
	}
	if (a != NULL && a->netif == nif) {
		if (a->state == ADDRESS_TENTATIVE)
			dad_failed(a);
		else
			s->conflicts++;
		return;
	}
	news = (flags & ADVERT_SOLICITED ? NEIGHBOUR_SOLICITED : 0) | (flags & ADVERT_OVERRIDE ? NEIGHBOUR_OVERRIDE : 0) |
	       (flags & ADVERT_ROUTER ? NEIGHBOUR_ROUTER : NEIGHBOUR_NOT_ROUTER);
	if (o.target != NULL) {
		neighbour_learn(nif, 6, &target, o.target, news);
	} else if (flags & ADVERT_SOLICITED) {  /* an answer to a unicast question needs no address */
		struct neighbour *n = neighbour_find(nif->host, nif, 6, &target);

		if (n != NULL)
			neighbour_confirm(nif->host, n);
	}
}

/* ---- routers (RFC 4861 6.3) and the addresses they let us make ---- */

static void interface_id(const struct netif *nif, struct ip_addr *a)
{
	/* RFC 4291 appendix A: the link address with its universal bit turned round. */
	const uint8_t id[8] = {
		(uint8_t)(nif->mac[0] ^ 2), nif->mac[1], nif->mac[2], 0xff, 0xfe, nif->mac[3], nif->mac[4], nif->mac[5],
	};

	memcpy(a->bytes + 8, id, sizeof(id));
}

static uint64_t seconds(uint32_t s)
{
	return s == UINT32_MAX ? NEVER : s * NS_PER_S;
}

static void slaac(struct netif *nif, const struct ip_addr *prefix, uint32_t valid_s, uint32_t preferred_s)
{
	struct tapir_host *h = nif->host;
	struct ip_addr addr = *prefix;
	struct netif_address *a;
	unsigned count = 0;

	interface_id(nif, &addr);
	a = address_find(h, 6, &addr);
	if (a == NULL) {
		for (a = nif->addresses; a != NULL; a = a->next)
			count += a->origin == ADDRESS_SLAAC;
		if (valid_s != 0 && count < SLAAC_ADDRESSES_MAX)
			address_add(nif, 6, &addr, 64, ADDRESS_SLAAC, seconds(preferred_s), seconds(valid_s));
		return;
	}
	if (a->origin != ADDRESS_SLAAC || a->netif != nif)
		return;
	/* Longer, or more than two hours: believed. Shorter than that: two hours, where more is left. */
	if (valid_s == UINT32_MAX) {
		a->valid_until = NEVER;
	} else {
		const uint64_t said = h->now_ns + seconds(valid_s);

		if (valid_s > TWO_HOURS || said > a->valid_until)
			a->valid_until = said;
		else if (a->valid_until > h->now_ns + TWO_HOURS * NS_PER_S)
			a->valid_until = h->now_ns + TWO_HOURS * NS_PER_S;
	}
	a->preferred_until = preferred_s == UINT32_MAX ? NEVER : h->now_ns + seconds(preferred_s);
	if (a->state == ADDRESS_PREFERRED || a->state == ADDRESS_DEPRECATED) {
		a->state = a->preferred_until > h->now_ns ? ADDRESS_PREFERRED : ADDRESS_DEPRECATED;
		address_timer_set(a);
	}
}

/* Replaces the one like it, with another time to live (0: it ends). */
static void route_learn(struct netif *nif, struct route *r, uint32_t lifetime_s)
{
	struct tapir_host *h = nif->host;
	struct nd_router *nd = nif->nd;

	if (route_remove(h, r) == 0)
		nd->routes--;
	if (lifetime_s == 0 || nd->routes >= ROUTES_MAX)
		return;
	r->expires = lifetime_s == UINT32_MAX ? NEVER : h->now_ns + seconds(lifetime_s);
	if (route_add(h, r) == 0)
		nd->routes++;
	if (!host_timer_armed(&nd->expiry) || nd->expiry.due > r->expires)
		host_timer_arm(h, &nd->expiry, r->expires);
}

static void expiry_timer(struct tapir_host *h, struct host_timer *t)
{
	struct nd_router *nd = (struct nd_router *)((uint8_t *)t - offsetof(struct nd_router, expiry));
	uint64_t next;

	nd->routes = route_purge(h, nd->netif->index, 6, ROUTE_RA, &next);
	h->path_generation++;
	host_timer_arm(h, t, next);
}

static void prefix_option(struct netif *nif, const uint8_t *o)
{
	const uint8_t len = o[2], flags = o[3];
	const uint32_t valid_s = load_be32(o + 4), preferred_s = load_be32(o + 8);
	const struct ip_addr prefix = ip_addr_v6(o + 16);
	struct route r = {
		.prefix = prefix, .prefix_len = len, .version = 6, .netif = nif->index, .origin = ROUTE_RA, .metric = 256,
	};

	if (len > 128 || ip_link_local(6, &prefix) || ip_multicast(6, &prefix) || preferred_s > valid_s)
		return;
	if (flags & PREFIX_ON_LINK)
		route_learn(nif, &r, valid_s);
	if (flags & PREFIX_AUTONOMOUS && len == 64 && nif->ethernet)
		slaac(nif, &prefix, valid_s, preferred_s);
}

static void router_advert_input(struct netif *nif, const struct ip_input *in, struct slice l4)
{
	struct tapir_host *h = nif->host;
	const struct packet *pkt = in->pkt;
	struct neighbour_state *s = state_of(h);
	struct nd_options o;
	struct route r = {
		.version = 6, .gateway = pkt->src, .netif = nif->index, .origin = ROUTE_RA, .metric = ROUTE_METRIC_RA,
	};
	const uint16_t lifetime_s = l4.len >= 16 ? load_be16(l4.data + 6) : 0;

	s->ra_in++;
	if (nif->nd == NULL || nif->cfg.no_slaac || !host_ip(h)->accept_ra || host_ip(h)->forward6)
		return;
	/* All of it is read before anything of it counts. */
	if (l4.len < 16 || !ip_link_local(6, &pkt->src) || !options_read(slice_skip(l4, 16), &o, nif, NULL)) {
		s->ra_bad++;
		return;
	}
	nif->nd->solicitations = SOLICITATIONS_MAX;
	host_timer_cancel(h, &nif->nd->timer);
	options_read(slice_skip(l4, 16), &o, nif, prefix_option);
	if (o.source != NULL)
		neighbour_learn(nif, 6, &pkt->src, o.source, NEIGHBOUR_OVERRIDE | NEIGHBOUR_CREATE | NEIGHBOUR_ROUTER);
	if (l4.data[4])
		host_ip(h)->hop_limit = l4.data[4];
	r.mtu = o.mtu >= MTU_MIN6 && o.mtu < nif->mtu ? o.mtu : 0;
	route_learn(nif, &r, lifetime_s);
}

static void redirect_input(struct netif *nif, const struct ip_input *in, struct slice l4)
{
	struct tapir_host *h = nif->host;
	struct neighbour_state *s = state_of(h);
	struct nd_options o;
	struct route r = { .version = 6, .prefix_len = 128, .netif = nif->index, .origin = ROUTE_RA };
	const struct route *now;

	s->redirects_in++;
	if (!host_ip(h)->accept_redirects || l4.len < 40 || !ip_link_local(6, &in->pkt->src) ||
	    !options_read(slice_skip(l4, 40), &o, nif, NULL))
		return;
	r.prefix = ip_addr_v6(l4.data + 24);
	r.gateway = ip_addr_v6(l4.data + 8);
	/* Only from the router that we use for it now (RFC 4861 8.1). */
	now = route_find(h, 6, &r.prefix, nif->index);
	if (now == NULL || !ip_addr_eq(&now->gateway, &in->pkt->src))
		return;
	if (ip_addr_eq(&r.gateway, &r.prefix))
		r.gateway = (struct ip_addr){ 0 };
	route_learn(nif, &r, REDIRECT_S);
}

void nd_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	const struct slice l4 = slice_of(pkt->l4, pkt->ip_len - (size_t)(pkt->l4 - pkt->ip));
	struct netif *nif = in->netif;
	const bool targeted = pkt->icmp_type == ICMPV6_NEIGHBOR_SOLICIT || pkt->icmp_type == ICMPV6_NEIGHBOR_ADVERT;

	if (pkt->ttl != HOP_LIMIT || pkt->icmp_code != 0 || (targeted && l4.len < 24) ||
	    pkt->flags & PACKET_REASSEMBLED || nif->device == NULL || !nif->ethernet) {
		state_of(h)->nd_bad++;
		return;
	}
	switch (pkt->icmp_type) {
	case ICMPV6_NEIGHBOR_SOLICIT:
		solicit_input(nif, in, slice_skip(l4, 8));
		break;
	case ICMPV6_NEIGHBOR_ADVERT:
		advert_input(nif, in, slice_skip(l4, 8), l4.data[4]);
		break;
	case ICMPV6_ROUTER_ADVERT:
		router_advert_input(nif, in, l4);
		break;
	case ICMPV6_REDIRECT:
		redirect_input(nif, in, l4);
		break;
	}
}

/* ---- asking for routers ---- */

static void solicit_timer(struct tapir_host *h, struct host_timer *t)
{
	struct nd_router *r = (struct nd_router *)((uint8_t *)t - offsetof(struct nd_router, timer));
	struct nd_message m = { .type = ICMPV6_ROUTER_SOLICIT, .dst = all_routers };

	if (host_ip(h)->forward6 || r->solicitations >= SOLICITATIONS_MAX)
		return;
	if (link_local_of(r->netif, &m.src))
		m.option = OPT_SOURCE;
	r->solicitations++;
	state_of(h)->rs_out++;
	nd_send(r->netif, &m);
	if (r->solicitations < SOLICITATIONS_MAX)
		host_timer_arm(h, t, h->now_ns + SOLICIT_INTERVAL_NS);
}

static void solicit_routers(struct netif *nif)
{
	struct tapir_host *h = nif->host;

	if (nif->nd == NULL || nif->cfg.no_slaac || !host_ip(h)->accept_ra || nif->nd->solicitations)
		return;
	host_timer_arm(h, &nif->nd->timer, h->now_ns + NS_PER_MS * host_random_below(h, 1000));
}

int nd_netif_up(struct netif *nif)
{
	struct tapir_host *h = nif->host;
	struct ip_addr addr = { .bytes = { 0xfe, 0x80 } };
	struct netif_address *a;
	int err;

	if (!nif->ethernet)
		return 0;               /* nobody to discover */
	nif->nd = host_alloc(h, sizeof(*nif->nd));
	if (nif->nd == NULL)
		return -ENOMEM;
	nif->nd->netif = nif;
	host_timer_init(&nif->nd->timer, solicit_timer);
	host_timer_init(&nif->nd->expiry, expiry_timer);
	interface_id(nif, &addr);
	err = address_add(nif, 6, &addr, 64, ADDRESS_LINK_LOCAL, NEVER, NEVER);
	if (err == -EEXIST)             /* two interfaces with one link address */
		return 0;
	a = err == 0 ? address_find(h, 6, &addr) : NULL;
	if (a != NULL && a->state != ADDRESS_TENTATIVE)
		solicit_routers(nif);
	return err;
}

void nd_netif_gone(struct netif *nif)
{
	if (nif->nd == NULL)
		return;
	host_timer_cancel(nif->host, &nif->nd->timer);
	host_timer_cancel(nif->host, &nif->nd->expiry);
	host_free(nif->host, nif->nd, sizeof(*nif->nd));
	nif->nd = NULL;
}
