/* input.c - a segment for a connection (RFC 9293 3.10.7, RFC 5961, RFC 7323): is it acceptable, what does it
 * acknowledge, which state follows, and is an answer due now or later. */
#include "stack/host/tcp/tcp.h"

#define PAWS_24_DAYS_S (24u * 86400)
#define PAWS_MSL_MS 60000u

/* ---- acknowledging ---- */

void pcb_incr_quickack(struct tcp_pcb *p, unsigned max)
{
	uint32_t quick = p->rcv_mss ? p->rcv_wnd / (2u * p->rcv_mss) : 2;

	if (quick == 0)
		quick = 2;
	quick = min_u32(quick, max);
	if (quick > p->quick)
		p->quick = (uint8_t)quick;
}

void pcb_enter_quickack(struct tcp_pcb *p, unsigned max)
{
	pcb_incr_quickack(p, max);
	p->pingpong = 0;
	p->ato_us = TCP_ATO_MIN_US;
}

static bool in_quickack(const struct tcp_pcb *p)
{
	return p->quick && p->pingpong < pcb_tune(p)->pingpong_thresh && pcb_tune(p)->quickack;
}

void pcb_send_delayed_ack(struct tcp_pcb *p)
{
	uint64_t ato = p->ato_us, due;

	if (ato > TCP_ATO_MIN_US) {
		uint64_t max = 500000;

		if (p->pingpong >= pcb_tune(p)->pingpong_thresh || p->ack_pending & ACK_PUSHED)
			max = 200000;
		if (p->srtt_us && max_u32(p->srtt_us >> 3, TCP_ATO_MIN_US) < max)
			max = max_u32(p->srtt_us >> 3, TCP_ATO_MIN_US);
		if (ato > max)
			ato = max;
	}
	if (ato > pcb_tune(p)->delack_max_ms * 1000ull)
		ato = pcb_tune(p)->delack_max_ms * 1000ull;
	due = pcb_now(p) + ato * NS_PER_US;
	if (p->ack_pending & ACK_TIMER) {
		/* About to go off anyway. */
		if (p->delack_ns <= pcb_now(p) + (ato >> 2) * NS_PER_US) {
			pcb_send_ack(p);
			return;
		}
		if (p->delack_ns < due)
			due = p->delack_ns;
	}
	p->ack_pending |= ACK_SCHED | ACK_TIMER;
	p->delack_ns = due;
	pcb_timer_update(p);
}

/* Out of order data comes in bursts: after the duplicates that fast retransmit needs, one acknowledgement speaks for
 * several. */
static void compress_ack(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	uint64_t delay;

	if (!p->sack_ok || p->comp_acks >= u->comp_sack_nr) {
		pcb_send_ack(p);
		return;
	}
	if (p->comp_rcv_nxt != p->rcv_nxt) {
		p->comp_rcv_nxt = p->rcv_nxt;
		p->dup_acks = 0;
	}
	if (p->dup_acks < TCP_DUPACKS) {
		p->dup_acks++;
		pcb_send_ack(p);
		return;
	}
	p->comp_acks++;
	if (p->comp_ns != NEVER)
		return;
	delay = (uint64_t)min_u32(p->srtt_us ? p->srtt_us : UINT32_MAX, p->drs_rtt_us ? p->drs_rtt_us : UINT32_MAX) *
		(NS_PER_US >> 3) / 20;
	p->comp_ns = pcb_now(p) + (delay < u->comp_sack_delay_ns ? delay : u->comp_sack_delay_ns);
	pcb_timer_update(p);
}

static void ack_snd_check(struct tcp_pcb *p)
{
	if (!(p->ack_pending & ACK_SCHED))
		return;
	if ((p->rcv_nxt - p->rcv_wup > p->rcv_mss &&
	     (p->rcv_nxt - p->copied_seq < p->lowat || pcb_pick_window(p) >= p->rcv_wnd)) ||
	    in_quickack(p) || p->ack_pending & ACK_NOW) {
		pcb_send_ack(p);
		return;
	}
	if (p->ooo.head)
		compress_ack(p);
	else
		pcb_send_delayed_ack(p);
}

