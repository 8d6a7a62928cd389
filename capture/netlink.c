/* netlink.c - building and taking apart netlink messages, in one buffer. What we ask
 * for is small and answered by one message. */
#include "capture/netlink.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/must.h"

int netlink_open(struct netlink *n, int protocol)
{
	n->len = 0;
	n->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol);
	return n->fd < 0 ? -errno : 0;
}

void netlink_close(struct netlink *n)
{
	if (n->fd >= 0)
		close(n->fd);
	n->fd = -1;
}

void *netlink_room(struct netlink *n, size_t len)
{
	void *p = n->buf + n->len;

	n->len += NLMSG_ALIGN(len);
	must(n->len <= sizeof(n->buf));
	memset(p, 0, NLMSG_ALIGN(len));
	return p;
}

void netlink_attr(struct netlink *n, uint16_t type, const void *data, size_t len)
{
	struct nlattr *a = netlink_room(n, sizeof(*a) + len);

	a->nla_type = type;
	a->nla_len = (uint16_t)(sizeof(*a) + len);
	memcpy(a + 1, data, len);
}

size_t netlink_nest_begin(struct netlink *n, uint16_t type)
{
	size_t at = n->len;
	struct nlattr *a = netlink_room(n, sizeof(*a));

	a->nla_type = type | NLA_F_NESTED;
	return at;
}

void netlink_nest_end(struct netlink *n, size_t nest)
{
	struct nlattr *a = (struct nlattr *)(n->buf + nest);

	a->nla_len = (uint16_t)(n->len - nest);
}

void netlink_start(struct netlink *n, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *h;

	n->len = 0;
	h = netlink_room(n, sizeof(*h));
	h->nlmsg_type = type;
	h->nlmsg_flags = NLM_F_REQUEST | flags;
}

void netlink_start_generic(struct netlink *n, uint16_t family, uint8_t command)
{
	struct genlmsghdr *g;

	netlink_start(n, family, 0);
	g = netlink_room(n, sizeof(*g));
	g->cmd = command;
	g->version = 1;
}

int netlink_ask(struct netlink *n)
{
	struct nlmsghdr *h = (struct nlmsghdr *)n->buf;
	ssize_t len;

	h->nlmsg_len = (uint32_t)n->len;
	if (send(n->fd, n->buf, n->len, 0) < 0)
		return -errno;
	len = recv(n->fd, n->buf, sizeof(n->buf), 0);
	if (len < 0)
		return -errno;
	n->len = (size_t)len;
	if (!NLMSG_OK(h, n->len))
		return -EPROTO;
	/* An error of 0 is the acknowledgement. */
	if (h->nlmsg_type == NLMSG_ERROR)
		return ((const struct nlmsgerr *)NLMSG_DATA(h))->error;
	return 0;
}

const void *netlink_attr_find(const uint8_t *p, size_t len, uint16_t type, size_t value_len)
{
	size_t at = 0;

	while (at + sizeof(struct nlattr) <= len) {
		const struct nlattr *a = (const struct nlattr *)(p + at);

		if (a->nla_len < sizeof(*a) || a->nla_len > len - at)
			return NULL;
		if ((a->nla_type & NLA_TYPE_MASK) == type)
			return a->nla_len >= sizeof(*a) + value_len ? a + 1 : NULL;
		at += NLMSG_ALIGN(a->nla_len);
	}
	return NULL;
}

const void *netlink_answer_attr(const struct netlink *n, size_t header, uint16_t type, size_t value_len)
{
	size_t start = NLMSG_HDRLEN + NLMSG_ALIGN(header);

	return n->len > start ? netlink_attr_find(n->buf + start, n->len - start, type, value_len) : NULL;
}
