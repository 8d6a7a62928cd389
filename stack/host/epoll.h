/* epoll.h - epoll(7) over a host's sockets. */
#ifndef TAPIR_HOST_EPOLL_H
#define TAPIR_HOST_EPOLL_H

#include "stack/host/socket.h"

extern const struct socket_ops epoll_ops;

/* These events may have come true: those that watch it are told. */
void epoll_socket_ready(struct socket *s, uint32_t events);
/* Nobody watches it any more. */
void epoll_socket_gone(struct socket *s);

#endif
