/* receive.c - what the receiving kernel makes of a segment: taken, refused, or we can't tell.
 *
 * The checks are those of RFC 9293, 7323 and 5961 in the order that Linux makes them. Each side's packets
 * tell about its own receiver: its ACK and window are what it has and what it will still take. A segment
 * that a strict receiver refuses, but only for a reason that we may misjudge from where we stand (a window
 * update or data of the other direction that the mirror lost or brings later, a TTL), is kept in doubt: it
 * becomes real when the receiver acknowledges it, and gives way to a segment that is beyond doubt.
 *
 * Where only one direction is seen there is no evidence to wait for, and everything plausible is taken. */
#include "stack/track/receive.h"

#include "base/must.h"
#include "stack/track/contest.h"
#include "stack/track/events.h"
#include "stack/wire/ipv4.h"

#define PAWS_S (24 * 24 * 3600)

enum verdict { REFUSED, DOUBTED, TAKEN };

struct received {
	struct tracker *t;
	struct flow *flow;
	struct tcp_conn *c;
	struct packet *pkt;
	struct tcp_dir *in;             /* what the packet's sender sends */
	struct tcp_dir *back;           /* what it acknowledges */
	uint32_t now_s;
	struct segment what;            /* its payload, and its FIN */
};

static void dir_start(struct tcp_dir *d, uint32_t first)
{
	d->isn = first - 1;
	d->pos = d->rcv_nxt = d->snd_nxt = d->snd_una = d->acked = d->edge = first;
	d->flags |= DIR_KNOWN;
}

/* Another SYN or SYN/ACK was the right one, nothing of the stream has been handed out yet. */
static void dir_restart(struct stream_pool *pool, struct tcp_dir *d, uint32_t first)
{
	stream_drop(pool, d);
	d->flags &= (uint16_t)~(DIR_HEARD | DIR_EDGE);
	dir_start(d, first);
}

static void ts_store(struct received *r)
{
	r->in->ts_recent = r->pkt->tcp.ts_val;
	r->in->ts_recent_s = r->now_s;
}

/* Handshake */

/* The urgent byte: the last one that the pointer covers, as Linux reads it. One at a time is pending. False
 * where such packets are to be dropped. */
static bool take_urgent(struct received *r)
{
	struct tcp_dir *in = r->in;
	uint32_t at = r->pkt->seq + r->pkt->urgent - (r->pkt->urgent > 0 ? 1 : 0);

	if (r->t->cfg.urgent == URGENT_INLINE)
		return true;
	if (r->t->cfg.urgent == URGENT_DROP) {
		r->pkt->flags |= PACKET_WOULD_DROP | PACKET_NO_PAYLOAD_INSPECT;
		if (r->pkt->drop_reason == DROP_REASON_NONE)
			r->pkt->drop_reason = DROP_REASON_STREAM_URGENT;
		return false;
	}
	if (seq_lt(at, in->pos) || seq_lt(at, in->rcv_nxt) ||
	    ((in->flags & DIR_URGENT) && seq_le(at, in->urgent_seq)))
		return true;
	in->flags |= DIR_URGENT;
	in->urgent_seq = at;
	return true;
}

/* What an option agreed on by both sides is offered with; the last SYN of a number tells. */
static void take_offers(struct received *r)
{
	struct tcp_dir *in = r->in;

	in->flags &= (uint16_t)~(DIR_SIGNED | DIR_TS_OFFERED);
	if (r->pkt->tcp.has_md5 || r->pkt->tcp.has_ao)
		in->flags |= DIR_SIGNED;
	if (r->pkt->tcp.has_timestamp)
		in->flags |= DIR_TS_OFFERED;
	in->flags |= DIR_SENT;
	in->ttl = r->pkt->ttl;
	ts_store(r);
}

/* Signed although that wasn't agreed on, or the other way round: systems differ in whether they mind. */
static bool signature_odd(const struct received *r)
{
	bool has = r->pkt->tcp.has_md5 || r->pkt->tcp.has_ao;

	if (!(r->c->view[0].tcp_flags & TCP_SYN) || !(r->c->view[1].tcp_flags & TCP_SYN))
		return false;                   /* we didn't see what was agreed */
	return has != ((r->in->flags & DIR_SIGNED) != 0);
}

/* RFC 7323 5.3; Linux allows a step back by one, though not yet in the handshake, and a recent timestamp of 0 isn't
 * compared. */
