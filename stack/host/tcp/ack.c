/* ack.c - what an acknowledgement says: what left the network, how long it took, how much more may go. */
#include "stack/host/tcp/tcp.h"

#define MIN_RTT_WINDOW_MS 300000u

/* ---- the retransmission timer ---- */

void pcb_set_timer(struct tcp_pcb *p, enum tcp_timer kind, uint64_t in_us)
{
	p->timer_kind = (uint8_t)kind;
	p->timer_ns = pcb_now(p) + (in_us < TCP_RTO_MAX_US ? in_us : TCP_RTO_MAX_US) * NS_PER_US;
	pcb_timer_update(p);
}

void pcb_clear_timer(struct tcp_pcb *p)
{
	p->timer_kind = TIMER_NONE;
	p->timer_ns = NEVER;
	pcb_timer_update(p);
}

void pcb_rearm_rto(struct tcp_pcb *p)
{
	uint64_t us = p->rto_us;

	if (p->packets_out == 0) {
		pcb_clear_timer(p);
		return;
	}
	if (p->timer_kind == TIMER_REO || p->timer_kind == TIMER_TLP) {
		/* These stood in for it: what has passed since the head went out counts. */
		const uint64_t due = segq_at(&p->segs, 0)->sent_ns + us * NS_PER_US;

		us = due > pcb_now(p) ? (due - pcb_now(p)) / NS_PER_US : 0;
		if (us < 1)
			us = 1;
	}
	pcb_set_timer(p, TIMER_RETRANS, us);
}

/* The persist timer waits for at least 200 ms, and twice as long each time. */
uint64_t pcb_probe_us(const struct tcp_pcb *p)
{
	const uint64_t base = max_u32(p->rto_us, 200000);
	const unsigned shift = p->backoff < 10 ? p->backoff : 10;

	return base << shift < TCP_RTO_MAX_US ? base << shift : TCP_RTO_MAX_US;
}

void pcb_check_probe_timer(struct tcp_pcb *p)
{
	if (p->packets_out == 0 && p->timer_kind == TIMER_NONE)
		pcb_set_timer(p, TIMER_PROBE, max_u32(p->rto_us, 200000));
}

/* ---- round trips ---- */

uint32_t pcb_seq_rtt(const struct tcp_pcb *p, uint64_t sent_ns)
{
	const uint64_t us = pcb_now(p) > sent_ns ? (pcb_now(p) - sent_ns) / NS_PER_US : 0;

	return us < INT32_MAX ? (uint32_t)us : INT32_MAX;
}

uint32_t pcb_min_rtt(const struct tcp_pcb *p)
{
	return p->min_rtt_us[0];
}

/* The smallest sample of the last five minutes: three candidates, each the best since the one before it. */
static void min_rtt_update(struct tcp_pcb *p, uint32_t us)
{
	const uint32_t now = pcb_now_ms(p);
	uint32_t *rtt = p->min_rtt_us, *at = p->min_rtt_ms;

	if (us == 0)
		us = 1;
	if (us <= rtt[0] || now - at[2] > MIN_RTT_WINDOW_MS) {
		rtt[0] = rtt[1] = rtt[2] = us;
		at[0] = at[1] = at[2] = now;
		return;
	}
	if (us <= rtt[1]) {
		rtt[1] = rtt[2] = us;
		at[1] = at[2] = now;
	} else if (us <= rtt[2]) {
		rtt[2] = us;
		at[2] = now;
	}
	if (now - at[0] > MIN_RTT_WINDOW_MS) {
		rtt[0] = rtt[1];
		at[0] = at[1];
		rtt[1] = rtt[2];
		at[1] = at[2];
		rtt[2] = us;
		at[2] = now;
	} else if (at[1] == at[0] && now - at[1] > MIN_RTT_WINDOW_MS / 4) {
		rtt[1] = rtt[2] = us;
		at[1] = at[2] = now;
	} else if (at[2] == at[1] && now - at[2] > MIN_RTT_WINDOW_MS / 2) {
		rtt[2] = us;
		at[2] = now;
	}
}

