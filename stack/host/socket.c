/* socket.c - the calls of tapir/socket.h: descriptors, addresses, waiting.
 *
 * Each call enters the host, finds the socket and asks its operations, which never wait. "Not
 * yet" (-EAGAIN) of a blocking socket becomes a wait for an event, where a runner thread exists
 * that can make it happen; then the operation is tried again. While a thread waits another may
 * have closed the descriptor: it is looked up anew each time. */
#include "stack/host/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "stack/host/epoll.h"
#include "stack/host/internal.h"
#include "stack/host/netif.h"
#include "stack/host/runner.h"

#define FDS_MIN 16
#define FDS_MAX (1 << 20)

/* ---- descriptors ---- */

struct socket *socket_get(const struct tapir_host *h, int fd)
{
	return fd >= 0 && (uint32_t)fd < h->fds_len ? h->fds[fd] : NULL;
}

static int fd_install(struct tapir_host *h, struct socket *s)
{
	uint32_t fd = h->fds_free;

	while (fd < h->fds_len && h->fds[fd] != NULL)
		fd++;
	if (fd == h->fds_len) {
		const uint32_t len = h->fds_len ? h->fds_len * 2 : FDS_MIN;
		struct socket **fds;

		if (len > FDS_MAX)
			return -EMFILE;
		fds = host_realloc(h, h->fds, h->fds_len * sizeof(*fds), len * sizeof(*fds));
		if (fds == NULL)
			return -ENOMEM;
		h->fds = fds;
		h->fds_len = len;
	}
	h->fds[fd] = s;
	h->fds_free = fd + 1;
	h->fds_used++;
	s->fd = (int)fd;
	return (int)fd;
}

static void fd_remove(struct tapir_host *h, struct socket *s)
{
	if (s->fd < 0)
		return;
	h->fds[s->fd] = NULL;
	h->fds_used--;
	if ((uint32_t)s->fd < h->fds_free)
		h->fds_free = (uint32_t)s->fd;
	s->fd = -1;
}

/* ---- life ---- */

int socket_new(struct socket **out, struct tapir_host *h, const struct socket_ops *ops, int domain, int type,
	       int protocol)
{
	const struct ip_state *ip = host_ip(h);
	struct socket *s = host_alloc(h, ops->size);
	int err;

	if (s == NULL)
		return -ENOBUFS;
	s->ops = ops;
	s->host = h;
	s->fd = -1;
	s->domain = (uint16_t)domain;
	s->type = (uint16_t)type;
	s->protocol = (uint16_t)protocol;
	s->rcvbuf = ip->default_rcvbuf;
	s->sndbuf = ip->default_sndbuf;
	s->linger_s = -1;
	s->pmtu_discover = IP_FRAGMENT_PATH;
	s->multicast_loop = true;
	s->multicast_all = true;
	s->bind.kind = BINDING_SOCKET;
	s->bind.version = domain == AF_INET6 ? 6 : 4;
	s->bind.dual = domain == AF_INET6;
	s->bind.proto = (uint8_t)protocol;
	err = ops->init != NULL ? ops->init(s) : 0;
	if (err < 0) {
		host_free(h, s, ops->size);
		return err;
	}
	*out = s;
	return 0;
}

void socket_inherit(struct socket *s, const struct socket *l)
{
	s->rcvbuf = l->rcvbuf;
	s->sndbuf = l->sndbuf;
	s->rcvbuf_locked = l->rcvbuf_locked;
	s->sndbuf_locked = l->sndbuf_locked;
	s->rcvtimeo_ms = l->rcvtimeo_ms;
	s->sndtimeo_ms = l->sndtimeo_ms;
	s->mark = l->mark;
	s->priority = l->priority;
	s->linger_s = l->linger_s;
	s->netif = l->netif;
	s->ttl = l->ttl;
	s->tos = l->tos;
	s->pmtu_discover = l->pmtu_discover;
	s->keepalive = l->keepalive;
	s->oob_inline = l->oob_inline;
	s->v6only = l->v6only;
	s->recv_err = l->recv_err;
	s->bind.reuse_addr = l->bind.reuse_addr;
	s->bind.reuse_port = l->bind.reuse_port;
}

