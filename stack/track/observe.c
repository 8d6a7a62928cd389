/* observe.c - what every TCP state asks of a packet: acceptable ACK, timestamp, RST; keep-alives, window
 * updates and retransmissions, which are recognised before the state's own rules.
 *
 * The rules are Suricata's, as its stream events are defined by them. Where a real receiver decides
 * otherwise, receive.c does so too: nothing here changes which bytes are handed out. */
#include "stack/track/observe.h"

#include <string.h>

#include "stack/track/events.h"

#define PAWS_S (24 * 24 * 3600) /* RFC 7323 5.5: a timestamp says nothing after 24 days */

void observe_event(struct observed *o, uint16_t event)
{
	packet_event(o->pkt, event);
}

void observe_state(struct observed *o, enum tcp_state state)
{
	struct tcp_conn *c = o->c;

	if (c->state == state)
		return;
	c->state_before = c->state;
	c->state = (uint8_t)state;
	o->pkt->tcp_notes |= TCP_NOTE_STATE;
	switch (state) {
	case TCP_ESTABLISHED:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSING:
	case TCP_CLOSE_WAIT:
		flow_state_set(&o->t->table, o->flow, FLOW_ESTABLISHED);
		break;
	case TCP_LAST_ACK:
	case TCP_TIME_WAIT:
	case TCP_CLOSED:
		flow_state_set(&o->t->table, o->flow, FLOW_CLOSED);
		break;
	default:
		break;
	}
}

static uint32_t scaled_window(const struct observed *o)
{
	return (uint32_t)o->pkt->window << o->peer->wscale;
}

void observe_window(struct observed *o)
{
	o->peer->window = scaled_window(o);
}

void observe_last_ack(struct tcp_view *v, uint32_t ack)
{
	if (seq_lt(v->last_ack, ack))
		v->last_ack = ack;
}

/* What selective ACKs cover can't fill the window any more. */
static uint32_t sacked(const struct observed *o)
{
	const struct tcp_options *opt = &o->pkt->tcp;
	uint32_t sum = 0;

	if (!(o->c->flags & CONN_SACK))
		return 0;
	for (unsigned i = 0; i < opt->sack_blocks && i < 4; i++) {
		uint32_t from = opt->sack[i][0], to = opt->sack[i][1];

		if (seq_lt(from, o->peer->last_ack))
			from = o->peer->last_ack;
		if (seq_lt(from, to) && seq_le(to, o->peer->next_win))
			sum += to - from;
	}
	return sum;
}

void observe_next_win(struct observed *o)
{
	uint32_t win = o->peer->last_ack + o->peer->window + sacked(o);

	if (seq_lt(o->peer->next_win, win))
		o->peer->next_win = win;
}

bool observe_ack_valid(struct observed *o)
{
	const struct tcp_view *v = o->peer;

	if (!(o->pkt->tcp_flags & TCP_ACK) || o->ack == v->last_ack)
		return true;
	if (seq_lt(v->last_ack, o->ack)) {
		if (seq_le(o->ack, v->next_win) || (o->c->flags & CONN_ASYNC))
			return true;
		/* The answer to a SYN that is refused. */
		if (o->c->state == TCP_SYN_SENT && o->pkt->side == TO_CLIENT &&
		    (o->pkt->tcp_flags & TCP_RST) && o->ack == v->isn + 1)
			return true;
	} else if (v->window == 0 || !seq_lt(o->ack, v->last_ack - v->window)) {
		return true;
	}
	observe_event(o, STREAM_PKT_INVALID_ACK);
	return false;
}

/* The timestamp of a side whose handshake said 0 isn't checked, or only from the next one on. True where
 * this packet's is to be checked. */
static bool ts_zero_check(struct observed *o, uint32_t *last)
{
	struct tcp_view *me = o->me;

	if (!(me->flags & VIEW_TS_ZERO))
		return true;
	switch (o->peer->policy) {
	case OVERLAP_LINUX:
	case OVERLAP_WINDOWS2K3:
		o->c->flags &= ~(uint32_t)CONN_TS;
		return false;
	case OVERLAP_OLD_LINUX:
	case OVERLAP_WINDOWS:
	case OVERLAP_VISTA:
		me->flags &= (uint8_t)~VIEW_TS_ZERO;
		if (me->next_seq != o->seq)
			return true;
		*last = o->pkt->tcp.ts_val;
		return false;
	default:
		return true;
	}
}

