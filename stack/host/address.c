/* address.c - our own addresses: where they stand, which one speaks for us, how long they last. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stack/host/internal.h"
#include "stack/host/multicast.h"
#include "stack/host/nd.h"
#include "stack/host/neighbour.h"
#include "stack/host/netif.h"
#include "stack/host/route.h"

#define ANNOUNCEMENTS 2                 /* RFC 5227 2.3 */
#define ANNOUNCE_INTERVAL_NS (2 * NS_PER_S)

bool ip_prefix_eq(const struct ip_addr *a, const struct ip_addr *b, unsigned len)
{
	const unsigned whole = len / 8, rest = len % 8;

	if (memcmp(a->bytes, b->bytes, whole) != 0)
		return false;
	return rest == 0 || ((a->bytes[whole] ^ b->bytes[whole]) & (0xff00u >> rest) & 0xff) == 0;
}

static unsigned prefix_common(const struct ip_addr *a, const struct ip_addr *b)
{
	unsigned n = 0;

	while (n < 128 && ip_prefix_eq(a, b, n + 1))
		n++;
	return n;
}

int ip_prefix_parse(struct ip_addr *addr, uint8_t *version, uint8_t *prefix_len, const char *text)
{
	const char *slash = strchr(text, '/');
	const size_t n = slash != NULL ? (size_t)(slash - text) : strlen(text);
	char host[IP_TEXT_MAX];
	unsigned long len, max;
	char *end;

	if (n >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, n);
	host[n] = '\0';
	if (ip_addr_parse(addr, version, host) < 0)
		return -EINVAL;
	max = *version == 4 ? 32 : 128;
	len = max;
	if (slash != NULL) {
		if (slash[1] < '0' || slash[1] > '9')
			return -EINVAL;
		len = strtoul(slash + 1, &end, 10);
		if (*end != '\0' || len > max)
			return -EINVAL;
	}
	*prefix_len = (uint8_t)len;
	return 0;
}

/* ---- the set of all of them ---- */

static unsigned bucket_of(const struct tapir_host *h, uint8_t version, const struct ip_addr *addr)
{
	const uint64_t words[3] = { addr->quads[0], addr->quads[1], version };

	return (unsigned)hash_words(&h->key, words, 3) % LOCAL_BUCKETS;
}

struct netif_address *address_find(const struct tapir_host *h, uint8_t version, const struct ip_addr *addr)
{
	struct netif_address *a = h->locals[bucket_of(h, version, addr)];

	while (a != NULL && (a->version != version || !ip_addr_eq(&a->addr, addr)))
		a = a->hash_next;
	return a;
}

static void connected_route(struct netif *nif, const struct netif_address *a, bool add)
{
	struct route r = {
		.prefix = a->addr, .netif = nif->index, .version = a->version, .prefix_len = a->prefix_len,
		.origin = ROUTE_CONNECTED, .expires = NEVER, .metric = a->version == 6 ? 256 : 0,
	};

	/* That an address was made from a prefix doesn't say that its others are on the link (RFC 5942). */
	if (a->prefix_len == 0 || a->origin == ADDRESS_SLAAC)
		return;
	if (add) {
		/* Another address of the same prefix has brought it already: fine. */
		route_add(nif->host, &r);
		return;
	}
	for (const struct netif_address *o = nif->addresses; o != NULL; o = o->next)
		if (o != a && o->origin != ADDRESS_SLAAC && o->version == a->version && o->prefix_len == a->prefix_len &&
		    ip_prefix_eq(&o->addr, &a->addr, a->prefix_len))
			return;
	route_remove(nif->host, &r);
}

/* Lifetimes end, and announcements are due. IPv6's duplicate detection has its own timer function. */
static void address_timer(struct tapir_host *h, struct host_timer *t)
{
	struct netif_address *a = (struct netif_address *)((uint8_t *)t - offsetof(struct netif_address, timer));

	if (a->state == ADDRESS_TENTATIVE) {
		nd_dad_step(a);
		return;
	}
	if (a->probes) {
		a->probes--;
		arp_announce(a->netif, &a->addr);
	}
	if (a->valid_until <= h->now_ns) {
		address_remove(a->netif, a);
		return;
	}
	if (a->preferred_until <= h->now_ns && a->state == ADDRESS_PREFERRED)
		a->state = ADDRESS_DEPRECATED;
	address_timer_set(a);
}

