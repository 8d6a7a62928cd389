/* packet_socket.h - AF_PACKET: whole frames, in and out. */
#ifndef TAPIR_HOST_PACKET_SOCKET_H
#define TAPIR_HOST_PACKET_SOCKET_H

#include "stack/host/netif.h"
#include "stack/host/socket.h"

extern const struct host_protocol packet_protocol;
extern const struct socket_ops packet_socket_ops;

/* What came in, before anybody judges it; what was sent. */
void packet_socket_input(struct netif *nif, const struct frame *frame);
void packet_socket_sent(struct netif *nif, const struct pbuf *p);
void packet_socket_netif_gone(struct netif *nif);

#endif