void socket_free(struct socket *s)
{
	struct tapir_host *h = s->host;

	fd_remove(h, s);
	socket_extra_free(s);
	epoll_socket_gone(s);
	runner_wake(s, UINT32_MAX);
	binding_release(h, &s->bind);
	host_free(h, s, s->ops->size);
}

void sockets_fini(struct tapir_host *h)
{
	for (uint32_t i = 0; i < h->fds_len; i++) {
		struct socket *s = h->fds[i];

		if (s == NULL)
			continue;
		fd_remove(h, s);
		if (s->ops->destroy != NULL)
			s->ops->destroy(s);
		else
			s->ops->close(s);
	}
	host_free(h, h->fds, h->fds_len * sizeof(*h->fds));
	h->fds = NULL;
	h->fds_len = 0;
}

/* ---- news ---- */

void socket_wake(struct socket *s, uint32_t events)
{
	struct tapir_host *h = s->host;

	runner_wake(s, events);
	epoll_socket_ready(s, events);
	if (h->cfg.ready != NULL && s->fd >= 0)
		h->cfg.ready(h->cfg.ctx, h, s->fd, events);
}

void socket_error_set(struct socket *s, int error)
{
	s->error = error;
	socket_wake(s, POLLERR | POLLIN | POLLOUT);
}

int socket_error_take(struct socket *s)
{
	const int error = s->error;

	s->error = 0;
	return -error;
}

/* ---- messages ---- */

static size_t copy(const struct socket_message *m, size_t at, uint8_t *flat, size_t len, bool in)
{
	size_t done = 0;

	at += m->skip;
	for (size_t i = 0; i < m->iov_count && done < len; i++) {
		const struct iovec *v = &m->iov[i];
		size_t n;

		if (at >= v->iov_len) {
			at -= v->iov_len;
			continue;
		}
		n = v->iov_len - at;
		n = n < len - done ? n : len - done;
		if (in)
			memcpy(flat + done, (const uint8_t *)v->iov_base + at, n);
		else
			memcpy((uint8_t *)v->iov_base + at, flat + done, n);
		done += n;
		at = 0;
	}
	return done;
}

size_t socket_copy_in(const struct socket_message *m, size_t at, void *to, size_t len)
{
	return copy(m, at, to, len, true);
}

size_t socket_copy_out(const struct socket_message *m, size_t at, const void *from, size_t len)
{
	return copy(m, at, (uint8_t *)(uintptr_t)from, len, false);
}

void socket_control_put(struct socket_message *m, int level, int type, const void *data, size_t len)
{
	struct cmsghdr c = { .cmsg_level = level, .cmsg_type = type, .cmsg_len = CMSG_LEN(len) };
	uint8_t *at = (uint8_t *)m->control + m->control_len;

	if (m->control == NULL || m->control_cap - m->control_len < CMSG_LEN(len)) {
		m->out_flags |= MSG_CTRUNC;
		return;
	}
	memcpy(at, &c, sizeof(c));
	memcpy(at + CMSG_LEN(0), data, len);
	m->control_len += CMSG_SPACE(len);
	if (m->control_len > m->control_cap)
		m->control_len = m->control_cap;
}

/* ---- addresses ---- */

static bool v4_mapped(const struct ip_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };

	return memcmp(a->bytes, mapped, sizeof(mapped)) == 0;
}

