/* udp.c - a datagram goes to the connected socket that its four ends name, else to the best bound
 * one, and one to a group or to everybody goes to all that match. */
#include "stack/host/udp.h"

#include <errno.h>
#include <string.h>

#include "stack/host/datagram.h"
#include "stack/host/dhcp.h"
#include "stack/host/icmp.h"
#include "stack/host/netif.h"
#include "stack/wire/udp.h"

#define UDP_LEN_MAX4 (65535 - 20 - UDP_HEADER_LEN)
#define UDP_LEN_MAX6 (65535 - UDP_HEADER_LEN)

struct udp_state {
	uint64_t in, out, no_port, queue_full, too_big_in;
};

static struct udp_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_UDP];
}

/* ---- in ---- */

struct group_delivery {
	struct tapir_host *h;
	const struct ip_input *in;
	unsigned count;
};

static void deliver(struct tapir_host *h, struct binding *b, const struct ip_input *in)
{
	struct datagram_socket *d = (struct datagram_socket *)socket_of(b);

	if (datagram_input(d, in, in->pkt->payload, in->pkt->src_port))
		state_of(h)->in++;
	else
		state_of(h)->queue_full++;
}

static int group_visit(void *arg, struct binding *b)
{
	struct group_delivery *g = arg;
	const struct packet *pkt = g->in->pkt;
	const bool mapped = b->version == 6 && b->dual && pkt->ip_version == 4;

	if (b->version != pkt->ip_version && !mapped)
		return 0;
	if (b->netif && b->netif != g->in->netif->index)
		return 0;
	if (b->remote_port && (b->remote_port != pkt->src_port || !ip_addr_eq(&b->remote, &pkt->src)))
		return 0;
	if (!ip_addr_zero(&b->local) && !ip_addr_eq(&b->local, &pkt->dst))
		return 0;
	if (g->in->dst == IP_MULTICAST &&
	    !socket_group_wanted(socket_of(b), g->in->netif->index, pkt->ip_version, &pkt->dst))
		return 0;
	deliver(g->h, b, g->in);
	g->count++;
	return 0;
}

static bool udp_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	struct binding *b;

	if (dhcp_input(h, in))
		return true;
	/* IPv6 has no header checksum: UDP's is not optional there (RFC 8200 8.1). */
	if (pkt->ip_version == 6 && load_be16(pkt->l4 + 6) == 0) {
		host_ip(h)->bad_checksum++;
		return true;
	}
	if (in->dst == IP_MULTICAST || in->dst == IP_BROADCAST) {
		struct group_delivery g = { .h = h, .in = in };

		binding_each_port(h, PROTO_UDP, pkt->dst_port, group_visit, &g);
		state_of(h)->no_port += g.count == 0;
		return true;
	}
	b = binding_find_pair(h, PROTO_UDP, pkt->ip_version, &pkt->dst, pkt->dst_port, &pkt->src, pkt->src_port,
			      in->netif->index);
	if (b == NULL)
		b = binding_find_port(h, PROTO_UDP, pkt->ip_version, &pkt->dst, pkt->dst_port, &pkt->src,
				      pkt->src_port, in->netif->index);
	if (b == NULL) {
		state_of(h)->no_port++;
		icmp_port_unreachable(h, in);
		return true;
	}
	deliver(h, b, in);
	return true;
}

static void udp_icmp_error(struct tapir_host *h, const struct icmp_error *e)
{
	struct binding *b = binding_find_pair(h, PROTO_UDP, e->version, &e->src, e->src_port, &e->dst, e->dst_port, 0);

	if (b == NULL)
		b = binding_find_port(h, PROTO_UDP, e->version, &e->src, e->src_port, &e->dst, e->dst_port, 0);
	if (b == NULL)
		return;                 /* we have sent no such thing */
	if (e->mtu) {
		state_of(h)->too_big_in++;
		ip_pmtu_update(h, e->version, &e->dst, e->mtu);
	}
	datagram_icmp_error((struct datagram_socket *)socket_of(b), e);
}

/* ---- out ---- */

static ssize_t udp_sendmsg(struct socket *s, struct socket_message *m)
{
	struct datagram_socket *d = (struct datagram_socket *)s;
	struct udp_header header = { .payload_len = (uint16_t)m->len };
	struct ip_path own = { 0 };
	struct ip_send how;
	struct writer w;
	struct pbuf *p;
	int err;

	if (m->flags & MSG_OOB)
		return -EOPNOTSUPP;
	if (s->error)
		return socket_error_take(s);
	if (s->shut & 2)
		return -EPIPE;
	if (m->to != NULL && m->to->port == 0)
		return -EINVAL;
	if (m->len > UDP_LEN_MAX6)
		return -EMSGSIZE;
	err = datagram_route(d, m, &how, &own, &header.dst_port);
	if (err < 0)
		return err;
	if (how.version == 4 && m->len > UDP_LEN_MAX4)
		return -EMSGSIZE;
	p = datagram_copy_in(d, m, UDP_HEADER_LEN);
	if (p == NULL)
		return -ENOBUFS;
	header.src_port = s->bind.local_port;
	w = writer_of(p->data, UDP_HEADER_LEN);
	udp_build(&w, &header);
	if (!s->zero_checksum || how.version == 6)
		l4_checksum_set(p->data, p->len, PROTO_UDP, how.version, &how.src, &how.dst);
	how.proto = PROTO_UDP;
	err = ip_send(s->host, p, &how);
	if (err < 0 && !(err == -ENOBUFS && !s->recv_err))      /* a full queue is a loss like any other */
		return err;
	state_of(s->host)->out++;
	return (ssize_t)m->len;
}

static int udp_init(struct socket *s)
{
	s->bind.proto = PROTO_UDP;
	return 0;
}

#define FIELD(f) offsetof(struct udp_state, f)

static const struct counter_row counters[] = {
	{ "udp.in", FIELD(in) },
	{ "udp.out", FIELD(out) },
	{ "udp.no_port", FIELD(no_port) },
	{ "udp.queue_full", FIELD(queue_full) },
	{ "udp.too_big_in", FIELD(too_big_in) },
	{ NULL, 0 },
};

const struct host_protocol udp_protocol = {
	.name = "udp",
	.index = HOST_UDP,
	.proto = { PROTO_UDP },
	.state_size = sizeof(struct udp_state),
	.input = udp_input,
	.icmp_error = udp_icmp_error,
	.counters = counters,
};

const struct socket_ops udp_socket_ops = {
	.name = "udp",
	.size = sizeof(struct datagram_socket),
	.init = udp_init,
	.bind = datagram_bind,
	.connect = datagram_connect,
	.sendmsg = udp_sendmsg,
	.recvmsg = datagram_recvmsg,
	.shutdown = datagram_shutdown,
	.close = datagram_close,
	.poll = datagram_poll,
	.option_changed = datagram_option_changed,
	.ioctl = datagram_ioctl,
};
