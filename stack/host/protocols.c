/* protocols.c - which protocols there are, and which kinds of sockets. */
#include <errno.h>
#include <netinet/in.h>

#include "stack/host/dhcp.h"
#include "stack/host/icmp.h"
#include "stack/host/internal.h"
#include "stack/host/multicast.h"
#include "stack/host/neighbour.h"
#include "stack/host/packet_socket.h"
#include "stack/host/raw.h"
#include "stack/host/socket.h"
#include "stack/host/tcp/tcp.h"
#include "stack/host/udp.h"

const struct host_protocol *const host_protocols[HOST_PROTOCOLS] = {
	[HOST_CORE] = &core_protocol,
	[HOST_NEIGHBOUR] = &neighbour_protocol,
	[HOST_ICMP] = &icmp_protocol,
	[HOST_MULTICAST] = &multicast_protocol,
	[HOST_UDP] = &udp_protocol,
	[HOST_TCP] = &tcp_protocol,
	[HOST_RAW] = &raw_protocol,
	[HOST_PACKET] = &packet_protocol,
	[HOST_DHCP] = &dhcp_protocol,
};

/* In this order: protocol 0 stands for the first of a type. */
static const struct socket_kind {
	int type;
	int protocol4, protocol6;       /* what it serves; -1 = any */
	const struct socket_ops *ops;
} kinds[] = {
	{ SOCK_STREAM, IPPROTO_TCP, IPPROTO_TCP, &tcp_socket_ops },
	{ SOCK_DGRAM, IPPROTO_UDP, IPPROTO_UDP, &udp_socket_ops },
	{ SOCK_DGRAM, IPPROTO_ICMP, IPPROTO_ICMPV6, &ping_socket_ops },
	{ SOCK_RAW, -1, -1, &raw_socket_ops },
};

const struct socket_ops *socket_kind_find(int domain, int type, int *protocol, int *error)
{
	bool type_known = false;

	if (domain == AF_PACKET) {
		*error = type == SOCK_RAW || type == SOCK_DGRAM ? 0 : -ESOCKTNOSUPPORT;
		return *error ? NULL : &packet_socket_ops;
	}
	if (domain != AF_INET && domain != AF_INET6) {
		*error = -EAFNOSUPPORT;
		return NULL;
	}
	for (unsigned i = 0; i < ARRAY_LEN(kinds); i++) {
		const int own = domain == AF_INET ? kinds[i].protocol4 : kinds[i].protocol6;

		if (kinds[i].type != type)
			continue;
		type_known = true;
		if (own != -1 && *protocol != 0 && *protocol != own)
			continue;
		if (own == -1 && (*protocol <= 0 || *protocol > 255))
			continue;
		if (*protocol == 0)
			*protocol = own;
		*error = 0;
		return kinds[i].ops;
	}
	*error = type_known ? -EPROTONOSUPPORT : -ESOCKTNOSUPPORT;
	return NULL;
}
