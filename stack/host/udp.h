/* udp.h - UDP endpoints (RFC 768, RFC 8085). */
#ifndef TAPIR_HOST_UDP_H
#define TAPIR_HOST_UDP_H

#include "stack/host/socket.h"

extern const struct host_protocol udp_protocol;
extern const struct socket_ops udp_socket_ops;

#endif
