/* ip.h - IPv4 and IPv6 as the protocols above use them: where to, and off it goes. */
#ifndef TAPIR_HOST_IP_H
#define TAPIR_HOST_IP_H

#include "stack/host/host.h"

struct neighbour;

/* How to get to a destination: looked up once, good until h->path_generation moves. A connection keeps one, so
 * that a segment costs no look-up. All zero = nothing is known. */
struct ip_path {
	uint32_t generation;
	uint16_t netif;                 /* index; 0 = none */
	uint8_t kind;                   /* enum ip_kind */
	uint8_t gateway;                /* the next hop isn't the destination */
	uint32_t mtu;                   /* of the path: the interface's, or less */
	struct neighbour *neighbour;    /* NULL where the medium has none */
};

enum ip_fragment_policy {               /* numbers of IP_PMTUDISC_* */
	IP_FRAGMENT_LOCAL = 0,          /* IP_PMTUDISC_DONT: DF never set */
	IP_FRAGMENT_PATH = 1,           /* IP_PMTUDISC_WANT: fragmented here where too long, else DF */
	IP_FRAGMENT_NEVER = 2,          /* IP_PMTUDISC_DO: -EMSGSIZE where longer than the path's MTU; DF */
	IP_FRAGMENT_PROBE = 3,          /* IP_PMTUDISC_PROBE: DF, the interface's MTU is the limit */
};

struct ip_send {
	struct ip_addr src, dst;        /* src all zero: chosen */
	uint8_t version, proto;
	uint8_t ttl;                    /* 0 = the host's */
	uint8_t tos;
	uint8_t fragment;               /* enum ip_fragment_policy */
	bool unspecified;               /* src stays all zero (DHCP, DAD) */
	bool broadcast;                 /* allowed */
	bool router_alert;              /* IGMP and MLD carry that option */
	bool dont_route;                /* only to what is on the link */
	bool loop;                      /* multicast: to ourselves as well */
	uint16_t netif;                 /* only through this interface; 0 = any */
	uint32_t flow_label;
	struct slice options;           /* IPv4 options */
	struct ip_path *path;           /* NULL = look up each time */
	const uint8_t *link_dst;        /* this link address instead of asking the neighbour table */
};

/* Sends L4 bytes: p->data is the L4 header, its checksum in place (l4_checksum_set; raw: as it is). Takes p, whatever
 * comes out: 0, or -ENETUNREACH, -EHOSTUNREACH, -EMSGSIZE, -EACCES, -ENOBUFS, -EADDRNOTAVAIL.
 * What waits for a neighbour or is lost on the way is 0. */
int ip_send(struct tapir_host *h, struct pbuf *p, const struct ip_send *how);

/* Sends a whole IP packet, header included, as it is: how->path has been found. Takes p. */
int ip_send_raw(struct tapir_host *h, struct pbuf *p, const struct ip_send *how);

/* Fills path (where it is stale) for how->dst, and how->src where that is all zero. 0 or -errno as above. */
int ip_path_find(struct tapir_host *h, struct ip_path *path, struct ip_send *how);

/* The neighbour answers: TCP has heard an acknowledgement (RFC 4861 7.3.1). */
void ip_path_confirm(struct tapir_host *h, const struct ip_path *path);

/* What an address is to us, seen from netif (0 = any). */
enum ip_kind ip_kind(struct tapir_host *h, uint8_t version, const struct ip_addr *addr, uint16_t netif);
/* The longest L4 that goes unfragmented: path MTU less the IP header. */
static inline uint32_t ip_payload_max(const struct ip_path *path, uint8_t version)
{
	return path->mtu - (version == 4 ? 20u : 40u);
}

/* Notes a smaller MTU towards dst (from ICMP, or found by probing); too small ones are ignored. True where it was news. */
bool ip_pmtu_update(struct tapir_host *h, uint8_t version, const struct ip_addr *dst, uint32_t mtu);

static inline bool ip_addr_zero(const struct ip_addr *a)
{
	return (a->quads[0] | a->quads[1]) == 0;
}

static inline bool ip_multicast(uint8_t version, const struct ip_addr *a)
{
	return version == 4 ? a->bytes[0] >> 4 == 14 : a->bytes[0] == 0xff;
}

static inline bool ip_link_local(uint8_t version, const struct ip_addr *a)
{
	return version == 4 ? a->bytes[0] == 169 && a->bytes[1] == 254
			    : a->bytes[0] == 0xfe && (a->bytes[1] & 0xc0) == 0x80;
}

static inline bool ip_loopback(uint8_t version, const struct ip_addr *a)
{
	static const uint8_t one[16] = { [15] = 1 };

	return version == 4 ? a->bytes[0] == 127 : memcmp(a->bytes, one, 16) == 0;
}

#endif
