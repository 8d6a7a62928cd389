/* route.c - see route.h. The tables grow with the routes; only configuration, router
 * advertisements (bounded) and DHCP fill them. */
#include "stack/host/route.h"

#include <errno.h>
#include <string.h>

#include "stack/host/internal.h"

#define BUCKETS_MIN 16

struct family_routes {
	struct route **buckets;
	uint32_t bucket_count, prefixes;
	uint32_t of_length[129];        /* prefixes of each length */
	uint64_t lengths[3];            /* bit set: which of them occur */
};

struct route_table {
	struct family_routes family[2]; /* IPv4, IPv6 */
};

static struct family_routes *family_of(const struct tapir_host *h, uint8_t version)
{
	return &h->routes->family[version == 6];
}

static struct ip_addr masked(const struct ip_addr *addr, unsigned len)
{
	struct ip_addr a = { 0 };

	memcpy(a.bytes, addr->bytes, (len + 7) / 8);
	if (len % 8)
		a.bytes[len / 8] &= (uint8_t)(0xff00u >> (len % 8));
	return a;
}

/* Nobody on the network chooses what is in here, so that a quick mix will do. */
static uint32_t bucket_of(const struct family_routes *f, const struct ip_addr *prefix, unsigned len)
{
	uint64_t v = prefix->quads[0] * UINT64_C(0x9e3779b97f4a7c15) ^ (prefix->quads[1] + len) * UINT64_C(0xc2b2ae3d27d4eb4f);

	v ^= v >> 32;
	v *= UINT64_C(0xd6e8feb86659fd93);
	return (uint32_t)(v >> 32) & (f->bucket_count - 1);
}

static struct route **prefix_at(const struct family_routes *f, const struct ip_addr *prefix, unsigned len)
{
	struct route **at = &f->buckets[bucket_of(f, prefix, len)];

	while (*at != NULL && ((*at)->prefix_len != len || !ip_addr_eq(&(*at)->prefix, prefix)))
		at = &(*at)->hash_next;
	return at;
}

static int table_grow(struct tapir_host *h, struct family_routes *f)
{
	const uint32_t count = f->bucket_count * 2;
	struct route **old = f->buckets;
	const uint32_t old_count = f->bucket_count;
	struct route **buckets = host_alloc(h, count * sizeof(*buckets));

	if (buckets == NULL)
		return -ENOMEM;
	f->buckets = buckets;
	f->bucket_count = count;
	for (uint32_t i = 0; i < old_count; i++) {
		while (old[i] != NULL) {
			struct route *r = old[i];
			struct route **to = &buckets[bucket_of(f, &r->prefix, r->prefix_len)];

			old[i] = r->hash_next;
			r->hash_next = *to;
			*to = r;
		}
	}
	host_free(h, old, old_count * sizeof(*old));
	return 0;
}

int routes_init(struct tapir_host *h)
{
	h->routes = host_alloc(h, sizeof(*h->routes));
	if (h->routes == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < 2; i++) {
		struct family_routes *f = &h->routes->family[i];

		f->buckets = host_alloc(h, BUCKETS_MIN * sizeof(*f->buckets));
		if (f->buckets == NULL) {
			routes_fini(h);
			return -ENOMEM;
		}
		f->bucket_count = BUCKETS_MIN;
	}
	return 0;
}

void routes_fini(struct tapir_host *h)
{
	if (h->routes == NULL)
		return;
	for (unsigned i = 0; i < 2; i++) {
		struct family_routes *f = &h->routes->family[i];

		for (uint32_t b = 0; b < f->bucket_count; b++) {
			while (f->buckets[b] != NULL) {
				struct route *first = f->buckets[b], *r = first;

				f->buckets[b] = first->hash_next;
				while (r != NULL) {
					struct route *next = r->next;

					host_free(h, r, sizeof(*r));
					r = next;
				}
			}
		}
		host_free(h, f->buckets, f->bucket_count * sizeof(*f->buckets));
	}
	host_free(h, h->routes, sizeof(*h->routes));
	h->routes = NULL;
}

static bool route_same(const struct route *a, const struct route *b)
{
	return a->netif == b->netif && a->metric == b->metric && a->kind == b->kind && a->origin == b->origin &&
	       ip_addr_eq(&a->gateway, &b->gateway);
}

int route_add(struct tapir_host *h, const struct route *route)
{
	struct family_routes *f = family_of(h, route->version);
	const struct ip_addr prefix = masked(&route->prefix, route->prefix_len);
	struct route **at, *r;

	for (r = *prefix_at(f, &prefix, route->prefix_len); r != NULL; r = r->next)
		if (route_same(r, route))
			return -EEXIST;
	/* Where it can't grow, it is only slower. */
	if (f->prefixes >= f->bucket_count)
		table_grow(h, f);
	r = host_alloc(h, sizeof(*r));
	if (r == NULL)
		return -ENOMEM;
	*r = *route;
	r->prefix = prefix;
	at = prefix_at(f, &prefix, route->prefix_len);
	if (*at == NULL) {
		f->prefixes++;
		if (f->of_length[r->prefix_len]++ == 0)
			f->lengths[r->prefix_len / 64] |= UINT64_C(1) << (r->prefix_len % 64);
		r->next = r->hash_next = NULL;
		*at = r;
	} else if ((*at)->metric > r->metric) {
		r->next = *at;
		r->hash_next = (*at)->hash_next;
		(*at)->hash_next = NULL;
		*at = r;
	} else {
		struct route *p = *at;

		while (p->next != NULL && p->next->metric <= r->metric)
			p = p->next;
		r->next = p->next;
		r->hash_next = NULL;
		p->next = r;
	}
	h->path_generation++;
	return 0;
}

