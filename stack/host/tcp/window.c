/* window.c - what we offer to receive: never less than was offered, in steps that aren't silly (RFC 9293 3.8.6.2),
 * and with a buffer that grows with what the application reads in a round trip. Half of the receive buffer is for
 * payload, the other half stands for what holding it costs. */
#include "stack/host/tcp/tcp.h"

static uint32_t log2_u32(uint32_t v)
{
	return v ? 31 - (uint32_t)__builtin_clz(v) : 0;
}

static uint32_t align_up(uint32_t v, uint32_t to)
{
	return (v + to - 1) / to * to;
}

/* The window of a SYN: whole segments; and the scale that the largest buffer needs. */
void tcp_initial_window(const struct tcp_tunables *u, uint32_t space, uint32_t mss, bool wscale_ok, uint32_t clamp,
			uint32_t *wnd, uint32_t *clamp_out, uint8_t *wscale)
{
	if (clamp == 0)
		clamp = TCP_WINDOW_MAX << TCP_WSCALE_MAX;
	space = min_u32(space, clamp);
	if (space > mss)
		space = space / mss * mss;
	*wnd = min_u32(space, u->workaround_signed_windows ? 32767 : TCP_WINDOW_MAX);
	if (u->init_rwnd)
		*wnd = min_u32(*wnd, u->init_rwnd * mss);
	*wscale = 0;
	if (wscale_ok) {
		const uint32_t largest = log2_u32(min_u32(max_u32(space, u->rmem[2]), clamp));

		if (largest > 15)
			*wscale = (uint8_t)min_u32(largest - 15, TCP_WSCALE_MAX);
	}
	*clamp_out = min_u32(TCP_WINDOW_MAX << *wscale, clamp);
}

uint32_t pcb_full_space(const struct tcp_pcb *p)
{
	return p->s.rcvbuf >> 1;
}

uint32_t pcb_free_space(const struct tcp_pcb *p)
{
	const uint32_t full = pcb_full_space(p);

	return full > p->in_charge ? full - p->in_charge : 0;
}

uint32_t pcb_pick_window(struct tcp_pcb *p)
{
	const uint32_t allowed = pcb_full_space(p), full = min_u32(p->window_clamp, allowed);
	const uint32_t step = 1u << p->rcv_wscale;
	uint32_t space = pcb_free_space(p), mss = p->rcv_mss, window;

	if (mss > full) {
		mss = full;
		if (mss == 0)
			return 0;
	}
	if (space < full >> 1) {
		p->quick = 0;
		space = space / step * step;
		if (space < allowed >> 4 || space < mss)
			return 0;
	}
	space = min_u32(space, p->rcv_ssthresh);
	if (p->rcv_wscale)
		return align_up(space, step);
	window = p->rcv_wnd;
	if ((int32_t)window <= (int32_t)(space - mss) || window > space)
		window = space / mss * mss;
	else if (mss == full && space > window + (full >> 1))
		window = space;
	return window;
}

/* What goes into the header. */
uint16_t pcb_select_window(struct tcp_pcb *p)
{
	const uint32_t current = pcb_receive_window(p);
	uint32_t window = pcb_pick_window(p);

	/* A window isn't taken back, once told. */
	if (window < current)
		window = align_up(current, 1u << p->rcv_wscale);
	p->rcv_wnd = window;
	p->rcv_wup = p->rcv_nxt;
	if (p->rcv_wscale == 0 && pcb_tune(p)->workaround_signed_windows)
		window = min_u32(window, 32767);
	else
		window = min_u32(window, TCP_WINDOW_MAX << p->rcv_wscale);
	return (uint16_t)(window >> p->rcv_wscale);
}

/* Segments of a size that doesn't waste the buffer let the window open. */
void pcb_grow_window(struct tcp_pcb *p, uint32_t len)
{
	const uint32_t limit = min_u32(p->window_clamp, pcb_free_space(p));
	uint32_t more;

	if (limit <= p->rcv_ssthresh)
		return;
	more = len >= 640 ? 2u * p->advmss : 2u * p->rcv_mss;
	p->rcv_ssthresh += min_u32(limit - p->rcv_ssthresh, max_u32(more, 2 * len));
	p->quick |= 1;
}

void pcb_init_buffers(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	const uint32_t space = pcb_full_space(p);
	const uint64_t want = 2ull * (max_u32(p->mss_clamp, p->mss) + 800) * u->init_cwnd;

	if (!p->s.sndbuf_locked && p->s.sndbuf < want)
		p->s.sndbuf = (uint32_t)(want < u->wmem[2] ? want : max_u32(u->wmem[2], p->s.sndbuf));
	p->drs_space = min_u32(min_u32(p->rcv_ssthresh, p->rcv_wnd), u->init_cwnd * p->advmss);
	p->drs_us = pcb_now_us(p);
	p->drs_seq = p->copied_seq;
	if (p->window_clamp >= space) {
		p->window_clamp = space;
		if (space > 4u * p->advmss)
			p->window_clamp = max_u32(space - (space >> 31), 4u * p->advmss);
	}
	p->rcv_ssthresh = min_u32(p->rcv_ssthresh, p->window_clamp);
	p->cwnd_ms = pcb_now_ms(p);
}

static void rtt_seen(struct tcp_pcb *p, uint32_t us, bool by_window)
{
	if (us == 0)
		us = 1;
	if (p->drs_rtt_us == 0)
		p->drs_rtt_us = us << 3;
	else if (!by_window)
		p->drs_rtt_us += us - (p->drs_rtt_us >> 3);
	else if (us << 3 < p->drs_rtt_us)
		p->drs_rtt_us = us << 3;
}

/* A round trip as the receiver sees it: the time that a window's worth of data took. */
void pcb_rcv_rtt_measure(struct tcp_pcb *p)
{
	if (p->drs_rtt_at_us && seq_lt(p->rcv_nxt, p->drs_rtt_seq))
		return;
	if (p->drs_rtt_at_us)
		rtt_seen(p, pcb_now_us(p) - p->drs_rtt_at_us, true);
	p->drs_rtt_seq = p->rcv_nxt + p->rcv_wnd;
	p->drs_rtt_at_us = max_u32(pcb_now_us(p), 1);
}

void pcb_rcv_rtt_measure_ts(struct tcp_pcb *p, const struct packet *pkt)
{
	if (!p->saw_ts || p->tsecr == 0 || pkt->payload.len < p->rcv_mss)
		return;
	if (pcb_now_ms(p) - p->tsecr < 100000)
		rtt_seen(p, max_u32(pcb_now_ms(p) - p->tsecr, 1) * 1000, false);
}

/* The application has read: did it take more in this round trip than in the one before? */
void pcb_rcv_space_adjust(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	const uint32_t copied = p->copied_seq - p->drs_seq;

	if (p->drs_rtt_us == 0 || pcb_now_us(p) - p->drs_us < p->drs_rtt_us >> 3)
		return;
	if (copied > p->drs_space) {
		if (u->moderate_rcvbuf && !p->s.rcvbuf_locked) {
			uint64_t window = 2ull * copied + 16ull * p->advmss, buffer;

			window += 2 * (window * (copied - p->drs_space) / max_u32(p->drs_space, 1));
			buffer = window * 2 < u->rmem[2] ? window * 2 : u->rmem[2];
			if (buffer > p->s.rcvbuf) {
				p->s.rcvbuf = (uint32_t)buffer;
				p->window_clamp = (uint32_t)buffer >> 1;
			}
		}
		p->drs_space = copied;
	}
	p->drs_seq = p->copied_seq;
	p->drs_us = pcb_now_us(p);
}