/* The application has read: does the peer have to know? */
void pcb_cleanup_rbuf(struct tcp_pcb *p, uint32_t copied)
{
	bool now = false;

	if (p->ack_pending & ACK_SCHED) {
		const bool small = p->ack_pending & ACK_PUSHED2 ||
				   (p->ack_pending & ACK_PUSHED && p->pingpong < pcb_tune(p)->pingpong_thresh);

		if (p->rcv_nxt - p->rcv_wup > p->rcv_mss || (copied && small && p->in_charge == 0))
			now = true;
	}
	if (copied && !now && !p->rcv_shutdown) {
		const uint32_t window = pcb_receive_window(p);

		if (2 * window <= p->window_clamp) {
			const uint32_t fresh = pcb_pick_window(p);

			if (fresh && fresh >= 2 * window)
				now = true;
		}
	}
	if (now)
		pcb_send_ack(p);
}

/* ---- what is refused ---- */

/* RFC 5961 7: the host as a whole answers only so many a second. */
bool tcp_challenge_allowed(struct tapir_host *h)
{
	struct tcp *t = tcp_of(h);
	const uint32_t now = (uint32_t)(h->now_ns / NS_PER_S);

	if (t->challenge_s != now) {
		const uint32_t half = (t->tune.challenge_ack_limit + 1) / 2;

		t->challenge_s = now;
		/* Not the same number each second, so that nobody counts others' by ours. */
		t->challenges = t->tune.challenge_ack_limit == UINT32_MAX
				? UINT32_MAX : half + host_random_below(h, max_u32(t->tune.challenge_ack_limit, 1));
	}
	if (t->challenges == 0) {
		t->count.challenge_limited++;
		return false;
	}
	if (t->challenges != UINT32_MAX)
		t->challenges--;
	t->count.challenge_acks++;
	return true;
}

/* One connection answers what lies outside its window once in half a second; but data always (SYNs are none). */
bool tcp_oow_limited(struct tapir_host *h, const struct packet *pkt, uint32_t *last_ms)
{
	const uint32_t limit = tcp_of(h)->tune.invalid_ratelimit;
	const uint32_t now = tcp_now_ms(h);

	if (pkt && pkt->payload.len && !(pkt->tcp_flags & TCP_SYN))
		return false;
	if (*last_ms && now - *last_ms < limit) {
		tcp_of(h)->count.challenge_limited++;
		return true;
	}
	*last_ms = now;
	return false;
}

void pcb_challenge_ack(struct tcp_pcb *p)
{
	if (!tcp_oow_limited(p->s.host, NULL, &p->last_oow_ms) && tcp_challenge_allowed(p->s.host))
		pcb_send_ack(p);
}

static void read_timestamp(struct tcp_pcb *p, const struct packet *pkt)
{
	p->saw_ts = pkt->tcp.has_timestamp && p->ts_ok;
	if (p->saw_ts)
		p->tsecr = pkt->tcp.ts_ecr ? pkt->tcp.ts_ecr - p->ts_off : 0;
}

/* RFC 7323 5: an old duplicate by its timestamp, and not a reordered acknowledgement. */
static bool paws_discard(const struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t now_s = (uint32_t)(pcb_now(p) / NS_PER_S);

	if (!p->saw_ts || (int32_t)(p->ts_recent - pkt->tcp.ts_val) <= 0 || p->ts_recent == 0 ||
	    now_s - p->ts_recent_s > PAWS_24_DAYS_S)
		return false;
	if (pkt->tcp_flags & TCP_ACK && tcp_segment_len(pkt) == 0 && pkt->seq == p->rcv_nxt &&
	    pkt->ack == p->snd_una && ((uint32_t)pkt->window << p->snd_wscale) == p->snd_wnd &&
	    (uint64_t)(p->ts_recent - pkt->tcp.ts_val) <= p->rto_us / 1000)
		return false;
	return true;
}

