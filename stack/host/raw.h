/* raw.h - raw IP sockets, and ping sockets. */
#ifndef TAPIR_HOST_RAW_H
#define TAPIR_HOST_RAW_H

#include "stack/host/socket.h"

extern const struct host_protocol raw_protocol;
extern const struct socket_ops raw_socket_ops, ping_socket_ops;

/* Copies what was delivered to every raw socket that wants it; true where one did. */
bool raw_input(struct tapir_host *h, const struct ip_input *in);
/* An ICMP error about something that a raw or ping socket has sent. */
void raw_icmp_error(struct tapir_host *h, const struct icmp_error *e);

#endif
