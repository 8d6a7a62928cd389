/* packet_socket.c - AF_PACKET sockets see frames before anybody has judged them, and send them as
 * they are. They stand in one list, which is empty on most hosts: then a frame costs one look. */
#include "stack/host/packet_socket.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>

#include "stack/host/ip.h"
#include "stack/wire/ethernet.h"

#define ETHER_ALL 3                     /* ETH_P_ALL */
#define FRAME_MAX (64 * 1024)

struct packet_socket {
	struct socket s;
	struct packet_socket *next, **pprev;
	struct pbuf_queue rx;
	uint16_t ether_type;            /* 0 = nothing */
	uint16_t netif;                 /* 0 = all */
	uint32_t packets, drops;        /* PACKET_STATISTICS, since it was last asked for */
};

struct packet_state {
	struct packet_socket *sockets;
	uint64_t in, out, queue_full;
};

static struct packet_state *state_of(const struct tapir_host *h)
{
	return h->state[HOST_PACKET];
}

static struct packet_socket *of(struct socket *s)
{
	return (struct packet_socket *)s;
}

/* ---- in ---- */

static uint8_t type_of(const struct netif *nif, const uint8_t *eth, bool outgoing)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	if (outgoing)
		return PACKET_OUTGOING;
	if (!nif->ethernet || memcmp(eth, nif->mac, 6) == 0)
		return PACKET_HOST;
	if (memcmp(eth, all, 6) == 0)
		return PACKET_BROADCAST;
	return eth[0] & 1 ? PACKET_MULTICAST : PACKET_OTHERHOST;
}

static void name_fill(struct sockaddr_ll *name, const struct netif *nif, const uint8_t *frame, uint16_t ether_type,
		      bool outgoing)
{
	*name = (struct sockaddr_ll){
		.sll_family = AF_PACKET, .sll_protocol = htons(ether_type), .sll_ifindex = nif->index,
		.sll_hatype = nif->ethernet ? ARPHRD_ETHER : ARPHRD_NONE,
		.sll_pkttype = type_of(nif, frame, outgoing), .sll_halen = nif->ethernet ? 6 : 0,
	};
	if (nif->ethernet)
		memcpy(name->sll_addr, frame + 6, 6);
}

static void deliver(struct packet_socket *p, const struct netif *nif, struct slice frame, uint16_t ether_type,
		    bool outgoing)
{
	struct tapir_host *h = p->s.host;
	const size_t skip = p->s.type == SOCK_DGRAM && nif->ethernet ? ETH_HEADER_LEN : 0;
	struct pbuf *b;

	p->packets++;
	if (p->rx.charge >= p->s.rcvbuf || (b = pbuf_get(h, 0, (uint32_t)(frame.len - skip))) == NULL) {
		p->drops++;
		state_of(h)->queue_full++;
		return;
	}
	memcpy(b->data, frame.data + skip, frame.len - skip);
	b->len = (uint32_t)(frame.len - skip);
	name_fill((struct sockaddr_ll *)b->cb, nif, frame.data, ether_type, outgoing);
	pbuf_queue_put(&p->rx, b);
	state_of(h)->in++;
	socket_wake(&p->s, POLLIN | POLLRDNORM);
}

_Static_assert(sizeof(struct sockaddr_ll) <= sizeof(((struct pbuf *)0)->cb), "the name fits beside a frame");

static uint16_t ether_type_of(const struct netif *nif, struct slice frame)
{
	if (nif->ethernet)
		return load_be16(frame.data + 12);
	return frame.data[0] >> 4 == 6 ? ETHER_IPV6 : ETHER_IPV4;
}

static void distribute(const struct netif *nif, struct slice frame, bool outgoing)
{
	struct packet_socket *p = state_of(nif->host)->sockets;
	uint16_t type;

	if (p == NULL || frame.len < (nif->ethernet ? ETH_HEADER_LEN : 1) || frame.len > FRAME_MAX)
		return;
	type = ether_type_of(nif, frame);
	for (; p != NULL; p = p->next) {
		if ((p->netif && p->netif != nif->index) || p->ether_type == 0)
			continue;
		/* What was sent is only for those that want everything, as on Linux. */
		if (p->ether_type == ETHER_ALL || (p->ether_type == type && !outgoing))
			deliver(p, nif, frame, type, outgoing);
	}
}

