/* multicast.c - see multicast.h. */
#include "stack/host/multicast.h"

#include <errno.h>
#include <string.h>

#include "stack/host/ip.h"

struct multicast_group {
	struct multicast_group *next;
	struct ip_addr addr;
	uint32_t users;
	uint8_t version;
};

static struct multicast_group **group_at(struct netif *nif, uint8_t version, const struct ip_addr *addr)
{
	struct multicast_group **at = &nif->groups;

	while (*at != NULL && ((*at)->version != version || !ip_addr_eq(&(*at)->addr, addr)))
		at = &(*at)->next;
	return at;
}

static const struct ip_addr all_hosts = { .bytes = { 224, 0, 0, 1 } };
static const struct ip_addr all_nodes = { .bytes = { 0xff, 2, [15] = 1 } };

bool multicast_joined(const struct netif *nif, uint8_t version, const struct ip_addr *group)
{
	if (ip_addr_eq(group, version == 4 ? &all_hosts : &all_nodes))
		return true;
	return *group_at((struct netif *)(uintptr_t)nif, version, group) != NULL;
}

int multicast_join(struct netif *nif, uint8_t version, const struct ip_addr *addr)
{
	struct multicast_group *g = *group_at(nif, version, addr);

	if (g == NULL) {
		g = host_alloc(nif->host, sizeof(*g));
		if (g == NULL)
			return -ENOMEM;
		g->addr = *addr;
		g->version = version;
		g->next = nif->groups;
		nif->groups = g;
	}
	g->users++;
	return 0;
}

int multicast_leave(struct netif *nif, uint8_t version, const struct ip_addr *addr)
{
	struct multicast_group **at = group_at(nif, version, addr), *g = *at;

	if (g == NULL)
		return -EADDRNOTAVAIL;
	if (--g->users)
		return 0;
	*at = g->next;
	host_free(nif->host, g, sizeof(*g));
	return 0;
}

int multicast_netif_up(struct netif *nif)
{
	(void)nif;
	return 0;
}

void multicast_netif_gone(struct netif *nif)
{
	while (nif->groups != NULL) {
		struct multicast_group *g = nif->groups;

		nif->groups = g->next;
		host_free(nif->host, g, sizeof(*g));
	}
}

struct ip_addr multicast_solicited(const struct ip_addr *addr)
{
	struct ip_addr g = { .bytes = { 0xff, 2, [11] = 1, [12] = 0xff } };

	memcpy(g.bytes + 13, addr->bytes + 13, 3);
	return g;
}

int multicast_solicited_join(struct netif *nif, const struct ip_addr *addr)
{
	const struct ip_addr group = multicast_solicited(addr);

	return multicast_join(nif, 6, &group);
}

void multicast_solicited_leave(struct netif *nif, const struct ip_addr *addr)
{
	const struct ip_addr group = multicast_solicited(addr);

	multicast_leave(nif, 6, &group);
}

void multicast_mac(uint8_t version, const struct ip_addr *group, uint8_t mac[6])
{
	if (version == 4) {
		const uint8_t m[6] = { 1, 0, 0x5e, group->bytes[1] & 0x7f, group->bytes[2], group->bytes[3] };

		memcpy(mac, m, 6);
	} else {
		mac[0] = mac[1] = 0x33;
		memcpy(mac + 2, group->bytes + 12, 4);
	}
}

void mld_input(struct tapir_host *h, const struct ip_input *in)
{
	(void)h;
	(void)in;
}

const struct host_protocol multicast_protocol = {
	.name = "multicast",
	.index = HOST_MULTICAST,
};
