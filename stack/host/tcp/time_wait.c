/* time_wait.c - what is left of a connection that ended here: it answers what is still under way, and is in the way of no
 * new connection that can be told apart from the old one (RFC 1337, 6191). A FIN_WAIT2 that nobody holds is kept
 * like this, too. */
#include "stack/host/tcp/tcp.h"

static void fire(struct tapir_host *h, struct host_timer *t)
{
	tcp_time_wait_free(h, (struct tcp_time_wait *)((char *)t - offsetof(struct tcp_time_wait, timer)));
}

void tcp_time_wait_free(struct tapir_host *h, struct tcp_time_wait *w)
{
	host_timer_cancel(h, &w->timer);
	binding_release(h, &w->bind);
	tcp_of(h)->time_waits--;
	host_free(h, w, sizeof(*w));
}

static void schedule(struct tapir_host *h, struct tcp_time_wait *w, uint64_t for_ns)
{
	host_timer_arm(h, &w->timer, h->now_ns + for_ns);
}

/* The connection is done with; for_ns: how long a FIN_WAIT2 waits. Where there is no room it just ends. */
void pcb_time_wait(struct tcp_pcb *p, enum tcp_pcb_state substate, uint64_t for_ns)
{
	struct tapir_host *h = p->s.host;
	struct tcp *t = tcp_of(h);
	const uint64_t rto_ns = p->rto_us * NS_PER_US * 7 / 2;
	struct tcp_time_wait *w = NULL;

	if (t->time_waits < t->tune.max_tw_buckets)
		w = host_alloc(h, sizeof(*w));
	if (w == NULL) {
		t->count.time_wait_overflow++;
		pcb_done(p);
		return;
	}
	t->time_waits++;
	t->count.time_wait++;
	w->bind.kind = BINDING_TIME_WAIT;
	w->snd_nxt = p->snd_nxt;
	w->rcv_nxt = p->rcv_nxt;
	w->rcv_wnd = pcb_receive_window(p);
	w->rcv_wscale = p->rcv_wscale;
	w->ts_ok = p->ts_ok;
	w->ts_recent = p->ts_recent;
	w->ts_recent_s = p->ts_recent_s;
	w->ts_off = p->ts_off;
	w->tos = p->s.tos;
	w->substate = (uint8_t)substate;
	host_timer_init(&w->timer, fire);
	binding_replace(h, &p->s.bind, &w->bind);
	if (substate == PCB_TIME_WAIT || for_ns < rto_ns)
		for_ns = substate == PCB_TIME_WAIT ? t->tune.time_wait * NS_PER_S : rto_ns;
	schedule(h, w, for_ns);
	pcb_done(p);
}

uint32_t tcp_time_wait_isn(const struct tcp_time_wait *w)
{
	const uint32_t iss = w->snd_nxt + 65535 + 2;

	return iss ? iss : 1;
}

/* Our own connect may take the place a second later, where timestamps tell the two apart. */
bool tcp_time_wait_reusable(struct tapir_host *h, const struct tcp_time_wait *w)
{
	const uint32_t reuse = tcp_of(h)->tune.tw_reuse;

	if (!w->ts_ok || w->substate != PCB_TIME_WAIT || reuse == 0)
		return false;
	if (reuse == 2 && !ip_loopback(w->bind.version, &w->bind.remote))
		return false;
	return (uint32_t)(h->now_ns / NS_PER_S) - w->ts_recent_s >= 1;
}

static void answer(struct tapir_host *h, struct tcp_time_wait *w, uint8_t flags)
{
	struct tcp_header hdr = { .seq = w->snd_nxt, .ack = w->rcv_nxt, .flags = flags,
				  .window = (uint16_t)(min_u32(w->rcv_wnd, TCP_WINDOW_MAX << w->rcv_wscale) >> w->rcv_wscale) };

	if (w->ts_ok) {
		hdr.options.has_timestamp = true;
		hdr.options.ts_val = tcp_now_ms(h) + w->ts_off;
		hdr.options.ts_ecr = w->ts_recent;
	}
	tcp_emit_bare(h, &w->bind, &hdr, w->tos, 0);
}

