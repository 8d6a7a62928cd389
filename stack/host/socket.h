/* socket.h - what all kinds of sockets share, and the table of operations each kind fills.
 *
 * The calls of tapir/socket.h do what needs no protocol (descriptors, addresses from and to
 * struct sockaddr, blocking, SOL_SOCKET options) and then ask the operations. Those never
 * block: -EAGAIN says "not yet", and socket_wake says "try again". */
#ifndef TAPIR_HOST_SOCKET_H
#define TAPIR_HOST_SOCKET_H

#include "stack/host/ip.h"
#include "tapir/socket.h"

struct endpoint {
	struct ip_addr addr;
	uint32_t scope;                 /* interface of a link-local address */
	uint16_t port;
	uint8_t version;                /* 4, 6; 0 = none given. An IPv4-mapped address is version 4 here */
};

/* ---- who gets what arrives (binding.c) ---- */

enum binding_kind {
	BINDING_SOCKET,                 /* starts a struct socket */
	BINDING_TIME_WAIT,              /* TCP's business: what is left of a connection */
	BINDING_REQUEST,                /* TCP's business: half open, not a socket yet */
};

/* An entry of the demultiplexer: in its port's list, and, with a remote end, in the table of connections. */
struct binding {
	struct binding *port_next, **port_pprev;
	struct binding *pair_next, **pair_pprev;
	struct binding_port *port;      /* whose list it is in, or that it was accepted on */
	struct ip_addr local, remote;   /* all zero = any */
	uint16_t local_port, remote_port;
	uint16_t netif;                 /* only from there (SO_BINDTODEVICE, link-local); 0 = any */
	uint8_t version;                /* 4, 6 */
	uint8_t proto;
	uint8_t kind;                   /* enum binding_kind */
	bool dual;                      /* version 6 on any address, and takes IPv4 as well */
	bool reuse_addr, reuse_port;
	bool listening;                 /* TCP: reuse_addr doesn't share with it */
};

/* Binds local (port 0: an ephemeral one is chosen, RFC 6056). 0, -EADDRINUSE, -ENOBUFS. */
int binding_bind(struct tapir_host *h, struct binding *b);
/* Gives it the remote end that is in b->remote: from now on found by all four. With local_port 0 it chooses one
 * so that the four are unique. 0, -EADDRINUSE (-EADDRNOTAVAIL where no port is free), -ENOBUFS. */
int binding_connect(struct tapir_host *h, struct binding *b);
/* An accepted connection: all four are set; it shares the listener's port without being in its list. */
int binding_accept(struct tapir_host *h, struct binding *b, const struct binding *listener);
/* b takes old's place (a socket becomes a TIME_WAIT): cannot fail. old is unbound afterwards. */
void binding_replace(struct tapir_host *h, struct binding *old, struct binding *b);
/* Takes away the remote end. */
void binding_disconnect(struct tapir_host *h, struct binding *b);
void binding_release(struct tapir_host *h, struct binding *b);
/* The connection that these four name: remote is who sent it. NULL. */
struct binding *binding_find_pair(struct tapir_host *h, uint8_t proto, uint8_t version, const struct ip_addr *local,
				  uint16_t local_port, const struct ip_addr *remote, uint16_t remote_port,
				  uint16_t netif);
/* The best of those without a remote end: a listener (among several with SO_REUSEPORT by hash of the four). NULL. */
struct binding *binding_find_port(struct tapir_host *h, uint8_t proto, uint8_t version, const struct ip_addr *local,
				  uint16_t local_port, const struct ip_addr *remote, uint16_t remote_port,
				  uint16_t netif);
/* Calls visit for each binding of a protocol that has a port (visit may release the one it is given). */
int binding_each(struct tapir_host *h, uint8_t proto, int (*visit)(void *arg, struct binding *b), void *arg);

/* The same for those bound to one port. */
int binding_each_port(struct tapir_host *h, uint8_t proto, uint16_t port, int (*visit)(void *arg, struct binding *b),
		      void *arg);