void address_timer_set(struct netif_address *a)
{
	struct tapir_host *h = a->netif->host;
	uint64_t due = a->valid_until;

	if (a->state == ADDRESS_PREFERRED && a->preferred_until < due)
		due = a->preferred_until;
	if (a->probes && h->now_ns + ANNOUNCE_INTERVAL_NS < due)
		due = h->now_ns + ANNOUNCE_INTERVAL_NS;
	host_timer_arm(h, &a->timer, due);
}

static uint64_t later(uint64_t now_ns, uint64_t ns)
{
	return ns == NEVER || ns > NEVER - 1 - now_ns ? NEVER : now_ns + ns;
}

int address_add(struct netif *nif, uint8_t version, const struct ip_addr *addr, uint8_t prefix_len,
		enum address_origin origin, uint64_t preferred_ns, uint64_t valid_ns)
{
	struct tapir_host *h = nif->host;
	struct netif_address *a = address_find(h, version, addr), **tail = &nif->addresses;
	unsigned bucket;
	int err;

	if (a != NULL)
		return -EEXIST;
	if (ip_multicast(version, addr) || ip_addr_zero(addr))
		return -EINVAL;
	a = host_alloc(h, sizeof(*a));
	if (a == NULL)
		return -ENOMEM;
	a->netif = nif;
	a->addr = *addr;
	a->version = version;
	a->prefix_len = prefix_len;
	a->origin = (uint8_t)origin;
	a->state = ADDRESS_PREFERRED;
	a->preferred_until = later(h->now_ns, preferred_ns);
	a->valid_until = later(h->now_ns, valid_ns);
	host_timer_init(&a->timer, address_timer);
	err = version == 6 && nif->ethernet ? multicast_solicited_join(nif, addr) : 0;
	if (err < 0) {
		host_free(h, a, sizeof(*a));
		return err;
	}
	while (*tail != NULL)
		tail = &(*tail)->next;
	*tail = a;
	bucket = bucket_of(h, version, addr);
	a->hash_next = h->locals[bucket];
	h->locals[bucket] = a;
	h->path_generation++;
	connected_route(nif, a, true);
	if (version == 6 && nif->ethernet && !nif->cfg.no_dad && host_ip(h)->dad) {
		a->state = ADDRESS_TENTATIVE;
		nd_dad_start(a);
		return 0;
	}
	if (version == 4 && nif->ethernet && !nif->cfg.no_arp_announce) {
		a->probes = ANNOUNCEMENTS - 1;
		arp_announce(nif, &a->addr);
	}
	address_timer_set(a);
	return 0;
}

void address_remove(struct netif *nif, struct netif_address *a)
{
	struct tapir_host *h = nif->host;
	struct netif_address **at = &nif->addresses;
	struct netif_address **hashed = &h->locals[bucket_of(h, a->version, &a->addr)];

	connected_route(nif, a, false);
	while (*at != a)
		at = &(*at)->next;
	*at = a->next;
	while (*hashed != a)
		hashed = &(*hashed)->hash_next;
	*hashed = a->hash_next;
	h->path_generation++;
	host_timer_cancel(h, &a->timer);
	if (a->version == 6 && nif->ethernet)
		multicast_solicited_leave(nif, &a->addr);
	for (unsigned i = 0; i < HOST_PROTOCOLS; i++)
		if (host_protocols[i] != NULL && host_protocols[i]->address_gone != NULL && h->state[i] != NULL)
			host_protocols[i]->address_gone(h, a->version, &a->addr);
	host_free(h, a, sizeof(*a));
}

/* ---- which one speaks ---- */

static bool usable(const struct netif_address *a, uint8_t version)
{
	return a->version == version && (a->state == ADDRESS_PREFERRED || a->state == ADDRESS_DEPRECATED);
}

struct netif_address *address_first(const struct netif *nif, uint8_t version)
{
	struct netif_address *a = nif->addresses;

	while (a != NULL && !usable(a, version))
		a = a->next;
	return a;
}

/* RFC 6724 3.1, as far as unicast goes: interface 1, link 2, site 5, global 14. */
static unsigned scope_of(uint8_t version, const struct ip_addr *a)
{
	if (ip_loopback(version, a))
		return 1;
	if (version == 6 && a->bytes[0] == 0xff)
		return a->bytes[1] & 15;
	if (ip_link_local(version, a))
		return 2;
	if (version == 6 && a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0xc0)
		return 5;
	return 14;
}