/* RFC 6298 with a variance that falls slowly (once a round trip) and isn't raised by samples that get better. */
void pcb_rtt_sample(struct tcp_pcb *p, uint32_t us)
{
	const uint32_t rto_min = pcb_tune(p)->rto_min_us;
	int64_t m = us;

	if (p->srtt_us == 0) {
		p->srtt_us = us << 3;
		p->mdev_us = us << 1;
		p->rttvar_us = max_u32(p->mdev_us, rto_min);
		p->mdev_max_us = p->rttvar_us;
		p->rtt_seq = p->snd_nxt;
	} else {
		m -= p->srtt_us >> 3;
		p->srtt_us = (uint32_t)((int64_t)p->srtt_us + m);
		if (m < 0) {
			m = -m - (int64_t)(p->mdev_us >> 2);
			if (m > 0)
				m >>= 3;
		} else {
			m -= p->mdev_us >> 2;
		}
		p->mdev_us = (uint32_t)((int64_t)p->mdev_us + m);
		if (p->mdev_us > p->mdev_max_us) {
			p->mdev_max_us = p->mdev_us;
			p->rttvar_us = max_u32(p->rttvar_us, p->mdev_max_us);
		}
		if (seq_gt(p->snd_una, p->rtt_seq)) {
			if (p->mdev_max_us < p->rttvar_us)
				p->rttvar_us -= (p->rttvar_us - p->mdev_max_us) >> 2;
			p->rtt_seq = p->snd_nxt;
			p->mdev_max_us = rto_min;
		}
	}
	p->srtt_us = max_u32(p->srtt_us, 1);
	p->rto_us = min_u32((p->srtt_us >> 3) + p->rttvar_us, TCP_RTO_MAX_US);
}

/* The best measure that this ACK gives; negative = none. */
bool pcb_update_rtt(struct tcp_pcb *p, unsigned flag, int64_t seq_rtt, int64_t sack_rtt, int64_t ca_rtt,
		    uint32_t *sample)
{
	if (seq_rtt < 0)
		seq_rtt = sack_rtt;
	if (seq_rtt < 0 && p->saw_ts && p->tsecr && flag & FLAG_ACKED) {
		const uint32_t ms = pcb_now_ms(p) - p->tsecr;

		if (ms < INT32_MAX / 1000)
			seq_rtt = ca_rtt = ms ? (int64_t)ms * 1000 : 1000;
	}
	if (sample)
		*sample = ca_rtt < 0 ? 0 : ca_rtt ? (uint32_t)ca_rtt : 1;
	if (seq_rtt < 0)
		return false;
	if (ca_rtt >= 0)
		min_rtt_update(p, (uint32_t)ca_rtt);
	pcb_rtt_sample(p, (uint32_t)seq_rtt);
	p->backoff = 0;
	return true;
}

/* ---- what was acknowledged ---- */

static void sndbuf_expand(struct tcp_pcb *p)
{
	const uint32_t per_mss = (uint32_t)max_u32(p->mss_clamp, p->mss) + 800;
	const uint32_t segs = max_u32(max_u32(p->cwnd, pcb_tune(p)->init_cwnd), p->reordering + 1);
	const uint64_t want = 2ull * segs * per_mss;
	const uint32_t max = pcb_tune(p)->wmem[2];

	if (!p->s.sndbuf_locked && p->s.sndbuf < want)
		p->s.sndbuf = want < max ? (uint32_t)want : max_u32(max, p->s.sndbuf);
}

struct cleaned {
	uint64_t first_ns, last_ns;
	uint32_t pkts;
};

