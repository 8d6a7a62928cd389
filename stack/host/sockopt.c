/* sockopt.c - options that every kind of socket has, and ancillary data of messages. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "stack/host/multicast.h"
#include "stack/host/netif.h"
#include "stack/host/socket.h"

#define BUFFER_MIN_RCV 2304
#define BUFFER_MIN_SND 4608
#define MEMBERSHIPS_MAX 20              /* net.ipv4.igmp_max_memberships */

struct membership {
	struct ip_addr group;
	uint16_t netif;                 /* 0 = free */
	uint8_t version;
};

struct socket_extra {
	struct membership groups[MEMBERSHIPS_MAX];
};

/* ---- groups ---- */

bool socket_group_wanted(const struct socket *s, uint16_t netif, uint8_t version, const struct ip_addr *group)
{
	for (unsigned i = 0; s->extra != NULL && i < MEMBERSHIPS_MAX; i++) {
		const struct membership *m = &s->extra->groups[i];

		if (m->netif == netif && m->version == version && ip_addr_eq(&m->group, group))
			return true;
	}
	return s->multicast_all;
}

static struct netif *group_netif(const struct socket *s, unsigned index, uint8_t version, const struct ip_addr *group)
{
	struct ip_send how = { .version = version, .dst = *group, .netif = s->netif };
	struct ip_path path = { 0 };

	if (index)
		return netif_get(s->host, index);
	if (s->multicast_netif)
		return netif_get(s->host, s->multicast_netif);
	how.unspecified = true;
	return ip_path_find(s->host, &path, &how) < 0 ? NULL : netif_get(s->host, path.netif);
}

static int group_change(struct socket *s, unsigned index, uint8_t version, const struct ip_addr *group, bool join)
{
	struct membership *found = NULL, *empty = NULL;
	struct netif *nif;
	int err;

	if (!ip_multicast(version, group))
		return -EINVAL;
	nif = group_netif(s, index, version, group);
	if (nif == NULL)
		return -ENODEV;
	if (s->extra == NULL && join)
		s->extra = host_alloc(s->host, sizeof(*s->extra));
	if (s->extra == NULL)
		return join ? -ENOBUFS : -EADDRNOTAVAIL;
	for (unsigned i = 0; i < MEMBERSHIPS_MAX; i++) {
		struct membership *m = &s->extra->groups[i];

		if (m->netif == 0)
			empty = m;
		else if (m->netif == nif->index && m->version == version && ip_addr_eq(&m->group, group))
			found = m;
	}
	if (!join) {
		if (found == NULL)
			return -EADDRNOTAVAIL;
		found->netif = 0;
		return multicast_leave(nif, version, group);
	}
	if (found != NULL)
		return -EADDRINUSE;
	if (empty == NULL)
		return -ENOBUFS;
	err = multicast_join(nif, version, group);
	if (err == 0)
		*empty = (struct membership){ .group = *group, .netif = nif->index, .version = version };
	return err;
}

void socket_extra_free(struct socket *s)
{
	if (s->extra == NULL)
		return;
	for (unsigned i = 0; i < MEMBERSHIPS_MAX; i++) {
		struct membership *m = &s->extra->groups[i];
		struct netif *nif = m->netif ? netif_get(s->host, m->netif) : NULL;

		if (nif != NULL)
			multicast_leave(nif, m->version, &m->group);
	}
	host_free(s->host, s->extra, sizeof(*s->extra));
	s->extra = NULL;
}

/* ---- numbers in and out ---- */

/* An int, or for small options a single byte, as Linux takes it. */
static int int_in(const void *value, socklen_t len, int *out)
{
	uint8_t byte;

	if (value == NULL)
		return -EFAULT;
	if (len >= sizeof(*out)) {
		memcpy(out, value, sizeof(*out));
		return 0;
	}
	if (len < 1)
		return -EINVAL;
	memcpy(&byte, value, 1);
	*out = byte;
	return 0;
}

