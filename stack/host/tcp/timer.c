/* timer.c - what time brings: retransmission, probes of a closed window, delayed acknowledgements, keepalive, and giving
 * up (RFC 1122 4.2.3, 5482, 6298). A connection has four deadlines and one timer, set to the earliest. */
#include "stack/host/tcp/tcp.h"

#define RESOURCE_PROBE_US 500000u
#define ORPHAN_RETRIES 8

void pcb_timer_update(struct tcp_pcb *p)
{
	uint64_t due = p->timer_ns;

	if (p->delack_ns < due)
		due = p->delack_ns;
	if (p->comp_ns < due)
		due = p->comp_ns;
	if (p->keep_ns < due)
		due = p->keep_ns;
	if (due == p->timer.due)
		return;
	if (due == NEVER)
		host_timer_cancel(p->s.host, &p->timer);
	else
		host_timer_arm(p->s.host, &p->timer, due);
}

void pcb_keep_reset(struct tcp_pcb *p, uint64_t in_ns)
{
	p->keep_ns = pcb_now(p) + in_ns;
	pcb_timer_update(p);
}

uint32_t pcb_keep_idle_s(const struct tcp_pcb *p)
{
	return p->keep_idle_s ? p->keep_idle_s : pcb_tune(p)->keepalive_time;
}

uint32_t pcb_keep_intvl_s(const struct tcp_pcb *p)
{
	return p->keep_intvl_s ? p->keep_intvl_s : pcb_tune(p)->keepalive_intvl;
}

uint32_t pcb_fin_timeout_s(const struct tcp_pcb *p)
{
	const uint32_t rto_s = (uint32_t)(((uint64_t)p->rto_us * 7 / 2 + 999999) / 1000000);

	return max_u32(p->linger2_s ? p->linger2_s : pcb_tune(p)->fin_timeout, rto_s);
}

static uint64_t idle_ms(const struct tcp_pcb *p)
{
	const uint32_t now = pcb_now_ms(p);

	return min_u32(now - p->rcv_ms, p->any_data ? now - p->rcv_data_ms : UINT32_MAX);
}

void pcb_keepalive_set(struct tcp_pcb *p, bool on)
{
	if (pcb_in(p, PCB_BIT(CLOSED) | PCB_BIT(LISTEN)))
		return;
	if (on) {
		const uint64_t idle = pcb_keep_idle_s(p) * 1000ull, gone = idle_ms(p);

		pcb_keep_reset(p, (idle > gone ? idle - gone : 0) * NS_PER_MS);
	} else {
		p->keep_ns = NEVER;
		pcb_timer_update(p);
	}
}

/* ---- giving up ---- */

/* How long so many retransmissions take, each twice as long after the one before. */
static uint64_t model_timeout_ms(unsigned retries, uint64_t base_ms)
{
	const uint64_t max_ms = TCP_RTO_MAX_US / 1000;
	unsigned doubling = 0;

	while (base_ms << (doubling + 1) <= max_ms)
		doubling++;
	if (retries <= doubling)
		return ((2ull << retries) - 1) * base_ms;
	return ((2ull << doubling) - 1) * base_ms + (retries - doubling) * max_ms;
}

static bool timed_out(const struct tcp_pcb *p, unsigned retries, uint64_t timeout_ms)
{
	if (p->retransmits == 0)
		return false;
	if (timeout_ms == 0)
		timeout_ms = model_timeout_ms(retries, pcb_in(p, PCB_BIT(SYN_SENT) | PCB_BIT(SYN_RECV))
						       ? pcb_tune(p)->rto_init_ms : 200);
	return pcb_now_ms(p) - p->retrans_stamp >= timeout_ms;
}

static unsigned orphan_retries(const struct tcp_pcb *p, bool alive)
{
	const unsigned retries = pcb_tune(p)->orphan_retries;

	return retries == 0 && alive ? ORPHAN_RETRIES : retries;
}

static void give_up(struct tcp_pcb *p)
{
	pcb_tcp(p)->count.timeouts++;
	pcb_fail(p, p->soft_error ? p->soft_error : ETIMEDOUT);
}

