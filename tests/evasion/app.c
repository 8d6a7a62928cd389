/* app.c - the application: plain sockets of the kernel that is being played to. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/tcp.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/evasion/play_own.h"

#ifndef UDP_NO_CHECK6_RX
#define UDP_NO_CHECK6_RX 102
#endif

static socklen_t address(const struct play *p, bool ours, uint16_t port, struct sockaddr_storage *out)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	if (p->v6) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		inet_pton(AF_INET6, play_address(p, ours), &v6->sin6_addr);
		return sizeof(*v6);
	}
	v4->sin_family = AF_INET;
	v4->sin_port = htons(port);
	inet_pton(AF_INET, play_address(p, ours), &v4->sin_addr);
	return sizeof(*v4);
}

static void option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

static void options(const struct play *p, int fd)
{
	struct sockaddr_storage peer;
	struct tcp_md5sig md5 = { .tcpm_keylen = 4, .tcpm_key = "tapi" };

	option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (p->small)
		option(fd, SOL_SOCKET, SO_RCVBUF, 2304);
	if (p->oob_inline)
		option(fd, SOL_SOCKET, SO_OOBINLINE, 1);
	if (p->md5) {
		socklen_t len = address(p, true, 0, &peer);

		memcpy(&md5.tcpm_addr, &peer, len);
		(void)setsockopt(fd, IPPROTO_TCP, TCP_MD5SIG, &md5, sizeof(md5));
	}
}

static int bound(const struct play *p, int type)
{
	struct sockaddr_storage a;
	int fd = socket(p->v6 ? AF_INET6 : AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	socklen_t len = address(p, false, APP_PORT, &a);

	if (fd < 0)
		return -1;
	if (type == SOCK_STREAM)
		options(p, fd);
	else
		option(fd, IPPROTO_UDP, UDP_NO_CHECK6_RX, 1);
	if (bind(fd, (struct sockaddr *)&a, len) == 0)
		return fd;
	close(fd);
	return -1;
}

bool app_open(struct play *p)
{
	if (setns(p->ns[p->far], CLONE_NEWNET) < 0)
		return false;
	p->udp = bound(p, SOCK_DGRAM);
	p->listener = bound(p, SOCK_STREAM);
	if (setns(p->ns[0], CLONE_NEWNET) < 0 || p->udp < 0 || p->listener < 0)
		return false;
	if (p->we_listen)
		return true;
	option(p->listener, IPPROTO_TCP, TCP_FASTOPEN, 16);
	return listen(p->listener, 64) == 0;
}

void app_connect(struct play *p)
{
	struct sockaddr_storage a;
	socklen_t len = address(p, true, p->our_port, &a);

	p->conns[p->conn_count++] = p->listener;
	p->listener = -1;
	(void)connect(p->conns[p->conn_count - 1], (struct sockaddr *)&a, len);
}

static void append(struct bytes *b, const void *data, size_t len)
{
	if (len > STREAM_MAX - b->len)
		len = STREAM_MAX - b->len;
	memcpy(b->data + b->len, data, len);
	b->len += len;
}

void app_read(struct play *p)
{
	uint8_t buf[STREAM_MAX];
	ssize_t n;

	while (p->listener >= 0 && p->conn_count < CONNS_MAX) {
		int fd = accept4(p->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0)
			break;
		p->conns[p->conn_count++] = fd;
		p->closed = false;
	}
	if (p->hold)
		return;
	for (unsigned i = 0; i < p->conn_count; i++) {
		if (p->conns[i] < 0)
			continue;
		while ((n = read(p->conns[i], buf, sizeof(buf))) > 0)
			append(&p->app, buf, (size_t)n);
	}
	while ((n = recv(p->udp, buf, sizeof(buf), 0)) >= 0) {
		append(&p->app, buf, (size_t)n);
		append(&p->app, "|", 1);
	}
}

void app_write(struct play *p, const char *text, size_t len)
{
	if (p->conn_count > 0 && p->conns[p->conn_count - 1] >= 0)
		(void)send(p->conns[p->conn_count - 1], text, len, MSG_NOSIGNAL);
}

void app_oob(struct play *p)
{
	char c;

	if (p->conn_count > 0)
		(void)recv(p->conns[p->conn_count - 1], &c, 1, MSG_OOB);
}

void app_flush(struct play *p)
{
	for (unsigned i = 0; i < p->conn_count; i++)
		if (p->conns[i] >= 0)
			option(p->conns[i], IPPROTO_TCP, TCP_QUICKACK, 1);
}

void app_close(struct play *p, bool hard)
{
	struct linger now = { .l_onoff = 1 };

	for (unsigned i = 0; i < p->conn_count; i++) {
		if (p->conns[i] < 0)
			continue;
		if (hard)
			(void)setsockopt(p->conns[i], SOL_SOCKET, SO_LINGER, &now, sizeof(now));
		close(p->conns[i]);
		p->conns[i] = -1;
	}
	if (!hard)
		return;
	if (p->listener >= 0)
		close(p->listener);
	if (p->udp >= 0)
		close(p->udp);
	p->listener = p->udp = -1;
}
