/* recovery.c - losses: what SACK says (RFC 2018, 2883, 6675), the states between suspicion and recovery, proportional
 * rate reduction (RFC 6937), and undoing what turned out to be unnecessary (RFC 3708, 4015, 5682). */
#include "stack/host/tcp/tcp.h"

#define RACK_PERSIST 16

void pcb_set_ca_state(struct tcp_pcb *p, enum pcb_ca_state state)
{
	if (p->ca->state)
		p->ca->state(p, (uint8_t)state);
	p->ca_state = (uint8_t)state;
}

void pcb_delivered(struct tcp_pcb *p, uint32_t n, bool ece)
{
	p->delivered += n;
	if (ece)
		p->delivered_ce += n;
}

static uint32_t fack(const struct tcp_pcb *p)
{
	return p->sacked_out ? p->highest_sack : p->snd_una;
}

bool pcb_cwnd_is_limited(const struct tcp_pcb *p)
{
	if (p->is_cwnd_limited)
		return true;
	return pcb_in_slow_start(p) && p->cwnd < 2 * p->max_packets_out;
}

static uint32_t current_ssthresh(const struct tcp_pcb *p)
{
	if (pcb_cwnd_reducing(p))
		return p->ssthresh;
	return max_u32(p->ssthresh, (p->cwnd >> 1) + (p->cwnd >> 2));
}

/* RFC 2861: a window that wasn't used for a while is none. */
void pcb_slow_start_after_idle(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	int64_t idle = (int64_t)(pcb_now_ms(p) - p->sent_ms) * 1000;
	const uint32_t restart = min_u32(u->init_cwnd, p->cwnd);

	if (!u->slow_start_after_idle || p->packets_out || idle <= p->rto_us)
		return;
	p->ssthresh = current_ssthresh(p);
	while ((idle -= p->rto_us) > 0 && p->cwnd > restart)
		p->cwnd >>= 1;
	p->cwnd = max_u32(p->cwnd, restart);
	p->cwnd_ms = pcb_now_ms(p);
	p->cwnd_used = 0;
}

/* ---- reordering ---- */

void pcb_check_reordering(struct tcp_pcb *p, uint32_t low_seq, bool ts)
{
	const uint32_t high = fack(p);
	uint32_t metric;

	(void)ts;
	if (!seq_lt(low_seq, high))
		return;
	metric = high - low_seq;
	if (metric > p->reordering * p->mss)
		p->reordering = min_u32((metric + p->mss - 1) / p->mss, pcb_tune(p)->max_reordering);
	p->reord_seen++;
	pcb_tcp(p)->count.reordering++;
}

/* Without SACK each duplicate acknowledgement stands for a packet that arrived; no more than can have. */
void pcb_reno_limit(struct tcp_pcb *p, uint32_t more)
{
	const uint32_t holes = min_u32(max_u32(p->lost_out, 1), p->packets_out);

	if (p->sacked_out + holes > p->packets_out) {
		p->sacked_out = p->packets_out - holes;
		p->reordering = min_u32(max_u32(p->packets_out + more, p->reordering), pcb_tune(p)->max_reordering);
		p->reord_seen++;
	}
}

static void reno_add(struct tcp_pcb *p, uint32_t dupacks, bool ece)
{
	const uint32_t before = p->sacked_out;

	if (dupacks == 0)
		return;
	p->sacked_out += dupacks;
	pcb_reno_limit(p, 0);
	if (p->sacked_out > before)
		pcb_delivered(p, p->sacked_out - before, ece);
}

/* ---- marks ---- */

void pcb_mark_lost(struct tcp_pcb *p, struct tcp_seg *s)
{
	if (s->marks & SEG_SACKED)
		return;
	if (s->marks & SEG_LOST) {
		if (s->marks & SEG_RETRANS) {
			s->marks &= (uint8_t)~SEG_RETRANS;
			p->retrans_out -= s->pcount;
			p->lost += s->pcount;
		}
		return;
	}
	s->marks |= SEG_LOST;
	p->lost_out += s->pcount;
	p->lost += s->pcount;
}

