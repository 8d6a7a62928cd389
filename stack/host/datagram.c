/* datagram.c - see datagram.h. What waits is bounded by the socket's receive buffer, each message
 * charged with the whole buffer that it occupies. */
#include "stack/host/datagram.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <time.h>

#include <linux/errqueue.h>

#include "stack/host/netif.h"

#define ERRORS_MAX 16

/* Beside each message. */
struct note {
	struct endpoint from;
	struct ip_addr to;
	uint16_t netif;
	uint8_t ttl, tos;
	/* the error queue's */
	uint8_t origin, type, code;
	uint32_t error, info;
	uint16_t to_port;
};

_Static_assert(sizeof(struct note) <= sizeof(((struct pbuf *)0)->cb), "a note fits beside a packet");

static struct note *note_of(struct pbuf *p)
{
	return (struct note *)p->cb;
}

static struct datagram_socket *of(struct socket *s)
{
	return (struct datagram_socket *)s;
}

/* ---- ends ---- */

int datagram_bind(struct socket *s, const struct endpoint *local)
{
	int err;

	if (s->bound)
		return -EINVAL;
	err = socket_bind_address(s, local);
	if (err < 0)
		return err;
	s->bind.local_port = local->port;
	if (s->bind.proto == IPPROTO_UDP) {
		err = binding_bind(s->host, &s->bind);
		if (err < 0) {
			s->bind.local_port = 0;
			s->bind.local = (struct ip_addr){ 0 };
			return err;
		}
	}
	s->bound = true;
	return 0;
}

static int dissolve(struct socket *s)
{
	if (s->connected)
		binding_disconnect(s->host, &s->bind);
	s->bind.remote = (struct ip_addr){ 0 };
	s->connected = false;
	if (!s->bound) {
		binding_release(s->host, &s->bind);
		s->bind.local = (struct ip_addr){ 0 };
		s->bind.local_port = 0;
		s->bind.version = s->domain == AF_INET6 ? 6 : 4;
		s->bind.dual = s->domain == AF_INET6 && !s->v6only;
	}
	of(s)->path.generation = 0;
	return 0;
}

int datagram_connect(struct socket *s, const struct endpoint *peer)
{
	struct datagram_socket *d = of(s);
	struct ip_send how = { .version = peer->version, .dst = peer->addr };
	const bool ports = s->bind.proto == IPPROTO_UDP;
	int err;

	if (peer->version == 0)
		return dissolve(s);
	/* The unspecified address means this very host. */
	if (ip_addr_zero(&how.dst))
		how.dst = peer->version == 4 ? (struct ip_addr){ .bytes = { 127, 0, 0, 1 } }
					     : (struct ip_addr){ .bytes = { [15] = 1 } };
	socket_send_how(s, &how);
	if (peer->scope)
		how.netif = (uint16_t)peer->scope;
	if (s->bind.version == peer->version)
		how.src = s->bind.local;
	d->path.generation = 0;
	err = ip_path_find(s->host, &d->path, &how);
	if (err < 0)
		return err;
	if (s->connected)
		binding_disconnect(s->host, &s->bind);
	s->bind.version = peer->version;
	s->bind.local = how.src;
	s->bind.remote = how.dst;
	s->bind.remote_port = peer->port;
	if (ports) {
		err = binding_connect(s->host, &s->bind);
		if (err < 0) {
			s->bind.remote = (struct ip_addr){ 0 };
			s->bind.remote_port = 0;
			s->connected = false;
			return err == -EADDRNOTAVAIL ? -EAGAIN : err;
		}
	}
	s->connected = true;
	return 0;
}

void datagram_option_changed(struct socket *s, int level, int name)
{
	(void)level;
	(void)name;
	of(s)->path.generation = 0;
}

/* ---- sending ---- */

int datagram_route(struct datagram_socket *d, const struct socket_message *m, struct ip_send *how,
		   struct ip_path *own, uint16_t *port)
{
	struct socket *s = &d->s;
	int err;

