/* protocol.c - TCP among the host's protocols: which connection a segment is for, ICMP errors, counters. */
#include "stack/host/netif.h"
#include "stack/host/tcp/tcp.h"

#include <netinet/in.h>

static int tcp_init(struct tapir_host *h)
{
	struct tcp *t = tcp_of(h);

	t->host = h;
	tcp_tunables_default(t);
	host_random(h, &t->isn_key, sizeof(t->isn_key));
	host_random(h, &t->ts_key, sizeof(t->ts_key));
	host_random(h, t->cookie_key, sizeof(t->cookie_key));
	host_random(h, &t->fast_open_key, sizeof(t->fast_open_key));
	return 0;
}

static int drop_small(void *arg, struct binding *b)
{
	struct tapir_host *h = arg;

	if (b->kind == BINDING_TIME_WAIT)
		tcp_time_wait_free(h, (struct tcp_time_wait *)b);
	return 0;
}

/* Requests go with their listener, connections that wait for accept too: what is left has no user, or is one's socket. */
static int drop_orphan(void *arg, struct binding *b)
{
	(void)arg;
	if (b->kind == BINDING_SOCKET) {
		struct tcp_pcb *p = (struct tcp_pcb *)b;

		p->dead = true;
		pcb_done(p);
		pcb_release(p);
	}
	return 0;
}

static void tcp_fini(struct tapir_host *h)
{
	binding_each(h, PROTO_TCP, drop_small, h);
	binding_each(h, PROTO_TCP, drop_orphan, h);
}

/* ---- segments ---- */

static struct tcp_pcb *listener_find(struct tapir_host *h, const struct packet *pkt, uint16_t netif)
{
	struct binding *b = binding_find_port(h, PROTO_TCP, pkt->ip_version, &pkt->dst, pkt->dst_port, &pkt->src,
					      pkt->src_port, netif);
	struct tcp_pcb *p = b && b->kind == BINDING_SOCKET ? (struct tcp_pcb *)b : NULL;

	return p && p->state == PCB_LISTEN ? p : NULL;
}

static bool tcp_input(struct tapir_host *h, const struct ip_input *in)
{
	const struct packet *pkt = in->pkt;
	struct tcp *t = tcp_of(h);
	const uint16_t netif = in->netif->index;
	struct tcp_pcb *listener;
	struct binding *b;
	uint32_t iss = 0;

	t->count.segments_in++;
	/* TCP is between two: nothing is answered that was sent to many. */
	if (in->dst != IP_LOCAL || pkt->l4 == NULL || pkt->proto != PROTO_TCP)
		return true;
	b = binding_find_pair(h, PROTO_TCP, pkt->ip_version, &pkt->dst, pkt->dst_port, &pkt->src, pkt->src_port,
			      netif);
	if (b && b->kind == BINDING_SOCKET) {
		pcb_input((struct tcp_pcb *)b, pkt);
		return true;
	}
	if (b && b->kind == BINDING_REQUEST) {
		tcp_request_input(h, (struct tcp_request *)b, pkt);
		return true;
	}
	if (b) {
		struct tcp_time_wait *w = (struct tcp_time_wait *)b;

		if (tcp_time_wait_input(h, w, pkt))
			return true;
		listener = listener_find(h, pkt, netif);
		if (listener == NULL) {
			tcp_reply_reset(h, pkt);
			return true;
		}
		iss = tcp_time_wait_isn(w);
		t->count.time_wait_reused++;
		tcp_time_wait_free(h, w);
		pcb_listen_input(listener, pkt, iss);
		return true;
	}
	listener = listener_find(h, pkt, netif);
	if (listener) {
		pcb_listen_input(listener, pkt, 0);
	} else {
		t->count.no_listener++;
		tcp_reply_reset(h, pkt);
	}
	return true;
}

/* ---- ICMP (RFC 5461, 5927): only about what is really under way ---- */

static void icmp_for_pcb(struct tcp_pcb *p, const struct icmp_error *e, uint32_t seq)
{
	if (p->state == PCB_LISTEN || p->state == PCB_CLOSED)
		return;
	if (seq_lt(seq, p->snd_una) || seq_gt(seq, p->snd_nxt))
		return;
	if (e->mtu) {
		const uint16_t mss = p->mss;

		if (p->s.pmtu_discover == IP_FRAGMENT_LOCAL)
			return;
		ip_pmtu_update(p->s.host, e->version, &e->dst, e->mtu);
		if (!tcp_path(p))
			return;
		if (p->path.mtu < p->pmtu)
			pcb_sync_mss(p, p->path.mtu);
		if (p->mss < mss) {
			pcb_tcp(p)->count.pmtu_reduced++;
			pcb_simple_retransmit(p);
		}
		pcb_timer_update(p);
		return;
	}
	if (p->state == PCB_SYN_SENT || p->state == PCB_SYN_RECV || (e->hard && pcb_tune(p)->icmp_may_rst)) {
		if (e->hard) {
			pcb_fail(p, e->error);
			pcb_release(p);
		} else {
			p->soft_error = (uint16_t)e->error;
		}
		return;
	}
	if (p->s.recv_err)
		socket_error_set(&p->s, e->error);
	else
		p->soft_error = (uint16_t)e->error;
}

