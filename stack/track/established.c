/* established.c - the observer's rules while data flows, and for the FIN that begins the end. */
#include "stack/track/events.h"
#include "stack/track/observe.h"

/* In the window that matters to the sender; not asked of connections that we only half know. */
static bool in_window(const struct observed *o)
{
	return seq_le(o->end, o->me->next_win) || (o->c->flags & (CONN_MIDSTREAM | CONN_ASYNC));
}

/* Behind what was acknowledged already. False where the packet is refused. */
static bool before_last_ack(struct observed *o)
{
	struct tcp_view *me = o->me;
	struct tcp_conn *c = o->c;

	if (c->flags & CONN_ASYNC) {
		me->last_ack = o->seq;
		return true;
	}
	if (me->next_seq == o->seq && o->t->cfg.async_oneside && (c->flags & CONN_MIDSTREAM)) {
		me->last_ack = o->seq;
		c->flags |= CONN_ASYNC;
		return true;
	}
	/* The peer acknowledged what we never saw, and here it is. */
	if (o->len > 0 && seq_lt(me->next_seq, me->last_ack) && seq_lt(me->next_seq, o->end)) {
		if (o->seq == me->next_seq)
			me->next_seq += o->len;
		return true;
	}
	observe_event(o, STREAM_EST_PKT_BEFORE_LAST_ACK);
	return false;
}

static bool established_data(struct observed *o)
{
	struct tcp_view *me = o->me, *peer = o->peer;
	bool probe;

	if (!observe_ack_valid(o)) {
		observe_event(o, STREAM_EST_INVALID_ACK);
		return false;
	}
	if ((o->c->flags & CONN_MIDSTREAM_ESTABLISHED) && me->window == 0) {
		/* The other side speaks for the first time: its window is the first guess at both. */
		me->window = (uint32_t)o->pkt->window << me->wscale;
		me->next_win = me->last_ack + me->window;
		o->c->flags &= ~(uint32_t)CONN_MIDSTREAM_ESTABLISHED;
	}
	if ((o->len > 1 || o->seq != me->next_seq - 1) && seq_lt(o->end, me->last_ack) &&
	    !before_last_ack(o))
		return false;
	probe = o->len == 1 && o->seq == me->next_seq && me->window == 0;
	if (!probe) {
		if (o->seq == me->next_seq ||
		    (seq_lt(o->seq, me->next_seq) && seq_lt(me->next_seq, o->end)) ||
		    (seq_lt(me->next_seq, o->seq) && seq_lt(me->next_seq, me->last_ack)))
			me->next_seq = o->end;
		if (!in_window(o)) {
			observe_event(o, STREAM_EST_PACKET_OUT_OF_WINDOW);
			return false;
		}
	}
	observe_window(o);
	observe_last_ack(peer, o->ack);
	observe_ts_note(o);
	observe_next_win(o);
	return true;
}

bool observe_fin(struct observed *o)
{
	struct tcp_view *me = o->me, *peer = o->peer;

	if (!observe_ack_valid(o)) {
		observe_event(o, STREAM_FIN_INVALID_ACK);
		return false;
	}
	if (seq_lt(o->seq, me->next_seq) || seq_lt(me->last_ack + me->window, o->end)) {
		observe_event(o, STREAM_FIN_OUT_OF_WINDOW);
		return false;
	}
	observe_state(o, o->pkt->side == TO_SERVER ? TCP_CLOSE_WAIT : TCP_FIN_WAIT1);
	if (o->seq == me->next_seq)
		me->next_seq = o->end + (o->pkt->side == TO_CLIENT ? 1 : 0);
	observe_window(o);
	if (o->pkt->tcp_flags & TCP_ACK) {
		observe_last_ack(peer, o->ack);
		/* Packets that we missed and the peer has. */
		if (seq_lt(peer->next_seq, o->ack))
			peer->next_seq = o->ack;
	}
	observe_ts_note(o);
	return true;
}

static bool established_synack(struct observed *o)
{
	uint16_t event;

	if (o->pkt->side == TO_SERVER)
		event = STREAM_EST_SYNACK_TOSERVER;
	else if (o->ack != o->peer->last_ack)
		event = STREAM_EST_SYNACK_RESEND_WITH_DIFFERENT_ACK;
	else if (o->seq != o->me->isn)
		event = STREAM_EST_SYNACK_RESEND_WITH_DIFF_SEQ;
	else if (o->c->flags & CONN_CONFIRMED)
		event = STREAM_EST_SYNACK_RESEND;
	else
		return true;                    /* the server didn't get the ACK */
	observe_event(o, event);
	return false;
}

/* A RST says how far its sender had come. */
static bool established_rst(struct observed *o)
{
	if (!observe_rst(o))
		return false;
	o->peer->next_seq = o->ack;
	o->me->next_seq = o->end;
	observe_window(o);
	return true;
}

bool observe_established(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;

	if (f & TCP_RST)
		return established_rst(o);
	if (f & TCP_FIN)
		return observe_ts_valid(o) && observe_fin(o);
	if ((f & (TCP_SYN | TCP_ACK)) == (TCP_SYN | TCP_ACK))
		return established_synack(o);
	if (f & TCP_SYN) {
		if (o->pkt->side == TO_CLIENT)
			observe_event(o, STREAM_EST_SYN_TOCLIENT);
		else if (o->seq != o->me->isn)
			observe_event(o, STREAM_EST_SYN_RESEND_DIFF_SEQ);
		else
			observe_event(o, STREAM_EST_SYN_RESEND);
		return false;
	}
	if (!(f & TCP_ACK))
		return true;
	if (!observe_ts_valid(o))
		return false;
	if (o->pkt->side == TO_CLIENT)
		o->c->flags |= CONN_CONFIRMED;
	return established_data(o);
}