/* True: it is over. */
static bool write_timeout(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	bool expired = false;
	unsigned retries;

	if (pcb_in(p, PCB_BIT(SYN_SENT) | PCB_BIT(SYN_RECV))) {
		retries = p->syn_retries ? p->syn_retries
					 : p->state == PCB_SYN_SENT ? u->syn_retries : u->synack_retries;
		expired = p->retransmits >= retries + (p->state == PCB_SYN_SENT ? u->syn_linear_timeouts : 0);
		if (!expired && p->user_timeout_ms)
			expired = timed_out(p, retries, p->user_timeout_ms);
	} else {
		if (timed_out(p, u->retries1, 0))
			pcb_black_hole(p);
		retries = u->retries2;
		if (p->dead)
			retries = orphan_retries(p, p->rto_us < TCP_RTO_MAX_US);
		expired = timed_out(p, retries, p->user_timeout_ms);
	}
	if (expired)
		give_up(p);
	return expired;
}

static uint64_t rto_within_user_timeout(const struct tcp_pcb *p)
{
	uint64_t gone;

	if (p->user_timeout_ms == 0 || p->retrans_stamp == 0)
		return p->rto_us;
	gone = pcb_now_ms(p) - p->retrans_stamp;
	if (gone >= p->user_timeout_ms)
		return 1000;
	gone = (p->user_timeout_ms - gone) * 1000;
	return gone < p->rto_us ? gone : p->rto_us;
}

/* ---- retransmission ---- */

/* The whole SYN, or SYN-ACK, again. */
static void retransmit_syn(struct tcp_pcb *p)
{
	struct tcp_seg *s = segq_at(&p->segs, 0);

	s->flags &= (uint8_t)~(TCP_ECE | TCP_CWR);
	if (!(s->marks & SEG_RETRANS)) {
		s->marks |= SEG_RETRANS;
		p->retrans_out += s->pcount;
	}
	s->marks |= SEG_EVER_RETRANS;
	p->total_retrans++;
	pcb_tcp(p)->count.retransmits++;
	if (p->retrans_stamp == 0)
		p->retrans_stamp = pcb_now_ms(p);
	pcb_transmit(p, s);
}

static void retransmit_timer(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	const bool setup = pcb_in(p, PCB_BIT(SYN_SENT) | PCB_BIT(SYN_RECV));
	int err = 0;

	if (p->packets_out == 0)
		return;
	if (p->snd_wnd == 0 && !setup && !p->dead) {
		/* The window was taken back: what is sent again is a probe, and nobody dies of it while there is
		 * an answer. */
		if (pcb_now_ms(p) - p->rcv_ms > TCP_RTO_MAX_US / 1000 &&
		    p->retrans_stamp && timed_out(p, u->retries2, p->user_timeout_ms)) {
			give_up(p);
			return;
		}
		pcb_enter_loss(p);
		pcb_retransmit(p, 0, 1);
	} else {
		if (write_timeout(p))
			return;
		pcb_enter_loss(p);
		if (p->retransmits < UINT8_MAX)
			p->retransmits++;
		pcb_tcp(p)->count.rto++;
		if (segq_at(&p->segs, 0)->flags & TCP_SYN)
			retransmit_syn(p);
		else
			err = pcb_retransmit(p, 0, 1);
		if (err == -ENOBUFS) {
			pcb_set_timer(p, TIMER_RETRANS, RESOURCE_PROBE_US);
			return;
		}
	}
	if (p->state != PCB_SYN_SENT || p->retransmits > u->syn_linear_timeouts) {
		if (p->backoff < UINT8_MAX)
			p->backoff++;
		p->rto_us = min_u32(p->rto_us * 2, TCP_RTO_MAX_US);
	}
	pcb_set_timer(p, TIMER_RETRANS, rto_within_user_timeout(p));
}

/* ---- a closed window ---- */

static void send_probe(struct tcp_pcb *p)
{
	const int err = pcb_write_wakeup(p);
	uint64_t us;

	pcb_tcp(p)->count.zero_window_probes++;
	if (p->packets_out || p->segs.sent == p->segs.count) {
		p->probes_out = 0;
		p->backoff = 0;
		p->probes_ms = 0;
		return;
	}
	p->probes_out++;
	if (err == 0) {
		if (p->backoff < pcb_tune(p)->retries2)
			p->backoff++;
		us = pcb_probe_us(p);
	} else {
		us = RESOURCE_PROBE_US;
	}
	if (p->user_timeout_ms && p->probes_ms) {
		const uint64_t gone = pcb_now_ms(p) - p->probes_ms;
		const uint64_t left = gone < p->user_timeout_ms ? (p->user_timeout_ms - gone) * 1000 : 1000;

		if (left < us)
			us = left;
	}
	pcb_set_timer(p, TIMER_PROBE, us);
}