static bool paws_refused(const struct received *r)
{
	const struct tcp_dir *in = r->in;
	int32_t back_max = (in->flags & (DIR_PASSIVE | DIR_GREETED)) == DIR_PASSIVE ? 0 : 1;

	if (!(in->flags & DIR_TS) || !r->pkt->tcp.has_timestamp || in->ts_recent == 0)
		return false;
	if ((int32_t)(in->ts_recent - r->pkt->tcp.ts_val) <= back_max)
		return false;
	return r->now_s < in->ts_recent_s + PAWS_S || r->now_s < in->ts_recent_s;
}

/* A request that waits for the last ACK of its handshake dies by any other SYN in its window; not where data came
 * with its own SYN and it is a connection already. */
static bool kills_request(const struct received *r)
{
	const struct tcp_dir *in = r->in;

	return (in->flags & (DIR_PASSIVE | DIR_GREETED)) == DIR_PASSIVE && in->rcv_nxt == in->isn + 1 &&
	       !signature_odd(r) && !paws_refused(r) &&
	       seq_lt(in->isn, r->pkt->seq) && seq_lt(r->pkt->seq, in->isn + 1 + UINT16_MAX);
}

static void take_syn(struct received *r)
{
	struct tcp_dir *in = r->in;
	uint32_t first = r->pkt->seq + 1;

	if ((r->pkt->tcp_flags & TCP_FIN) && !(r->back->flags & DIR_KNOWN))
		return;                         /* no listener takes that */
	if (kills_request(r))
		in->flags |= DIR_RST;
	if (!(in->flags & DIR_KNOWN))
		dir_start(in, first);
	else if ((in->flags & (DIR_PASSIVE | DIR_HEARD)) || (r->back->flags & DIR_HEARD))
		return;
	else if (in->isn != r->pkt->seq) {
		in->edge = first;               /* the SYN/ACK will say which; nothing else is kept there yet */
		return;
	}
	take_offers(r);
	/* Fast open: whether the server takes the data shows in what its SYN/ACK acknowledges. Inline that is too
	 * late to judge it. */
	if (r->what.len > 0 && r->what.seq == in->rcv_nxt) {
		r->what.doubt = !((r->c->flags & CONN_INLINE) && r->pkt->tcp.has_fast_open);
		r->what.fin = false;
		r->what.end = r->what.seq + r->what.len;
		if (r->what.doubt)
			stream_insert(&r->t->pool, in, &r->what, r->pkt->payload.data);
		else
			stream_in_order(&r->t->pool, in, &r->what, r->pkt->payload.data);
		/* Without the option it is for rules what it looks like: a packet with a payload. */
		if (r->pkt->tcp.has_fast_open)
			r->pkt->flags |= PACKET_STREAM_ADDED;
		if (seq_lt(in->snd_nxt, r->what.end))
			in->snd_nxt = r->what.end;
	}
}

/* It answers a SYN that we know, or one that the observer does. */
static bool synack_answers(struct received *r, enum observed_verdict observed)
{
	const struct tcp_view *peer = &r->c->view[!r->pkt->side];
	struct tcp_dir *back = r->back;

	if ((back->flags & DIR_KNOWN) && seq_lt(back->isn, r->pkt->ack) && seq_le(r->pkt->ack, back->snd_nxt))
		return true;
	if ((back->flags & (DIR_KNOWN | DIR_HEARD)) == DIR_KNOWN && back->edge == r->pkt->ack) {
		dir_restart(&r->t->pool, back, r->pkt->ack);
		return true;
	}
	if (observed == OBSERVED_REFUSED)
		return false;
	if (!(back->flags & DIR_KNOWN) || (back->isn != peer->isn && back->offset == 0))
		dir_restart(&r->t->pool, back, peer->isn + 1);
	return true;
}

static void take_synack(struct received *r, enum observed_verdict observed)
{
	struct tcp_dir *in = r->in, *back = r->back;

	if (kills_request(r)) {
		in->flags |= DIR_RST;
		return;
	}
	if (r->c->state > TCP_SYN_RECV || !synack_answers(r, observed))
		return;
	if (in->flags & DIR_KNOWN) {
		if (in->isn != r->pkt->seq)
			return;                 /* the final ACK will say which */
	} else {
		dir_start(in, r->pkt->seq + 1);
		back->flags |= DIR_PASSIVE;
	}
	take_offers(r);
	if (r->pkt->tcp_flags & TCP_URG)
		take_urgent(r);
	back->acked = back->isn + 1;            /* what came with the SYN counts from the next ACK on */
	back->snd_una = r->pkt->ack;
	back->edge = r->pkt->ack + r->pkt->window;
	back->window_max = r->pkt->window;
	back->flags |= DIR_HEARD | DIR_EDGE;
	back->ts_recent_s = r->now_s;
	stream_acknowledged(back, r->pkt->ack);
	if ((r->c->flags & CONN_TS) || (in->flags & back->flags & DIR_TS_OFFERED)) {
		in->flags |= DIR_TS;
		back->flags |= DIR_TS;
	}
}

