/* tcp.c - connections: from packets to two streams. */
#include "stack/track/tcp.h"

#include <string.h>

#include "stack/track/internal.h"

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

static void state_set(struct tracker *t, struct flow *flow, enum tcp_state state)
{
	struct tcp_conn *c = flow->tcp;

	if (c->state == state)
		return;
	c->state_before = c->state;
	c->state = (uint8_t)state;
	switch (state) {
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSING:
	case TCP_CLOSE_WAIT:
		flow_state_set(&t->table, flow, FLOW_ESTABLISHED);
		break;
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_CLOSED:
		flow_state_set(&t->table, flow, FLOW_CLOSED);
		break;
	default:
		break;
	}
}

static struct tcp_conn *conn_new(struct tracker *t)
{
	struct tcp_conn *c = budget_get(&t->table.budget, sizeof(*c));

	if (c != NULL) {
		c->inline_mode = t->cfg.inline_mode;
		t->stats.tcp_sessions++;
	}
	return c;
}

static void dir_start(struct tcp_dir *d, uint32_t first)
{
	d->pos = d->rcv_nxt = d->snd_nxt = d->acked = d->acked_valid = d->edge = first;
	d->isn = first - 1;
	d->flags |= DIR_KNOWN;
}

/* Nothing was taken behind the SYN yet: the sequence space may still turn out to be another. */
static bool dir_untouched(const struct tcp_dir *d)
{
	return d->rcv_nxt == d->isn + 1 && d->queue == NULL;
}

static void syn_options(struct tcp_dir *d, const struct packet *pkt)
{
	if (pkt->tcp.has_wscale) {
		d->flags |= DIR_WSCALE;
		d->wscale = pkt->tcp.wscale > 14 ? 14 : pkt->tcp.wscale;
	}
	if (pkt->tcp.has_timestamp) {
		d->flags |= DIR_TS_SEEN;
		d->ts_recent = pkt->tcp.ts_val;
	}
}

bool tcp_reuses(const struct tracker *t, const struct flow *flow, const struct packet *pkt)
{
	const struct tcp_conn *c = flow->tcp;
	uint8_t f = pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST | TCP_FIN);

	(void)t;
	if (f != TCP_SYN)
		return false;
	if (c == NULL)
		return true;
	if (pkt->seq == c->dir[flow_side(flow, pkt)].isn)
		return false;
	return c->state >= TCP_LAST_ACK || c->state == TCP_NONE;
}

/* The connection's first packet; false where it isn't one. */
static bool conn_start(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	uint8_t f = pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST);
	struct tcp_conn *c;

	if (f != TCP_SYN && (!t->cfg.midstream || (f & TCP_RST) || !(f & TCP_ACK)))
		return false;
	c = flow->tcp = conn_new(t);
	if (c == NULL)
		return false;
	if (f == TCP_SYN) {
		dir_start(&c->dir[pkt->side], pkt->seq + 1);
		syn_options(&c->dir[pkt->side], pkt);
		state_set(t, flow, TCP_SYN_SENT);
		return true;
	}
	flow->midstream = true;
	t->stats.tcp_midstream++;
	if (f == (TCP_SYN | TCP_ACK)) {
		if (pkt->side == TO_SERVER) {
			flow_swap(flow);
			pkt->side = TO_CLIENT;
		}
		dir_start(&c->dir[pkt->side], pkt->seq + 1);
		syn_options(&c->dir[pkt->side], pkt);
		dir_start(&c->dir[!pkt->side], pkt->ack);
		state_set(t, flow, TCP_SYN_RECV);
		return true;
	}
	dir_start(&c->dir[pkt->side], pkt->seq);
	dir_start(&c->dir[!pkt->side], pkt->ack);
	state_set(t, flow, TCP_ESTABLISHED);
	return true;
}

static void on_syn(struct tracker *t, struct flow *flow, const struct packet *pkt)
{
	struct tcp_conn *c = flow->tcp;
	struct tcp_dir *d = &c->dir[pkt->side], *back = &c->dir[!pkt->side];

	if (c->state > TCP_SYN_RECV)
		return;
	if (!(pkt->tcp_flags & TCP_ACK)) {
		if (c->state == TCP_SYN_SENT && pkt->seq + 1 != d->rcv_nxt && dir_untouched(d)) {
			dir_start(d, pkt->seq + 1);
			syn_options(d, pkt);
		}
		return;
	}
	if (!(d->flags & DIR_KNOWN)) {
		dir_start(d, pkt->seq + 1);
		syn_options(d, pkt);
	}
	if (back->flags & DIR_KNOWN && pkt->ack != back->rcv_nxt && !(back->flags & DIR_HEARD) &&
	    dir_untouched(back))
		dir_start(back, pkt->ack);
	back->acked = pkt->ack;
	back->flags |= DIR_HEARD;
	back->edge = pkt->ack + pkt->window;
	state_set(t, flow, TCP_SYN_RECV);
}

