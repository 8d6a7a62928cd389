/* multicast.h - the groups an interface listens to, and telling routers so: IGMPv3 and MLDv2
 * (with their older versions where such a querier is heard). */
#ifndef TAPIR_HOST_MULTICAST_H
#define TAPIR_HOST_MULTICAST_H

#include "stack/host/netif.h"

extern const struct host_protocol multicast_protocol;

/* All-hosts and all-nodes, which are never left. */
int multicast_netif_up(struct netif *nif);
void multicast_netif_gone(struct netif *nif);
/* One more, or one fewer, that wants a group. 0 or -ENOMEM; -EADDRNOTAVAIL. */
int multicast_join(struct netif *nif, uint8_t version, const struct ip_addr *group);
int multicast_leave(struct netif *nif, uint8_t version, const struct ip_addr *group);
/* The solicited-node group of an address. */
int multicast_solicited_join(struct netif *nif, const struct ip_addr *addr);
void multicast_solicited_leave(struct netif *nif, const struct ip_addr *addr);
bool multicast_joined(const struct netif *nif, uint8_t version, const struct ip_addr *group);
/* The Ethernet address of a group. */
void multicast_mac(uint8_t version, const struct ip_addr *group, uint8_t mac[6]);
struct ip_addr multicast_solicited(const struct ip_addr *addr);
/* An MLD query or report that ICMPv6 has taken in. */
void mld_input(struct tapir_host *h, const struct ip_input *in);

#endif
