/* tapir/socket.h - POSIX's socket calls on a tapir host.
 *
 * Each call is its namesake with the host in front: the same arguments, structs, flags,
 * options and numbers as on Linux (<sys/socket.h>, <netinet/in.h>, <netinet/tcp.h>,
 * <poll.h>, <sys/epoll.h>). A failure is returned as -errno; errno itself isn't touched.
 * Descriptors are the host's own, from 0; they mean nothing to the kernel.
 *
 * Without a runner thread nothing blocks: a call that would have to wait returns -EAGAIN
 * (connect: -EINPROGRESS), whatever the socket's flags. With one (tapir_host_start),
 * calls on blocking sockets wait, bounded by SO_RCVTIMEO and SO_SNDTIMEO. */
#ifndef TAPIR_SOCKET_H
#define TAPIR_SOCKET_H

#include <poll.h>
#include <stdint.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "tapir/host.h"

#ifdef __cplusplus
extern "C" {
#endif

/* AF_INET, AF_INET6: SOCK_STREAM (TCP), SOCK_DGRAM (UDP; IPPROTO_ICMP, IPPROTO_ICMPV6: ping), SOCK_RAW.
 * AF_PACKET: SOCK_RAW, SOCK_DGRAM (struct sockaddr_ll). SOCK_NONBLOCK may be or-ed in; SOCK_CLOEXEC means
 * nothing. Returns a descriptor. */
TAPIR_API int tapir_socket(struct tapir_host *h, int domain, int type, int protocol);
TAPIR_API int tapir_bind(struct tapir_host *h, int fd, const struct sockaddr *addr, socklen_t len);
TAPIR_API int tapir_listen(struct tapir_host *h, int fd, int backlog);
TAPIR_API int tapir_accept(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len);
TAPIR_API int tapir_accept4(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len, int flags);
TAPIR_API int tapir_connect(struct tapir_host *h, int fd, const struct sockaddr *addr, socklen_t len);

TAPIR_API ssize_t tapir_send(struct tapir_host *h, int fd, const void *buf, size_t len, int flags);
TAPIR_API ssize_t tapir_sendto(struct tapir_host *h, int fd, const void *buf, size_t len, int flags,
			       const struct sockaddr *addr, socklen_t addr_len);
TAPIR_API ssize_t tapir_sendmsg(struct tapir_host *h, int fd, const struct msghdr *msg, int flags);
TAPIR_API ssize_t tapir_recv(struct tapir_host *h, int fd, void *buf, size_t len, int flags);
TAPIR_API ssize_t tapir_recvfrom(struct tapir_host *h, int fd, void *buf, size_t len, int flags,
				 struct sockaddr *addr, socklen_t *addr_len);
TAPIR_API ssize_t tapir_recvmsg(struct tapir_host *h, int fd, struct msghdr *msg, int flags);
TAPIR_API ssize_t tapir_read(struct tapir_host *h, int fd, void *buf, size_t len);
TAPIR_API ssize_t tapir_write(struct tapir_host *h, int fd, const void *buf, size_t len);
TAPIR_API ssize_t tapir_readv(struct tapir_host *h, int fd, const struct iovec *iov, int count);
TAPIR_API ssize_t tapir_writev(struct tapir_host *h, int fd, const struct iovec *iov, int count);

TAPIR_API int tapir_shutdown(struct tapir_host *h, int fd, int how);
TAPIR_API int tapir_close(struct tapir_host *h, int fd);
TAPIR_API int tapir_getsockname(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len);
TAPIR_API int tapir_getpeername(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len);
TAPIR_API int tapir_getsockopt(struct tapir_host *h, int fd, int level, int name, void *value, socklen_t *len);
TAPIR_API int tapir_setsockopt(struct tapir_host *h, int fd, int level, int name, const void *value,
			       socklen_t len);
/* F_GETFL, F_SETFL (O_NONBLOCK). */
TAPIR_API int tapir_fcntl(struct tapir_host *h, int fd, int command, long argument);
/* FIONREAD, SIOCOUTQ (TIOCOUTQ), SIOCATMARK, FIONBIO, ... */
TAPIR_API int tapir_ioctl(struct tapir_host *h, int fd, unsigned long request, void *argument);

/* timeout in milliseconds: 0 = only look, -1 = forever. Waiting needs a runner; without one it is a look. */
TAPIR_API int tapir_poll(struct tapir_host *h, struct pollfd *fds, nfds_t count, int timeout);
/* epoll(7), level and edge triggered, EPOLLONESHOT, EPOLLEXCLUSIVE ignored. */
TAPIR_API int tapir_epoll_create(struct tapir_host *h);
TAPIR_API int tapir_epoll_ctl(struct tapir_host *h, int epfd, int op, int fd, struct epoll_event *event);
TAPIR_API int tapir_epoll_wait(struct tapir_host *h, int epfd, struct epoll_event *events, int max, int timeout);

#ifdef __cplusplus
}
#endif

#endif