int endpoint_read(const struct socket *s, const struct sockaddr *addr, socklen_t len, struct endpoint *out)
{
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	*out = (struct endpoint){ 0 };
	if (addr == NULL)
		return -EFAULT;
	if (len < sizeof(sa_family_t))
		return -EINVAL;
	if (addr->sa_family == AF_UNSPEC)
		return 0;
	if (addr->sa_family == AF_INET) {
		if (len < sizeof(in))
			return -EINVAL;
		memcpy(&in, addr, sizeof(in));
		memcpy(out->addr.bytes, &in.sin_addr, 4);
		out->port = ntohs(in.sin_port);
		out->version = 4;
		return s->domain == AF_INET || !s->v6only ? 0 : -EAFNOSUPPORT;
	}
	if (addr->sa_family != AF_INET6 || s->domain != AF_INET6)
		return -EAFNOSUPPORT;
	if (len < offsetof(struct sockaddr_in6, sin6_scope_id))
		return -EINVAL;
	memset(&in6, 0, sizeof(in6));
	memcpy(&in6, addr, len < sizeof(in6) ? len : sizeof(in6));
	memcpy(out->addr.bytes, &in6.sin6_addr, 16);
	out->port = ntohs(in6.sin6_port);
	out->version = 6;
	if (ip_link_local(6, &out->addr) || ip_multicast(6, &out->addr))
		out->scope = in6.sin6_scope_id;
	if (v4_mapped(&out->addr)) {
		if (s->v6only)
			return -ENETUNREACH;
		out->addr = ip_addr_v4(in6.sin6_addr.s6_addr + 12);
		out->version = 4;
	}
	return 0;
}

void endpoint_write(const struct socket *s, const struct endpoint *e, struct sockaddr_storage *out, socklen_t *len)
{
	memset(out, 0, sizeof(*out));
	if (s->domain == AF_INET) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(e->port);
		memcpy(&in->sin_addr, e->addr.bytes, 4);
		*len = sizeof(*in);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(e->port);
		if (e->version == 4) {
			in6->sin6_addr.s6_addr[10] = in6->sin6_addr.s6_addr[11] = 0xff;
			memcpy(in6->sin6_addr.s6_addr + 12, e->addr.bytes, 4);
		} else {
			memcpy(&in6->sin6_addr, e->addr.bytes, 16);
			if (ip_link_local(6, &e->addr))
				in6->sin6_scope_id = e->scope;
		}
		*len = sizeof(*in6);
	}
}

static void name_out(const struct sockaddr_storage *name, socklen_t name_len, struct sockaddr *addr, socklen_t *len)
{
	if (addr == NULL || len == NULL)
		return;
	memcpy(addr, name, *len < name_len ? *len : name_len);
	*len = name_len;
}

int socket_bind_address(struct socket *s, const struct endpoint *local)
{
	struct tapir_host *h = s->host;
	enum ip_kind kind;

	if (local->version == 0)
		return -EAFNOSUPPORT;
	s->bind.version = local->version;
	if (s->domain == AF_INET6) {
		if (local->version == 4 && s->v6only)
			return -EINVAL;
		s->bind.dual = local->version == 6 && !s->v6only && ip_addr_zero(&local->addr);
	}
	s->bind.local = local->addr;
	s->bind.netif = s->netif;
	if (ip_addr_zero(&local->addr))
		return 0;
	kind = ip_kind(h, local->version, &local->addr, 0);
	if (local->scope) {
		if (s->netif && s->netif != local->scope)
			return -EINVAL;
		s->bind.netif = (uint16_t)local->scope;
	} else if (local->version == 6 && ip_link_local(6, &local->addr) && !s->netif) {
		return -EINVAL;
	}
	if (kind == IP_LOCAL || s->freebind)
		return 0;
	if ((kind == IP_MULTICAST || kind == IP_BROADCAST) && s->type != SOCK_STREAM)
		return 0;
	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++)
		if (h->netifs[i] != NULL && h->netifs[i]->cfg.any_ip && kind == IP_UNICAST)
			return 0;
	return -EADDRNOTAVAIL;
}