/* The observer has settled on sequence numbers: by the ACK that ended the handshake, or mid-stream. */
static void settle(struct received *r)
{
	for (int s = 0; s < 2; s++) {
		struct tcp_dir *d = &r->c->dir[s];
		uint32_t isn = r->c->view[s].isn;

		if (!(d->flags & DIR_KNOWN) || (d->isn != isn && d->offset == 0 && d->pos == d->isn + 1))
			dir_restart(&r->t->pool, d, isn + 1);
		if (r->c->flags & CONN_TS)
			d->flags |= DIR_TS;
	}
}

/* Judgement */

static enum verdict judge_window(const struct received *r)
{
	const struct tcp_dir *in = r->in;

	if (!(in->flags & DIR_HEARD))
		return TAKEN;
	if (seq_lt(r->what.end, in->acked) && !seq_lt(in->rcv_nxt, r->what.end))
		return REFUSED;                 /* old, and not just late to us */
	if (!(in->flags & DIR_EDGE) || !seq_lt(in->edge, r->what.end))
		return TAKEN;
	return DOUBTED;
}

/* RFC 5961 5: an ACK much older than what was acknowledged, or for what was never sent, comes from somebody who
 * guesses. Linux asks for the former only off its fast path. */
static enum verdict judge_ack(const struct received *r)
{
	const struct tcp_dir *back = r->back;
	uint32_t ack = r->pkt->ack, slack;
	uint64_t acked;

	if (r->c->flags & CONN_ASYNC)
		return TAKEN;
	if (!(back->flags & DIR_HEARD))
		return !(back->flags & DIR_SENT) || (seq_le(back->snd_una, ack) && seq_le(ack, back->snd_nxt)) ? TAKEN
														: DOUBTED;
	if (seq_lt(ack, back->snd_una)) {
		acked = back->offset + (uint32_t)(back->snd_una - back->pos);
		slack = back->window_max;
		if (seq_le(back->snd_una, back->pos))
			acked = back->offset - (uint32_t)(back->pos - back->snd_una);
		if (acked < slack)
			slack = (uint32_t)acked + (r->pkt->side == TO_CLIENT ? 1 : 0);
		return seq_lt(ack, back->snd_una - slack) ? DOUBTED : TAKEN;
	}
	return seq_lt(back->snd_nxt, ack) ? DOUBTED : TAKEN;
}

/* Doubts wait for the receiver's word; one that we never hear can't give it. */
static bool receiver_seen(const struct received *r)
{
	return r->c->view[!r->pkt->side].tcp_flags != 0 && !(r->c->flags & CONN_ASYNC);
}

/* Hosts don't take these unless they are told to. */
static bool source_routed(const struct packet *pkt)
{
	return pkt->ip_version == 4 && (pkt->ip_options & (IPV4_OPT_LSRR | IPV4_OPT_SSRR)) != 0;
}

static enum verdict judge(const struct received *r)
{
	const struct packet *pkt = r->pkt;
	enum verdict window, ack;

	if (!(pkt->tcp_flags & TCP_ACK) || (pkt->tcp_flags & TCP_SYN) || paws_refused(r))
		return REFUSED;
	window = judge_window(r);
	if (window == REFUSED)
		return REFUSED;
	ack = judge_ack(r);
	if (!receiver_seen(r))
		return signature_odd(r) ? REFUSED : TAKEN;
	if (signature_odd(r) || source_routed(pkt) || ttl_too_small(r->back, pkt))
		return DOUBTED;
	return ack < window ? ack : window;
}

/* A RST is obeyed exactly where the next byte is expected, or behind the last that arrived early; by who has sent a
 * SYN and waits, where it acknowledges that. */
static bool rst_obeyed(const struct received *r)
{
	const struct tcp_dir *in = r->in, *back = r->back;
	uint32_t seq = r->pkt->seq;

	if ((back->flags & DIR_KNOWN) && !(in->flags & DIR_KNOWN))
		return (r->pkt->tcp_flags & TCP_ACK) && seq_lt(back->isn, r->pkt->ack) &&
		       seq_le(r->pkt->ack, back->snd_nxt);
	if (!(in->flags & DIR_KNOWN))
		return false;
	if ((in->flags & (DIR_PASSIVE | DIR_GREETED)) == DIR_PASSIVE && paws_refused(r))
		return false;
	return seq == in->rcv_nxt || ((r->c->flags & CONN_SACK) && seq == stream_highest(in, false)) ||
	       (seq == in->rcv_nxt - 1 && (in->flags & DIR_FIN));
}