/* ---- sockets ---- */

struct socket_message {
	struct iovec *iov;
	size_t iov_count;
	size_t len;                     /* bytes of iov behind skip */
	size_t skip;                    /* those an earlier round has dealt with */
	int flags;                      /* MSG_*; MSG_DONTWAIT is set where the socket doesn't block */
	struct endpoint *to;            /* sendmsg: NULL = the connected peer */
	struct endpoint from;           /* recvmsg fills it where the kind has senders */
	const struct sockaddr *name;    /* sendmsg: as it was given (packet sockets) */
	socklen_t name_len;
	void *from_name;                /* recvmsg: struct sockaddr_storage of kinds with own addresses */
	socklen_t from_name_len;        /* 0 = take from */
	void *control;                  /* ancillary data: sendmsg in, recvmsg out */
	size_t control_len, control_cap;
	int out_flags;                  /* recvmsg: MSG_TRUNC, MSG_CTRUNC, ... */
};

/* Copies between a message's iovec, from its byte `at` (behind skip) on, and flat bytes; returns how many. */
size_t socket_copy_in(const struct socket_message *m, size_t at, void *to, size_t len);
size_t socket_copy_out(const struct socket_message *m, size_t at, const void *from, size_t len);
/* Appends ancillary data; sets MSG_CTRUNC where there is no room. */
void socket_control_put(struct socket_message *m, int level, int type, const void *data, size_t len);

/* What isn't set answers -EOPNOTSUPP. All return 0 or a count, or -errno. */
struct socket_ops {
	const char *name;
	size_t size;                    /* of the object that struct socket starts */
	int (*init)(struct socket *s);  /* zeroed but for the common part */
	int (*bind)(struct socket *s, const struct endpoint *local);
	int (*bind_name)(struct socket *s, const struct sockaddr *name, socklen_t len);        /* instead of bind */
	int (*listen)(struct socket *s, int backlog);
	/* *out is a socket of the same kind without a descriptor. flags: those of accept4. */
	int (*accept)(struct socket *s, struct socket **out);
	/* 0, -EINPROGRESS; peer->version 0 = AF_UNSPEC: dissolve. Called again after -EINPROGRESS: -EALREADY, 0, error */
	int (*connect)(struct socket *s, const struct endpoint *peer);
	ssize_t (*sendmsg)(struct socket *s, struct socket_message *m);
	ssize_t (*recvmsg)(struct socket *s, struct socket_message *m);
	int (*shutdown)(struct socket *s, int how);
	/* The descriptor has gone (s->fd is -1). The kind calls socket_free now or when it is done with its
	 * farewells. False: linger; the caller waits for POLLHUP and then it's over (s->linger_ns). */
	void (*close)(struct socket *s);
	/* At once, nothing more on the wire: the host goes away. Calls socket_free. */
	void (*destroy)(struct socket *s);
	uint32_t (*poll)(struct socket *s);     /* POLLIN | POLLOUT | ... as of now */
	int (*setsockopt)(struct socket *s, int level, int name, const void *value, socklen_t len);
	int (*getsockopt)(struct socket *s, int level, int name, void *value, socklen_t *len);
	/* After a SOL_SOCKET or IP option common to all has changed. May be NULL. */
	void (*option_changed)(struct socket *s, int level, int name);
	int (*ioctl)(struct socket *s, unsigned long request, void *argument);
	/* getsockname and getpeername of kinds with own addresses; NULL: from the binding. */
	int (*getname)(struct socket *s, bool peer, struct sockaddr_storage *out, socklen_t *len);
};

struct socket_extra;                    /* what few sockets have: memberships, filters, error queue */
struct socket_waiter;                   /* runner.c */
struct socket_watch;

