/* raw.c - raw IP sockets get a copy of each packet of their protocol, and send what they are given;
 * ping sockets send echo requests, and get the answers to their own. */
#include "stack/host/raw.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "stack/host/datagram.h"
#include "stack/host/netif.h"
#include "stack/wire/checksum.h"
#include "stack/wire/icmp.h"

#define RAW_BUCKETS 16
/* Options whose headers name ICMP's types in their own way. */
#define ICMP_FILTER 1                   /* SOL_RAW */
#define ICMP6_FILTER 1                  /* IPPROTO_ICMPV6 */

struct raw_state {
	struct datagram_socket *raws[RAW_BUCKETS];      /* by protocol */
	struct datagram_socket *pings;
	uint64_t in, out, queue_full;
};

static struct raw_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_RAW];
}

static struct datagram_socket *of(struct socket *s)
{
	return (struct datagram_socket *)s;
}

static void link_in(struct datagram_socket **head, struct datagram_socket *d)
{
	d->next = *head;
	d->pprev = head;
	if (d->next != NULL)
		d->next->pprev = &d->next;
	*head = d;
}

/* ---- in ---- */

static bool ends_match(const struct datagram_socket *d, const struct ip_input *in)
{
	const struct binding *b = &d->s.bind;
	const struct packet *pkt = in->pkt;

	if ((d->s.domain == AF_INET6) != (pkt->ip_version == 6))
		return false;
	if (b->netif && b->netif != in->netif->index)
		return false;
	if (d->s.netif && d->s.netif != in->netif->index)
		return false;
	if (!ip_addr_zero(&b->local) && !ip_addr_eq(&b->local, &pkt->dst))
		return false;
	if (d->s.connected && !ip_addr_eq(&b->remote, &pkt->src))
		return false;
	return in->dst != IP_MULTICAST || socket_group_wanted(&d->s, in->netif->index, pkt->ip_version, &pkt->dst);
}

static bool filtered(const struct datagram_socket *d, const struct packet *pkt)
{
	if (pkt->proto == PROTO_ICMPV6)
		return d->filter[pkt->icmp_type / 32] >> (pkt->icmp_type % 32) & 1;
	return pkt->proto == PROTO_ICMP && pkt->icmp_type < 32 && d->filter[0] >> pkt->icmp_type & 1;
}

static void deliver(struct raw_state *s, struct datagram_socket *d, const struct ip_input *in, struct slice data)
{
	if (datagram_input(d, in, data, 0))
		s->in++;
	else
		s->queue_full++;
}

static void ping_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	const struct slice data = slice_of(pkt->l4, pkt->ip_len - (size_t)(pkt->l4 - pkt->ip));

	if (pkt->icmp_type != (pkt->ip_version == 4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY))
		return;
	for (struct datagram_socket *d = state_of(h)->pings; d != NULL; d = d->next)
		if (d->s.bind.local_port == pkt->icmp_id && ends_match(d, in))
			deliver(state_of(h), d, in, data);
}

bool raw_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	struct raw_state *s = state_of(h);
	/* IPv4: with its header; IPv6: what stands behind the headers. */
	const struct slice data = pkt->ip_version == 4
		? slice_of(pkt->ip, pkt->ip_len)
		: slice_of(pkt->ip + pkt->ip_header_len, pkt->ip_len - pkt->ip_header_len);
	bool taken = false;

	for (struct datagram_socket *d = s->raws[pkt->proto % RAW_BUCKETS]; d != NULL; d = d->next) {
		if (d->s.bind.proto != pkt->proto || d->s.protocol == IPPROTO_RAW || !ends_match(d, in))
			continue;
		taken = true;
		if (!filtered(d, pkt))
			deliver(s, d, in, data);
	}
	if (s->pings != NULL && pkt->l4 != NULL && (pkt->proto == PROTO_ICMP || pkt->proto == PROTO_ICMPV6))
		ping_input(h, in);
	return taken;
}