void socket_send_how(const struct socket *s, struct ip_send *how)
{
	how->ttl = how->version != 0 && ip_multicast(how->version, &how->dst)
			   ? (s->multicast_ttl ? s->multicast_ttl : 1) : s->ttl;
	how->tos = s->tos;
	how->fragment = s->pmtu_discover;
	how->broadcast = s->broadcast;
	how->dont_route = s->dont_route;
	how->netif = s->netif;
	how->flow_label = s->flow_label;
	if (how->version != 0 && ip_multicast(how->version, &how->dst)) {
		how->loop = s->multicast_loop;
		if (s->multicast_netif && !how->netif)
			how->netif = s->multicast_netif;
	}
	if (how->broadcast)
		how->loop = true;
}

/* ---- waiting ---- */

static uint64_t wait_until(const struct tapir_host *h, uint32_t timeout_ms)
{
	return timeout_ms ? h->now_ns + timeout_ms * NS_PER_MS : NEVER;
}

/* Until these events may have come true. The socket of fd if it is still there, else NULL with *err. */
static struct socket *wait_for(struct tapir_host *h, struct socket *s, uint32_t events, uint64_t deadline, int *err)
{
	const struct runner_wait wait = { .socket = s, .events = events };
	const int fd = s->fd;

	*err = runner_wait(h, &wait, 1, deadline);
	if (*err == -ETIMEDOUT)
		*err = -EAGAIN;
	if (*err < 0)
		return NULL;
	s = socket_get(h, fd);
	if (s == NULL)
		*err = -EBADF;
	return s;
}

#define SOCKET_OR_FAIL(s)                       \
	struct socket *s;                       \
	host_enter(h);                          \
	s = socket_get(h, fd);                  \
	if (s == NULL) {                        \
		host_leave(h);                  \
		return -EBADF;                  \
	}

/* ---- the calls ---- */

int tapir_socket(struct tapir_host *h, int domain, int type, int protocol)
{
	const int flags = type & ~0xf;
	const struct socket_ops *ops;
	struct socket *s;
	int err = 0;

	type &= 0xf;
	host_enter(h);
	if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC))
		err = -EINVAL;
	ops = err ? NULL : socket_kind_find(domain, type, &protocol, &err);
	if (ops != NULL)
		err = socket_new(&s, h, ops, domain, type, protocol);
	if (err == 0) {
		s->nonblock = flags & SOCK_NONBLOCK;
		err = fd_install(h, s);
		if (err < 0)
			ops->close(s);
	}
	host_leave(h);
	return err;
}

int socket_fd_install(struct socket *s)
{
	return fd_install(s->host, s);
}

int tapir_bind(struct tapir_host *h, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct endpoint local;
	int err;
	SOCKET_OR_FAIL(s)

	if (s->ops->bind_name != NULL) {
		err = s->ops->bind_name(s, addr, len);
	} else if (s->ops->bind == NULL) {
		err = -EOPNOTSUPP;
	} else {
		err = endpoint_read(s, addr, len, &local);
		if (err == 0 && local.version == 0) {   /* AF_UNSPEC with 0.0.0.0, which Linux takes as AF_INET */
			local.version = 4;
			err = s->domain == AF_INET ? 0 : -EINVAL;
		}
		if (err == 0 && local.version == 4 && s->domain == AF_INET6 && addr->sa_family == AF_INET)
			err = -EINVAL;
		if (err == 0)
			err = s->ops->bind(s, &local);
	}
	host_leave(h);
	return err;
}

int tapir_listen(struct tapir_host *h, int fd, int backlog)
{
	int err;
	SOCKET_OR_FAIL(s)

	err = s->ops->listen != NULL ? s->ops->listen(s, backlog) : -EOPNOTSUPP;
	host_leave(h);
	return err;
}

static void peer_endpoint(const struct socket *s, struct endpoint *e)
{
	*e = (struct endpoint){
		.addr = s->bind.remote, .port = s->bind.remote_port, .version = s->bind.version,
		.scope = s->bind.netif,
	};
}