	*how = (struct ip_send){ .version = s->bind.version, .dst = s->bind.remote };
	*port = s->bind.remote_port;
	if (m->to != NULL) {
		how->version = m->to->version;
		how->dst = m->to->addr;
		*port = m->to->port;
		if (ip_addr_zero(&how->dst))
			how->dst = how->version == 4 ? (struct ip_addr){ .bytes = { 127, 0, 0, 1 } }
						     : (struct ip_addr){ .bytes = { [15] = 1 } };
	} else if (!s->connected) {
		return -EDESTADDRREQ;
	}
	socket_send_how(s, how);
	if (m->to != NULL && m->to->scope)
		how->netif = (uint16_t)m->to->scope;
	/* What it is bound to speaks, unless that is a group. */
	if (!ip_multicast(s->bind.version, &s->bind.local) && s->bind.version == how->version)
		how->src = s->bind.local;
	else if (s->bound && s->bind.version != how->version && !ip_addr_zero(&s->bind.local))
		return -ENETUNREACH;
	how->path = m->to == NULL ? &d->path : own;
	if (m->control_len) {
		err = socket_control_parse(s, m, how);
		if (err < 0)
			return err;
		how->path = own;
	}
	if (m->flags & MSG_DONTROUTE)
		how->dont_route = true;
	if (s->bind.port == NULL && s->bind.proto == IPPROTO_UDP) {
		err = binding_bind(s->host, &s->bind);
		if (err < 0)
			return -EAGAIN;
	}
	return ip_path_find(s->host, how->path, how);
}

struct pbuf *datagram_copy_in(struct datagram_socket *d, const struct socket_message *m, uint32_t header)
{
	struct pbuf *p = pbuf_get(d->s.host, PBUF_HEADROOM, header + (uint32_t)m->len);

	if (p == NULL)
		return NULL;
	socket_copy_in(m, 0, p->data + header, m->len);
	p->len = header + (uint32_t)m->len;
	return p;
}

/* ---- receiving ---- */

bool datagram_input(struct datagram_socket *d, const struct ip_input *in, struct slice data, uint16_t from_port)
{
	struct tapir_host *h = d->s.host;
	const struct packet *pkt = in->pkt;
	struct pbuf *p;
	struct note *n;

	/* Like Linux: a message that finds less than the limit full comes in whole. */
	if (d->rx.charge >= d->s.rcvbuf || d->s.shut & 1) {
		d->drops++;
		return false;
	}
	p = pbuf_get(h, 0, data.len ? (uint32_t)data.len : 1);
	if (p == NULL) {
		d->drops++;
		return false;
	}
	memcpy(p->data, data.data, data.len);
	p->len = (uint32_t)data.len;
	n = note_of(p);
	*n = (struct note){
		.from = { .addr = pkt->src, .port = from_port, .version = pkt->ip_version, .scope = in->netif->index },
		.to = pkt->dst, .netif = in->netif->index, .ttl = pkt->ttl, .tos = pkt->tos,
	};
	pbuf_queue_put(&d->rx, p);
	socket_wake(&d->s, POLLIN | POLLRDNORM);
	return true;
}