static bool ts_zero_accepted(uint8_t policy)
{
	return policy == OVERLAP_OLD_LINUX || policy == OVERLAP_WINDOWS ||
	       policy == OVERLAP_WINDOWS2K3 || policy == OVERLAP_VISTA || policy == OVERLAP_SOLARIS;
}

/* Both checks share their rules; note is true where an accepted timestamp is remembered. */
static bool ts_check(struct observed *o, bool note)
{
	struct tcp_view *me = o->me;
	uint32_t ts = o->pkt->tcp.ts_val, now_s = (uint32_t)(o->pkt->time_ns / 1000000000);
	uint32_t last = me->last_ts, last_s = me->last_ts_s;
	uint8_t policy = o->peer->policy;
	bool check = true, in_order = me->next_seq == o->seq, aged;
	int32_t delta;

	if (!o->pkt->tcp.has_timestamp) {
		if (note && policy == OVERLAP_SOLARIS)
			o->c->flags &= ~(uint32_t)CONN_TS;
		return true;
	}
	check = ts_zero_check(o, &last);
	if (note && !check && (o->c->flags & CONN_TS))
		me->last_ts = last;
	if (policy == OVERLAP_HPUX11 && !in_order)
		check = false;
	if (ts == 0 && !ts_zero_accepted(policy))
		goto invalid;
	if (!check)
		return true;
	delta = (int32_t)(ts - last);
	if (policy == OVERLAP_LINUX || o->t->cfg.liberal_timestamps)
		delta++;
	if (last_s == 0 && (o->c->flags & CONN_MIDSTREAM))
		last_s = now_s;
	aged = now_s > last_s + PAWS_S;
	if (delta < 0 || (me->last_ts != 0 && aged)) {
		if (!in_order || !aged)
			goto invalid;
		if (note) {
			me->last_ts = ts;
			me->last_ts_s = now_s;
		}
		return true;
	}
	if (note) {
		if (in_order)
			me->last_ts = ts;
		me->last_ts_s = now_s;
	}
	return true;
invalid:
	observe_event(o, STREAM_PKT_INVALID_TIMESTAMP);
	return false;
}

bool observe_ts_valid(struct observed *o)
{
	return !(o->c->flags & CONN_TS) || ts_check(o, false);
}

void observe_ts_note(struct observed *o)
{
	if (o->c->flags & CONN_TS)
		ts_check(o, true);
}

bool observe_rst_valid(struct observed *o)
{
	const struct tcp_view *me = o->me;

	if (!observe_ts_valid(o))
		return false;
	if (o->len > 0)
		observe_event(o, STREAM_RST_WITH_DATA);
	if ((o->pkt->tcp_flags & TCP_ACK) && o->ack != 0 && !observe_ack_valid(o)) {
		observe_event(o, STREAM_RST_INVALID_ACK);
		return false;
	}
	/* Signed: we can't tell whether the receiver believes it. */
	if (o->pkt->tcp.has_md5 || o->pkt->tcp.has_ao)
		o->peer->flags |= VIEW_RST;
	if (o->c->flags & CONN_LOSSY)
		return true;
	if (o->c->flags & CONN_ASYNC)
		return seq_le(me->next_seq, o->seq);
	switch (o->peer->policy) {
	case OVERLAP_HPUX11:
		return seq_le(me->next_seq, o->seq);
	case OVERLAP_OLD_LINUX:
	case OVERLAP_LINUX:
	case OVERLAP_SOLARIS:
		return seq_le(me->last_ack, o->end) && seq_le(o->seq, me->next_seq + me->window);
	default:
		return o->seq == me->next_seq;
	}
}

/* Behind all that this side is known to have sent. */
static uint32_t reset_ack(const struct observed *o, enum side side, uint32_t ack)
{
	uint32_t high = stream_highest(&o->c->dir[side], true);

	return seq_lt(ack, high) ? high : ack;
}

