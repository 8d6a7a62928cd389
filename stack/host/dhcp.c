/* dhcp.c - see dhcp.h. */
#include "stack/host/dhcp.h"

#include <errno.h>

const struct host_protocol dhcp_protocol = {
	.name = "dhcp",
	.index = HOST_DHCP,
};

bool dhcp_wants(const struct netif *nif, const struct packet *pkt)
{
	(void)nif;
	(void)pkt;
	return false;
}

bool dhcp_input(struct tapir_host *h, const struct ip_input *in)
{
	(void)h;
	(void)in;
	return false;
}

void dhcp_netif_gone(struct netif *nif)
{
	(void)nif;
}