static uint32_t dsack_seen(struct tcp_pcb *p, struct tcp_ack *a, uint32_t start, uint32_t end)
{
	uint32_t dups = 1;

	if (!seq_lt(start, end) || end - start > p->max_window)
		return 0;
	if (end - start > p->mss)
		dups = (end - start + p->mss - 1) / p->mss;
	else if (p->tlp_high_seq && p->tlp_high_seq == end)
		a->flag |= FLAG_DSACK_TLP;
	p->dsack_dups += dups;
	/* More duplicates than were ever sent again: the network makes them. */
	if (p->dsack_dups > p->total_retrans)
		return 0;
	p->dsack_seen = true;
	if (p->reord_seen && !(a->flag & FLAG_DSACK_TLP))
		p->rack_dsack_seen = true;
	a->flag |= FLAG_DSACKING;
	a->sack_delivered += (int32_t)dups;
	pcb_tcp(p)->count.dsack_in++;
	return dups;
}

/* Is the first block a duplicate's? */
static bool check_dsack(struct tcp_pcb *p, struct tcp_ack *a)
{
	const struct tcp_options *o = &a->pkt->tcp;
	const uint32_t start = o->sack[0][0], end = o->sack[0][1];
	uint32_t dups;

	if (!seq_lt(start, a->pkt->ack) &&
	    (o->sack_blocks < 2 || seq_gt(end, o->sack[1][1]) || seq_lt(start, o->sack[1][0])))
		return false;
	dups = dsack_seen(p, a, start, end);
	if (dups == 0)
		return false;
	if (p->undo_marker && p->undo_retrans > 0 && !seq_gt(end, a->prior_una) && seq_gt(end, p->undo_marker)) {
		p->undo_retrans -= (int32_t)dups;
		if (p->undo_retrans < 0)
			p->undo_retrans = 0;
	}
	return true;
}

static bool block_valid(const struct tcp_pcb *p, bool dsack, uint32_t start, uint32_t end)
{
	if (seq_gt(end, p->snd_nxt) || !seq_lt(start, end) || !seq_lt(start, p->snd_nxt))
		return false;
	if (seq_gt(start, p->snd_una))
		return true;
	if (!dsack || !p->undo_marker || seq_gt(end, p->snd_una))
		return false;
	if (!seq_lt(start, p->undo_marker))
		return true;
	return seq_gt(end, p->undo_marker) && !seq_lt(start, end - p->max_window);
}

static void newly_sacked(struct tcp_pcb *p, struct tcp_ack *a, struct tcp_seg *s)
{
	pcb_rack_advance(p, s);
	if (s->marks & SEG_RETRANS) {
		if (s->marks & SEG_LOST) {
			s->marks &= (uint8_t)~(SEG_LOST | SEG_RETRANS);
			p->lost_out -= s->pcount;
			p->retrans_out -= s->pcount;
		}
	} else {
		if (!(s->marks & SEG_EVER_RETRANS)) {
			if (seq_lt(s->seq, fack(p)))
				a->reord = seq_min(a->reord, s->seq);
			if (!seq_gt(s->end, p->high_seq))
				a->flag |= FLAG_ORIG_SACK_ACKED;
			if (a->first_sack_ns == 0)
				a->first_sack_ns = s->sent_ns + 1;
			a->last_sack_ns = s->sent_ns + 1;
		}
		if (s->marks & SEG_LOST) {
			s->marks &= (uint8_t)~SEG_LOST;
			p->lost_out -= s->pcount;
		}
	}
	s->marks |= SEG_SACKED;
	if (p->sacked_out == 0 || seq_gt(s->end, p->highest_sack))
		p->highest_sack = s->end;
	p->sacked_out += s->pcount;
	a->flag |= FLAG_DATA_SACKED;
	a->sack_delivered += s->pcount;
	if (seq_gt(s->delivered, a->prior_delivered) || a->prior_delivered == 0)
		a->prior_delivered = s->delivered;
}

