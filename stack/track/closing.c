/* closing.c - the observer's rules from the first FIN to the last ACK. */
#include "stack/track/events.h"
#include "stack/track/observe.h"

static bool refuse(struct observed *o, uint16_t event)
{
	observe_event(o, event);
	return false;
}

/* FINs of their own kind, or a SYN, which has no business here. */
static bool no_syn(struct observed *o)
{
	return refuse(o, STREAM_SHUTDOWN_SYN_RESEND);
}

/* What every accepted packet does: the sender's progress and what it acknowledges. */
static void note_data(struct observed *o, bool retransmission)
{
	if (!retransmission)
		observe_window(o);
	observe_ts_note(o);
	if (o->seq == o->me->next_seq)
		o->me->next_seq = o->end;
	if (o->pkt->tcp_flags & TCP_ACK)
		observe_last_ack(o->peer, o->ack);
}

/* Towards the end, what is acknowledged and wasn't seen won't come any more. */
static void note(struct observed *o, bool retransmission)
{
	note_data(o, retransmission);
	if ((o->pkt->tcp_flags & TCP_ACK) && seq_lt(o->peer->next_seq, o->ack))
		o->peer->next_seq = o->ack;
}

/* A FIN must start where we expect it, or further on within the window. */
static bool fin_in_window(const struct observed *o)
{
	return !seq_lt(o->seq, o->me->next_seq) &&
	       seq_le(o->seq, o->me->last_ack + o->me->window);
}

static bool data_in_window(const struct observed *o)
{
	return seq_le(o->end, o->me->next_win) || (o->c->flags & (CONN_MIDSTREAM | CONN_ASYNC));
}

static bool fin_again(struct observed *o)
{
	bool acks_same = !(o->pkt->tcp_flags & TCP_ACK) || o->ack == o->peer->last_ack;

	return (o->seq == o->me->next_seq - 1 && acks_same) || observe_retransmission(o);
}

bool observe_fin_wait1(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;
	bool again;

	if (f & TCP_RST)
		return observe_rst(o);
	if (!(f & TCP_FIN) && (f & TCP_SYN))
		return no_syn(o);
	if (!(f & (TCP_FIN | TCP_ACK)))
		return true;
	if (!observe_ts_valid(o))
		return false;
	again = f & TCP_FIN ? fin_again(o) : observe_retransmission(o);
	if ((f & TCP_FIN) && !again && !fin_in_window(o))
		return refuse(o, STREAM_FIN1_FIN_WRONG_SEQ);
	if (!observe_ack_valid(o))
		return refuse(o, STREAM_FIN1_INVALID_ACK);
	if (f & TCP_FIN) {
		if (!again)
			observe_state(o, f & TCP_ACK ? TCP_TIME_WAIT : TCP_CLOSING);
		note(o, again);
		return true;
	}
	if (!again) {
		if (!data_in_window(o))
			return refuse(o, STREAM_FIN1_ACK_WRONG_SEQ);
		if (o->pkt->side == TO_SERVER && o->seq == o->me->next_seq)
			observe_state(o, TCP_FIN_WAIT2);
	}
	note_data(o, again);
	observe_next_win(o);
	return true;
}

bool observe_fin_wait2(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;
	bool again;

	if (f & TCP_RST)
		return observe_rst(o);
	if (!(f & TCP_FIN) && (f & TCP_SYN))
		return no_syn(o);
	if (!(f & (TCP_FIN | TCP_ACK)))
		return true;
	if (!observe_ts_valid(o))
		return false;
	if (f & TCP_FIN) {
		again = fin_again(o);
		if (!again && !fin_in_window(o))
			return refuse(o, STREAM_FIN2_FIN_WRONG_SEQ);
		if (!observe_ack_valid(o))
			return refuse(o, STREAM_FIN2_INVALID_ACK);
		if (!again)
			observe_state(o, TCP_TIME_WAIT);
		note(o, again);
		return true;
	}
	again = observe_retransmission(o);
	if (!observe_ack_valid(o))
		return refuse(o, STREAM_FIN2_INVALID_ACK);
	if (!again && !data_in_window(o))
		return refuse(o, STREAM_FIN2_ACK_WRONG_SEQ);
	note_data(o, again);
	observe_next_win(o);
	return true;
}