static void probe_timer(struct tcp_pcb *p)
{
	unsigned max = pcb_tune(p)->retries2;

	if (p->packets_out || p->segs.sent == p->segs.count) {
		p->probes_out = 0;
		p->probes_ms = 0;
		return;
	}
	if (p->probes_ms == 0) {
		p->probes_ms = pcb_now_ms(p);
	} else if (p->user_timeout_ms && pcb_now_ms(p) - p->probes_ms >= p->user_timeout_ms) {
		give_up(p);
		return;
	}
	if (p->dead) {
		const bool alive = (uint64_t)p->rto_us << (p->backoff < 12 ? p->backoff : 12) < TCP_RTO_MAX_US;

		max = orphan_retries(p, alive);
		if (!alive && p->backoff >= max) {
			give_up(p);
			return;
		}
	}
	if (p->probes_out >= max)
		give_up(p);
	else
		send_probe(p);
}

/* ---- acknowledgements, keepalive ---- */

static void delack_timer(struct tcp_pcb *p)
{
	p->ack_pending &= (uint8_t)~ACK_TIMER;
	if (!(p->ack_pending & ACK_SCHED))
		return;
	if (p->pingpong < pcb_tune(p)->pingpong_thresh) {
		p->ato_us = min_u32(p->ato_us << 1, p->rto_us);
	} else {
		p->pingpong = 0;
		p->ato_us = TCP_ATO_MIN_US;
	}
	pcb_send_ack(p);
}

static void keepalive_timer(struct tcp_pcb *p)
{
	const uint64_t idle_max = pcb_keep_idle_s(p) * 1000ull;
	const unsigned probes = p->keep_cnt ? p->keep_cnt : pcb_tune(p)->keepalive_probes;
	uint64_t idle;

	if (p->state == PCB_FIN_WAIT2 && p->dead) {
		const uint32_t timeout = pcb_fin_timeout_s(p);

		if (p->linger2_s != UINT32_MAX && timeout > 60) {
			pcb_time_wait(p, PCB_FIN_WAIT2, 60 * NS_PER_S);
			return;
		}
		pcb_send_reset(p);
		pcb_done(p);
		return;
	}
	if (!p->s.keepalive || pcb_in(p, PCB_BIT(CLOSED) | PCB_BIT(SYN_SENT) | PCB_BIT(LISTEN)))
		return;
	if (p->packets_out || p->segs.sent < p->segs.count) {
		pcb_keep_reset(p, idle_max * NS_PER_MS);
		return;
	}
	idle = idle_ms(p);
	if (idle < idle_max) {
		pcb_keep_reset(p, (idle_max - idle) * NS_PER_MS);
		return;
	}
	if (p->user_timeout_ms ? idle >= p->user_timeout_ms && p->probes_out : p->probes_out >= probes) {
		pcb_tcp(p)->count.keepalive_drops++;
		pcb_send_reset(p);
		give_up(p);
		return;
	}
	if (pcb_write_wakeup(p) == 0) {
		p->probes_out++;
		pcb_keep_reset(p, pcb_keep_intvl_s(p) * NS_PER_S);
	} else {
		pcb_keep_reset(p, RESOURCE_PROBE_US * NS_PER_US);
	}
}

static void timer_of_kind(struct tcp_pcb *p, enum tcp_timer kind)
{
	switch (kind) {
	case TIMER_REO:
		pcb_rack_timeout(p);
		break;
	case TIMER_TLP:
		pcb_send_tlp(p);
		break;
	case TIMER_RETRANS:
		p->timer_kind = TIMER_NONE;
		retransmit_timer(p);
		break;
	case TIMER_PROBE:
		p->timer_kind = TIMER_NONE;
		probe_timer(p);
		break;
	case TIMER_NONE:
		break;
	}
}

void pcb_timer_fire(struct tapir_host *h, struct host_timer *t)
{
	struct tcp_pcb *p = (struct tcp_pcb *)((char *)t - offsetof(struct tcp_pcb, timer));
	const uint64_t now = h->now_ns;

	if (p->timer_ns <= now) {
		p->timer_ns = NEVER;
		timer_of_kind(p, (enum tcp_timer)p->timer_kind);
	}
	if (p->state != PCB_CLOSED && p->delack_ns <= now) {
		p->delack_ns = NEVER;
		delack_timer(p);
	}
	if (p->state != PCB_CLOSED && p->comp_ns <= now) {
		p->comp_ns = NEVER;
		if (p->comp_acks)
			pcb_send_ack(p);
	}
	if (p->state != PCB_CLOSED && p->keep_ns <= now) {
		p->keep_ns = NEVER;
		keepalive_timer(p);
	}
	if (p->state == PCB_CLOSED)
		pcb_release(p);
	else
		pcb_timer_update(p);
}