static void sack_segment(struct tcp_pcb *p, struct tcp_ack *a, struct tcp_seg *s, bool dsack)
{
	if (dsack && s->marks & (SEG_RETRANS | SEG_EVER_RETRANS)) {
		if (p->undo_marker && p->undo_retrans > 0 && seq_gt(s->end, p->undo_marker)) {
			p->undo_retrans -= s->pcount;
			if (p->undo_retrans < 0)
				p->undo_retrans = 0;
		}
		if (s->marks & SEG_SACKED)
			a->reord = seq_min(a->reord, s->seq);
	}
	if (!seq_gt(s->end, p->snd_una))
		return;
	if (!(s->marks & SEG_SACKED))
		newly_sacked(p, a, s);
	if (dsack && s->marks & SEG_RETRANS) {
		s->marks &= (uint8_t)~SEG_RETRANS;
		p->retrans_out -= s->pcount;
	}
}

void pcb_sack_tag(struct tcp_pcb *p, struct tcp_ack *a)
{
	const struct tcp_options *o = &a->pkt->tcp;
	const bool dsack = check_dsack(p, a);

	if (p->packets_out == 0 || seq_lt(a->pkt->ack, a->prior_una - p->max_window))
		return;
	for (unsigned n = 0; n < o->sack_blocks; n++) {
		const uint32_t start = o->sack[n][0], end = o->sack[n][1];
		const bool dup = dsack && n == 0;

		if (!block_valid(p, dup, start, end))
			continue;
		for (uint32_t i = segq_find(&p->segs, start); i < p->segs.sent; i++) {
			struct tcp_seg *s = segq_at(&p->segs, i);

			if (seq_geq(s->seq, end))
				break;
			/* A packet counts where it is covered as a whole; of several, those that are. */
			if (s->pcount > 1 && seq_lt(s->seq, start)) {
				const uint32_t head = (start - s->seq + p->mss - 1) / p->mss * p->mss;

				if (head < seg_len(s))
					pcb_split(p, i, head);
				continue;
			}
			if (s->pcount > 1 && seq_gt(s->end, end) && end - s->seq >= p->mss &&
			    pcb_split(p, i, (end - s->seq) / p->mss * p->mss))
				s = segq_at(&p->segs, i);
			if (seq_lt(s->seq, start) || seq_gt(s->end, end))
				continue;
			sack_segment(p, a, s, dup);
		}
	}
	if (p->ca_state != CA_LOSS || p->undo_marker)
		if (seq_lt(a->reord, fack(p)))
			pcb_check_reordering(p, a->reord, false);
}

/* ---- the congestion window in recovery ---- */

void pcb_init_undo(struct tcp_pcb *p)
{
	p->undo_marker = p->snd_una;
	p->undo_retrans = (int32_t)p->retrans_out;
	/* A probe that is still out may come back as a duplicate. */
	if (p->tlp_high_seq && p->tlp_retrans)
		p->undo_retrans++;
	if (p->undo_retrans == 0)
		p->undo_retrans = -1;
}

void pcb_init_cwnd_reduction(struct tcp_pcb *p)
{
	p->high_seq = p->snd_nxt;
	p->tlp_high_seq = 0;
	p->cwnd_cnt = 0;
	p->prior_cwnd = p->cwnd;
	p->prr_delivered = p->prr_out = 0;
	p->ssthresh = p->ca->ssthresh(p);
	if (p->ecn & ECN_OK)
		p->ecn |= ECN_QUEUE_CWR;
}

