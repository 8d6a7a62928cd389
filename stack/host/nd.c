/* nd.c - see nd.h. */
#include "stack/host/nd.h"

#include "stack/host/neighbour.h"

int nd_netif_up(struct netif *nif)
{
	(void)nif;
	return 0;
}

void nd_netif_gone(struct netif *nif)
{
	(void)nif;
}

void nd_dad_start(struct netif_address *a)
{
	a->state = ADDRESS_PREFERRED;
}

void nd_dad_step(struct netif_address *a)
{
	a->state = ADDRESS_PREFERRED;
}

void nd_input(struct tapir_host *h, const struct ip_input *in)
{
	(void)h;
	(void)in;
}

void nd_solicit(struct netif *nif, const struct ip_addr *target, const uint8_t *unicast_to)
{
	(void)nif;
	(void)target;
	(void)unicast_to;
}