static int accepted(struct tapir_host *h, struct socket *child, int flags, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage name;
	struct endpoint peer;
	socklen_t name_len;
	int fd = fd_install(h, child);

	if (fd < 0) {
		child->ops->close(child);
		return fd;
	}
	child->nonblock = flags & SOCK_NONBLOCK;
	peer_endpoint(child, &peer);
	endpoint_write(child, &peer, &name, &name_len);
	name_out(&name, name_len, addr, len);
	return fd;
}

int tapir_accept4(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len, int flags)
{
	struct socket *child = NULL;
	uint64_t deadline;
	int err;
	SOCKET_OR_FAIL(s)

	deadline = wait_until(h, s->rcvtimeo_ms);
	for (;;) {
		err = s->ops->accept != NULL ? s->ops->accept(s, &child) : -EOPNOTSUPP;
		if (err != -EAGAIN || s->nonblock)
			break;
		s = wait_for(h, s, POLLIN, deadline, &err);
		if (s == NULL)
			break;
	}
	if (err == 0)
		err = accepted(h, child, flags, addr, len);
	host_leave(h);
	return err;
}

int tapir_accept(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len)
{
	return tapir_accept4(h, fd, addr, len, 0);
}

int tapir_connect(struct tapir_host *h, int fd, const struct sockaddr *addr, socklen_t len)
{
	struct endpoint peer;
	int err;
	SOCKET_OR_FAIL(s)

	err = s->ops->connect != NULL ? endpoint_read(s, addr, len, &peer) : -EOPNOTSUPP;
	if (err == 0)
		err = s->ops->connect(s, &peer);
	if (err == -EINPROGRESS && !s->nonblock) {
		const uint64_t deadline = wait_until(h, s->sndtimeo_ms);

		do {
			s = wait_for(h, s, POLLOUT | POLLERR | POLLHUP, deadline, &err);
		} while (s != NULL && !(s->ops->poll(s) & (POLLOUT | POLLERR | POLLHUP)));
		if (s != NULL)
			err = socket_error_take(s);
		else if (err == -EAGAIN)
			err = -EINPROGRESS;     /* nobody can wait, or it took too long: as Linux says */
	}
	host_leave(h);
	return err;
}

static ssize_t send_all(struct tapir_host *h, struct socket *s, struct socket_message *m)
{
	const bool wait = !s->nonblock && !(m->flags & MSG_DONTWAIT);
	const uint64_t deadline = wait_until(h, s->sndtimeo_ms);
	ssize_t sent = 0, n;
	int err;

	if (s->nonblock)
		m->flags |= MSG_DONTWAIT;
	for (;;) {
		n = s->ops->sendmsg != NULL ? s->ops->sendmsg(s, m) : -EOPNOTSUPP;
		if (n > 0) {
			sent += n;
			m->skip += (size_t)n;
			m->len -= (size_t)n;
		}
		if (!wait || (n < 0 && n != -EAGAIN) || (n >= 0 && (m->len == 0 || s->type != SOCK_STREAM)))
			break;
		s = wait_for(h, s, POLLOUT | POLLERR | POLLHUP, deadline, &err);
		if (s == NULL) {
			n = err;
			break;
		}
	}
	return sent ? sent : n;
}

/* 0 or -errno. */
static int iov_sum(const struct iovec *iov, size_t count, size_t *sum)
{
	*sum = 0;
	if (count > 1024)
		return -EMSGSIZE;
	for (size_t i = 0; i < count; i++) {
		if (iov[i].iov_len > INT32_MAX || *sum + iov[i].iov_len > INT32_MAX)
			return -EINVAL;
		*sum += iov[i].iov_len;
	}
	return 0;
}

