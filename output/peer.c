/* peer.c - see peer.h. Sockets are blocking, with timeouts in the kernel; before each batch the connection is asked
 * whether the peer has closed it, so that a server's restart costs nothing that was written afterwards. */
#include "output/peer.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "output/tls.h"

struct peer {
	enum transport transport;
	char host[256], port[16], name[256];
	unsigned timeout_s;
	struct tls_context *context;
	struct tls *tls;
	int fd;
	char error[256];
};

static int peer_address(struct peer *p, const struct conf *c, unsigned default_port, char *error, size_t error_len)
{
	const char *server = conf_str(c, "server", conf_str(c, "host", "127.0.0.1")), *colon = strrchr(server, ':');
	size_t len = strlen(server);

	snprintf(p->port, sizeof(p->port), "%lld", (long long)conf_int(c, "port", default_port));
	if (*server == '[' && strchr(server, ']') != NULL) {
		len = (size_t)(strchr(server, ']') - server - 1);
		colon = server[len + 2] == ':' ? server + len + 2 : NULL;
		server++;
	} else if (colon != NULL && strchr(server, ':') == colon) {
		len = (size_t)(colon - server);
	} else {
		colon = NULL;           /* an IPv6 address as it is */
	}
	if (colon != NULL)
		snprintf(p->port, sizeof(p->port), "%s", colon + 1);
	if (len == 0 || len >= sizeof(p->host)) {
		snprintf(error, error_len, "server: expected a name or an address, and a port");
		return -EINVAL;
	}
	snprintf(p->host, sizeof(p->host), "%.*s", (int)len, server);
	snprintf(p->name, sizeof(p->name), "%s", conf_str(c, "tls.server-name", p->host));
	return 0;
}

int peer_new(struct peer **out, enum transport transport, const struct conf *c, unsigned default_port, char *error, size_t error_len)
{
	struct tls_opts tls = { .ca_file = conf_str(c, "tls.ca-file", NULL), .certificate = conf_str(c, "tls.certificate", NULL),
				.key = conf_str(c, "tls.key", NULL), .verify = conf_bool(c, "tls.verify", true) };
	struct peer *p = calloc(1, sizeof(*p));
	int64_t timeout = conf_int(c, "timeout", 10);
	int err;

	if (p == NULL)
		return -ENOMEM;
	p->fd = -1;
	p->transport = transport;
	p->timeout_s = timeout < 1 ? 1 : (unsigned)timeout;
	err = peer_address(p, c, default_port, error, error_len);
	if (err == 0 && transport == TRANSPORT_IS_TLS)
		err = tls_context_new(&p->context, &tls, error, error_len);
	if (err < 0) {
		peer_free(p);
		return err;
	}
	*out = p;
	return 0;
}

void peer_close(struct peer *p)
{
	if (p->tls != NULL)
		tls_free(p->tls);
	p->tls = NULL;
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
}

void peer_free(struct peer *p)
{
	if (p == NULL)
		return;
	peer_close(p);
	tls_context_free(p->context);
	free(p);
}

const char *peer_error(const struct peer *p)
{
	return p->error;
}

static int failed(struct peer *p, int err, const char *why)
{
	snprintf(p->error, sizeof(p->error), "%.120s port %s: %.100s", p->host, p->port, why);
	peer_close(p);
	return err < 0 ? err : -EIO;
}

static int connect_one(const struct peer *p, const struct addrinfo *a)
{
	struct timeval limit = { .tv_sec = p->timeout_s };
	int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol), on = 1;

	if (fd < 0)
		return -errno;
	/* The send timeout bounds connect as well. */
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (p->transport != TRANSPORT_IS_UDP) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	}
	if (connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		int err = errno == EINPROGRESS ? -ETIMEDOUT : -errno;

		close(fd);
		return err;
	}
	return fd;
}

static int peer_connect(struct peer *p)
{
	struct addrinfo hints = { .ai_socktype = p->transport == TRANSPORT_IS_UDP ? SOCK_DGRAM : SOCK_STREAM }, *list = NULL;
	char why[200];
	int err = getaddrinfo(p->host, p->port, &hints, &list), fd = -EHOSTUNREACH;

	if (err != 0)
		return failed(p, -EHOSTUNREACH, gai_strerror(err));
	for (const struct addrinfo *a = list; a != NULL && fd < 0; a = a->ai_next)
		fd = connect_one(p, a);
	freeaddrinfo(list);
	if (fd < 0)
		return failed(p, fd, strerror(-fd));
	p->fd = fd;
	if (p->transport != TRANSPORT_IS_TLS)
		return 0;
	err = tls_connect(&p->tls, p->context, fd, p->name, why, sizeof(why));
	return err < 0 ? failed(p, err, why) : 0;
}

/* A stream peer that has something to say and says nothing is gone. */
static bool peer_gone(struct peer *p)
{
	struct pollfd fd = { .fd = p->fd, .events = POLLIN };
	char byte[512];

	if (p->transport == TRANSPORT_IS_UDP || poll(&fd, 1, 0) <= 0)
		return false;
	if (p->tls != NULL)
		return tls_closed(p->tls);
	return recv(p->fd, byte, sizeof(byte), MSG_DONTWAIT) <= 0;
}

int peer_ready(struct peer *p)
{
	if (p->fd >= 0 && peer_gone(p))
		peer_close(p);
	return p->fd >= 0 ? 0 : peer_connect(p);
}

int peer_write(struct peer *p, const void *data, size_t len)
{
	const char *at = data;

	if (p->tls != NULL)
		return tls_write(p->tls, data, len) < 0 ? failed(p, -EPIPE, "the connection broke") : 0;
	while (len > 0) {
		ssize_t n = send(p->fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return failed(p, -errno, errno == EAGAIN ? "nothing is taken any more" : strerror(errno));
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

int peer_datagram(struct peer *p, const struct iovec *parts, unsigned count)
{
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = count };

	if (sendmsg(p->fd, &m, MSG_NOSIGNAL) >= 0)
		return 0;
	return errno == EMSGSIZE ? -EMSGSIZE : failed(p, -errno, strerror(errno));
}

int peer_flushed(struct peer *p)
{
	static const struct timespec moment = { .tv_nsec = 500000 };
	int waiting = 0;

	for (unsigned i = 0; i < p->timeout_s * 2000; i++) {
		struct pollfd fd = { .fd = p->fd };

		if (ioctl(p->fd, SIOCOUTQ, &waiting) < 0 || waiting == 0)
			break;
		if (poll(&fd, 1, 0) > 0 && (fd.revents & (POLLERR | POLLHUP)))
			return failed(p, -ECONNRESET, "the connection broke");
		nanosleep(&moment, NULL);
	}
	if (waiting > 0)
		return failed(p, -ETIMEDOUT, "nothing is acknowledged any more");
	return peer_gone(p) ? failed(p, -ECONNRESET, "the connection was closed") : 0;
}