bool observe_rst(struct observed *o)
{
	enum side side = o->pkt->side;

	if (!observe_rst_valid(o))
		return false;
	observe_state(o, TCP_CLOSED);
	o->c->flags |= CONN_CLOSED_BY_RST;
	if ((o->pkt->tcp_flags & TCP_ACK) && observe_ack_valid(o))
		observe_last_ack(o->peer, reset_ack(o, other_side(side), o->ack));
	observe_last_ack(o->me, reset_ack(o, side, o->seq));
	observe_ts_note(o);
	return true;
}

bool observe_retransmission(struct observed *o)
{
	if (o->len == 0)
		return false;
	if (!seq_lt(o->seq, o->me->last_ack) && !seq_le(o->end, o->me->last_ack) &&
	    !seq_le(o->end, o->me->next_seq))
		return false;
	observe_event(o, STREAM_PKT_RETRANSMISSION);
	o->pkt->tcp_notes |= TCP_NOTE_RETRANSMISSION;
	return true;
}

/* Recognised before the state's rules: packets that change nothing. */

static bool is_plain(const struct observed *o)
{
	return (o->pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)) == 0;
}

static bool is_keep_alive(struct observed *o)
{
	if (o->len > 1 || !is_plain(o) || o->ack != o->peer->last_ack ||
	    o->seq != o->me->next_seq - 1)
		return false;
	o->me->flags |= VIEW_KEEPALIVE;
	return true;
}

static bool is_keep_alive_ack(struct observed *o)
{
	if (o->len > 0 || !is_plain(o) || o->pkt->window == 0 ||
	    scaled_window(o) != o->peer->window || !(o->peer->flags & VIEW_KEEPALIVE) ||
	    o->ack != o->peer->last_ack || o->seq != o->me->next_seq)
		return false;
	o->peer->flags &= (uint8_t)~VIEW_KEEPALIVE;
	return true;
}

static bool is_shutdown_ack(const struct observed *o)
{
	uint8_t state = o->c->state;

	return (state == TCP_TIME_WAIT || state == TCP_CLOSE_WAIT || state == TCP_LAST_ACK) &&
	       o->pkt->tcp_flags == TCP_ACK && o->len == 0 && o->seq == o->me->next_seq + 1 &&
	       o->ack == o->peer->next_seq + 1;
}

static bool is_window_update(const struct observed *o)
{
	return o->c->state >= TCP_ESTABLISHED && o->len == 0 && is_plain(o) && o->pkt->window != 0 &&
	       scaled_window(o) != o->peer->window && o->ack == o->peer->last_ack &&
	       o->seq == o->me->next_seq;
}

/* A forged packet that closes the window, so that what comes next looks out of window. */
static bool is_bad_window_update(struct observed *o)
{
	uint32_t win = scaled_window(o), shrinks, acks;

	if (o->c->state < TCP_ESTABLISHED || o->c->state == TCP_CLOSED || !is_plain(o) ||
	    win >= o->peer->window)
		return false;
	shrinks = o->peer->window - win;
	if (shrinks <= o->len || !seq_lt(o->peer->next_seq, o->ack) || !seq_lt(o->me->next_seq, o->seq))
		return false;
	acks = o->ack - o->peer->last_ack;
	if (shrinks <= acks + (win > 1024 ? 32 : 0))
		return false;
	observe_event(o, STREAM_PKT_BAD_WINDOW_UPDATE);
	return true;
}

static bool is_outdated_ack(const struct observed *o)
{
	if (o->c->state < TCP_ESTABLISHED || o->len > 0 ||
	    (o->pkt->tcp_flags & (TCP_ACK | TCP_SYN | TCP_FIN | TCP_RST)) != TCP_ACK)
		return false;
	if (o->seq != o->me->next_seq || !seq_lt(o->ack, o->peer->last_ack))
		return false;
	return !o->pkt->tcp.has_timestamp || o->pkt->tcp.ts_val == o->me->last_ts;
}

/* All of it was acknowledged before. True where it is also behind what we may still compare it with. */
static bool is_spurious(struct observed *o)
{
	if (o->len == 0 || !seq_le(o->end, o->me->last_ack))
		return false;
	observe_event(o, STREAM_PKT_SPURIOUS_RETRANSMISSION);
	o->pkt->tcp_notes |= TCP_NOTE_SPURIOUS;
	return seq_le(o->end, o->me->base_seq);
}

