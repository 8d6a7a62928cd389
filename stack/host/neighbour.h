/* neighbour.h - who on a link has which address: ARP and IPv6 neighbour discovery share it.
 *
 * States and times are RFC 4861's, for IPv4 as well. A neighbour that is being looked for
 * holds a few packets; requests go out at most once a second for each. The table is
 * bounded: what was used longest ago goes first, static entries never, and what strangers
 * announce unasked enters at the end of the line, so that a flood only displaces itself. */
#ifndef TAPIR_HOST_NEIGHBOUR_H
#define TAPIR_HOST_NEIGHBOUR_H

#include "stack/host/netif.h"

enum neighbour_status {
	NEIGHBOUR_INCOMPLETE, NEIGHBOUR_REACHABLE, NEIGHBOUR_STALE, NEIGHBOUR_DELAY, NEIGHBOUR_PROBE,
	NEIGHBOUR_FAILED, NEIGHBOUR_STATIC,
};

struct neighbour {
	struct neighbour *hash_next;
	struct neighbour *newer, *older;        /* by use */
	struct netif *netif;
	struct ip_addr addr;
	uint8_t version;
	uint8_t status;                 /* enum neighbour_status */
	uint8_t mac[6];
	uint8_t probes;
	bool router;
	uint64_t requested_ns;          /* when it was last asked for; 0 = never */
	uint64_t confirmed_ns;
	struct pbuf_queue queue;        /* packets that wait for it */
	struct host_timer timer;
};

struct neighbour_state {
	struct neighbour **buckets;
	uint32_t bucket_count;
	uint32_t count, incomplete;
	struct neighbour *newest, *oldest;
	/* tunables */
	uint32_t max;                   /* entries, static ones aside */
	uint32_t incomplete_max;
	uint32_t queue_len;             /* packets that wait for one neighbour */
	uint32_t probes;
	uint64_t reachable_ns, retrans_ns, delay_ns, stale_ns;
	/* counters */
	uint64_t arp_requests_in, arp_replies_in, arp_requests_out, arp_replies_out;
	uint64_t nd_solicits_in, nd_adverts_in, nd_solicits_out, nd_adverts_out, nd_bad;
	uint64_t created, evicted, refused, failed, throttled, queue_dropped, conflicts, spoofed, static_kept;
	uint64_t ra_in, ra_bad, rs_out, dad_failed, redirects_in;
};

extern const struct host_protocol neighbour_protocol;

struct neighbour *neighbour_find(struct tapir_host *h, const struct netif *nif, uint8_t version,
				 const struct ip_addr *addr);
/* Found, or made in state incomplete without a request. NULL where there is no room. */
struct neighbour *neighbour_need(struct tapir_host *h, struct netif *nif, uint8_t version,
				 const struct ip_addr *addr);
/* Sends an IP packet to a neighbour, or keeps it until its address is known. Takes p. 0 or -errno. */
int neighbour_send(struct tapir_host *h, struct neighbour *n, struct pbuf *p);
/* It has been heard from in a way that proves that it hears us. */
void neighbour_confirm(struct tapir_host *h, struct neighbour *n);

enum neighbour_news {
	NEIGHBOUR_SOLICITED = 1,        /* an answer to us: reachable */
	NEIGHBOUR_OVERRIDE = 2,         /* a different address replaces what is known */
	NEIGHBOUR_CREATE = 4,           /* even if nobody asked */
	NEIGHBOUR_ROUTER = 8,
	NEIGHBOUR_NOT_ROUTER = 16,
};
/* What the link says about addr. */
void neighbour_learn(struct netif *nif, uint8_t version, const struct ip_addr *addr, const uint8_t mac[6],
		     unsigned news);
void neighbour_remove_netif(struct tapir_host *h, const struct netif *nif);

/* arp.c */
void arp_input(struct netif *nif, const struct packet *pkt);
void arp_request(struct netif *nif, const struct ip_addr *target, const uint8_t *unicast_to);
/* Is anybody there? Asked from no address at all. */
void arp_probe(struct netif *nif, const struct ip_addr *target);
/* "addr is at our mac", to everybody. */
void arp_announce(struct netif *nif, const struct ip_addr *addr);

/* nd.c */
void nd_solicit(struct netif *nif, const struct ip_addr *target, const uint8_t *unicast_to);

#endif
