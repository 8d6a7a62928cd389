/* rack.c - RACK and tail loss probes (RFC 8985): what was sent before something that has arrived, and is
 * overdue by more than the reordering allowed for, is lost. */
#include "stack/host/tcp/tcp.h"

#define RACK_PERSIST 16

static bool sent_after(uint64_t t1, uint64_t t2, uint32_t end1, uint32_t end2)
{
	return t1 > t2 || (t1 == t2 && seq_gt(end1, end2));
}

/* s was delivered just now. */
void pcb_rack_advance(struct tcp_pcb *p, const struct tcp_seg *s)
{
	const uint32_t rtt = pcb_seq_rtt(p, s->sent_ns);

	/* Faster than can be: the acknowledgement was of the first transmission. */
	if (rtt < pcb_min_rtt(p) && s->marks & (SEG_RETRANS | SEG_EVER_RETRANS))
		return;
	p->rack_advanced = true;
	p->rack_rtt_us = rtt;
	if (sent_after(s->sent_ns + 1, p->rack_ns, s->end, p->rack_end_seq)) {
		p->rack_ns = s->sent_ns + 1;
		p->rack_end_seq = s->end;
	}
}

static uint32_t reorder_window(const struct tcp_pcb *p)
{
	uint64_t us;

	if (p->reord_seen == 0) {
		if (p->ca_state >= CA_RECOVERY)
			return 0;
		if (p->sacked_out >= p->reordering && !(pcb_tune(p)->recovery & 4))
			return 0;
	}
	us = (uint64_t)(pcb_min_rtt(p) >> 2) * p->rack_steps;
	return us < p->srtt_us >> 3 ? (uint32_t)us : p->srtt_us >> 3;
}

/* Marks what is lost; how long until more would be, 0 = nothing is suspected. */
static uint64_t detect(struct tcp_pcb *p)
{
	const uint64_t limit = (uint64_t)p->rack_rtt_us + reorder_window(p);
	uint64_t timeout = 0;

	for (uint32_t i = 0; i < p->segs.sent; i++) {
		struct tcp_seg *s = segq_at(&p->segs, i);
		uint64_t age;

		if (s->marks & SEG_SACKED || (s->marks & SEG_LOST && !(s->marks & SEG_RETRANS)))
			continue;
		if (!sent_after(p->rack_ns, s->sent_ns + 1, p->rack_end_seq, s->end)) {
			/* All that follow were sent later, unless something was sent again. */
			if (p->total_retrans == 0)
				break;
			continue;
		}
		age = pcb_seq_rtt(p, s->sent_ns);
		if (age >= limit)
			pcb_mark_lost(p, s);
		else if (limit - age > timeout)
			timeout = limit - age;
	}
	return timeout;
}

/* True: the timer is set for what may turn out to be lost. */
bool pcb_rack_detect(struct tcp_pcb *p)
{
	uint64_t timeout;

	if (!p->rack_advanced)
		return false;
	p->rack_advanced = false;
	timeout = detect(p);
	if (timeout == 0)
		return false;
	timeout += TCP_TIMER_MIN_US;
	pcb_set_timer(p, TIMER_REO, timeout < p->rto_us ? timeout : p->rto_us);
	return true;
}

void pcb_rack_timeout(struct tcp_pcb *p)
{
	const uint32_t in_flight = pcb_in_flight(p);
	const uint64_t timeout = detect(p);
	const uint32_t lost = p->lost;

	if (in_flight != pcb_in_flight(p)) {
		if (p->ca_state != CA_RECOVERY) {
			pcb_enter_recovery(p, false);
			pcb_cwnd_reduction(p, 1, p->lost - lost + 1, 0);
		}
		pcb_xmit_retransmit_queue(p);
	}
	if (timeout && p->timer_kind == TIMER_REO)
		pcb_set_timer(p, TIMER_REO, timeout + TCP_TIMER_MIN_US);
	else if (p->timer_kind != TIMER_RETRANS)
		pcb_rearm_rto(p);
}

