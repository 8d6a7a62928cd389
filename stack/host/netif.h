/* netif.h - an interface: a device, its addresses, and the frames that wait to be sent.
 *
 * Frames leave in bursts: netif_send queues, and what is queued goes out when the call or
 * the poll that sent it ends. A device that takes less than it is offered leaves the rest
 * for the next round; beyond ip.queue_len frames they are dropped and counted. */
#ifndef TAPIR_HOST_NETIF_H
#define TAPIR_HOST_NETIF_H

#include "capture/device.h"
#include "stack/host/host.h"

#define NETIF_LOOPBACK 1
#define NETIF_NAME_MAX 16

enum address_state { ADDRESS_TENTATIVE, ADDRESS_PREFERRED, ADDRESS_DEPRECATED, ADDRESS_DUPLICATE };
enum address_origin { ADDRESS_MANUAL, ADDRESS_LINK_LOCAL, ADDRESS_SLAAC, ADDRESS_DHCP };

struct netif_address {
	struct netif_address *next;     /* on its interface, in the order they were added */
	struct netif_address *hash_next;        /* of all local addresses */
	struct netif *netif;
	struct ip_addr addr;
	uint8_t version, prefix_len;
	uint8_t state;                  /* enum address_state */
	uint8_t origin;                 /* enum address_origin */
	uint8_t probes;                 /* DAD probes, or announcements, still to be sent */
	uint64_t preferred_until, valid_until;  /* NEVER = for ever */
	uint64_t defended_ns;           /* when a conflict was last answered */
	struct host_timer timer;        /* DAD, announcements, then lifetimes */
};

struct netif {
	struct tapir_host *host;
	uint16_t index;
	char name[NETIF_NAME_MAX];
	struct device *device;          /* NULL: the loopback */
	bool ethernet;                  /* else frames are IP packets */
	bool peer_offload;
	bool live;                      /* the device has the machine's time, since 1970 */
	uint64_t clock_ns;              /* the device's time less the host's */
	uint8_t mac[6];
	uint32_t mtu;
	struct tapir_netif_config cfg;
	struct netif_address *addresses;
	struct pbuf_queue tx;
	struct nd_router *nd;           /* nd.c: router discovery; NULL = off */
	struct dhcp_client *dhcp;       /* NULL = off */
	struct multicast_group *groups; /* multicast.c */
	uint64_t old_querier_until[2];  /* IGMPv1/v2, MLDv1: until then their messages are used */
	bool old_querier_v1;
	struct host_timer tx_timer;     /* the device was full: try again */
	uint64_t rx_frames, tx_frames, rx_bytes, tx_bytes;
};

static inline struct netif *netif_get(const struct tapir_host *h, unsigned index)
{
	return index <= HOST_NETIFS_MAX ? h->netifs[index] : NULL;
}

int netif_loopback_new(struct tapir_host *h);
void netif_free(struct netif *nif);
/* Receives and handles up to max frames; how many there were. */
unsigned netif_receive(struct netif *nif, unsigned max);
/* A frame with its link header: queued. Takes p. 0 or -ENOBUFS. */
int netif_send(struct netif *nif, struct pbuf *p);
/* Puts the Ethernet header in front (where the medium has one) and queues. Takes p. */
int netif_send_to(struct netif *nif, struct pbuf *p, const uint8_t dst[6], uint16_t ether_type);
/* Hands the device what waits. */
void netif_flush(struct netif *nif);

/* The address if it is one of ours (in whatever state), on whatever interface. NULL. */
struct netif_address *address_find(const struct tapir_host *h, uint8_t version, const struct ip_addr *addr);
/* 0, -EEXIST, -ENOMEM. preferred and valid: lifetimes in ns, or NEVER. */
int address_add(struct netif *nif, uint8_t version, const struct ip_addr *addr, uint8_t prefix_len,
		enum address_origin origin, uint64_t preferred_ns, uint64_t valid_ns);
void address_remove(struct netif *nif, struct netif_address *a);
/* Arms its timer for what is due next. */
void address_timer_set(struct netif_address *a);
/* The first address of nif fit to be a source: in state preferred or deprecated. NULL. */
struct netif_address *address_first(const struct netif *nif, uint8_t version);
/* The source for dst through nif (RFC 6724 for IPv6). False where there is none. */
bool address_source(struct tapir_host *h, const struct netif *nif, uint8_t version, const struct ip_addr *dst,
		    struct ip_addr *out);
/* Whether dst is the broadcast address of one of nif's IPv4 prefixes. */
bool address_broadcast(const struct netif *nif, const struct ip_addr *dst);
/* True where the first len bits are the same. */
bool ip_prefix_eq(const struct ip_addr *a, const struct ip_addr *b, unsigned len);
/* "192.0.2.1/24"; without a length it is the whole address. 0 or -EINVAL. */
int ip_prefix_parse(struct ip_addr *addr, uint8_t *version, uint8_t *prefix_len, const char *text);

#endif