void packet_socket_input(struct netif *nif, const struct frame *frame)
{
	distribute(nif, slice_of(frame->data, frame->len), false);
}

void packet_socket_sent(struct netif *nif, const struct pbuf *p)
{
	distribute(nif, slice_of(p->data, p->len), true);
}

void packet_socket_netif_gone(struct netif *nif)
{
	for (struct packet_socket *p = state_of(nif->host)->sockets; p != NULL; p = p->next) {
		if (p->netif != nif->index)
			continue;
		p->netif = 0;
		p->ether_type = 0;
		socket_error_set(&p->s, ENETDOWN);
	}
}

/* ---- the calls ---- */

static int packet_init(struct socket *s)
{
	struct packet_state *state = state_of(s->host);
	struct packet_socket *p = of(s);

	p->ether_type = ntohs(s->protocol);
	p->next = state->sockets;
	p->pprev = &state->sockets;
	if (p->next != NULL)
		p->next->pprev = &p->next;
	state->sockets = p;
	return 0;
}

static int packet_bind(struct socket *s, const struct sockaddr *name, socklen_t len)
{
	struct sockaddr_ll ll;

	if (name == NULL || len < offsetof(struct sockaddr_ll, sll_hatype))
		return -EINVAL;
	memset(&ll, 0, sizeof(ll));
	memcpy(&ll, name, len < sizeof(ll) ? len : sizeof(ll));
	if (ll.sll_family != AF_PACKET)
		return -EINVAL;
	if (ll.sll_ifindex < 0 || (ll.sll_ifindex && netif_get(s->host, (unsigned)ll.sll_ifindex) == NULL))
		return -ENODEV;
	of(s)->netif = (uint16_t)ll.sll_ifindex;
	if (ll.sll_protocol)
		of(s)->ether_type = ntohs(ll.sll_protocol);
	return 0;
}

static ssize_t packet_sendmsg(struct socket *s, struct socket_message *m)
{
	struct tapir_host *h = s->host;
	struct packet_socket *ps = of(s);
	struct sockaddr_ll ll = { .sll_protocol = htons(ps->ether_type), .sll_ifindex = ps->netif };
	const uint32_t cooked = s->type == SOCK_DGRAM;
	struct netif *nif;
	struct pbuf *p;
	int err;

	if (m->name != NULL) {
		if (m->name_len < offsetof(struct sockaddr_ll, sll_addr))
			return -EINVAL;
		memcpy(&ll, m->name, m->name_len < sizeof(ll) ? m->name_len : sizeof(ll));
	}
	nif = ll.sll_ifindex > 0 ? netif_get(h, (unsigned)ll.sll_ifindex) : NULL;
	if (nif == NULL || nif->device == NULL)
		return -ENXIO;
	if (m->len > nif->mtu + (cooked || !nif->ethernet ? 0u : ETH_HEADER_LEN + 4u))
		return -EMSGSIZE;
	if (!cooked && nif->ethernet && m->len < ETH_HEADER_LEN)
		return -EINVAL;
	p = pbuf_get(h, PBUF_HEADROOM, m->len ? (uint32_t)m->len : 1);
	if (p == NULL)
		return -ENOBUFS;
	socket_copy_in(m, 0, p->data, m->len);
	p->len = (uint32_t)m->len;
	state_of(h)->out++;
	err = cooked ? netif_send_to(nif, p, ll.sll_addr, ntohs(ll.sll_protocol)) : netif_send(nif, p);
	return err < 0 ? err : (ssize_t)m->len;
}

static ssize_t packet_recvmsg(struct socket *s, struct socket_message *m)
{
	struct packet_socket *ps = of(s);
	struct pbuf *p = ps->rx.first;
	size_t len, copied;

	if (s->error)
		return socket_error_take(s);
	if (p == NULL)
		return -EAGAIN;
	len = p->len;
	copied = socket_copy_out(m, 0, p->data, len < m->len ? len : m->len);
	if (copied < len)
		m->out_flags |= MSG_TRUNC;
	memcpy(m->from_name, p->cb, sizeof(struct sockaddr_ll));
	m->from_name_len = sizeof(struct sockaddr_ll);
	if (!(m->flags & MSG_PEEK))
		pbuf_put(s->host, pbuf_queue_take(&ps->rx));
	return (ssize_t)(m->flags & MSG_TRUNC ? len : copied);
}