static void segment_acked(struct tcp_pcb *p, struct tcp_ack *a, struct tcp_seg *s, struct cleaned *c)
{
	if (s->marks & (SEG_RETRANS | SEG_EVER_RETRANS)) {
		if (s->marks & SEG_RETRANS)
			p->retrans_out -= s->pcount;
		a->flag |= FLAG_RETRANS_ACKED;
	} else if (!(s->marks & SEG_SACKED)) {
		c->last_ns = s->sent_ns + 1;
		if (c->first_ns == 0)
			c->first_ns = c->last_ns;
		a->reord = seq_min(a->reord, s->seq);
		if (!seq_gt(s->end, p->high_seq))
			a->flag |= FLAG_ORIG_SACK_ACKED;
	}
	if (s->marks & SEG_SACKED) {
		p->sacked_out -= s->pcount;
	} else if (p->sack_ok) {
		pcb_delivered(p, s->pcount, a->flag & FLAG_ECE);
		pcb_rack_advance(p, s);
	}
	if (s->marks & SEG_LOST)
		p->lost_out -= s->pcount;
	p->packets_out -= s->pcount;
	c->pkts += s->pcount;
	if (seq_gt(s->delivered, a->prior_delivered) || a->prior_delivered == 0)
		a->prior_delivered = s->delivered;
	if (s->flags & TCP_SYN) {
		a->flag |= FLAG_SYN_ACKED;
		p->retrans_stamp = 0;
	} else {
		a->flag |= FLAG_DATA_ACKED;
	}
}

static void reno_sacks_remove(struct tcp_pcb *p, uint32_t acked, bool ece)
{
	if (acked > 0) {
		pcb_delivered(p, acked > p->sacked_out + 1 ? acked - p->sacked_out : 1, ece);
		if (acked - 1 >= p->sacked_out)
			p->sacked_out = 0;
		else
			p->sacked_out -= acked - 1;
	}
	pcb_reno_limit(p, acked);
}

/* Takes what is acknowledged off the ring. */
static void clean_sent(struct tcp_pcb *p, struct tcp_ack *a)
{
	const uint32_t fack = p->sacked_out ? p->highest_sack : a->prior_una;
	int64_t seq_rtt = -1, sack_rtt = -1, ca_rtt = -1;
	struct cleaned c = { 0 };
	struct tcp_seg *s = NULL;
	bool updated;

	while (p->segs.sent) {
		s = segq_at(&p->segs, 0);
		if (seq_gt(s->end, p->snd_una)) {
			/* Where the MSS has shrunk a segment may be several packets, and some of them here. */
			if (s->pcount == 1 || !seq_gt(p->snd_una, s->seq) ||
			    !pcb_split(p, 0, p->snd_una - s->seq))
				break;
			s = segq_at(&p->segs, 0);
		}
		segment_acked(p, a, s, &c);
		segq_pop(&p->segs);
		s = NULL;
	}
	if (p->segs.count == 0)
		segq_fini(p->s.host, &p->segs);
	chunks_drop_before(p->s.host, &p->out, p->snd_una);
	if (seq_in(p->snd_up, a->prior_una, p->snd_una - a->prior_una + 1))
		p->snd_up = p->snd_una;
	if (s && s->marks & SEG_SACKED)
		a->flag |= FLAG_SACK_RENEGING;
	if (c.first_ns && !(a->flag & FLAG_RETRANS_ACKED)) {
		seq_rtt = pcb_seq_rtt(p, c.first_ns - 1);
		ca_rtt = pcb_seq_rtt(p, c.last_ns - 1);
	}
	if (a->first_sack_ns) {
		sack_rtt = pcb_seq_rtt(p, a->first_sack_ns - 1);
		ca_rtt = pcb_seq_rtt(p, a->last_sack_ns - 1);
	}
	updated = pcb_update_rtt(p, a->flag, seq_rtt, sack_rtt, ca_rtt, &a->rtt_us);
	if (a->flag & FLAG_ACKED) {
		a->flag |= FLAG_SET_TIMER;
		if (!p->sack_ok) {
			reno_sacks_remove(p, c.pkts, a->flag & FLAG_ECE);
			if (a->flag & FLAG_RETRANS_ACKED)
				a->flag &= ~(unsigned)FLAG_ORIG_SACK_ACKED;
		} else if (seq_lt(a->reord, fack)) {
			pcb_check_reordering(p, a->reord, false);
		}
	} else if (s && updated && sack_rtt >= 0 && sack_rtt > (int64_t)pcb_seq_rtt(p, s->sent_ns)) {
		a->flag |= FLAG_SET_TIMER;
	}
	if (p->ca->acked && c.pkts + (a->flag & FLAG_DATA_SACKED))
		p->ca->acked(p, a->rtt_us);
}

