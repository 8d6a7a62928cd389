/* nd.h - IPv6 neighbour discovery (RFC 4861), and addresses that make themselves (RFC 4862). */
#ifndef TAPIR_HOST_ND_H
#define TAPIR_HOST_ND_H

#include "stack/host/netif.h"

/* A link-local address, and router solicitations. 0 or -ENOMEM. */
int nd_netif_up(struct netif *nif);
void nd_netif_gone(struct netif *nif);
/* Duplicate address detection of a tentative address: the first probe; the timer's turn. */
void nd_dad_start(struct netif_address *a);
void nd_dad_step(struct netif_address *a);
/* Solicitations, advertisements, redirects; ICMPv6 has checked the sum. */
void nd_input(struct tapir_host *h, const struct ip_input *in);

#endif