static bool in_window(const struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t end = pkt->seq + tcp_segment_len(pkt);

	return !seq_lt(end, p->rcv_wup) && !seq_gt(pkt->seq, p->rcv_nxt + pcb_receive_window(p));
}

/* A RST one below what is expected, after the peer's FIN: what some middleboxes' RST looks like. */
static bool reset_after_fin(const struct tcp_pcb *p, const struct packet *pkt)
{
	return pkt->seq == p->rcv_nxt - 1 && pcb_in(p, PCB_BIT(CLOSE_WAIT) | PCB_BIT(LAST_ACK) | PCB_BIT(CLOSING));
}

static void segment_reset(struct tcp_pcb *p)
{
	int error = ECONNRESET;

	if (p->state == PCB_SYN_SENT)
		error = ECONNREFUSED;
	else if (p->state == PCB_CLOSE_WAIT)
		error = EPIPE;
	pcb_tcp(p)->count.resets_in++;
	pcb_fail(p, error);
}

static void handle_reset(struct tcp_pcb *p, const struct packet *pkt)
{
	bool exact = pkt->seq == p->rcv_nxt || reset_after_fin(p, pkt) || pcb_tune(p)->insecure_rst;

	/* The peer's RST stands behind data that we have not in order yet. */
	if (!exact && p->sack_ok && p->sack_count) {
		uint32_t high = p->extra->sacks[0].end;

		for (unsigned i = 1; i < p->sack_count; i++)
			high = seq_max(high, p->extra->sacks[i].end);
		exact = pkt->seq == high;
	}
	if (exact) {
		segment_reset(p);
		return;
	}
	pcb_tcp(p)->count.blind_reset++;
	pcb_challenge_ack(p);
}

static void challenge_syn(struct tcp_pcb *p)
{
	pcb_tcp(p)->count.blind_syn++;
	pcb_challenge_ack(p);
}

/* True: acceptable, go on. */
static bool validate(struct tcp_pcb *p, const struct packet *pkt)
{
	const bool rst = pkt->tcp_flags & TCP_RST, syn = pkt->tcp_flags & TCP_SYN;

	if (paws_discard(p, pkt) && !rst) {
		pcb_tcp(p)->count.paws++;
		if (syn)
			challenge_syn(p);
		else if (!tcp_oow_limited(p->s.host, pkt, &p->last_oow_ms))
			pcb_dupack(p, pkt);
		return false;
	}
	if (!in_window(p, pkt)) {
		pcb_tcp(p)->count.out_of_window++;
		if (rst) {
			if (reset_after_fin(p, pkt))
				segment_reset(p);
		} else if (syn) {
			challenge_syn(p);
		} else if (!tcp_oow_limited(p->s.host, pkt, &p->last_oow_ms)) {
			pcb_dupack(p, pkt);
		}
		return false;
	}
	if (rst) {
		handle_reset(p, pkt);
		return false;
	}
	if (syn) {
		/* A crossed SYN-ACK finishes a simultaneous open. */
		if (p->state == PCB_SYN_RECV && pkt->tcp_flags & TCP_ACK && pkt->seq + 1 == p->rcv_nxt &&
		    pkt->payload.len == 0 && pkt->ack == p->snd_nxt)
			return true;
		challenge_syn(p);
		return false;
	}
	return true;
}

/* ---- set-up ---- */

void pcb_init_rcv_mss(struct tcp_pcb *p)
{
	uint32_t hint = min_u32(p->advmss, p->mss);

	hint = min_u32(hint, p->rcv_wnd / 2);
	hint = min_u32(hint, PCB_MSS_DEFAULT);
	p->rcv_mss = (uint16_t)max_u32(hint, PCB_MSS_MIN);
}