static bool changes_nothing(struct observed *o)
{
	if (is_keep_alive(o)) {
		o->pkt->tcp_notes |= TCP_NOTE_KEEPALIVE;
		return true;
	}
	if (is_keep_alive_ack(o)) {
		o->pkt->tcp_notes |= TCP_NOTE_KEEPALIVE_ACK;
		o->me->flags &= (uint8_t)~VIEW_KEEPALIVE;
		return true;
	}
	o->me->flags &= (uint8_t)~VIEW_KEEPALIVE;
	if (is_window_update(o)) {
		o->pkt->tcp_notes |= TCP_NOTE_WINDOW_UPDATE;
	} else if (!is_shutdown_ack(o)) {
		if (is_bad_window_update(o) || is_outdated_ack(o))
			return true;
	}
	return is_spurious(o);
}

static bool dispatch(struct observed *o, uint8_t state)
{
	switch (state) {
	case TCP_SYN_SENT:
		return observe_syn_sent(o);
	case TCP_SYN_RECV:
		return observe_syn_recv(o);
	case TCP_ESTABLISHED:
		return observe_established(o);
	case TCP_FIN_WAIT1:
		return observe_fin_wait1(o);
	case TCP_FIN_WAIT2:
		return observe_fin_wait2(o);
	case TCP_CLOSING:
		return observe_closing(o);
	case TCP_CLOSE_WAIT:
		return observe_close_wait(o);
	case TCP_LAST_ACK:
		return observe_last_ack_state(o);
	case TCP_TIME_WAIT:
		return observe_time_wait(o);
	default:
		return true;
	}
}

/* A host that was sent a RST goes on as if nothing had happened: go on with it. */
static bool observe_closed(struct observed *o)
{
	struct tcp_conn *c = o->c;

	if ((o->pkt->tcp_flags & TCP_RST) || (o->me->flags & VIEW_RST) || !(o->peer->flags & VIEW_RST))
		return true;
	if (!dispatch(o, c->state_before))
		return false;
	if (c->state == TCP_CLOSED)
		c->state = c->state_before;
	return true;
}

static void check_after_rst(struct observed *o)
{
	if ((o->pkt->tcp_flags & TCP_RST) || !(o->peer->flags & VIEW_RST))
		return;
	o->peer->flags &= (uint8_t)~VIEW_RST;
	o->c->flags &= ~(uint32_t)CONN_CLOSED_BY_RST;
	observe_event(o, STREAM_SUSPECTED_RST_INJECT);
}

enum observed_verdict observe(struct tracker *t, struct flow *flow, struct packet *pkt)
{
	struct tcp_conn *c = flow->tcp;
	struct observed o;
	bool ok = true;

	if (c != NULL) {
		c->view[pkt->side].tcp_flags |= pkt->tcp_flags;
		if ((c->flags & CONN_ASYNC) && c->view[0].tcp_flags != 0 && c->view[1].tcp_flags != 0)
			c->flags &= ~(uint32_t)CONN_ASYNC;
	}
	if (!(pkt->tcp_flags & TCP_ACK) && pkt->ack != 0)
		packet_event(pkt, STREAM_PKT_BROKEN_ACK);
	if (c == NULL || c->state == TCP_NONE)
		return observe_none(t, flow, pkt);
	o = (struct observed){ .t = t,
			       .flow = flow,
			       .c = c,
			       .pkt = pkt,
			       .me = &c->view[pkt->side],
			       .peer = &c->view[!pkt->side],
			       .seq = pkt->seq,
			       .ack = pkt->ack,
			       .len = (uint32_t)pkt->payload.len,
			       .end = pkt->seq + (uint32_t)pkt->payload.len };
	if (!changes_nothing(&o))
		ok = c->state == TCP_CLOSED ? observe_closed(&o) : dispatch(&o, c->state);
	if (ok)
		check_after_rst(&o);
	return ok ? OBSERVED_OK : OBSERVED_REFUSED;
}