/* Whether a is a better source for dst than b (RFC 6724 section 5: rules 1, 2, 3, 8). */
static bool better(const struct netif_address *a, const struct netif_address *b, const struct ip_addr *dst)
{
	const unsigned want = scope_of(a->version, dst);
	const unsigned sa = scope_of(a->version, &a->addr), sb = scope_of(b->version, &b->addr);

	if (ip_addr_eq(&a->addr, dst) != ip_addr_eq(&b->addr, dst))
		return ip_addr_eq(&a->addr, dst);
	if (sa != sb)
		return sa < sb ? sa >= want : sb < want;
	if (a->state != b->state)
		return a->state == ADDRESS_PREFERRED;
	if (a->version == 4)            /* the one on the destination's own network, else the first */
		return ip_prefix_eq(&a->addr, dst, a->prefix_len) && !ip_prefix_eq(&b->addr, dst, b->prefix_len);
	return prefix_common(&a->addr, dst) > prefix_common(&b->addr, dst);
}

static const struct netif_address *best_of(const struct netif *nif, uint8_t version, const struct ip_addr *dst)
{
	const struct netif_address *best = NULL;

	for (const struct netif_address *a = nif->addresses; a != NULL; a = a->next)
		if (usable(a, version) && (best == NULL || better(a, best, dst)))
			best = a;
	return best;
}

bool address_source(struct tapir_host *h, const struct netif *nif, uint8_t version, const struct ip_addr *dst,
		    struct ip_addr *out)
{
	const struct netif_address *best = best_of(nif, version, dst);

	/* An interface without an address of its own speaks with another one's, but not for a single link. */
	for (unsigned i = 1; i <= HOST_NETIFS_MAX && best == NULL; i++) {
		const struct netif *other = h->netifs[i];

		if (other == NULL || other == nif || other->index == NETIF_LOOPBACK)
			continue;
		best = best_of(other, version, dst);
		if (best != NULL && ip_link_local(version, &best->addr))
			best = NULL;
	}
	if (best == NULL)
		return false;
	*out = best->addr;
	return true;
}

bool address_broadcast(const struct netif *nif, const struct ip_addr *dst)
{
	for (const struct netif_address *a = nif->addresses; a != NULL; a = a->next) {
		uint32_t host_bits;

		if (a->version != 4 || a->prefix_len > 30)
			continue;
		host_bits = a->prefix_len ? UINT32_MAX >> a->prefix_len : UINT32_MAX;
		if (ip_prefix_eq(&a->addr, dst, a->prefix_len) && (ntohl(dst->words[0]) & host_bits) == host_bits)
			return true;
	}
	return false;
}

/* ---- by text ---- */

static int address_text(struct tapir_host *h, int netif, const char *text, struct netif **nif, struct ip_addr *addr,
			uint8_t *version, uint8_t *prefix_len)
{
	*nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);
	return *nif == NULL ? -ENODEV : ip_prefix_parse(addr, version, prefix_len, text);
}

int tapir_address_add(struct tapir_host *h, int netif, const char *address)
{
	struct ip_addr addr;
	uint8_t version, prefix_len;
	struct netif *nif;
	int err;

	host_enter(h);
	err = address_text(h, netif, address, &nif, &addr, &version, &prefix_len);
	if (err == 0)
		err = address_add(nif, version, &addr, prefix_len, ADDRESS_MANUAL, NEVER, NEVER);
	host_leave(h);
	return err;
}

int tapir_address_remove(struct tapir_host *h, int netif, const char *address)
{
	struct netif_address *a = NULL;
	struct ip_addr addr;
	uint8_t version, prefix_len;
	struct netif *nif;
	int err;

	host_enter(h);
	err = address_text(h, netif, address, &nif, &addr, &version, &prefix_len);
	if (err == 0)
		a = address_find(h, version, &addr);
	if (err == 0 && (a == NULL || a->netif != nif))
		err = -EADDRNOTAVAIL;
	if (err == 0)
		address_remove(nif, a);
	host_leave(h);
	return err;
}

int tapir_address_get(struct tapir_host *h, int netif, int family, char *out, size_t out_len)
{
	const uint8_t version = family == AF_INET6 ? 6 : 4;
	const struct netif *nif;
	int err = -EADDRNOTAVAIL;

	host_enter(h);
	nif = netif < 0 ? NULL : netif_get(h, (unsigned)netif);
	for (const struct netif_address *a = nif ? nif->addresses : NULL; a != NULL && err < 0; a = a->next)
		if (usable(a, version) && !ip_link_local(version, &a->addr))
			err = inet_ntop(family, a->addr.bytes, out, (socklen_t)out_len) ? 0 : -ENOSPC;
	host_leave(h);
	return err;
}