void pcb_parse_syn_options(struct tcp_pcb *p, const struct packet *pkt)
{
	const struct tcp_tunables *u = pcb_tune(p);
	uint16_t mss = pkt->tcp.has_mss && pkt->tcp.mss ? pkt->tcp.mss : PCB_MSS_DEFAULT;

	if (p->user_mss && p->user_mss < mss)
		mss = p->user_mss;
	p->mss_clamp = mss;
	p->ts_ok = pkt->tcp.has_timestamp && u->timestamps;
	p->sack_ok = pkt->tcp.sack_permitted && u->sack;
	p->wscale_ok = pkt->tcp.has_wscale && u->window_scaling;
	p->snd_wscale = p->wscale_ok ? (uint8_t)min_u32(pkt->tcp.wscale, TCP_WSCALE_MAX) : 0;
	if (!p->wscale_ok) {
		p->rcv_wscale = 0;
		p->window_clamp = min_u32(p->window_clamp, TCP_WINDOW_MAX);
	}
	if (p->ts_ok) {
		p->advmss -= TCP_TS_SPACE;
		p->ts_recent = pkt->tcp.ts_val;
		p->ts_recent_s = (uint32_t)(pcb_now(p) / NS_PER_S);
	}
}

static void ecn_of_syn(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint8_t want = pkt->tcp_flags & TCP_ACK ? TCP_ECE : TCP_ECE | TCP_CWR;

	if ((pkt->tcp_flags & (TCP_ECE | TCP_CWR)) != want)
		p->ecn = 0;
}

void pcb_init_transfer(struct tcp_pcb *p)
{
	/* RFC 5681 3.1: not when the handshake lost more than a packet. */
	p->cwnd = p->total_retrans > 1 && p->undo_marker ? 1 : pcb_tune(p)->init_cwnd;
	p->cwnd_ms = pcb_now_ms(p);
	if (p->ca->init)
		p->ca->init(p);
	pcb_init_buffers(p);
	p->sent_ms = p->rcv_ms = pcb_now_ms(p);
	pcb_tcp(p)->count.established++;
	if (p->s.keepalive)
		pcb_keepalive_set(p, true);
}

static void reject_syn_sent(struct tcp_pcb *p, const struct packet *pkt)
{
	if (p->retransmits == 0 && p->timer_kind == TIMER_RETRANS)
		pcb_set_timer(p, TIMER_RETRANS, TCP_TIMER_MIN_US);
	tcp_reply_reset(p->s.host, pkt);
}

/* What a fast open's SYN-ACK says about cookie and data (RFC 7413 4.1.3). */
static void fast_open_answered(struct tcp_pcb *p, const struct packet *pkt)
{
	if (pkt->tcp.has_fast_open && pkt->tcp.fast_open.len)
		tcp_fast_open_note(p->s.host, p->s.bind.version, &p->s.bind.remote, pkt->tcp.fast_open, p->mss_clamp);
	if (!p->syn_data)
		return;
	p->syn_data_acked = p->snd_una == p->snd_nxt;
	if (p->packets_out) {
		/* The server took the SYN alone: its data goes out at once again. */
		for (uint32_t i = 0; i < p->segs.sent; i++)
			pcb_mark_lost(p, segq_at(&p->segs, i));
		p->retrans_stamp = 0;
		pcb_xmit_retransmit_queue(p);
		pcb_rearm_rto(p);
	}
}

static void syn_acked(struct tcp_pcb *p, const struct packet *pkt)
{
	ecn_of_syn(p, pkt);
	p->snd_wl1 = pkt->seq;
	pcb_parse_syn_options(p, pkt);
	read_timestamp(p, pkt);
	/* A SYN that was sent again for nothing shows in the echo. */
	if (p->undo_marker && p->saw_ts && p->retrans_stamp && p->tsecr &&
	    (int32_t)(p->tsecr - p->retrans_stamp) < 0)
		p->undo_marker = 0;
	pcb_ack(p, pkt, FLAG_SLOWPATH);
	p->irs = pkt->seq;
	p->rcv_nxt = p->rcv_wup = p->copied_seq = pkt->seq + 1;
	p->snd_wnd = pkt->window;
	p->max_window = max_u32(p->max_window, p->snd_wnd);
	pcb_sync_mss(p, p->pmtu);
	pcb_init_rcv_mss(p);
	pcb_set_state(p, PCB_ESTABLISHED);
	pcb_init_transfer(p);
	if (p->syn_fast_open)
		fast_open_answered(p, pkt);
	pcb_wake(p, POLLOUT);
	if (p->pingpong >= pcb_tune(p)->pingpong_thresh || p->defer_ack) {
		/* The first data will carry the acknowledgement. */
		p->ack_pending |= ACK_SCHED | ACK_TIMER;
		pcb_enter_quickack(p, TCP_QUICKACKS_MAX);
		p->delack_ns = pcb_now(p) + 200 * NS_PER_MS;
		pcb_timer_update(p);
	} else {
		pcb_send_ack(p);
	}
}

