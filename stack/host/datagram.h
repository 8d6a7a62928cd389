/* datagram.h - what UDP, ping and raw sockets share: a queue of whole messages with their
 * senders, a default peer, an error queue. */
#ifndef TAPIR_HOST_DATAGRAM_H
#define TAPIR_HOST_DATAGRAM_H

#include "stack/host/socket.h"

struct datagram_socket {
	struct socket s;
	struct pbuf_queue rx, errors;
	struct ip_path path;            /* to the connected peer */
	uint32_t drops;
	uint32_t filter[8];             /* raw ICMPv6: types not wanted; raw ICMP: the first word */
	int checksum_at;                /* raw IPv6: IPV6_CHECKSUM, or -1 */
	struct datagram_socket *next, **pprev;  /* raw, ping: all of a protocol */
};

int datagram_bind(struct socket *s, const struct endpoint *local);
/* Sets the peer, and the local address that speaks to it. ports: those of the binding matter. */
int datagram_connect(struct socket *s, const struct endpoint *peer);
ssize_t datagram_recvmsg(struct socket *s, struct socket_message *m);
int datagram_shutdown(struct socket *s, int how);
void datagram_close(struct socket *s);
uint32_t datagram_poll(struct socket *s);
int datagram_ioctl(struct socket *s, unsigned long request, void *argument);
void datagram_option_changed(struct socket *s, int level, int name);

/* Queues data that came in with pkt; false (counted) where there is no room. from_port: 0 where there are none. */
bool datagram_input(struct datagram_socket *d, const struct ip_input *in, struct slice data, uint16_t from_port);
/* An ICMP error about what this socket has sent: to the error queue where that is asked for, and to SO_ERROR. */
void datagram_icmp_error(struct datagram_socket *d, const struct icmp_error *e);
/* Where a message goes and how: from m->to or the peer, and options and ancillary data; *path is what to use.
 * Binds an ephemeral port where the socket has none. 0 or -errno. */
int datagram_route(struct datagram_socket *d, const struct socket_message *m, struct ip_send *how,
		   struct ip_path *own, uint16_t *port);
/* The message's bytes in a buffer with room for header bytes in front of them (part of its data). */
struct pbuf *datagram_copy_in(struct datagram_socket *d, const struct socket_message *m, uint32_t header);

#endif