void pcb_cwnd_reduction(struct tcp_pcb *p, uint32_t acked, uint32_t lost, unsigned flag)
{
	const int32_t delta = (int32_t)(p->ssthresh - pcb_in_flight(p));
	int32_t send;

	if (acked == 0 || p->prior_cwnd == 0)
		return;
	p->prr_delivered += acked;
	if (delta < 0) {
		const uint64_t share = (uint64_t)p->ssthresh * p->prr_delivered + p->prior_cwnd - 1;

		send = (int32_t)(share / p->prior_cwnd) - (int32_t)p->prr_out;
	} else {
		send = (int32_t)(p->prr_delivered - p->prr_out);
		if (send < (int32_t)acked)
			send = (int32_t)acked;
		if (flag & FLAG_SND_UNA_ADVANCED && lost == 0)
			send++;
		if (send > delta)
			send = delta;
	}
	/* The first retransmission goes out whatever comes. */
	if (send < (p->prr_out ? 0 : 1))
		send = p->prr_out ? 0 : 1;
	p->cwnd = pcb_in_flight(p) + (uint32_t)send;
}

void pcb_end_cwnd_reduction(struct tcp_pcb *p)
{
	if (p->ssthresh < TCP_INFINITE_SSTHRESH && (p->ca_state == CA_CWR || p->undo_marker)) {
		p->cwnd = p->ssthresh;
		p->cwnd_ms = pcb_now_ms(p);
	}
}

void pcb_enter_cwr(struct tcp_pcb *p)
{
	p->prior_ssthresh = 0;
	if (p->ca_state < CA_CWR) {
		p->undo_marker = 0;
		pcb_init_cwnd_reduction(p);
		pcb_set_ca_state(p, CA_CWR);
	}
}

static bool any_retrans_done(const struct tcp_pcb *p)
{
	return p->retrans_out || (p->segs.sent && segq_at(&p->segs, 0)->marks & SEG_EVER_RETRANS);
}

void pcb_try_keep_open(struct tcp_pcb *p)
{
	const enum pcb_ca_state state = p->sacked_out + p->lost_out || any_retrans_done(p) ? CA_DISORDER : CA_OPEN;

	if (p->ca_state != state) {
		pcb_set_ca_state(p, state);
		p->high_seq = p->snd_nxt;
	}
}

static void try_to_open(struct tcp_pcb *p, unsigned flag)
{
	if (!any_retrans_done(p))
		p->retrans_stamp = 0;
	if (flag & FLAG_ECE)
		pcb_enter_cwr(p);
	if (p->ca_state != CA_CWR)
		pcb_try_keep_open(p);
}

void pcb_enter_recovery(struct tcp_pcb *p, bool ece)
{
	p->prior_ssthresh = 0;
	pcb_init_undo(p);
	if (!pcb_cwnd_reducing(p)) {
		if (!ece)
			p->prior_ssthresh = current_ssthresh(p);
		pcb_init_cwnd_reduction(p);
	}
	pcb_set_ca_state(p, CA_RECOVERY);
}

/* A retransmission timeout. */
void pcb_enter_loss(struct tcp_pcb *p)
{
	const bool fresh = p->ca_state < CA_RECOVERY;
	const uint32_t reordering = pcb_tune(p)->reordering;
	const bool reneged = p->segs.sent && segq_at(&p->segs, 0)->marks & SEG_SACKED;

	if (reneged || !p->sack_ok)
		p->sacked_out = 0;
	for (uint32_t i = 0; i < p->segs.sent; i++) {
		struct tcp_seg *s = segq_at(&p->segs, i);

		if (reneged)
			s->marks &= (uint8_t)~SEG_SACKED;
		else if (i && p->rack_rtt_us > pcb_seq_rtt(p, s->sent_ns))
			continue;               /* sent too recently to be missed */
		pcb_mark_lost(p, s);
	}
	if (p->ca_state <= CA_DISORDER || !seq_gt(p->high_seq, p->snd_una) ||
	    (p->ca_state == CA_LOSS && p->retransmits == 0)) {
		p->prior_ssthresh = current_ssthresh(p);
		p->prior_cwnd = p->cwnd;
		p->ssthresh = p->ca->ssthresh(p);
		pcb_init_undo(p);
	}
	p->cwnd = pcb_in_flight(p) + 1;
	p->cwnd_cnt = 0;
	p->cwnd_ms = pcb_now_ms(p);
	if (p->ca_state <= CA_DISORDER && p->sacked_out >= reordering)
		p->reordering = min_u32(p->reordering, reordering);
	pcb_set_ca_state(p, CA_LOSS);
	p->high_seq = p->snd_nxt;
	p->tlp_high_seq = 0;
	if (p->ecn & ECN_OK)
		p->ecn |= ECN_QUEUE_CWR;
	p->frto = pcb_tune(p)->frto && (fresh || p->retransmits);
}