ssize_t tapir_sendmsg(struct tapir_host *h, int fd, const struct msghdr *msg, int flags)
{
	struct socket_message m = {
		.iov = msg->msg_iov, .iov_count = msg->msg_iovlen, .flags = flags,
		.name = msg->msg_namelen ? msg->msg_name : NULL, .name_len = msg->msg_namelen,
		.control = msg->msg_control, .control_len = msg->msg_control ? msg->msg_controllen : 0,
	};
	struct endpoint to;
	ssize_t n;
	SOCKET_OR_FAIL(s)

	n = iov_sum(m.iov, m.iov_count, &m.len);
	if (n == 0 && m.name != NULL && s->ops->bind_name == NULL) {
		n = endpoint_read(s, m.name, m.name_len, &to);
		m.to = to.version ? &to : NULL;
	}
	if (n == 0)
		n = send_all(h, s, &m);
	host_leave(h);
	return n;
}

ssize_t tapir_sendto(struct tapir_host *h, int fd, const void *buf, size_t len, int flags,
		     const struct sockaddr *addr, socklen_t addr_len)
{
	struct iovec iov = { .iov_base = (void *)(uintptr_t)buf, .iov_len = len };
	const struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_name = (void *)(uintptr_t)addr, .msg_namelen = addr ? addr_len : 0,
	};

	return tapir_sendmsg(h, fd, &msg, flags);
}

ssize_t tapir_send(struct tapir_host *h, int fd, const void *buf, size_t len, int flags)
{
	return tapir_sendto(h, fd, buf, len, flags, NULL, 0);
}

ssize_t tapir_write(struct tapir_host *h, int fd, const void *buf, size_t len)
{
	return tapir_send(h, fd, buf, len, 0);
}

ssize_t tapir_writev(struct tapir_host *h, int fd, const struct iovec *iov, int count)
{
	const struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count };

	return count < 0 ? -EINVAL : tapir_sendmsg(h, fd, &msg, 0);
}

static ssize_t recv_all(struct tapir_host *h, struct socket *s, struct socket_message *m)
{
	const bool wait = !s->nonblock && !(m->flags & (MSG_DONTWAIT | MSG_ERRQUEUE));
	const uint64_t deadline = wait_until(h, s->rcvtimeo_ms);
	const bool all = s->type == SOCK_STREAM && m->flags & MSG_WAITALL && !(m->flags & (MSG_PEEK | MSG_OOB));
	ssize_t got = 0, n;
	int err;

	for (;;) {
		n = s->ops->recvmsg != NULL ? s->ops->recvmsg(s, m) : -EOPNOTSUPP;
		if (n > 0) {
			got += n;
			m->skip += (size_t)n;
			m->len -= (size_t)n < m->len ? (size_t)n : m->len;
		}
		if (!wait || (n < 0 && n != -EAGAIN) || n == 0 || (n > 0 && (!all || m->len == 0)))
			break;
		s = wait_for(h, s, POLLIN | POLLERR | POLLHUP | POLLRDHUP, deadline, &err);
		if (s == NULL) {
			n = err;
			break;
		}
	}
	return got ? got : n;
}

ssize_t tapir_recvmsg(struct tapir_host *h, int fd, struct msghdr *msg, int flags)
{
	struct sockaddr_storage name;
	struct socket_message m = {
		.iov = msg->msg_iov, .iov_count = msg->msg_iovlen, .flags = flags, .from_name = &name,
		.control = msg->msg_control, .control_cap = msg->msg_control ? msg->msg_controllen : 0,
	};
	ssize_t n;
	SOCKET_OR_FAIL(s)

	n = iov_sum(m.iov, m.iov_count, &m.len);
	if (n == 0)
		n = recv_all(h, s, &m);
	/* It may have been closed while we waited: an error then, and nothing of it is looked at. */
	if (n >= 0) {
		if (m.from_name_len == 0 && m.from.version)
			endpoint_write(s, &m.from, &name, &m.from_name_len);
		if (msg->msg_name != NULL)
			name_out(&name, m.from_name_len, msg->msg_name, &msg->msg_namelen);
		else
			msg->msg_namelen = 0;
		msg->msg_controllen = m.control_len;
		msg->msg_flags = m.out_flags;
	}
	host_leave(h);
	return n;
}