static int data_out(void *value, socklen_t *len, const void *data, size_t data_len)
{
	if (value == NULL || len == NULL)
		return -EFAULT;
	if (*len > data_len)
		*len = (socklen_t)data_len;
	memcpy(value, data, *len);
	return 0;
}

static int int_out(void *value, socklen_t *len, int v)
{
	return data_out(value, len, &v, sizeof(v));
}

static int timeout_in(const void *value, socklen_t len, uint32_t *ms)
{
	struct timeval t;
	uint64_t v;

	if (len < sizeof(t))
		return -EINVAL;
	memcpy(&t, value, sizeof(t));
	if (t.tv_usec < 0 || t.tv_usec >= 1000000)
		return -EDOM;
	v = t.tv_sec < 0 ? 1 : (uint64_t)t.tv_sec * 1000 + ((uint64_t)t.tv_usec + 999) / 1000;
	*ms = v > UINT32_MAX ? 0 : (uint32_t)v;
	return 0;
}

static int timeout_out(void *value, socklen_t *len, uint32_t ms)
{
	const struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	return data_out(value, len, &t, sizeof(t));
}

static int device_in(struct socket *s, const void *value, socklen_t len)
{
	char name[NETIF_NAME_MAX] = { 0 };

	memcpy(name, value, len < sizeof(name) - 1 ? len : sizeof(name) - 1);
	if (name[0] == '\0') {
		s->netif = s->bind.netif = 0;
		return 0;
	}
	for (unsigned i = 1; i <= HOST_NETIFS_MAX; i++) {
		const struct netif *nif = s->host->netifs[i];

		if (nif != NULL && strcmp(nif->name, name) == 0) {
			s->netif = s->bind.netif = nif->index;
			return 0;
		}
	}
	return -ENODEV;
}

/* Linux doubles what it is given, for its bookkeeping; getsockopt shows that. */
static uint32_t buffer_size(int v, uint32_t least, uint32_t most)
{
	uint64_t size = v < 0 ? 0 : (uint64_t)v;

	size = size > most ? most : size;
	return (uint32_t)(size * 2 < least ? least : size * 2);
}