bool observe_closing(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;
	bool again;

	if (f & TCP_RST)
		return observe_rst(o);
	if (f & TCP_SYN)
		return no_syn(o);
	if (!(f & TCP_ACK))
		return true;
	if (!observe_ts_valid(o))
		return false;
	again = observe_retransmission(o);
	if (o->seq != o->me->next_seq)
		return refuse(o, STREAM_CLOSING_ACK_WRONG_SEQ);
	if (!observe_ack_valid(o))
		return refuse(o, STREAM_CLOSING_INVALID_ACK);
	if (!again)
		observe_state(o, TCP_TIME_WAIT);
	note(o, again);
	return true;
}

bool observe_close_wait(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;
	bool again;

	if (f & TCP_RST)
		return observe_rst(o);
	if (!(f & TCP_FIN) && (f & TCP_SYN))
		return no_syn(o);
	if (!(f & (TCP_FIN | TCP_ACK)))
		return true;
	if (!observe_ts_valid(o))
		return false;
	again = observe_retransmission(o);
	if (f & TCP_FIN) {
		if (!again && !fin_in_window(o))
			return refuse(o, STREAM_CLOSEWAIT_FIN_OUT_OF_WINDOW);
		if (!observe_ack_valid(o))
			return refuse(o, STREAM_CLOSEWAIT_INVALID_ACK);
		/* LAST_ACK begins with the server's FIN; the client's was seen already. */
		if (!again && o->pkt->side == TO_CLIENT)
			observe_state(o, TCP_LAST_ACK);
		note(o, again);
		return true;
	}
	if (o->len > 0 && seq_le(o->end, o->me->last_ack))
		return refuse(o, STREAM_CLOSEWAIT_PKT_BEFORE_LAST_ACK);
	if (seq_lt(o->me->last_ack + o->me->window, o->seq))
		return refuse(o, STREAM_CLOSEWAIT_ACK_OUT_OF_WINDOW);
	if (!observe_ack_valid(o))
		return refuse(o, STREAM_CLOSEWAIT_INVALID_ACK);
	note(o, again);
	return true;
}

bool observe_last_ack_state(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;
	bool again;

	if (f & TCP_RST)
		return observe_rst(o);
	if (f & TCP_FIN)
		return true;
	if (f & TCP_SYN)
		return no_syn(o);
	if (!(f & TCP_ACK))
		return true;
	if (!observe_ts_valid(o))
		return false;
	if (o->pkt->side == TO_CLIENT)
		return true;
	again = observe_retransmission(o);
	if (!observe_ack_valid(o))
		return refuse(o, STREAM_LASTACK_INVALID_ACK);
	if (!again && !seq_lt(o->seq, o->me->next_seq)) {
		if (o->seq != o->me->next_seq && o->seq != o->me->next_seq + 1)
			return refuse(o, STREAM_LASTACK_ACK_WRONG_SEQ);
		observe_state(o, TCP_CLOSED);
	}
	note(o, again);
	return true;
}

bool observe_time_wait(struct observed *o)
{
	uint8_t f = o->pkt->tcp_flags;
	bool again;

	if (f & TCP_RST)
		return observe_rst(o);
	if (f & TCP_FIN)
		return true;
	if (f & TCP_SYN)
		return no_syn(o);
	if (!(f & TCP_ACK))
		return true;
	if (!observe_ts_valid(o))
		return false;
	again = observe_retransmission(o);
	if (!again && o->seq != o->me->next_seq && o->seq != o->me->next_seq + 1)
		return refuse(o, STREAM_TIMEWAIT_ACK_WRONG_SEQ);
	if (!observe_ack_valid(o))
		return refuse(o, STREAM_TIMEWAIT_INVALID_ACK);
	if (!again)
		observe_state(o, TCP_CLOSED);
	note(o, again);
	return true;
}
