/* tcp.c - connections: each packet is observed (observe.c), then received (receive.c). */
#include "stack/track/tcp.h"

#include "stack/track/contest.h"
#include "stack/track/internal.h"
#include "stack/track/receive.h"

static const char *const state_names[] = {
	[TCP_NONE] = "none",
	[TCP_LISTEN] = "listen",
	[TCP_SYN_SENT] = "syn_sent",
	[TCP_SYN_RECV] = "syn_recv",
	[TCP_ESTABLISHED] = "established",
	[TCP_FIN_WAIT1] = "fin_wait1",
	[TCP_FIN_WAIT2] = "fin_wait2",
	[TCP_TIME_WAIT] = "time_wait",
	[TCP_LAST_ACK] = "last_ack",
	[TCP_CLOSE_WAIT] = "close_wait",
	[TCP_CLOSING] = "closing",
	[TCP_CLOSED] = "closed",
};

const char *tcp_state_name(uint8_t state)
{
	return state <= TCP_CLOSED ? state_names[state] : "none";
}

/* RFC 6191: a host in TIME_WAIT takes a new SYN that can't be an old one. */
static bool time_wait_reuses(const struct tcp_dir *in, const struct packet *pkt)
{
	if (seq_lt(in->rcv_nxt, pkt->seq))
		return true;
	return (in->flags & DIR_TS) && pkt->tcp.has_timestamp &&
	       (int32_t)(in->ts_recent - pkt->tcp.ts_val) < 0;
}

/* Hops between us and the host that sends with this TTL, by the usual initial values. */
static unsigned hops(uint8_t ttl)
{
	if (ttl <= 32)
		return 0;               /* 32 or a distant 64: no guess */
	return (ttl <= 64 ? 64u : ttl <= 128 ? 128u : 255u) - ttl;
}

bool ttl_too_small(const struct tcp_dir *back, const struct packet *pkt)
{
	unsigned away = hops(back->ttl);

	return away > 0 && pkt->ttl <= away;
}

/* What was said so far leaves the receiver of this side's packets in the middle of a connection. */
static bool goes_on(const struct tcp_conn *c, enum side side)
{
	const struct tcp_dir *in = &c->dir[side], *back = &c->dir[other_side(side)];

	if (!(in->flags & back->flags & DIR_KNOWN) || ((in->flags | back->flags) & DIR_RST))
		return false;
	/* A RST that seems to be ahead may only be ahead of what we have seen. */
	if ((c->flags & CONN_CLOSED_BY_RST) && (in->queue != NULL || back->queue != NULL || (c->flags & CONN_LOSSY)))
		return false;
	return !(in->flags & back->flags & DIR_FIN);
}

/* One of both has ended it, as far as the receiver of this side's packets can know. */
static bool resets(const struct tcp_conn *c, enum side side)
{
	const struct tcp_dir *in = &c->dir[side], *back = &c->dir[other_side(side)];

	return (in->flags & DIR_RST) || ((in->flags & DIR_GREETED) && (back->flags & DIR_RST));
}

bool tcp_reuses(const struct tracker *t, const struct flow *flow, const struct packet *pkt)
{
	const struct tcp_conn *c = flow->tcp;
	uint8_t f = pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);
	enum side side = flow_side(flow, pkt);
	bool synack = f == (TCP_SYN | TCP_ACK);

	if (f != TCP_SYN && !(synack && (t->cfg.midstream || t->cfg.async_oneside)))
		return false;
	if (c == NULL)
		return !synack || side == TO_SERVER;
	if (!synack && (c->flags & CONN_FAST_OPEN_IGNORED) && c->state == TCP_SYN_RECV)
		return true;
	if (ttl_too_small(&c->dir[other_side(side)], pkt))
		return false;
	if (!synack && resets(c, side))
		return true;
	if (!synack && (c->dir[0].flags & c->dir[1].flags & DIR_FIN))
		return time_wait_reuses(&c->dir[side], pkt);
	if (side == (synack ? TO_CLIENT : TO_SERVER) && pkt->seq == c->view[side].isn)
		return false;
	if (!synack && goes_on(c, side))
		return false;
	if (c->state == TCP_TIME_WAIT && !synack)
		return time_wait_reuses(&c->dir[side], pkt);
	return c->state >= TCP_LAST_ACK || c->state == TCP_NONE;
}

void tcp_packet(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	uint8_t f = pkt->tcp_flags;
	enum observed_verdict observed;

	if ((f & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		t->stats.tcp_syn++;
	else if (f & TCP_SYN)
		t->stats.tcp_synack++;
	else if (f & TCP_RST)
		t->stats.tcp_rst++;
	if (f & TCP_URG)
		t->stats.tcp_urg++;
	/* A RST that dies on its way ends nothing. */
	if ((f & TCP_RST) && flow->tcp != NULL && ttl_too_small(&flow->tcp->dir[other_side(pkt->side)], pkt))
		return;
	observed = observe(t, flow, pkt);
	if (observed == OBSERVED_REFUSED && t->cfg.simulate_ips && t->cfg.drop_invalid && !(pkt->flags & PACKET_WOULD_DROP)) {
		/* Rules still see the packet, for its stream events. */
		pkt->flags |= PACKET_WOULD_DROP | PACKET_NO_PAYLOAD_INSPECT;
		pkt->drop_reason = DROP_REASON_STREAM_ERROR;
	}
	if (flow->tcp == NULL)
		return;
	flow->tcp_flags[pkt->side] |= f;
	if (observed == OBSERVED_REFUSED && t->cfg.inline_mode && t->cfg.drop_invalid) {
		pkt->flags |= PACKET_WOULD_DROP | PACKET_NO_PAYLOAD_INSPECT;
		if (pkt->drop_reason == DROP_REASON_NONE)
			pkt->drop_reason = DROP_REASON_STREAM_ERROR;
		return;                         /* it won't reach the receiver */
	}
	receive(t, flow, pkt, observed);
}

void tcp_turn(struct tcp_conn *c)
{
	struct tcp_view view = c->view[TO_SERVER];
	struct tcp_dir dir = c->dir[TO_SERVER];

	c->view[TO_SERVER] = c->view[TO_CLIENT];
	c->view[TO_CLIENT] = view;
	c->dir[TO_SERVER] = c->dir[TO_CLIENT];
	c->dir[TO_CLIENT] = dir;
	stream_moved(&c->dir[TO_SERVER]);
	stream_moved(&c->dir[TO_CLIENT]);
}

void tcp_end(struct tracker *t, struct flow *flow)
{
	struct tcp_conn *c = flow->tcp;

	if (c == NULL || (c->flags & CONN_ENDED))
		return;
	c->flags |= CONN_ENDED;
	for (int i = 0; i < 2; i++)
		stream_flush(&t->pool, &c->dir[i]);
}

void tcp_release(struct tracker *t, struct flow *flow)
{
	struct tcp_conn *c = flow->tcp;

	if (c == NULL)
		return;
	for (int i = 0; i < 2; i++)
		stream_drop(&t->pool, &c->dir[i]);
	contest_release(t, c);
	observe_release(t, c);
	budget_put(&t->sessions, c, sizeof(*c));
	flow->tcp = NULL;
}