ssize_t tapir_recvfrom(struct tapir_host *h, int fd, void *buf, size_t len, int flags, struct sockaddr *addr,
		       socklen_t *addr_len)
{
	struct iovec iov = { .iov_base = buf, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1, .msg_name = addr, .msg_namelen = addr_len ? *addr_len : 0 };
	ssize_t n = tapir_recvmsg(h, fd, &msg, flags);

	if (n >= 0 && addr_len != NULL)
		*addr_len = msg.msg_namelen;
	return n;
}

ssize_t tapir_recv(struct tapir_host *h, int fd, void *buf, size_t len, int flags)
{
	return tapir_recvfrom(h, fd, buf, len, flags, NULL, NULL);
}

ssize_t tapir_read(struct tapir_host *h, int fd, void *buf, size_t len)
{
	return tapir_recv(h, fd, buf, len, 0);
}

ssize_t tapir_readv(struct tapir_host *h, int fd, const struct iovec *iov, int count)
{
	struct msghdr msg = { .msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)count };

	return count < 0 ? -EINVAL : tapir_recvmsg(h, fd, &msg, 0);
}

int tapir_shutdown(struct tapir_host *h, int fd, int how)
{
	int err;
	SOCKET_OR_FAIL(s)

	if (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR)
		err = -EINVAL;
	else
		err = s->ops->shutdown != NULL ? s->ops->shutdown(s, how) : -EOPNOTSUPP;
	host_leave(h);
	return err;
}

/* SO_LINGER with a time: close returns when all has been acknowledged, or that time is over. */
static struct socket *linger(struct tapir_host *h, struct socket *s)
{
	const uint64_t deadline = h->now_ns + (uint64_t)s->linger_s * NS_PER_S;
	int err = 0;

	s->ops->shutdown(s, SHUT_RDWR);
	while (s != NULL && !(s->ops->poll(s) & (POLLHUP | POLLERR))) {
		const int fd = s->fd;
		struct socket *next = wait_for(h, s, POLLHUP | POLLERR, deadline, &err);

		if (next == NULL)
			return err == -EBADF ? NULL : socket_get(h, fd);
		s = next;
	}
	return s;
}

int tapir_close(struct tapir_host *h, int fd)
{
	SOCKET_OR_FAIL(s)

	if (s->linger_s > 0 && !s->nonblock && s->type == SOCK_STREAM && s->connected && h->runner != NULL)
		s = linger(h, s);
	if (s != NULL) {
		runner_wake(s, UINT32_MAX);
		epoll_socket_gone(s);
		fd_remove(h, s);
		s->ops->close(s);
	}
	host_leave(h);
	return 0;
}

static int getname(struct tapir_host *h, int fd, bool peer, struct sockaddr *addr, socklen_t *len)
{
	struct sockaddr_storage name;
	struct endpoint e;
	socklen_t name_len = 0;
	int err = 0;
	SOCKET_OR_FAIL(s)

	if (s->ops->getname != NULL) {
		err = s->ops->getname(s, peer, &name, &name_len);
	} else if (peer && !s->connected) {
		err = -ENOTCONN;
	} else {
		peer_endpoint(s, &e);
		if (!peer) {
			e.addr = s->bind.local;
			e.port = s->bind.local_port;
		}
		/* Nothing bound yet: "::", not a mapped "0.0.0.0". */
		if (s->domain == AF_INET6 && ip_addr_zero(&e.addr))
			e.version = 6;
		endpoint_write(s, &e, &name, &name_len);
	}
	if (err == 0)
		name_out(&name, name_len, addr, len);
	host_leave(h);
	return err;
}

int tapir_getsockname(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len)
{
	return getname(h, fd, false, addr, len);
}