struct socket {
	struct binding bind;            /* first: BINDING_SOCKET */
	const struct socket_ops *ops;
	struct tapir_host *host;
	struct socket_waiter *waiters;  /* threads that block */
	struct socket_watch *watches;   /* epolls */
	struct socket_extra *extra;
	int fd;                         /* -1: none, accepted by nobody yet, or closed */
	int error;                      /* SO_ERROR: errno value that the next call reports */
	uint32_t rcvbuf, sndbuf;
	uint32_t rcvtimeo_ms, sndtimeo_ms;      /* 0 = forever */
	uint32_t mark, priority;
	uint32_t flow_label;
	int32_t linger_s;               /* < 0: off */
	uint16_t type;                  /* SOCK_* */
	uint16_t domain;                /* AF_* */
	uint16_t netif;                 /* SO_BINDTODEVICE, or 0 */
	uint16_t protocol;
	uint8_t ttl, multicast_ttl;     /* 0 = the host's, 1 */
	uint8_t tos;
	uint8_t pmtu_discover;          /* enum ip_fragment_policy */
	uint8_t shut;                   /* bit 0: SHUT_RD, bit 1: SHUT_WR */
	bool nonblock;
	bool broadcast, keepalive, oob_inline, dont_route, timestamp, v6only, bound, connected;
	bool recv_err, recv_ttl, recv_tos, recv_pktinfo, multicast_loop, multicast_all, hdrincl, freebind,
	     rcvbuf_locked, sndbuf_locked, zero_checksum;
	uint16_t multicast_netif;
};

/* A new one without descriptor. 0 or -errno. */
int socket_new(struct socket **out, struct tapir_host *h, const struct socket_ops *ops, int domain, int type,
	       int protocol);
/* An accepted one inherits what Linux lets it inherit. */
void socket_inherit(struct socket *s, const struct socket *listener);
/* Releases binding, waiters and memory. */
void socket_free(struct socket *s);
/* events (POLLIN, ...) may be true now: threads, epolls and the ready callback hear of it. */
void socket_wake(struct socket *s, uint32_t events);
/* Notes an error for SO_ERROR and wakes. */
void socket_error_set(struct socket *s, int error);
/* Takes the pending error: -errno, or 0. */
int socket_error_take(struct socket *s);
/* How IP is to carry what this socket sends: everything that options said. dst, src and proto are the caller's. */
void socket_send_how(const struct socket *s, struct ip_send *how);

/* The socket behind a descriptor; NULL. */
struct socket *socket_get(const struct tapir_host *h, int fd);
/* struct sockaddr to and from an endpoint, as this socket's family has it. 0 or -errno. */
int endpoint_read(const struct socket *s, const struct sockaddr *addr, socklen_t len, struct endpoint *out);
void endpoint_write(const struct socket *s, const struct endpoint *e, struct sockaddr_storage *out, socklen_t *len);
/* SOL_SOCKET, IPPROTO_IP and IPPROTO_IPV6 options that every kind has (sockopt.c); -ENOPROTOOPT. */
int socket_option_set(struct socket *s, int level, int name, const void *value, socklen_t len);
int socket_option_get(struct socket *s, int level, int name, void *value, socklen_t *len);
/* IP_PKTINFO, IP_TTL, ... of a message to send. 0 or -EINVAL. */
int socket_control_parse(const struct socket *s, const struct socket_message *m, struct ip_send *how);
/* Memberships and error queue go. */
void socket_extra_free(struct socket *s);
/* Whether a group's packet from nif is for this socket: joined by it, or IP_MULTICAST_ALL. */
bool socket_group_wanted(const struct socket *s, uint16_t netif, uint8_t version, const struct ip_addr *group);
/* Sets local address (all zero: any) from a bind call's endpoint. 0, -EADDRNOTAVAIL, -EINVAL. */
int socket_bind_address(struct socket *s, const struct endpoint *local);

static inline struct socket *socket_of(struct binding *b)
{
	return (struct socket *)b;
}

/* Gives it the lowest free descriptor, which is returned, or -errno. */
int socket_fd_install(struct socket *s);

/* The kinds: AF_INET and AF_INET6 SOCK_STREAM is tcp_socket_ops (tcp.h), ... */
const struct socket_ops *socket_kind_find(int domain, int type, int *protocol, int *error);

#endif