static void window_grown(struct tcp_pcb *p, uint32_t wnd)
{
	p->max_window = wnd;
	pcb_sync_mss(p, p->pmtu);
}

static void update_window(struct tcp_pcb *p, struct tcp_ack *a)
{
	const struct packet *pkt = a->pkt;
	uint32_t wnd = pkt->window;

	if (!(pkt->tcp_flags & TCP_SYN))
		wnd <<= p->snd_wscale;
	if (!(seq_gt(pkt->ack, p->snd_una) || seq_gt(pkt->seq, p->snd_wl1) ||
	      (pkt->seq == p->snd_wl1 && (wnd > p->snd_wnd || wnd == 0))))
		return;
	a->flag |= FLAG_WIN_UPDATE;
	p->snd_wl1 = pkt->seq;
	if (p->snd_wnd == wnd)
		return;
	p->snd_wnd = wnd;
	if (p->segs.sent < p->segs.count)
		pcb_slow_start_after_idle(p);
	if (wnd > p->max_window)
		window_grown(p, wnd);
}

/* Nothing is under way, something waits: the window decides. */
static void probe_acked(struct tcp_pcb *p)
{
	if (p->segs.sent == p->segs.count)
		return;
	if (!seq_gt(segq_at(&p->segs, p->segs.sent)->end, pcb_window_end(p))) {
		p->backoff = 0;
		p->probes_ms = 0;
		if (p->timer_kind == TIMER_PROBE)
			pcb_clear_timer(p);
	} else {
		pcb_set_timer(p, TIMER_PROBE, pcb_probe_us(p));
	}
}

static void tlp_acked(struct tcp_pcb *p, struct tcp_ack *a)
{
	const uint32_t ack = a->pkt->ack;

	if (seq_lt(ack, p->tlp_high_seq))
		return;
	if (!p->tlp_retrans || a->flag & FLAG_DSACK_TLP) {
		p->tlp_high_seq = 0;
	} else if (seq_gt(ack, p->tlp_high_seq)) {
		/* The probe repaired a loss. */
		pcb_init_cwnd_reduction(p);
		pcb_set_ca_state(p, CA_CWR);
		pcb_end_cwnd_reduction(p);
		pcb_try_keep_open(p);
	} else if (!(a->flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DATA_SACKED))) {
		p->tlp_high_seq = 0;
	}
}

static void congestion_control(struct tcp_pcb *p, struct tcp_ack *a, uint32_t delivered, uint32_t lost)
{
	if (pcb_cwnd_reducing(p)) {
		pcb_cwnd_reduction(p, delivered, lost, a->flag);
	} else if (p->reordering > pcb_tune(p)->reordering ? a->flag & FLAG_FORWARD : a->flag & FLAG_DATA_ACKED) {
		p->ca->avoid(p, delivered);
		p->cwnd_ms = pcb_now_ms(p);
	}
}

static void recover(struct tcp_pcb *p, const struct tcp_ack *a)
{
	if (a->rexmit == REXMIT_NONE || p->state == PCB_SYN_SENT)
		return;
	if (a->rexmit == REXMIT_NEW) {
		pcb_push_pending(p, pcb_current_mss(p), NAGLE_OFF);
		if (seq_gt(p->snd_nxt, p->high_seq))
			return;
		p->frto = false;
	}
	pcb_xmit_retransmit_queue(p);
}

static void ts_recent_update(struct tcp_pcb *p, const struct packet *pkt)
{
	/* RFC 7323 4.3: not from a segment beyond what was acknowledged. */
	if (!p->saw_ts || seq_gt(pkt->seq, p->rcv_wup))
		return;
	if (p->ts_recent == 0 || (int32_t)(pkt->tcp.ts_val - p->ts_recent) >= 0 ||
	    (uint32_t)(pcb_now(p) / NS_PER_S) - p->ts_recent_s > 24 * 86400) {
		p->ts_recent = pkt->tcp.ts_val;
		p->ts_recent_s = (uint32_t)(pcb_now(p) / NS_PER_S);
	}
}