/* ---- undo ---- */

/* What was acknowledged was sent before the first retransmission. */
static bool packet_delayed(const struct tcp_pcb *p)
{
	return p->retrans_stamp && p->saw_ts && p->tsecr && (int32_t)(p->tsecr - p->retrans_stamp) < 0;
}

static bool may_undo(const struct tcp_pcb *p)
{
	return p->undo_marker && (p->undo_retrans == 0 || packet_delayed(p));
}

static void undo_cwnd_reduction(struct tcp_pcb *p, bool unmark)
{
	if (unmark) {
		for (uint32_t i = 0; i < p->segs.sent; i++)
			segq_at(&p->segs, i)->marks &= (uint8_t)~SEG_LOST;
		p->lost_out = 0;
	}
	if (p->prior_ssthresh) {
		p->cwnd = max_u32(p->cwnd, p->prior_cwnd);
		if (p->prior_ssthresh > p->ssthresh) {
			p->ssthresh = p->prior_ssthresh;
			p->ecn &= (uint8_t)~ECN_QUEUE_CWR;
		}
	}
	p->cwnd_ms = pcb_now_ms(p);
	p->undo_marker = 0;
	p->rack_advanced = true;
}

/* Without SACK the state is kept until something beyond it is acknowledged (RFC 6582). */
static bool held_without_sack(struct tcp_pcb *p)
{
	if (p->snd_una != p->high_seq || p->sack_ok)
		return false;
	if (!any_retrans_done(p))
		p->retrans_stamp = 0;
	return true;
}

static bool try_undo_recovery(struct tcp_pcb *p)
{
	if (may_undo(p))
		undo_cwnd_reduction(p, false);
	else if (p->rack_persist)
		p->rack_persist--;
	if (held_without_sack(p))
		return true;
	pcb_set_ca_state(p, CA_OPEN);
	return false;
}

static bool try_undo_dsack(struct tcp_pcb *p)
{
	if (!p->undo_marker || p->undo_retrans != 0)
		return false;
	if (p->rack_persist < RACK_PERSIST)
		p->rack_persist++;
	undo_cwnd_reduction(p, false);
	return true;
}

static bool try_undo_loss(struct tcp_pcb *p, bool frto)
{
	if (!frto && !may_undo(p))
		return false;
	undo_cwnd_reduction(p, true);
	pcb_tcp(p)->count.spurious_rto++;
	p->retransmits = 0;
	if (held_without_sack(p))
		return true;
	if (frto || p->sack_ok)
		pcb_set_ca_state(p, CA_OPEN);
	return true;
}

/* True: nothing more to do about this ACK. */
static bool try_undo_partial(struct tcp_pcb *p, uint32_t prior_una)
{
	if (!p->undo_marker || !packet_delayed(p))
		return false;
	pcb_check_reordering(p, prior_una, true);
	if (p->retrans_out)
		return true;
	if (!any_retrans_done(p))
		p->retrans_stamp = 0;
	undo_cwnd_reduction(p, true);
	pcb_try_keep_open(p);
	return false;
}