static void closing(struct tracker *t, struct flow *flow)
{
	struct tcp_conn *c = flow->tcp;
	bool fin0 = c->dir[0].flags & DIR_FIN, fin1 = c->dir[1].flags & DIR_FIN;

	if (c->state < TCP_ESTABLISHED || c->state == TCP_CLOSED || (!fin0 && !fin1))
		return;
	if (fin0 != fin1) {
		state_set(t, flow, fin0 ? TCP_CLOSE_WAIT : TCP_FIN_WAIT1);
		return;
	}
	if (c->dir[0].acked == c->dir[0].rcv_nxt && c->dir[1].acked == c->dir[1].rcv_nxt)
		state_set(t, flow, TCP_CLOSED);
	else
		state_set(t, flow, TCP_LAST_ACK);
}

/* What the sender says about what it received. */
static void on_ack(struct tracker *t, struct tcp_conn *c, struct packet *pkt)
{
	struct tcp_dir *back = &c->dir[!pkt->side], *d = &c->dir[pkt->side];
	unsigned shift = (d->flags & DIR_WSCALE) && (back->flags & DIR_WSCALE) ? d->wscale : 0;
	uint32_t edge = pkt->ack + ((uint32_t)pkt->window << shift);

	if (!(back->flags & DIR_KNOWN))
		dir_start(back, pkt->ack);
	if (!(back->flags & DIR_HEARD) || seq_lt(back->acked, pkt->ack))
		back->acked = pkt->ack;
	if (!(back->flags & DIR_HEARD) || seq_lt(back->edge, edge))
		back->edge = edge;
	back->flags |= DIR_HEARD;
	stream_acknowledged(&t->pool, back, pkt->ack);
}

static void on_data(struct tracker *t, struct tcp_conn *c, struct packet *pkt)
{
	struct tcp_dir *d = &c->dir[pkt->side];
	struct segment what = { .seq = pkt->seq, .len = (uint32_t)pkt->payload.len };
	uint32_t shift = pkt->tcp_flags & TCP_SYN ? 1 : 0;

	what.seq += shift;
	what.fin = pkt->tcp_flags & TCP_FIN;
	what.end = what.seq + what.len + what.fin;
	if (seq_lt(d->snd_nxt, what.end))
		d->snd_nxt = what.end;
	if (what.end == what.seq || !seq_lt(d->rcv_nxt, what.end) ||
	    (d->flags & (DIR_FIN | DIR_CLOSED | DIR_IGNORED)))
		return;
	pkt->flags |= PACKET_STREAM_ADDED;
	if (seq_le(what.seq, d->rcv_nxt))
		stream_in_order(&t->pool, d, &what, pkt->payload.data);
	else
		stream_insert(&t->pool, d, &what, pkt->payload.data);
}

static void on_rst(struct tracker *t, struct flow *flow, const struct packet *pkt)
{
	struct tcp_conn *c = flow->tcp;
	struct tcp_dir *d = &c->dir[pkt->side];

	if ((d->flags & DIR_KNOWN) && pkt->seq != d->rcv_nxt && pkt->seq != stream_highest(d))
		return;
	for (int i = 0; i < 2; i++) {
		c->dir[i].flags |= DIR_CLOSED;
		stream_flush(&t->pool, &c->dir[i]);
	}
	state_set(t, flow, TCP_CLOSED);
}

void tcp_packet(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	struct tcp_conn *c = flow->tcp;
	uint8_t f = pkt->tcp_flags;

	flow->tcp_flags[pkt->side] |= f;
	if ((f & (TCP_SYN | TCP_ACK)) == TCP_SYN)
		t->stats.tcp_syn++;
	else if (f & TCP_SYN)
		t->stats.tcp_synack++;
	else if (f & TCP_RST)
		t->stats.tcp_rst++;
	if (c == NULL) {
		if (!conn_start(t, flow, pkt))
			return;
		c = flow->tcp;
		if (f & TCP_SYN)
			return;
	}
	c->dir[pkt->side].tcp_flags |= f;
	if (f & TCP_RST) {
		on_rst(t, flow, pkt);
		return;
	}
	if (f & TCP_SYN) {
		on_syn(t, flow, pkt);
		return;
	}
	if (!(f & TCP_ACK))
		return;
	if (!(c->dir[pkt->side].flags & DIR_KNOWN))
		dir_start(&c->dir[pkt->side], pkt->seq);
	on_ack(t, c, pkt);
	if (c->state == TCP_SYN_RECV && pkt->side == TO_SERVER)
		state_set(t, flow, TCP_ESTABLISHED);
	on_data(t, c, pkt);
	closing(t, flow);
}

void tcp_end(struct tracker *t, struct flow *flow)
{
	struct tcp_conn *c = flow->tcp;

	if (c == NULL || c->ended)
		return;
	c->ended = true;
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
	budget_put(&t->table.budget, c, sizeof(*c));
	flow->tcp = NULL;
}