static void take_rst(struct received *r)
{
	struct tcp_dir *in = r->in;

	/* Who waits for its handshake's last ACK answers whatever is wrong with a RST, and goes on waiting. */
	if ((r->back->flags & (DIR_PASSIVE | DIR_GREETED)) == DIR_PASSIVE)
		return;
	if (!rst_obeyed(r) || ttl_too_small(r->back, r->pkt) || (signature_odd(r) && !r->pkt->tcp.has_ao))
		return;
	in->flags |= DIR_RST;
	/* Inline, it will reach the receiver: what waits for a hole to be filled waits in vain. */
	if (r->c->flags & CONN_INLINE)
		stream_acknowledged(in, stream_highest(in, true));
}

/* Effects */

/* The sender's own word about what it received. For more than was ever seen it is no evidence: our mirror may have
 * lost it, or the sender lies. */
static void take_ack(struct received *r, enum verdict verdict)
{
	struct tcp_dir *back = r->back;
	const struct tcp_view *peer = &r->c->view[!r->pkt->side];
	uint32_t ack = r->pkt->ack, edge = ack + ((uint32_t)r->pkt->window << peer->wscale), before;

	if (!(back->flags & DIR_KNOWN))
		dir_start(back, ack);
	else if ((back->flags & DIR_SENT) && seq_lt(back->snd_nxt, ack) && seq_lt(stream_highest(back, true), ack)) {
		r->t->mirror.stats.acks_before_data++;
		return;
	}
	if (!(back->flags & DIR_HEARD)) {
		back->acked = back->snd_una = ack;
		back->edge = edge;
		back->flags |= DIR_HEARD;
	}
	if (seq_lt(back->acked, ack))
		back->acked = ack;
	if (verdict == TAKEN && seq_lt(back->snd_una, ack) && seq_le(ack, back->snd_nxt))
		back->snd_una = ack;
	if (seq_lt(back->edge, edge))
		back->edge = edge;
	/* With an unknown scale the window we assume is too large to judge by. */
	if (!(r->c->flags & CONN_MIDSTREAM))
		back->flags |= DIR_EDGE;
	if (((uint32_t)r->pkt->window << peer->wscale) > back->window_max)
		back->window_max = (uint32_t)r->pkt->window << peer->wscale;
	before = back->rcv_nxt;
	if (stream_acknowledged(back, ack)) {
		r->t->pool.gaps++;
		packet_event(r->pkt, STREAM_REASSEMBLY_SEQ_GAP);
		r->c->view[!r->pkt->side].flags |= VIEW_GAP;
		r->c->flags |= CONN_LOSSY;
	}
	if (back->rcv_nxt != before)
		back->flags &= (uint16_t)~DIR_RST;      /* it took what came behind the RST */
	if ((back->flags & DIR_FIN) && seq_le(back->rcv_nxt, ack))
		back->flags |= DIR_ENDED;
	if (unlikely(!r->flow->talks) && back->offset > 0 && seq_lt(back->isn + 1, back->acked))
		flow_talks(&r->t->table, r->flow);
}

/* Cuts at stream.reassembly.depth; false where nothing is left. */
static bool within_depth(struct received *r)
{
	struct tcp_dir *in = r->in;
	uint64_t depth = r->t->pool.depth, end;

	if (depth == 0)
		return true;
	end = in->offset + (uint32_t)(r->what.seq + r->what.len - in->pos);
	if (!(in->flags & DIR_DEPTH) && end <= depth)
		return true;
	packet_event(r->pkt, STREAM_REASSEMBLY_DEPTH_REACHED);
	if (in->flags & DIR_DEPTH)
		return false;
	in->flags |= DIR_DEPTH;
	if (end - depth >= r->what.len)
		return false;
	r->what.len -= (uint32_t)(end - depth);
	r->what.end = r->what.seq + r->what.len;
	r->what.fin = false;
	return true;
}