/* ---- the states ---- */

static void process_loss(struct tcp_pcb *p, struct tcp_ack *a, unsigned dupacks)
{
	const bool recovered = !seq_lt(p->snd_una, p->high_seq);

	if (a->flag & FLAG_SND_UNA_ADVANCED && try_undo_loss(p, false))
		return;
	if (p->frto) {
		/* RFC 5682: data that was never sent again has arrived, so the timeout was spurious. */
		if (a->flag & FLAG_ORIG_SACK_ACKED && try_undo_loss(p, true))
			return;
		if (seq_gt(p->snd_nxt, p->high_seq)) {
			if (a->flag & FLAG_DATA_SACKED || dupacks)
				p->frto = false;
		} else if (a->flag & FLAG_SND_UNA_ADVANCED && !recovered) {
			p->high_seq = p->snd_nxt;
			if (p->segs.sent < p->segs.count && seq_gt(pcb_window_end(p), p->snd_nxt)) {
				a->rexmit = REXMIT_NEW;
				return;
			}
			p->frto = false;
		}
	}
	if (recovered) {
		try_undo_recovery(p);
		return;
	}
	if (!p->sack_ok) {
		if (seq_gt(p->snd_nxt, p->high_seq))
			reno_add(p, dupacks, a->flag & FLAG_ECE);
		else if (a->flag & FLAG_SND_UNA_ADVANCED)
			p->sacked_out = 0;
	}
	a->rexmit = REXMIT_LOST;
}

static void identify_loss(struct tcp_pcb *p, struct tcp_ack *a)
{
	const uint32_t retrans = p->retrans_out;

	if (p->segs.sent == 0)
		return;
	if (!p->sack_ok) {
		pcb_newreno_mark_lost(p, a->flag & FLAG_SND_UNA_ADVANCED);
	} else if (pcb_tune(p)->recovery & 1) {
		if (pcb_rack_detect(p))
			a->flag &= ~(unsigned)FLAG_SET_TIMER;
		if (retrans > p->retrans_out)
			a->flag |= FLAG_LOST_RETRANS;
	}
}

static bool time_to_recover(const struct tcp_pcb *p)
{
	if (p->lost_out)
		return true;
	return !(pcb_tune(p)->recovery & 1) && p->sacked_out + 1 > p->reordering;
}

/* RFC 6675 without RACK: what lies `reordering` packets below the highest is lost. */
static void update_scoreboard(struct tcp_pcb *p, bool fast)
{
	int64_t packets = p->sack_ok ? (int64_t)p->sacked_out - p->reordering : 0;
	uint32_t sacked_above = p->sacked_out;

	if (packets < 0) {
		if (fast && p->segs.sent)
			pcb_mark_lost(p, segq_at(&p->segs, 0));
		return;
	}
	for (uint32_t i = 0; i < p->segs.sent; i++) {
		struct tcp_seg *s = segq_at(&p->segs, i);

		if (s->marks & SEG_SACKED)
			sacked_above -= s->pcount;
		else if (sacked_above >= p->reordering && !(s->marks & SEG_LOST))
			pcb_mark_lost(p, s);
		if (sacked_above < p->reordering)
			break;
	}
}

/* States that end when high_seq is acknowledged. True: done with this ACK. */
static bool check_exit(struct tcp_pcb *p)
{
	if (p->ca_state == CA_OPEN) {
		p->retrans_stamp = 0;
	} else if (!seq_lt(p->snd_una, p->high_seq)) {
		if (p->ca_state == CA_CWR && p->snd_una != p->high_seq) {
			pcb_end_cwnd_reduction(p);
			pcb_set_ca_state(p, CA_OPEN);
		} else if (p->ca_state == CA_RECOVERY) {
			if (!p->sack_ok)
				p->sacked_out = 0;
			if (try_undo_recovery(p))
				return true;
			pcb_end_cwnd_reduction(p);
		}
	}
	return false;
}