static void outstanding_acked(struct tcp_pcb *p, struct tcp_ack *a)
{
	unsigned dupacks = 0;

	clean_sent(p, a);
	pcb_rack_update_reo(p, a);
	if (p->tlp_high_seq)
		tlp_acked(p, a);
	if (!(a->flag & FLAG_NOT_DUP) || a->flag & (FLAG_DATA_SACKED | FLAG_ECE | FLAG_DSACKING) ||
	    p->ca_state != CA_OPEN) {
		if (!(a->flag & (FLAG_SND_UNA_ADVANCED | FLAG_NOT_DUP | FLAG_DSACKING)))
			dupacks = 1;
		pcb_fast_retrans_alert(p, a, dupacks);
	}
	if (a->flag & FLAG_SET_TIMER && !pcb_schedule_tlp(p, true))
		pcb_rearm_rto(p);
	if (a->flag & (FLAG_FORWARD | FLAG_SND_UNA_ADVANCED))
		ip_path_confirm(p->s.host, &p->path);
	congestion_control(p, a, p->delivered - a->delivered, p->lost - a->lost);
	recover(p, a);
	if (a->flag & FLAG_SND_UNA_ADVANCED)
		sndbuf_expand(p);
}

/* 1: good; 0: old, nothing came of it; -1: it acknowledges what was never sent; -2: too old, a challenge ACK is due. */
int pcb_ack(struct tcp_pcb *p, const struct packet *pkt, unsigned flag)
{
	struct tcp_ack a = { .pkt = pkt, .flag = flag, .prior_una = p->snd_una, .delivered = p->delivered,
			     .lost = p->lost };
	const uint32_t outstanding = p->packets_out;

	a.reord = p->snd_nxt;
	if (seq_lt(pkt->ack, p->snd_una)) {
		const uint32_t window = p->bytes_acked < p->max_window ? (uint32_t)p->bytes_acked : p->max_window;

		/* RFC 5961 5.2 */
		if (seq_lt(pkt->ack, p->snd_una - window)) {
			if (!(flag & FLAG_NO_CHALLENGE))
				pcb_challenge_ack(p);
			return -2;
		}
		if (pkt->tcp.sack_blocks && p->sack_ok) {
			pcb_sack_tag(p, &a);
			pcb_delivered(p, (uint32_t)a.sack_delivered, false);
			a.sack_delivered = 0;
			pcb_fast_retrans_alert(p, &a, 0);
			recover(p, &a);
		}
		return 0;
	}
	if (seq_gt(pkt->ack, p->snd_nxt))
		return -1;
	if (seq_gt(pkt->ack, p->snd_una)) {
		a.flag |= FLAG_SND_UNA_ADVANCED;
		p->retransmits = 0;
	}
	if (a.flag & FLAG_UPDATE_TS)
		ts_recent_update(p, pkt);
	if (tcp_segment_len(pkt))
		a.flag |= FLAG_DATA;
	update_window(p, &a);
	p->bytes_acked += pkt->ack - p->snd_una;
	p->snd_una = pkt->ack;
	if (p->ecn & ECN_OK && pkt->tcp_flags & TCP_ECE && !(pkt->tcp_flags & TCP_SYN))
		a.flag |= FLAG_ECE;
	if (pkt->tcp.sack_blocks && p->sack_ok) {
		pcb_sack_tag(p, &a);
		pcb_delivered(p, (uint32_t)a.sack_delivered, a.flag & FLAG_ECE);
		a.sack_delivered = 0;
	}
	p->probes_out = 0;
	p->rcv_ms = pcb_now_ms(p);
	if (outstanding) {
		outstanding_acked(p, &a);
		return 1;
	}
	if (a.flag & FLAG_DSACKING) {
		pcb_fast_retrans_alert(p, &a, 0);
		recover(p, &a);
	}
	probe_acked(p);
	if (p->tlp_high_seq)
		tlp_acked(p, &a);
	return 1;
}