int tapir_getpeername(struct tapir_host *h, int fd, struct sockaddr *addr, socklen_t *len)
{
	return getname(h, fd, true, addr, len);
}

int tapir_getsockopt(struct tapir_host *h, int fd, int level, int name, void *value, socklen_t *len)
{
	int err = -ENOPROTOOPT;
	SOCKET_OR_FAIL(s)

	if (s->ops->getsockopt != NULL)
		err = s->ops->getsockopt(s, level, name, value, len);
	if (err == -ENOPROTOOPT)
		err = socket_option_get(s, level, name, value, len);
	host_leave(h);
	return err;
}

int tapir_setsockopt(struct tapir_host *h, int fd, int level, int name, const void *value, socklen_t len)
{
	int err = -ENOPROTOOPT;
	SOCKET_OR_FAIL(s)

	if (s->ops->setsockopt != NULL)
		err = s->ops->setsockopt(s, level, name, value, len);
	if (err == -ENOPROTOOPT) {
		err = socket_option_set(s, level, name, value, len);
		if (err == 0 && s->ops->option_changed != NULL)
			s->ops->option_changed(s, level, name);
	}
	host_leave(h);
	return err;
}

int tapir_fcntl(struct tapir_host *h, int fd, int command, long argument)
{
	int result = -EINVAL;
	SOCKET_OR_FAIL(s)

	switch (command) {
	case F_GETFL:
		result = O_RDWR | (s->nonblock ? O_NONBLOCK : 0);
		break;
	case F_SETFL:
		s->nonblock = argument & O_NONBLOCK;
		result = 0;
		break;
	case F_GETFD:
	case F_SETFD:
		result = 0;
		break;
	}
	host_leave(h);
	return result;
}

int tapir_ioctl(struct tapir_host *h, int fd, unsigned long request, void *argument)
{
	int err = 0;
	SOCKET_OR_FAIL(s)

	if (request == FIONBIO) {
		int on;

		memcpy(&on, argument, sizeof(on));
		s->nonblock = on != 0;
	} else {
		err = s->ops->ioctl != NULL ? s->ops->ioctl(s, request, argument) : -ENOTTY;
	}
	host_leave(h);
	return err;
}

/* ---- poll ---- */

static int poll_look(struct tapir_host *h, struct pollfd *fds, nfds_t count)
{
	int ready = 0;

	for (nfds_t i = 0; i < count; i++) {
		struct socket *s = socket_get(h, fds[i].fd);

		fds[i].revents = 0;
		if (fds[i].fd < 0)
			continue;
		if (s == NULL)
			fds[i].revents = POLLNVAL;
		else
			fds[i].revents = (short)(s->ops->poll(s) & ((uint32_t)fds[i].events | POLLERR | POLLHUP));
		ready += fds[i].revents != 0;
	}
	return ready;
}

int tapir_poll(struct tapir_host *h, struct pollfd *fds, nfds_t count, int timeout)
{
	struct runner_wait *waits = NULL;
	uint64_t deadline;
	int ready, err = 0;

	if (count > FDS_MAX)
		return -EINVAL;
	host_enter(h);
	deadline = timeout < 0 ? NEVER : h->now_ns + (uint64_t)timeout * NS_PER_MS;
	while ((ready = poll_look(h, fds, count)) == 0 && timeout != 0 && h->runner != NULL && err == 0) {
		unsigned n = 0;

		if (waits == NULL)
			waits = calloc(count ? count : 1, sizeof(*waits));
		if (waits == NULL) {
			ready = -ENOMEM;
			break;
		}
		for (nfds_t i = 0; i < count; i++)
			if (fds[i].fd >= 0)
				waits[n++] = (struct runner_wait){
					.socket = socket_get(h, fds[i].fd),
					.events = (uint32_t)fds[i].events | POLLERR | POLLHUP,
				};
		err = runner_wait(h, waits, n, deadline);
	}
	host_leave(h);
	free(waits);
	return ready;
}