static void input_syn_sent(struct tcp_pcb *p, const struct packet *pkt)
{
	const bool ack = pkt->tcp_flags & TCP_ACK;

	if (ack) {
		if (!seq_gt(pkt->ack, p->snd_una) || seq_gt(pkt->ack, p->snd_nxt)) {
			reject_syn_sent(p, pkt);
			return;
		}
		if (pkt->tcp_flags & TCP_RST) {
			segment_reset(p);
			return;
		}
		if (!(pkt->tcp_flags & TCP_SYN))
			return;
		syn_acked(p, pkt);
		if (p->state != PCB_CLOSED) {
			pcb_check_urgent(p, pkt);
			pcb_data_snd_check(p);
		}
		return;
	}
	if (pkt->tcp_flags & TCP_RST || !(pkt->tcp_flags & TCP_SYN))
		return;
	/* Both sides called at once. */
	ecn_of_syn(p, pkt);
	pcb_parse_syn_options(p, pkt);
	p->irs = pkt->seq;
	p->rcv_nxt = p->rcv_wup = p->copied_seq = pkt->seq + 1;
	p->snd_wnd = p->max_window = pkt->window;
	p->snd_wl1 = pkt->seq;
	pcb_set_state(p, PCB_SYN_RECV);
	pcb_sync_mss(p, p->pmtu);
	pcb_init_rcv_mss(p);
	pcb_send_syn(p, true);
}

/* ---- the states behind the handshake ---- */

static void established_from_syn_recv(struct tcp_pcb *p, const struct packet *pkt)
{
	if (p->passive)
		p->delivered++;
	p->retrans_stamp = 0;
	if (!p->tfo_child) {
		pcb_init_transfer(p);
		p->copied_seq = p->rcv_nxt;
	}
	pcb_set_state(p, PCB_ESTABLISHED);
	p->snd_wnd = (uint32_t)pkt->window << p->snd_wscale;
	p->max_window = max_u32(p->max_window, p->snd_wnd);
	p->snd_wl1 = pkt->seq;
	p->snd_una = seq_max(p->snd_una, pkt->ack);
	p->sent_ms = pcb_now_ms(p);
	pcb_init_rcv_mss(p);
	if (p->parent && p->tfo_child) {
		if (p->parent->listener->fast_open_count)
			p->parent->listener->fast_open_count--;
		p->tfo_child = false;
	}
	if (p->snd_shutdown)
		pcb_shutdown_send(p);
	pcb_wake(p, POLLOUT);
}

/* Our FIN has been acknowledged. True: the connection is gone, or elsewhere. */
static bool fin_acked(struct tcp_pcb *p, const struct packet *pkt)
{
	const bool fin = pkt->tcp_flags & TCP_FIN;
	uint32_t timeout;

	pcb_set_state(p, PCB_FIN_WAIT2);
	p->snd_shutdown = true;
	if (!p->dead) {
		pcb_wake(p, POLLOUT | POLLHUP);
		return false;
	}
	if (p->linger2_s == UINT32_MAX ||
	    (pkt->payload.len && seq_gt(pkt->seq + (uint32_t)pkt->payload.len, p->rcv_nxt))) {
		if (p->linger2_s != UINT32_MAX) {
			tcp_reply_reset(p->s.host, pkt);
			pcb_tcp(p)->count.aborted++;
		}
		pcb_done(p);
		return true;
	}
	timeout = pcb_fin_timeout_s(p);
	if (timeout > 60) {
		pcb_keep_reset(p, (timeout - 60) * NS_PER_S);
	} else if (fin) {
		pcb_keep_reset(p, timeout * NS_PER_S);
	} else {
		pcb_time_wait(p, PCB_FIN_WAIT2, timeout * NS_PER_S);
		return true;
	}
	return false;
}