static void control_out(struct socket *s, const struct note *n, const struct pbuf *p, struct socket_message *m)
{
	const int ttl = n->ttl, tclass = n->tos;

	if (s->timestamp) {
		const struct timeval t = { .tv_sec = (time_t)(p->time_ns / NS_PER_S),
					   .tv_usec = (suseconds_t)(p->time_ns % NS_PER_S / NS_PER_US) };

		socket_control_put(m, SOL_SOCKET, SO_TIMESTAMP, &t, sizeof(t));
	}
	if (n->from.version == 4) {
		if (s->recv_pktinfo && s->domain == AF_INET) {
			struct in_pktinfo info = { .ipi_ifindex = n->netif };

			memcpy(&info.ipi_addr, n->to.bytes, 4);
			memcpy(&info.ipi_spec_dst, n->to.bytes, 4);
			socket_control_put(m, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
		}
		if (s->recv_ttl)
			socket_control_put(m, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl));
		if (s->recv_tos)
			socket_control_put(m, IPPROTO_IP, IP_TOS, &n->tos, 1);
	} else {
		if (s->recv_ttl)
			socket_control_put(m, IPPROTO_IPV6, IPV6_HOPLIMIT, &ttl, sizeof(ttl));
		if (s->recv_tos)
			socket_control_put(m, IPPROTO_IPV6, IPV6_TCLASS, &tclass, sizeof(tclass));
	}
	if (s->recv_pktinfo && s->domain == AF_INET6) {
		struct in6_pktinfo info = { .ipi6_ifindex = n->netif };

		if (n->from.version == 4) {
			info.ipi6_addr.s6_addr[10] = info.ipi6_addr.s6_addr[11] = 0xff;
			memcpy(info.ipi6_addr.s6_addr + 12, n->to.bytes, 4);
		} else {
			memcpy(&info.ipi6_addr, n->to.bytes, 16);
		}
		socket_control_put(m, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
}

static void error_out(struct socket *s, const struct note *n, struct socket_message *m)
{
	struct {
		struct sock_extended_err err;
		struct sockaddr_storage offender;
	} e = { .err = { .ee_errno = n->error, .ee_origin = n->origin, .ee_type = n->type, .ee_code = n->code,
			 .ee_info = n->info } };
	struct endpoint from = n->from;
	socklen_t len = 0;

	from.port = 0;
	endpoint_write(s, &from, &e.offender, &len);
	if (s->domain == AF_INET)
		socket_control_put(m, IPPROTO_IP, IP_RECVERR, &e, sizeof(e.err) + sizeof(struct sockaddr_in));
	else
		socket_control_put(m, IPPROTO_IPV6, IPV6_RECVERR, &e, sizeof(e.err) + sizeof(struct sockaddr_in6));
}

ssize_t datagram_recvmsg(struct socket *s, struct socket_message *m)
{
	struct datagram_socket *d = of(s);
	struct pbuf_queue *q = m->flags & MSG_ERRQUEUE ? &d->errors : &d->rx;
	struct pbuf *p;
	struct note *n;
	size_t len, copied;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->error && q == &d->rx)
		return socket_error_take(s);
	p = q->first;
	if (p == NULL)
		return q == &d->rx && s->shut & 1 ? 0 : -EAGAIN;
	n = note_of(p);
	len = p->len;
	copied = socket_copy_out(m, 0, p->data, len < m->len ? len : m->len);
	if (copied < len)
		m->out_flags |= MSG_TRUNC;
	m->from = n->from;
	if (q == &d->errors) {
		m->out_flags |= MSG_ERRQUEUE;
		m->from = (struct endpoint){ .addr = n->to, .port = n->to_port, .version = n->from.version };
		error_out(s, n, m);
	} else {
		control_out(s, n, p, m);
	}
	if (!(m->flags & MSG_PEEK))
		pbuf_put(s->host, pbuf_queue_take(q));
	return (ssize_t)(m->flags & MSG_TRUNC ? len : copied);
}

void datagram_icmp_error(struct datagram_socket *d, const struct icmp_error *e)
{
	struct socket *s = &d->s;
	struct pbuf *p;

	if (e->mtu && s->pmtu_discover == IP_FRAGMENT_LOCAL && e->version == 4)
		return;
	if (s->recv_err && d->errors.count < ERRORS_MAX) {
		const struct slice data = slice_skip(e->l4, s->bind.proto == IPPROTO_UDP ? 8 : 0);

		p = pbuf_get(s->host, 0, (uint32_t)data.len + 1);
		if (p != NULL) {
			memcpy(p->data, data.data, data.len);
			p->len = (uint32_t)data.len;
			*note_of(p) = (struct note){
				.from = { .addr = e->from, .version = e->version }, .to = e->dst, .to_port = e->dst_port,
				.origin = e->version == 4 ? SO_EE_ORIGIN_ICMP : SO_EE_ORIGIN_ICMP6,
				.type = e->type, .code = e->code, .error = (uint32_t)e->error, .info = e->mtu,
			};
			pbuf_queue_put(&d->errors, p);
			socket_wake(s, POLLERR);
		}
	}
	/* Without IP_RECVERR only a connected socket hears, and only of what is final (Linux' __udp4_lib_err). */
	if (s->recv_err || (s->connected && (e->hard || (e->error == EMSGSIZE && s->pmtu_discover >= IP_FRAGMENT_NEVER))))
		socket_error_set(s, e->error);
}

/* ---- the rest ---- */

int datagram_shutdown(struct socket *s, int how)
{
	if (!s->connected)
		return -ENOTCONN;
	s->shut |= (uint8_t)(how + 1);
	socket_wake(s, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	return 0;
}

void datagram_close(struct socket *s)
{
	struct datagram_socket *d = of(s);

	pbuf_queue_clear(s->host, &d->rx);
	pbuf_queue_clear(s->host, &d->errors);
	if (d->pprev != NULL) {
		*d->pprev = d->next;
		if (d->next != NULL)
			d->next->pprev = d->pprev;
	}
	socket_free(s);
}

uint32_t datagram_poll(struct socket *s)
{
	const struct datagram_socket *d = of(s);
	uint32_t events = POLLOUT | POLLWRNORM;

	if (d->rx.count || s->shut & 1)
		events |= POLLIN | POLLRDNORM;
	if (s->shut & 1)
		events |= POLLRDHUP;
	if (s->shut == 3)
		events |= POLLHUP;
	if (s->error || d->errors.count)
		events |= POLLERR;
	return events;
}

int datagram_ioctl(struct socket *s, unsigned long request, void *argument)
{
	const struct datagram_socket *d = of(s);
	int v = 0;

	switch (request) {
	case FIONREAD:                  /* the length of the next message */
		v = d->rx.first != NULL ? (int)d->rx.first->len : 0;
		break;
	case SIOCOUTQ:                  /* what was sent has left */
		break;
	default:
		return -ENOTTY;
	}
	memcpy(argument, &v, sizeof(v));
	return 0;
}