static void packet_close(struct socket *s)
{
	struct packet_socket *p = of(s);

	*p->pprev = p->next;
	if (p->next != NULL)
		p->next->pprev = p->pprev;
	pbuf_queue_clear(s->host, &p->rx);
	socket_free(s);
}

static uint32_t packet_poll(struct socket *s)
{
	return POLLOUT | POLLWRNORM | (of(s)->rx.count ? POLLIN | POLLRDNORM : 0u) | (s->error ? (uint32_t)POLLERR : 0u);
}

static int packet_setsockopt(struct socket *s, int level, int name, const void *value, socklen_t len)
{
	struct packet_mreq m;
	const struct netif *nif;

	if (level != SOL_PACKET)
		return -ENOPROTOOPT;
	if (name != PACKET_ADD_MEMBERSHIP && name != PACKET_DROP_MEMBERSHIP)
		return -ENOPROTOOPT;
	if (len < sizeof(m))
		return -EINVAL;
	memcpy(&m, value, sizeof(m));
	nif = m.mr_ifindex > 0 ? netif_get(s->host, (unsigned)m.mr_ifindex) : NULL;
	if (nif == NULL || nif->device == NULL)
		return -ENODEV;
	if (m.mr_type == PACKET_MR_PROMISC)
		return device_set_promiscuous(nif->device, name == PACKET_ADD_MEMBERSHIP);
	return 0;
}

static int packet_getsockopt(struct socket *s, int level, int name, void *value, socklen_t *len)
{
	struct packet_socket *p = of(s);
	const struct tpacket_stats stats = { .tp_packets = p->packets, .tp_drops = p->drops };

	if (level != SOL_PACKET || name != PACKET_STATISTICS)
		return -ENOPROTOOPT;
	*len = *len < sizeof(stats) ? *len : sizeof(stats);
	memcpy(value, &stats, *len);
	p->packets = p->drops = 0;
	return 0;
}

static int packet_ioctl(struct socket *s, unsigned long request, void *argument)
{
	const struct pbuf *p = of(s)->rx.first;
	const int v = p != NULL ? (int)p->len : 0;

	if (request != FIONREAD)
		return -ENOTTY;
	memcpy(argument, &v, sizeof(v));
	return 0;
}

static int packet_getname(struct socket *s, bool peer, struct sockaddr_storage *out, socklen_t *len)
{
	const struct packet_socket *p = of(s);
	const struct netif *nif = p->netif ? netif_get(s->host, p->netif) : NULL;
	struct sockaddr_ll ll = { .sll_family = AF_PACKET, .sll_protocol = htons(p->ether_type), .sll_ifindex = p->netif };

	if (peer)
		return -EOPNOTSUPP;
	if (nif != NULL && nif->ethernet) {
		ll.sll_halen = 6;
		ll.sll_hatype = ARPHRD_ETHER;
		memcpy(ll.sll_addr, nif->mac, 6);
	}
	memset(out, 0, sizeof(*out));
	memcpy(out, &ll, sizeof(ll));
	*len = sizeof(ll);
	return 0;
}

const struct socket_ops packet_socket_ops = {
	.name = "packet",
	.size = sizeof(struct packet_socket),
	.init = packet_init,
	.bind_name = packet_bind,
	.sendmsg = packet_sendmsg,
	.recvmsg = packet_recvmsg,
	.close = packet_close,
	.poll = packet_poll,
	.setsockopt = packet_setsockopt,
	.getsockopt = packet_getsockopt,
	.ioctl = packet_ioctl,
	.getname = packet_getname,
};

#define FIELD(f) offsetof(struct packet_state, f)

static const struct counter_row counters[] = {
	{ "packet.in", FIELD(in) },
	{ "packet.out", FIELD(out) },
	{ "packet.queue_full", FIELD(queue_full) },
	{ NULL, 0 },
};

const struct host_protocol packet_protocol = {
	.name = "packet",
	.index = HOST_PACKET,
	.state_size = sizeof(struct packet_state),
	.counters = counters,
};
