/* dhcp.h - an address from a DHCP server (RFC 2131), and its renewal. */
#ifndef TAPIR_HOST_DHCP_H
#define TAPIR_HOST_DHCP_H

#include "stack/host/netif.h"

extern const struct host_protocol dhcp_protocol;

/* True where the client waits for just this, though it is for an address that isn't ours yet. */
bool dhcp_wants(const struct netif *nif, const struct packet *pkt);
/* True where the datagram was the client's. */
bool dhcp_input(struct tapir_host *h, const struct ip_input *in);
/* Somebody on the link has, or wants, this address. */
void dhcp_conflict(struct netif *nif, const struct ip_addr *addr);
void dhcp_netif_gone(struct netif *nif);

#endif