static int socket_level_set(struct socket *s, int name, const void *value, socklen_t len)
{
	const struct ip_state *ip = host_ip(s->host);
	struct linger linger;
	int v = 0, err;

	if (name == SO_RCVTIMEO || name == SO_SNDTIMEO)
		return timeout_in(value, len, name == SO_RCVTIMEO ? &s->rcvtimeo_ms : &s->sndtimeo_ms);
	if (name == SO_BINDTODEVICE)
		return device_in(s, value, len);
	if (name == SO_LINGER) {
		if (len < sizeof(linger))
			return -EINVAL;
		memcpy(&linger, value, sizeof(linger));
		s->linger_s = linger.l_onoff ? linger.l_linger : -1;
		return 0;
	}
	if (len < sizeof(int))
		return -EINVAL;
	err = int_in(value, len, &v);
	if (err < 0)
		return err;
	switch (name) {
	case SO_REUSEADDR:      s->bind.reuse_addr = v; break;
	case SO_REUSEPORT:      s->bind.reuse_port = v; break;
	case SO_BROADCAST:      s->broadcast = v; break;
	case SO_KEEPALIVE:      s->keepalive = v; break;
	case SO_OOBINLINE:      s->oob_inline = v; break;
	case SO_DONTROUTE:      s->dont_route = v; break;
	case SO_TIMESTAMP:      s->timestamp = v; break;
	case SO_MARK:           s->mark = (uint32_t)v; break;
	case SO_PRIORITY:       s->priority = (uint32_t)v; break;
	case SO_NO_CHECK:       s->zero_checksum = v; break;
	case SO_RCVBUF:
	case SO_RCVBUFFORCE:
		s->rcvbuf = buffer_size(v, BUFFER_MIN_RCV, ip->rcvbuf_max);
		s->rcvbuf_locked = true;
		break;
	case SO_SNDBUF:
	case SO_SNDBUFFORCE:
		s->sndbuf = buffer_size(v, BUFFER_MIN_SND, ip->sndbuf_max);
		s->sndbuf_locked = true;
		break;
	case SO_RCVLOWAT:
	case SO_BUSY_POLL:
	case SO_INCOMING_CPU:
		break;                  /* accepted, as hints */
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

static int socket_level_get(struct socket *s, int name, void *value, socklen_t *len)
{
	const struct linger linger = { .l_onoff = s->linger_s >= 0, .l_linger = s->linger_s > 0 ? s->linger_s : 0 };
	const struct netif *nif = s->netif ? netif_get(s->host, s->netif) : NULL;

	switch (name) {
	case SO_RCVTIMEO:       return timeout_out(value, len, s->rcvtimeo_ms);
	case SO_SNDTIMEO:       return timeout_out(value, len, s->sndtimeo_ms);
	case SO_LINGER:         return data_out(value, len, &linger, sizeof(linger));
	case SO_BINDTODEVICE:
		return nif != NULL ? data_out(value, len, nif->name, strlen(nif->name) + 1) : data_out(value, len, "", 0);
	case SO_REUSEADDR:      return int_out(value, len, s->bind.reuse_addr);
	case SO_REUSEPORT:      return int_out(value, len, s->bind.reuse_port);
	case SO_BROADCAST:      return int_out(value, len, s->broadcast);
	case SO_KEEPALIVE:      return int_out(value, len, s->keepalive);
	case SO_OOBINLINE:      return int_out(value, len, s->oob_inline);
	case SO_DONTROUTE:      return int_out(value, len, s->dont_route);
	case SO_TIMESTAMP:      return int_out(value, len, s->timestamp);
	case SO_MARK:           return int_out(value, len, (int)s->mark);
	case SO_PRIORITY:       return int_out(value, len, (int)s->priority);
	case SO_NO_CHECK:       return int_out(value, len, s->zero_checksum);
	case SO_RCVBUF:         return int_out(value, len, (int)s->rcvbuf);
	case SO_SNDBUF:         return int_out(value, len, (int)s->sndbuf);
	case SO_RCVLOWAT:       return int_out(value, len, 1);
	case SO_TYPE:           return int_out(value, len, s->type);
	case SO_DOMAIN:         return int_out(value, len, s->domain);
	case SO_PROTOCOL:       return int_out(value, len, s->protocol);
	case SO_ACCEPTCONN:     return int_out(value, len, s->bind.listening);
	case SO_ERROR:          return int_out(value, len, -socket_error_take(s));
	default:                return -ENOPROTOOPT;
	}
}

static int ip_membership(struct socket *s, int name, const void *value, socklen_t len)
{
	struct ip_mreqn m = { 0 };
	struct ip_addr group = { 0 };
	unsigned index;

	if (len < sizeof(struct ip_mreq))
		return -EINVAL;
	memcpy(&m, value, len < sizeof(m) ? len : sizeof(m));
	index = len >= sizeof(m) ? (unsigned)m.imr_ifindex : 0;
	if (index == 0 && m.imr_address.s_addr != 0) {
		struct ip_addr own = { 0 };
		const struct netif_address *a;

		memcpy(own.bytes, &m.imr_address, 4);
		a = address_find(s->host, 4, &own);
		if (a == NULL)
			return -ENODEV;
		index = a->netif->index;
	}
	memcpy(group.bytes, &m.imr_multiaddr, 4);
	return group_change(s, index, 4, &group, name == IP_ADD_MEMBERSHIP);
}

static int ip_multicast_if(struct socket *s, const void *value, socklen_t len)
{
	struct ip_mreqn m = { 0 };
	struct ip_addr own = { 0 };
	const struct netif_address *a;

	if (len >= sizeof(m)) {
		memcpy(&m, value, sizeof(m));
	} else if (len >= sizeof(struct in_addr)) {
		memcpy(&m.imr_address, value, sizeof(struct in_addr));
	} else {
		return -EINVAL;
	}
	s->multicast_netif = 0;
	if (m.imr_ifindex) {
		if (netif_get(s->host, (unsigned)m.imr_ifindex) == NULL)
			return -EADDRNOTAVAIL;
		s->multicast_netif = (uint16_t)m.imr_ifindex;
	} else if (m.imr_address.s_addr != 0) {
		memcpy(own.bytes, &m.imr_address, 4);
		a = address_find(s->host, 4, &own);
		if (a == NULL)
			return -EADDRNOTAVAIL;
		s->multicast_netif = a->netif->index;
	}
	return 0;
}

static int ip_level_set(struct socket *s, int name, const void *value, socklen_t len)
{
	int v = 0, err;

	if (name == IP_ADD_MEMBERSHIP || name == IP_DROP_MEMBERSHIP)
		return ip_membership(s, name, value, len);
	if (name == IP_MULTICAST_IF)
		return ip_multicast_if(s, value, len);
	err = int_in(value, len, &v);
	if (err < 0)
		return err;
	switch (name) {
	case IP_TOS:            s->tos = (uint8_t)v; break;
	case IP_TTL:
		if (v != -1 && (v < 1 || v > 255))
			return -EINVAL;
		s->ttl = v == -1 ? 0 : (uint8_t)v;
		break;
	case IP_MULTICAST_TTL:
		if (v < -1 || v > 255)
			return -EINVAL;
		s->multicast_ttl = v == -1 ? 1 : (uint8_t)v;
		break;
	case IP_MULTICAST_LOOP: s->multicast_loop = v; break;
	case IP_MULTICAST_ALL:  s->multicast_all = v; break;
	case IP_RECVERR:        s->recv_err = v; break;
	case IP_RECVTTL:        s->recv_ttl = v; break;
	case IP_RECVTOS:        s->recv_tos = v; break;
	case IP_PKTINFO:        s->recv_pktinfo = v; break;
	case IP_FREEBIND:
	case IP_TRANSPARENT:    s->freebind = v; break;
	case IP_HDRINCL:
		if (s->type != SOCK_RAW)
			return -ENOPROTOOPT;
		s->hdrincl = v;
		break;
	case IP_MTU_DISCOVER:
		if (v < 0 || v > 5)
			return -EINVAL;
		s->pmtu_discover = (uint8_t)(v > 3 ? 0 : v);    /* INTERFACE and OMIT: no DF */
		break;
	case IP_BIND_ADDRESS_NO_PORT:
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

static int ip_level_get(struct socket *s, int name, void *value, socklen_t *len)
{
	struct ip_send how = { .version = 4, .dst = s->bind.remote, .netif = s->netif };
	struct ip_path path = { 0 };

	switch (name) {
	case IP_TOS:            return int_out(value, len, s->tos);
	case IP_TTL:            return int_out(value, len, s->ttl ? s->ttl : (int)host_ip(s->host)->ttl);
	case IP_MULTICAST_TTL:  return int_out(value, len, s->multicast_ttl ? s->multicast_ttl : 1);
	case IP_MULTICAST_LOOP: return int_out(value, len, s->multicast_loop);
	case IP_MULTICAST_ALL:  return int_out(value, len, s->multicast_all);
	case IP_RECVERR:        return int_out(value, len, s->recv_err);
	case IP_RECVTTL:        return int_out(value, len, s->recv_ttl);
	case IP_RECVTOS:        return int_out(value, len, s->recv_tos);
	case IP_PKTINFO:        return int_out(value, len, s->recv_pktinfo);
	case IP_FREEBIND:
	case IP_TRANSPARENT:    return int_out(value, len, s->freebind);
	case IP_HDRINCL:        return int_out(value, len, s->hdrincl);
	case IP_MTU_DISCOVER:   return int_out(value, len, s->pmtu_discover);
	case IP_BIND_ADDRESS_NO_PORT: return int_out(value, len, 0);
	case IP_MTU:
		if (!s->connected || s->bind.version != 4)
			return -ENOTCONN;
		if (ip_path_find(s->host, &path, &how) < 0)
			return -ENOTCONN;
		return int_out(value, len, (int)path.mtu);
	default:                return -ENOPROTOOPT;
	}
}

static int ipv6_membership(struct socket *s, int name, const void *value, socklen_t len)
{
	struct ipv6_mreq m;
	struct ip_addr group;

	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, value, sizeof(m));
	memcpy(group.bytes, &m.ipv6mr_multiaddr, 16);
	return group_change(s, m.ipv6mr_interface, 6, &group, name == IPV6_JOIN_GROUP);
}

static int ipv6_level_set(struct socket *s, int name, const void *value, socklen_t len)
{
	int v = 0, err;

	if (s->domain != AF_INET6)
		return -ENOPROTOOPT;
	if (name == IPV6_JOIN_GROUP || name == IPV6_LEAVE_GROUP)
		return ipv6_membership(s, name, value, len);
	err = int_in(value, len, &v);
	if (err < 0)
		return err;
	switch (name) {
	case IPV6_V6ONLY:
		if (s->bound)
			return -EINVAL;
		s->v6only = v;
		s->bind.dual = !v;
		break;
	case IPV6_UNICAST_HOPS:
		if (v < -1 || v > 255)
			return -EINVAL;
		s->ttl = v == -1 ? 0 : (uint8_t)v;
		break;
	case IPV6_MULTICAST_HOPS:
		if (v < -1 || v > 255)
			return -EINVAL;
		s->multicast_ttl = v == -1 ? 1 : (uint8_t)v;
		break;
	case IPV6_MULTICAST_LOOP: s->multicast_loop = v; break;
	case IPV6_MULTICAST_IF:
		if (v != 0 && (v < 0 || netif_get(s->host, (unsigned)v) == NULL))
			return -ENODEV;
		s->multicast_netif = (uint16_t)v;
		break;
	case IPV6_TCLASS:       s->tos = v == -1 ? 0 : (uint8_t)v; break;
	case IPV6_RECVERR:      s->recv_err = v; break;
	case IPV6_RECVHOPLIMIT: s->recv_ttl = v; break;
	case IPV6_RECVTCLASS:   s->recv_tos = v; break;
	case IPV6_RECVPKTINFO:  s->recv_pktinfo = v; break;
	case IPV6_FREEBIND:     s->freebind = v; break;
	case IPV6_HDRINCL:      s->hdrincl = v; break;
	case IPV6_MTU_DISCOVER:
		if (v < 0 || v > 5)
			return -EINVAL;
		s->pmtu_discover = (uint8_t)(v > 3 ? 0 : v);
		break;
	case IPV6_AUTOFLOWLABEL:
		break;
	default:
		return -ENOPROTOOPT;
	}
	return 0;
}

static int ipv6_level_get(struct socket *s, int name, void *value, socklen_t *len)
{
	if (s->domain != AF_INET6)
		return -ENOPROTOOPT;
	switch (name) {
	case IPV6_V6ONLY:       return int_out(value, len, s->v6only);
	case IPV6_UNICAST_HOPS: return int_out(value, len, s->ttl ? s->ttl : (int)host_ip(s->host)->hop_limit);
	case IPV6_MULTICAST_HOPS: return int_out(value, len, s->multicast_ttl ? s->multicast_ttl : 1);
	case IPV6_MULTICAST_LOOP: return int_out(value, len, s->multicast_loop);
	case IPV6_MULTICAST_IF: return int_out(value, len, s->multicast_netif);
	case IPV6_TCLASS:       return int_out(value, len, s->tos);
	case IPV6_RECVERR:      return int_out(value, len, s->recv_err);
	case IPV6_RECVHOPLIMIT: return int_out(value, len, s->recv_ttl);
	case IPV6_RECVTCLASS:   return int_out(value, len, s->recv_tos);
	case IPV6_RECVPKTINFO:  return int_out(value, len, s->recv_pktinfo);
	case IPV6_FREEBIND:     return int_out(value, len, s->freebind);
	case IPV6_MTU_DISCOVER: return int_out(value, len, s->pmtu_discover);
	default:                return -ENOPROTOOPT;
	}
}

int socket_option_set(struct socket *s, int level, int name, const void *value, socklen_t len)
{
	if (value == NULL && len != 0)
		return -EFAULT;
	switch (level) {
	case SOL_SOCKET:        return socket_level_set(s, name, value, len);
	case IPPROTO_IP:        return ip_level_set(s, name, value, len);
	case IPPROTO_IPV6:      return ipv6_level_set(s, name, value, len);
	default:                return -ENOPROTOOPT;
	}
}

int socket_option_get(struct socket *s, int level, int name, void *value, socklen_t *len)
{
	switch (level) {
	case SOL_SOCKET:        return socket_level_get(s, name, value, len);
	case IPPROTO_IP:        return ip_level_get(s, name, value, len);
	case IPPROTO_IPV6:      return ipv6_level_get(s, name, value, len);
	default:                return -ENOPROTOOPT;
	}
}

/* ---- ancillary data of messages to send ---- */

static int control_ip(const struct cmsghdr *c, const uint8_t *data, size_t len, struct ip_send *how)
{
	struct in_pktinfo info;
	int v = 0;

	if (c->cmsg_type == IP_PKTINFO) {
		if (len < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		if (info.ipi_ifindex)
			how->netif = (uint16_t)info.ipi_ifindex;
		if (info.ipi_spec_dst.s_addr)
			memcpy(how->src.bytes, &info.ipi_spec_dst, 4);
		return 0;
	}
	if (int_in(data, (socklen_t)len, &v) < 0)
		return -EINVAL;
	if (c->cmsg_type == IP_TTL && v >= 1 && v <= 255)
		how->ttl = (uint8_t)v;
	else if (c->cmsg_type == IP_TOS && v >= 0 && v <= 255)
		how->tos = (uint8_t)v;
	else
		return -EINVAL;
	return 0;
}

static int control_ipv6(const struct cmsghdr *c, const uint8_t *data, size_t len, struct ip_send *how)
{
	struct in6_pktinfo info;
	int v = 0;

	if (c->cmsg_type == IPV6_PKTINFO) {
		if (len < sizeof(info))
			return -EINVAL;
		memcpy(&info, data, sizeof(info));
		if (info.ipi6_ifindex)
			how->netif = (uint16_t)info.ipi6_ifindex;
		memcpy(how->src.bytes, &info.ipi6_addr, 16);
		return 0;
	}
	if (int_in(data, (socklen_t)len, &v) < 0)
		return -EINVAL;
	if (c->cmsg_type == IPV6_HOPLIMIT && v >= 0 && v <= 255)
		how->ttl = (uint8_t)v;
	else if (c->cmsg_type == IPV6_TCLASS && v >= 0 && v <= 255)
		how->tos = (uint8_t)v;
	else
		return -EINVAL;
	return 0;
}

int socket_control_parse(const struct socket *s, const struct socket_message *m, struct ip_send *how)
{
	size_t at = 0;

	(void)s;
	while (m->control_len - at >= sizeof(struct cmsghdr)) {
		const uint8_t *p = (const uint8_t *)m->control + at;
		struct cmsghdr c;
		int err = 0;

		memcpy(&c, p, sizeof(c));
		if (c.cmsg_len < sizeof(c) || c.cmsg_len > m->control_len - at)
			return -EINVAL;
		if (c.cmsg_level == IPPROTO_IP && how->version == 4)
			err = control_ip(&c, p + CMSG_LEN(0), c.cmsg_len - CMSG_LEN(0), how);
		else if (c.cmsg_level == IPPROTO_IPV6 && how->version == 6)
			err = control_ipv6(&c, p + CMSG_LEN(0), c.cmsg_len - CMSG_LEN(0), how);
		if (err < 0)
			return err;
		at += CMSG_ALIGN(c.cmsg_len);
		if (at > m->control_len)
			break;
	}
	return 0;
}