/* True: done with the segment. */
static bool state_after_ack(struct tcp_pcb *p, const struct packet *pkt)
{
	const bool all = p->snd_una == p->write_seq;

	switch (p->state) {
	case PCB_SYN_RECV:
		established_from_syn_recv(p, pkt);
		return false;
	case PCB_FIN_WAIT1:
		return all && fin_acked(p, pkt);
	case PCB_CLOSING:
		if (all)
			pcb_time_wait(p, PCB_TIME_WAIT, 0);
		return all;
	case PCB_LAST_ACK:
		if (all)
			pcb_done(p);
		return all;
	default:
		return false;
	}
}

static void segment_text(struct tcp_pcb *p, const struct packet *pkt)
{
	const bool closing = pcb_in(p, PCB_BIT(CLOSE_WAIT) | PCB_BIT(CLOSING) | PCB_BIT(LAST_ACK));

	if (closing && !seq_lt(pkt->seq, p->rcv_nxt))
		return;
	/* RFC 1122 4.2.2.13: nobody will ever read this. */
	if (pcb_in(p, PCB_BIT(FIN_WAIT1) | PCB_BIT(FIN_WAIT2)) && p->rcv_shutdown && p->dead && pkt->payload.len &&
	    seq_gt(pkt->seq + (uint32_t)pkt->payload.len, p->rcv_nxt)) {
		pcb_tcp(p)->count.aborted++;
		tcp_reply_reset(p->s.host, pkt);
		pcb_fail(p, ECONNRESET);
		return;
	}
	pcb_data_queue(p, pkt);
}

static void input_synchronized(struct tcp_pcb *p, const struct packet *pkt)
{
	int acked;

	read_timestamp(p, pkt);
	if (!validate(p, pkt))
		return;
	if (!(pkt->tcp_flags & (TCP_ACK | TCP_RST | TCP_SYN)))
		return;
	if (p->state == PCB_SYN_RECV) {
		if (!(pkt->tcp_flags & TCP_ACK) || !seq_gt(pkt->ack, p->iss) || seq_gt(pkt->ack, p->snd_nxt)) {
			tcp_reply_reset(p->s.host, pkt);
			return;
		}
	}
	acked = pcb_ack(p, pkt, FLAG_SLOWPATH | FLAG_UPDATE_TS |
				 (p->state == PCB_ESTABLISHED ? 0 : FLAG_NO_CHALLENGE));
	if (acked < 0 || (acked == 0 && p->state == PCB_SYN_RECV)) {
		if (acked == -1 || p->state != PCB_ESTABLISHED)
			pcb_challenge_ack(p);
		return;
	}
	pcb_rcv_rtt_measure_ts(p, pkt);
	if (state_after_ack(p, pkt))
		return;
	pcb_check_urgent(p, pkt);
	segment_text(p, pkt);
	if (p->state == PCB_CLOSED)
		return;
	pcb_data_snd_check(p);
	ack_snd_check(p);
}

void pcb_input(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t una = p->snd_una;

	p->segs_in++;
	if (pkt->payload.len)
		p->data_segs_in++;
	if (p->state == PCB_SYN_SENT)
		input_syn_sent(p, pkt);
	else if (p->state != PCB_CLOSED)
		input_synchronized(p, pkt);
	if (p->state == PCB_CLOSED) {
		pcb_release(p);
		return;
	}
	if (p->snd_una != una)
		pcb_write_space(p);
	pcb_timer_update(p);
}
