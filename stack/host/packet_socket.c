/* packet_socket.c - see packet_socket.h. */
#include "stack/host/packet_socket.h"

#include <errno.h>

const struct host_protocol packet_protocol = {
	.name = "packet",
	.index = HOST_PACKET,
};

static int init(struct socket *s)
{
	(void)s;
	return -EPROTONOSUPPORT;
}

const struct socket_ops packet_socket_ops = {
	.name = "packet",
	.size = sizeof(struct socket),
	.init = init,
};

void packet_socket_input(struct netif *nif, const struct frame *frame, const struct packet *pkt)
{
	(void)nif;
	(void)frame;
	(void)pkt;
}

void packet_socket_sent(struct netif *nif, const struct pbuf *p)
{
	(void)nif;
	(void)p;
}

void packet_socket_netif_gone(struct netif *nif)
{
	(void)nif;
}