static void tcp_icmp_error(struct tapir_host *h, const struct icmp_error *e)
{
	struct binding *b;
	uint32_t seq;

	if (e->l4.len < 8)
		return;
	seq = load_be32(e->l4.data + 4);
	b = binding_find_pair(h, PROTO_TCP, e->version, &e->src, e->src_port, &e->dst, e->dst_port, 0);
	if (b == NULL)
		return;
	if (b->kind == BINDING_SOCKET) {
		icmp_for_pcb((struct tcp_pcb *)b, e, seq);
	} else if (b->kind == BINDING_REQUEST) {
		struct tcp_request *r = (struct tcp_request *)b;

		if (e->hard && seq == r->iss)
			tcp_request_free(r);
	}
}

/* ---- the list of connections ---- */

struct listing {
	struct tapir_host *h;
	int (*visit)(void *arg, const struct tapir_connection *c);
	void *arg;
};

static void address_out(const struct binding *b, bool remote, struct sockaddr_storage *out)
{
	const struct ip_addr *addr = remote ? &b->remote : &b->local;
	const uint16_t port = remote ? b->remote_port : b->local_port;

	if (b->version == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)out;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, addr->bytes, 4);
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(port);
		memcpy(&in6->sin6_addr, addr->bytes, 16);
	}
}

static int list_one(void *arg, struct binding *b)
{
	struct listing *l = arg;
	struct tapir_connection c = { .fd = -1, .protocol = IPPROTO_TCP };

	c.family = b->version == 4 ? AF_INET : AF_INET6;
	address_out(b, false, &c.local);
	address_out(b, true, &c.remote);
	if (b->kind == BINDING_SOCKET) {
		const struct tcp_pcb *p = (const struct tcp_pcb *)b;

		c.fd = p->s.fd;
		c.state = p->state;
		c.snd_una = p->snd_una;
		c.snd_nxt = p->snd_nxt;
		c.snd_wnd = p->snd_wnd;
		c.rcv_nxt = p->rcv_nxt;
		c.rcv_wnd = p->rcv_wnd;
		c.queued_out = p->write_seq - p->snd_una;
		c.queued_in = p->rcv_nxt - p->copied_seq;
		c.bytes_acked = p->bytes_acked;
		c.bytes_received = p->bytes_received;
	} else if (b->kind == BINDING_REQUEST) {
		const struct tcp_request *r = (const struct tcp_request *)b;

		c.state = PCB_SYN_RECV;
		c.snd_una = r->iss;
		c.snd_nxt = r->iss + 1;
		c.rcv_nxt = r->irs + 1;
		c.rcv_wnd = r->window;
	} else {
		const struct tcp_time_wait *w = (const struct tcp_time_wait *)b;

		c.state = w->substate;
		c.snd_una = c.snd_nxt = w->snd_nxt;
		c.rcv_nxt = w->rcv_nxt;
		c.rcv_wnd = w->rcv_wnd;
	}
	return l->visit(l->arg, &c);
}

static int tcp_connections(struct tapir_host *h, int (*visit)(void *arg, const struct tapir_connection *c), void *arg)
{
	struct listing l = { .h = h, .visit = visit, .arg = arg };

	return binding_each(h, PROTO_TCP, list_one, &l);
}

#define COUNTER(name) { "tcp." #name, offsetof(struct tcp, count.name) }

static const struct counter_row counters[] = {
	COUNTER(segments_in), COUNTER(segments_out), COUNTER(resets_in), COUNTER(resets_out), COUNTER(no_listener),
	COUNTER(connects), COUNTER(accepts), COUNTER(established), COUNTER(closed), COUNTER(aborted), COUNTER(timeouts),
	COUNTER(keepalive_drops), COUNTER(no_memory), COUNTER(retransmits), COUNTER(fast_retransmits), COUNTER(rto),
	COUNTER(tlp), COUNTER(spurious_rto), COUNTER(dsack_in), COUNTER(dsack_out), COUNTER(reordering), COUNTER(paws),
	COUNTER(out_of_window), COUNTER(challenge_acks), COUNTER(challenge_limited), COUNTER(blind_reset),
	COUNTER(blind_syn), COUNTER(syn_dropped), COUNTER(listen_overflows), COUNTER(cookies_sent),
	COUNTER(cookies_good), COUNTER(cookies_bad), COUNTER(synack_retrans), COUNTER(half_open), COUNTER(time_wait),
	COUNTER(time_wait_reused), COUNTER(time_wait_overflow), COUNTER(ooo), COUNTER(ooo_dropped), COUNTER(rcv_pruned),
	COUNTER(zero_window_probes), COUNTER(fast_open_active), COUNTER(fast_open_passive), COUNTER(fast_open_refused),
	COUNTER(pmtu_reduced), COUNTER(blackholes),
	{ .name = NULL },
};

const struct host_protocol tcp_protocol = {
	.name = "tcp",
	.index = HOST_TCP,
	.proto = { PROTO_TCP, 0 },
	.state_size = sizeof(struct tcp),
	.init = tcp_init,
	.fini = tcp_fini,
	.input = tcp_input,
	.icmp_error = tcp_icmp_error,
	.connections = tcp_connections,
	.tunables = tcp_tunables_table,
	.counters = counters,
};