/* The reordering window grows with each round trip that brought a duplicate for nothing. */
void pcb_rack_update_reo(struct tcp_pcb *p, const struct tcp_ack *a)
{
	if (pcb_tune(p)->recovery & 2 || a->prior_delivered == 0)
		return;
	if (seq_lt(a->prior_delivered, p->rack_delivered))
		p->rack_dsack_seen = false;
	if (p->rack_dsack_seen) {
		if (p->rack_steps < UINT8_MAX)
			p->rack_steps++;
		p->rack_dsack_seen = false;
		p->rack_delivered = p->delivered;
		p->rack_persist = RACK_PERSIST;
	} else if (p->rack_persist == 0) {
		p->rack_steps = 1;
	}
}

/* Without SACK: the head is lost after three duplicates, and after each partial acknowledgement (RFC 6582). */
void pcb_newreno_mark_lost(struct tcp_pcb *p, bool advanced)
{
	struct tcp_seg *s = segq_at(&p->segs, 0);

	if (!((p->ca_state < CA_RECOVERY && p->sacked_out >= p->reordering) ||
	      (p->ca_state == CA_RECOVERY && advanced)))
		return;
	if (s->marks & SEG_LOST)
		return;
	if (s->pcount > 1 && seg_len(s) > p->mss && !pcb_split(p, 0, p->mss))
		return;
	pcb_mark_lost(p, segq_at(&p->segs, 0));
}

/* Sets the probe's timer in place of the retransmission timer. */
bool pcb_schedule_tlp(struct tcp_pcb *p, bool advancing)
{
	const uint32_t early = pcb_tune(p)->early_retrans;
	uint64_t us, rto;

	if (early < 3 || p->packets_out == 0 || !p->sack_ok || (p->ca_state != CA_OPEN && p->ca_state != CA_CWR) ||
	    p->state == PCB_SYN_RECV || p->state == PCB_SYN_SENT)
		return false;
	if (p->srtt_us) {
		us = p->srtt_us >> 2;
		us += p->packets_out == 1 ? pcb_tune(p)->rto_min_us : TCP_TIMER_MIN_US;
	} else {
		us = pcb_tune(p)->rto_init_ms * 1000ull;
	}
	rto = p->rto_us;
	if (!advancing) {
		const uint64_t due = segq_at(&p->segs, 0)->sent_ns + rto * NS_PER_US;

		rto = due > pcb_now(p) ? (due - pcb_now(p)) / NS_PER_US : 0;
	}
	if (rto > 0 && rto < us)
		us = rto;
	pcb_set_timer(p, TIMER_TLP, us);
	return true;
}

void pcb_send_tlp(struct tcp_pcb *p)
{
	const uint32_t mss = pcb_current_mss(p), out = p->packets_out;
	struct tcp_seg *s;
	uint32_t last;

	if (p->tlp_high_seq)
		goto rearm;
	p->tlp_retrans = false;
	if (p->segs.sent < p->segs.count) {
		s = segq_at(&p->segs, p->segs.sent);
		if (!seq_gt(seg_len(s) > mss ? s->seq + mss : s->end, pcb_window_end(p))) {
			pcb_write_xmit(p, mss, NAGLE_OFF, 2);
			if (p->packets_out > out)
				goto sent;
			goto rearm;
		}
	}
	if (p->segs.sent == 0)
		goto rearm;
	last = p->segs.sent - 1;
	s = segq_at(&p->segs, last);
	if (s->pcount > 1 && seg_len(s) > (s->pcount - 1) * mss) {
		if (!pcb_split(p, last, (s->pcount - 1u) * mss))
			goto rearm;
		last++;
	}
	if (pcb_probe_again(p, last) < 0)
		goto rearm;
	p->tlp_retrans = true;
sent:
	p->tlp_high_seq = p->snd_nxt;
	pcb_tcp(p)->count.tlp++;
	p->timer_kind = TIMER_NONE;
rearm:
	pcb_rearm_rto(p);
}