static void take_data(struct received *r, bool doubt)
{
	struct tcp_dir *in = r->in;
	unsigned result = 0;

	r->what.doubt = doubt;
	if (in->flags & DIR_IGNORED) {
		if (seq_le(r->what.seq, in->rcv_nxt)) {
			in->rcv_nxt = in->pos = r->what.end;
			if (r->what.fin)
				in->flags |= DIR_FIN;
		}
		return;
	}
	if (!within_depth(r))
		return;
	/* Before the observer knows of a connection, rules look at the packet as such too. */
	if (r->c->state > TCP_SYN_RECV)
		r->pkt->flags |= PACKET_STREAM_ADDED;
	if (in->queue != NULL && !doubt && contest_note(r->t, r->flow, r->pkt->side, &r->what, r->pkt->payload.data))
		packet_event(r->pkt, STREAM_REASSEMBLY_AMBIGUOUS);
	if (!doubt && seq_le(r->what.seq, in->rcv_nxt))
		result = stream_in_order(&r->t->pool, in, &r->what, r->pkt->payload.data);
	else
		result = stream_insert(&r->t->pool, in, &r->what, r->pkt->payload.data);
	if (result & INSERT_DIFFERS)
		packet_event(r->pkt, STREAM_REASSEMBLY_OVERLAP_DIFFERENT_DATA);
	if (result & INSERT_SHED)
		packet_event(r->pkt, STREAM_REASSEMBLY_INSERT_MEMCAP);
}

static void take_segment(struct received *r, enum verdict verdict)
{
	struct tcp_dir *in = r->in;

	if (verdict == TAKEN && seq_lt(in->snd_nxt, r->what.end))
		in->snd_nxt = r->what.end;
	if (verdict == TAKEN && r->pkt->tcp.has_timestamp && seq_le(r->pkt->seq, in->acked) &&
	    (int32_t)(in->ts_recent - r->pkt->tcp.ts_val) <= 0)
		ts_store(r);
	if (verdict == TAKEN && seq_le(in->rcv_nxt, r->what.end))
		in->flags |= DIR_GREETED;
	if ((r->pkt->tcp_flags & TCP_URG) && verdict == TAKEN && !take_urgent(r))
		return;
	if (r->what.end == r->what.seq || !seq_lt(in->rcv_nxt, r->what.end) || verdict == REFUSED)
		return;
	if (unlikely(seq_le(r->what.end, r->c->view[r->pkt->side].last_ack)))
		r->t->mirror.stats.data_after_ack++;
	/* Behind a FIN or RST: real only if that never arrived, and then the ACK shows it. */
	take_data(r, verdict == DOUBTED || (in->flags & (DIR_FIN | DIR_RST)) != 0);
}

/* What this side sent and nobody will look at again: a copy that comes now is spurious. */
static void note_base(struct tcp_view *v, const struct tcp_dir *d)
{
	uint32_t base = seq_lt(d->rcv_nxt, v->last_ack) ? d->rcv_nxt : v->last_ack;

	if (v->base_seq == 0 || seq_lt(v->base_seq, base))
		v->base_seq = base;
}

void receive(struct tracker *t, struct flow *flow, struct packet *pkt, enum observed_verdict observed)
{
	struct tcp_conn *c = flow->tcp;
	uint32_t syn = pkt->tcp_flags & TCP_SYN ? 1 : 0;
	struct received r = { .t = t, .flow = flow, .c = c, .pkt = pkt };
	enum verdict verdict;
	bool settled;

	r.in = &c->dir[pkt->side];
	r.back = &c->dir[!pkt->side];
	r.now_s = (uint32_t)(pkt->time_ns / 1000000000);
	r.what.seq = pkt->seq + syn;
	r.what.len = (uint32_t)pkt->payload.len;
	r.what.fin = (pkt->tcp_flags & TCP_FIN) != 0;
	r.what.end = r.what.seq + r.what.len + r.what.fin;
	if (pkt->tcp_flags & TCP_RST) {
		take_rst(&r);
		return;
	}
	if (syn) {
		if (pkt->tcp_flags & TCP_ACK)
			take_synack(&r, observed);
		else
			take_syn(&r);
		return;
	}
	settled = (c->state > TCP_SYN_RECV && c->state != TCP_CLOSED) || (c->flags & CONN_MIDSTREAM);
	if (!settled && (!(r.in->flags & r.back->flags & DIR_KNOWN) ||
			 !((r.in->flags & DIR_HEARD) || (r.back->flags & DIR_PASSIVE))))
		return;                         /* no handshake yet */
	if (settled && (!(r.in->flags & r.back->flags & DIR_KNOWN) || r.in->offset == 0))
		settle(&r);
	verdict = judge(&r);
	if (verdict != REFUSED)
		take_ack(&r, verdict);
	take_segment(&r, verdict);
	note_base(&c->view[pkt->side], r.in);
}