/* Takes out the one that *link points to, in the list that starts at *at. */
static void route_unlink(struct tapir_host *h, struct family_routes *f, struct route **at, struct route *r)
{
	if (*at == r) {
		if (r->next != NULL) {
			r->next->hash_next = r->hash_next;
			*at = r->next;
		} else {
			*at = r->hash_next;
			f->prefixes--;
			if (--f->of_length[r->prefix_len] == 0)
				f->lengths[r->prefix_len / 64] &= ~(UINT64_C(1) << (r->prefix_len % 64));
		}
	} else {
		struct route *p = *at;

		while (p->next != r)
			p = p->next;
		p->next = r->next;
	}
	host_free(h, r, sizeof(*r));
	h->path_generation++;
}

int route_remove(struct tapir_host *h, const struct route *route)
{
	struct family_routes *f = family_of(h, route->version);
	const struct ip_addr prefix = masked(&route->prefix, route->prefix_len);
	struct route **at = prefix_at(f, &prefix, route->prefix_len);

	for (struct route *r = *at; r != NULL; r = r->next) {
		if (!route_same(r, route))
			continue;
		route_unlink(h, f, at, r);
		return 0;
	}
	return -ESRCH;
}

void route_remove_netif(struct tapir_host *h, uint16_t netif, int origin)
{
	for (unsigned i = 0; i < 2; i++) {
		struct family_routes *f = &h->routes->family[i];

		for (uint32_t b = 0; b < f->bucket_count; b++) {
			struct route **at = &f->buckets[b];

			while (*at != NULL) {
				struct route *first = *at, *r = first;

				while (r != NULL && (r->netif != netif || (origin >= 0 && r->origin != origin)))
					r = r->next;
				if (r != NULL)
					route_unlink(h, f, at, r);
				else
					at = &first->hash_next;
			}
		}
	}
}

unsigned route_purge(struct tapir_host *h, uint16_t netif, uint8_t version, int origin, uint64_t *next_ns)
{
	struct family_routes *f = family_of(h, version);
	unsigned left = 0;

	*next_ns = NEVER;
	for (uint32_t b = 0; b < f->bucket_count; b++) {
		struct route **at = &f->buckets[b];

		while (*at != NULL) {
			struct route *first = *at, *gone = NULL;

			for (struct route *r = first; r != NULL && gone == NULL; r = r->next) {
				if (r->netif != netif || r->origin != origin)
					continue;
				if (r->expires <= h->now_ns)
					gone = r;
				else if (r->expires < *next_ns)
					*next_ns = r->expires;
			}
			if (gone != NULL) {
				route_unlink(h, f, at, gone);
				continue;
			}
			for (struct route *r = first; r != NULL; r = r->next)
				left += r->netif == netif && r->origin == origin;
			at = &first->hash_next;
		}
	}
	return left;
}

static const struct route *route_usable(const struct tapir_host *h, const struct route *r, uint16_t netif)
{
	for (; r != NULL; r = r->next)
		if ((netif == 0 || r->netif == netif) && r->expires > h->now_ns)
			return r;
	return NULL;
}

const struct route *route_find(const struct tapir_host *h, uint8_t version, const struct ip_addr *dst,
			       uint16_t netif)
{
	const struct family_routes *f = family_of(h, version);

	for (int word = 2; word >= 0; word--) {
		uint64_t bits = f->lengths[word];

		while (bits) {
			const unsigned bit = 63 - (unsigned)__builtin_clzll(bits);
			const unsigned len = (unsigned)word * 64 + bit;
			const struct ip_addr prefix = masked(dst, len);
			const struct route *r = route_usable(h, *prefix_at(f, &prefix, len), netif);

			if (r != NULL)
				return r;
			bits &= ~(UINT64_C(1) << bit);
		}
	}
	return NULL;
}

/* ---- by text ---- */

static int route_parse(struct tapir_host *h, struct route *r, const char *destination, const char *gateway,
		       int netif, uint32_t metric)
{
	uint8_t version, len;

	*r = (struct route){ .metric = metric, .netif = (uint16_t)netif, .expires = NEVER };
	if (strcmp(destination, "default") == 0)
		destination = "0.0.0.0/0";
	else if (strcmp(destination, "default6") == 0)
		destination = "::/0";
	if (ip_prefix_parse(&r->prefix, &r->version, &r->prefix_len, destination) < 0)
		return -EINVAL;
	if (gateway != NULL && strcmp(gateway, "blackhole") == 0)
		r->kind = ROUTE_BLACKHOLE;
	else if (gateway != NULL && strcmp(gateway, "unreachable") == 0)
		r->kind = ROUTE_UNREACHABLE;
	else if (gateway != NULL && (ip_prefix_parse(&r->gateway, &version, &len, gateway) < 0 ||
				     version != r->version || ip_multicast(version, &r->gateway)))
		return -EINVAL;
	if (r->kind == ROUTE_UNICAST && (netif < 1 || netif_get(h, (unsigned)netif) == NULL))
		return -ENODEV;
	return 0;
}

int tapir_route_add(struct tapir_host *h, const char *destination, const char *gateway, int netif, uint32_t metric)
{
	struct route r;
	int err;

	host_enter(h);
	err = route_parse(h, &r, destination, gateway, netif, metric);
	if (err == 0)
		err = route_add(h, &r);
	host_leave(h);
	return err;
}

int tapir_route_remove(struct tapir_host *h, const char *destination, const char *gateway, int netif,
		       uint32_t metric)
{
	struct route r;
	int err;

	host_enter(h);
	err = route_parse(h, &r, destination, gateway, netif, metric);
	if (err == 0)
		err = route_remove(h, &r);
	host_leave(h);
	return err;
}