/* FIN_WAIT2 without a user: only the peer's FIN is of interest. */
static void input_fin_wait2(struct tapir_host *h, struct tcp_time_wait *w, const struct packet *pkt, bool old)
{
	const uint32_t end = pkt->seq + tcp_segment_len(pkt);
	const bool outside = seq_lt(end, w->rcv_nxt) || seq_gt(pkt->seq, w->rcv_nxt + w->rcv_wnd);

	if (old || outside) {
		if (!(pkt->tcp_flags & TCP_RST) && !tcp_oow_limited(h, pkt, &w->last_oow_ms))
			answer(h, w, TCP_ACK);
		return;
	}
	if (pkt->tcp_flags & TCP_RST) {
		tcp_time_wait_free(h, w);
		return;
	}
	if (pkt->tcp_flags & TCP_SYN && !seq_lt(pkt->seq, w->rcv_nxt)) {
		tcp_reply_reset(h, pkt);
		tcp_time_wait_free(h, w);
		return;
	}
	if (!(pkt->tcp_flags & TCP_ACK) || !seq_gt(end, w->rcv_nxt) || end == pkt->seq)
		return;
	/* Data for nobody, or a FIN that isn't next. */
	if (!(pkt->tcp_flags & TCP_FIN) || end != w->rcv_nxt + 1) {
		tcp_reply_reset(h, pkt);
		tcp_time_wait_free(h, w);
		return;
	}
	w->substate = PCB_TIME_WAIT;
	w->rcv_nxt = end;
	if (pkt->tcp.has_timestamp && w->ts_ok) {
		w->ts_recent = pkt->tcp.ts_val;
		w->ts_recent_s = (uint32_t)(h->now_ns / NS_PER_S);
	}
	schedule(h, w, tcp_of(h)->tune.time_wait * NS_PER_S);
	answer(h, w, TCP_ACK);
}

bool tcp_time_wait_input(struct tapir_host *h, struct tcp_time_wait *w, const struct packet *pkt)
{
	const bool saw_ts = w->ts_ok && pkt->tcp.has_timestamp;
	const bool old = saw_ts && (int32_t)(pkt->tcp.ts_val - w->ts_recent) < 0;
	const uint32_t end = pkt->seq + tcp_segment_len(pkt);

	if (w->substate == PCB_FIN_WAIT2) {
		input_fin_wait2(h, w, pkt, old);
		return true;
	}
	if (!old && pkt->seq == w->rcv_nxt && (end == pkt->seq || pkt->tcp_flags & TCP_RST)) {
		/* In order: an acknowledgement, or a RST, which only ends it where RFC 1337 isn't heeded. */
		if (pkt->tcp_flags & TCP_RST) {
			if (!tcp_of(h)->tune.rfc1337)
				tcp_time_wait_free(h, w);
			return true;
		}
		if (!(pkt->tcp_flags & TCP_SYN))
			schedule(h, w, tcp_of(h)->tune.time_wait * NS_PER_S);
		if (saw_ts) {
			w->ts_recent = pkt->tcp.ts_val;
			w->ts_recent_s = (uint32_t)(h->now_ns / NS_PER_S);
		}
		return true;
	}
	/* RFC 6191, RFC 9293 3.6.1: a SYN that must be younger than all that was. */
	if (pkt->tcp_flags & TCP_SYN && !(pkt->tcp_flags & (TCP_RST | TCP_ACK)) && !old &&
	    (seq_gt(pkt->seq, w->rcv_nxt) || (saw_ts && (int32_t)(pkt->tcp.ts_val - w->ts_recent) > 0)))
		return false;
	if (old)
		tcp_of(h)->count.paws++;
	if (pkt->tcp_flags & TCP_RST)
		return true;
	if (old || pkt->tcp_flags & TCP_ACK)
		schedule(h, w, tcp_of(h)->tune.time_wait * NS_PER_S);
	if (!tcp_oow_limited(h, pkt, &w->last_oow_ms))
		answer(h, w, TCP_ACK);
	return true;
}