void raw_icmp_error(struct tapir_host *h, const struct icmp_error *e)
{
	struct raw_state *s = state_of(h);

	for (struct datagram_socket *d = s->raws[e->proto % RAW_BUCKETS]; d != NULL; d = d->next)
		if (d->s.bind.proto == e->proto && (d->s.domain == AF_INET6) == (e->version == 6) &&
		    (!d->s.connected || ip_addr_eq(&d->s.bind.remote, &e->dst)))
			datagram_icmp_error(d, e);
	for (struct datagram_socket *d = s->pings; d != NULL; d = d->next) {
		if (d->s.bind.proto != e->proto || e->l4.len < 6 || load_be16(e->l4.data + 4) != d->s.bind.local_port)
			continue;
		if (e->mtu)
			ip_pmtu_update(h, e->version, &e->dst, e->mtu);
		datagram_icmp_error(d, e);
	}
}

/* ---- raw: out ---- */

/* The caller's own IPv4 header: what is 0 in it is filled in, as raw(7) says. */
static ssize_t header_included(struct datagram_socket *d, const struct socket_message *m, struct ip_send *how)
{
	struct tapir_host *h = d->s.host;
	const uint32_t header = how->version == 4 ? 20 : 40;
	struct pbuf *p;
	int err;

	if (m->len < header)
		return -EINVAL;
	if (m->len > how->path->mtu)
		return -EMSGSIZE;
	p = datagram_copy_in(d, m, 0);
	if (p == NULL)
		return -ENOBUFS;
	if (how->version == 4) {
		const uint32_t len = (p->data[0] & 15u) * 4;

		if (len < 20 || len > p->len) {
			pbuf_put(h, p);
			return -EINVAL;
		}
		if (load_be32(p->data + 12) == 0)
			memcpy(p->data + 12, how->src.bytes, 4);
		if (load_be16(p->data + 4) == 0)
			store_be16(p->data + 4, (uint16_t)host_random32(h));
		store_be16(p->data + 2, (uint16_t)p->len);
		store_be16(p->data + 10, 0);
		store_be16(p->data + 10, checksum(p->data, len));
	}
	err = ip_send_raw(h, p, how);
	return err < 0 ? err : (ssize_t)m->len;
}

static ssize_t raw_sendmsg(struct socket *s, struct socket_message *m)
{
	struct datagram_socket *d = of(s);
	struct ip_path own = { 0 };
	struct ip_send how;
	struct pbuf *p;
	uint16_t port;
	int err;

	if (s->error)
		return socket_error_take(s);
	if (m->len > 65535)
		return -EMSGSIZE;
	err = datagram_route(d, m, &how, &own, &port);
	if (err < 0)
		return err;
	state_of(s->host)->out++;
	if (s->hdrincl)
		return header_included(d, m, &how);
	p = datagram_copy_in(d, m, 0);
	if (p == NULL)
		return -ENOBUFS;
	how.proto = s->bind.proto;
	if (how.proto == PROTO_ICMPV6 && p->len >= 4) {
		l4_checksum_set(p->data, p->len, PROTO_ICMPV6, 6, &how.src, &how.dst);
	} else if (d->checksum_at >= 0 && how.version == 6 && p->len >= (uint32_t)d->checksum_at + 2) {
		store_be16(p->data + d->checksum_at, 0);
		store_be16(p->data + d->checksum_at,
			   checksum_fold(checksum_add(checksum_pseudo(&how.src, &how.dst, 6, how.proto, p->len),
						      p->data, p->len)));
	}
	err = ip_send(s->host, p, &how);
	return err < 0 ? err : (ssize_t)m->len;
}

static int raw_init(struct socket *s)
{
	s->bind.proto = (uint8_t)s->protocol;
	s->hdrincl = s->protocol == IPPROTO_RAW;
	of(s)->checksum_at = -1;
	link_in(&state_of(s->host)->raws[s->bind.proto % RAW_BUCKETS], of(s));
	return 0;
}

static int raw_setsockopt(struct socket *s, int level, int name, const void *value, socklen_t len)
{
	struct datagram_socket *d = of(s);
	int v;

	if (level == SOL_RAW && name == ICMP_FILTER && s->bind.proto == IPPROTO_ICMP) {
		memcpy(d->filter, value, len < 4 ? len : 4);
		return 0;
	}
	if (level == IPPROTO_ICMPV6 && name == ICMP6_FILTER && s->bind.proto == IPPROTO_ICMPV6) {
		memcpy(d->filter, value, len < sizeof(d->filter) ? len : sizeof(d->filter));
		return 0;
	}
	if ((level == IPPROTO_IPV6 || level == IPPROTO_RAW) && name == IPV6_CHECKSUM && len >= sizeof(v)) {
		memcpy(&v, value, sizeof(v));
		if (v & 1)
			return -EINVAL;
		d->checksum_at = v < 0 ? -1 : v;
		return 0;
	}
	return -ENOPROTOOPT;
}

