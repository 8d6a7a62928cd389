/* route.h - routes: the longest prefix wins, then the lower metric.
 *
 * One hash table per family keyed by (length, prefix), and a bit set of the lengths that
 * occur: a look-up probes those from the longest on, whatever the number of routes. */
#ifndef TAPIR_HOST_ROUTE_H
#define TAPIR_HOST_ROUTE_H

#include "stack/host/netif.h"

enum route_kind { ROUTE_UNICAST, ROUTE_BLACKHOLE, ROUTE_UNREACHABLE };
enum route_origin { ROUTE_MANUAL, ROUTE_CONNECTED, ROUTE_RA, ROUTE_DHCP };

struct route {
	struct route *next;             /* same prefix, by metric */
	struct route *hash_next;        /* other prefixes of the bucket; of the first only */
	struct ip_addr prefix, gateway; /* gateway all zero: on the link */
	uint32_t metric;
	uint32_t mtu;                   /* 0 = the interface's */
	uint16_t netif;
	uint8_t version, prefix_len;
	uint8_t kind;                   /* enum route_kind */
	uint8_t origin;                 /* enum route_origin */
	uint64_t expires;
};

/* r is copied. 0, -EEXIST, -ENOMEM. */
int route_add(struct tapir_host *h, const struct route *r);
/* The one that is equal in prefix, gateway, interface, metric and origin. 0 or -ESRCH. */
int route_remove(struct tapir_host *h, const struct route *r);
/* All of an interface; origin < 0: whatever origin. */
void route_remove_netif(struct tapir_host *h, uint16_t netif, int origin);
/* Removes those of an interface and origin whose time is over; how many are left, and when the next one ends. It looks
 * at all routes. */
unsigned route_purge(struct tapir_host *h, uint16_t netif, uint8_t version, int origin, uint64_t *next_ns);
/* The best route, through netif where that isn't 0. NULL. */
const struct route *route_find(const struct tapir_host *h, uint8_t version, const struct ip_addr *dst,
			       uint16_t netif);

#endif