/* True: no recovery is to be entered. */
static bool in_recovery(struct tcp_pcb *p, struct tcp_ack *a, unsigned dupacks)
{
	if (!(a->flag & FLAG_SND_UNA_ADVANCED)) {
		if (!p->sack_ok)
			reno_add(p, dupacks, a->flag & FLAG_ECE);
	} else if (try_undo_partial(p, a->prior_una)) {
		return true;
	}
	if (try_undo_dsack(p))
		try_to_open(p, a->flag);
	identify_loss(p, a);
	if (p->ca_state != CA_RECOVERY) {
		if (!time_to_recover(p))
			return true;
		pcb_enter_recovery(p, a->flag & FLAG_ECE);
	}
	return false;
}

void pcb_fast_retrans_alert(struct tcp_pcb *p, struct tcp_ack *a, unsigned dupacks)
{
	bool fast = false;

	if (p->packets_out == 0 && p->sacked_out)
		p->sacked_out = 0;
	if (a->flag & FLAG_ECE)
		p->prior_ssthresh = 0;
	if (a->flag & FLAG_SACK_RENEGING && a->flag & FLAG_SND_UNA_ADVANCED) {
		/* The receiver threw away what it had; give it a moment to be sure. */
		pcb_set_timer(p, TIMER_RETRANS, max_u32(p->srtt_us >> 4, 10000));
		a->flag &= ~(unsigned)FLAG_SET_TIMER;
		return;
	}
	if (check_exit(p))
		return;
	if (p->ca_state == CA_RECOVERY) {
		if (in_recovery(p, a, dupacks))
			return;
	} else {
		if (p->ca_state == CA_LOSS) {
			process_loss(p, a, dupacks);
			identify_loss(p, a);
			if (p->ca_state != CA_OPEN && !(a->flag & FLAG_LOST_RETRANS))
				return;
		} else {
			if (!p->sack_ok) {
				if (a->flag & FLAG_SND_UNA_ADVANCED)
					p->sacked_out = 0;
				reno_add(p, dupacks, a->flag & FLAG_ECE);
			}
			if (p->ca_state <= CA_DISORDER)
				try_undo_dsack(p);
			identify_loss(p, a);
		}
		if (!time_to_recover(p)) {
			try_to_open(p, a->flag);
			return;
		}
		pcb_enter_recovery(p, a->flag & FLAG_ECE);
		fast = true;
	}
	if (!(pcb_tune(p)->recovery & 1) && p->sack_ok)
		update_scoreboard(p, fast);
	a->rexmit = REXMIT_LOST;
}

/* Segments that are too long for a path whose MTU has shrunk go out again, which is no congestion. */
void pcb_simple_retransmit(struct tcp_pcb *p)
{
	const uint32_t before = p->lost_out;

	for (uint32_t i = 0; i < p->segs.sent; i++) {
		struct tcp_seg *s = segq_at(&p->segs, i);

		if (seg_len(s) > p->mss) {
			if (s->marks & SEG_RETRANS) {
				s->marks &= (uint8_t)~SEG_RETRANS;
				p->retrans_out -= s->pcount;
			}
			pcb_mark_lost(p, s);
		}
	}
	if (p->lost_out == before)
		return;
	if (!p->sack_ok)
		pcb_reno_limit(p, 0);
	if (p->ca_state != CA_LOSS) {
		p->high_seq = p->snd_nxt;
		p->ssthresh = current_ssthresh(p);
		p->prior_ssthresh = 0;
		p->undo_marker = 0;
		pcb_set_ca_state(p, CA_LOSS);
	}
	pcb_xmit_retransmit_queue(p);
}

void pcb_clear_retrans(struct tcp_pcb *p)
{
	p->retrans_out = p->lost_out = p->sacked_out = 0;
	p->undo_marker = 0;
	p->undo_retrans = -1;
}