const struct socket_ops raw_socket_ops = {
	.name = "raw",
	.size = sizeof(struct datagram_socket),
	.init = raw_init,
	.bind = datagram_bind,
	.connect = datagram_connect,
	.sendmsg = raw_sendmsg,
	.recvmsg = datagram_recvmsg,
	.shutdown = datagram_shutdown,
	.close = datagram_close,
	.poll = datagram_poll,
	.setsockopt = raw_setsockopt,
	.option_changed = datagram_option_changed,
	.ioctl = datagram_ioctl,
};

/* ---- ping ---- */

/* The identifier is the port. */
static int ping_id_take(struct datagram_socket *d, uint16_t wanted)
{
	const struct raw_state *s = state_of(d->s.host);
	const uint16_t start = wanted ? wanted : (uint16_t)host_random32(d->s.host);

	for (uint32_t i = 0; i < (wanted ? 1u : 65536u); i++) {
		const uint16_t id = (uint16_t)(start + i);
		const struct datagram_socket *o = s->pings;

		while (o != NULL && (o == d || o->s.bind.local_port != id || o->s.domain != d->s.domain))
			o = o->next;
		if (id != 0 && o == NULL) {
			d->s.bind.local_port = id;
			return 0;
		}
	}
	return -EADDRINUSE;
}

static ssize_t ping_sendmsg(struct socket *s, struct socket_message *m)
{
	struct datagram_socket *d = of(s);
	struct ip_path own = { 0 };
	struct ip_send how;
	struct pbuf *p;
	uint16_t port;
	int err;

	if (s->error)
		return socket_error_take(s);
	if (m->len < ICMP_HEADER_LEN || m->len > 65507)
		return m->len < ICMP_HEADER_LEN ? -EINVAL : -EMSGSIZE;
	if (s->bind.local_port == 0) {
		err = ping_id_take(d, 0);
		if (err < 0)
			return err;
	}
	err = datagram_route(d, m, &how, &own, &port);
	if (err < 0)
		return err;
	p = datagram_copy_in(d, m, 0);
	if (p == NULL)
		return -ENOBUFS;
	if (p->data[0] != (s->domain == AF_INET ? ICMP_ECHO : ICMPV6_ECHO) || p->data[1] != 0 ||
	    how.version != (s->domain == AF_INET ? 4 : 6)) {
		pbuf_put(s->host, p);
		return -EINVAL;
	}
	store_be16(p->data + 4, s->bind.local_port);
	how.proto = s->bind.proto;
	l4_checksum_set(p->data, p->len, how.proto, how.version, &how.src, &how.dst);
	state_of(s->host)->out++;
	err = ip_send(s->host, p, &how);
	return err < 0 ? err : (ssize_t)m->len;
}

static int ping_bind(struct socket *s, const struct endpoint *local)
{
	int err = datagram_bind(s, local);

	if (err == 0) {
		err = ping_id_take(of(s), local->port);
		s->bound = err == 0;
	}
	return err;
}

static int ping_init(struct socket *s)
{
	s->bind.proto = (uint8_t)s->protocol;
	link_in(&state_of(s->host)->pings, of(s));
	return 0;
}

const struct socket_ops ping_socket_ops = {
	.name = "ping",
	.size = sizeof(struct datagram_socket),
	.init = ping_init,
	.bind = ping_bind,
	.connect = datagram_connect,
	.sendmsg = ping_sendmsg,
	.recvmsg = datagram_recvmsg,
	.shutdown = datagram_shutdown,
	.close = datagram_close,
	.poll = datagram_poll,
	.option_changed = datagram_option_changed,
	.ioctl = datagram_ioctl,
};

#define FIELD(f) offsetof(struct raw_state, f)

static const struct counter_row counters[] = {
	{ "raw.in", FIELD(in) },
	{ "raw.out", FIELD(out) },
	{ "raw.queue_full", FIELD(queue_full) },
	{ NULL, 0 },
};

const struct host_protocol raw_protocol = {
	.name = "raw",
	.index = HOST_RAW,
	.state_size = sizeof(struct raw_state),
	.counters = counters,
};
