/* output.c - which segments go out now: window, congestion window, Nagle, cork, urgent data. */
#include "stack/host/tcp/tcp.h"

uint32_t seg_len(const struct tcp_seg *s)
{
	return s->end - s->seq - !!(s->flags & TCP_SYN) - !!(s->flags & TCP_FIN);
}

static void seg_pcount_set(struct tcp_seg *s, uint32_t mss)
{
	const uint32_t len = seg_len(s);

	s->pcount = (uint16_t)(len <= mss ? 1 : (len + mss - 1) / mss);
}

/* Options of a segment behind the handshake, and how long they are. */
static uint32_t options_now(struct tcp_pcb *p, struct tcp_options *o)
{
	uint32_t len = 0, room, blocks;

	*o = (struct tcp_options){ 0 };
	if (p->ts_ok) {
		o->has_timestamp = true;
		o->ts_val = pcb_now_ms(p) + p->ts_off;
		o->ts_ecr = p->ts_recent;
		len = TCP_TS_SPACE;
	}
	blocks = p->sack_count + (p->dsack_due ? 1u : 0u);
	if (blocks == 0)
		return len;
	room = (40 - len - 4) / 8;
	if (blocks > room)
		blocks = room;
	for (uint32_t i = 0, k = 0; i < blocks; i++) {
		const struct tcp_sack *s = i == 0 && p->dsack_due ? &p->dsack : &p->extra->sacks[k++];

		o->sack[i][0] = s->start;
		o->sack[i][1] = s->end;
	}
	o->sack_blocks = (uint8_t)blocks;
	return len + 4 + blocks * 8;
}

static uint32_t header_overhead(const struct tcp_pcb *p)
{
	return p->ts_ok ? TCP_TS_SPACE : 0;
}

/* The MSS that fits an MTU, options of every segment taken off (RFC 6691). */
uint32_t pcb_mtu_to_mss(const struct tcp_pcb *p, uint32_t mtu)
{
	const uint32_t ip = p->s.bind.version == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
	uint32_t mss = mtu > ip + TCP_HEADER_LEN ? mtu - ip - TCP_HEADER_LEN : 0;

	if (mss > p->mss_clamp)
		mss = p->mss_clamp;
	if (mss < pcb_tune(p)->min_snd_mss)
		mss = pcb_tune(p)->min_snd_mss;
	return mss - header_overhead(p);
}

/* No segment is longer than half of the largest window that the peer ever offered. */
static uint32_t bound_to_half_window(const struct tcp_pcb *p, uint32_t mss)
{
	const uint32_t cut = p->max_window > PCB_MSS_DEFAULT ? p->max_window >> 1 : p->max_window;

	if (cut && mss > cut)
		return max_u32(cut, 68 - (TCP_HEADER_LEN + header_overhead(p)));
	return mss;
}

void pcb_sync_mss(struct tcp_pcb *p, uint32_t pmtu)
{
	uint32_t mss;

	mss = bound_to_half_window(p, pcb_mtu_to_mss(p, pmtu));
	p->pmtu = (uint16_t)min_u32(pmtu, UINT16_MAX);
	if (p->mtu_low)
		mss = min_u32(mss, pcb_mtu_to_mss(p, p->mtu_low));
	p->mss = (uint16_t)mss;
}

uint32_t pcb_current_mss(struct tcp_pcb *p)
{
	struct tcp_options o;
	uint32_t mss;

	tcp_path(p);
	mss = p->mss;
	if (p->sack_count || p->dsack_due)
		mss -= min_u32(options_now(p, &o) - header_overhead(p), mss - 1);
	return mss;
}

static void ack_sent(struct tcp_pcb *p)
{
	if (p->comp_acks) {
		p->comp_acks = 0;
		p->comp_ns = NEVER;
	}
	if (p->quick && --p->quick == 0)
		p->ato_us = TCP_ATO_MIN_US;
	p->ack_pending = 0;
	p->delack_ns = NEVER;
	p->dsack_due = false;
}

static void data_sent(struct tcp_pcb *p)
{
	const uint32_t now = pcb_now_ms(p);

	if (pcb_in_flight(p) == 0 && p->ca->restart)
		p->ca->restart(p);
	p->sent_ms = now;
	/* An answer to what just came: acknowledgements may ride on it. */
	if (p->any_data && (uint64_t)(now - p->rcv_data_ms) * 1000 < p->ato_us && p->pingpong < UINT8_MAX)
		p->pingpong++;
}

static void syn_options(struct tcp_pcb *p, struct tcp_options *o, bool synack)
{
	const struct tcp_tunables *u = pcb_tune(p);

	*o = (struct tcp_options){ .has_mss = true, .mss = p->advmss };
	if (synack ? p->ts_ok : u->timestamps != 0) {
		o->has_timestamp = true;
		o->ts_val = pcb_now_ms(p) + p->ts_off;
		o->ts_ecr = p->ts_recent;
	}
	if (synack ? p->wscale_ok : u->window_scaling != 0) {
		o->has_wscale = true;
		o->wscale = p->rcv_wscale;
	}
	o->sack_permitted = synack ? p->sack_ok : u->sack != 0;
}

static void urgent_set(const struct tcp_pcb *p, struct tcp_header *hdr)
{
	if (!pcb_urgent_mode(p) || !seq_lt(hdr->seq, p->snd_up))
		return;
	if (seq_lt(p->snd_up, hdr->seq + 0x10000))
		hdr->urgent = (uint16_t)(p->snd_up - hdr->seq);
	else if (seq_gt(hdr->seq + 0xffff, p->snd_nxt))
		hdr->urgent = 0xffff;
	else
		return;
	hdr->flags |= TCP_URG;
}

/* A SYN, and a SYN-ACK of a connection (simultaneous open, fast open). */
static int transmit_syn(struct tcp_pcb *p, struct tcp_seg *s, const struct tcp_options *more, uint32_t data_len)
{
	const bool synack = (s->flags & TCP_ACK) != 0;
	struct tcp_header hdr = { .seq = s->seq, .ack = synack ? p->rcv_nxt : 0, .flags = s->flags,
				  .window = (uint16_t)min_u32(p->rcv_wnd, TCP_WINDOW_MAX) };

	syn_options(p, &hdr.options, synack);
	if (more) {
		hdr.options.has_fast_open = more->has_fast_open;
		hdr.options.fast_open = more->fast_open;
	}
	if (synack)
		ack_sent(p);
	s->sent_ns = pcb_now(p);
	s->delivered = p->delivered;
	return tcp_emit(p, &hdr, &p->out, data_len, 0);
}

static uint8_t ecn_of(struct tcp_pcb *p, struct tcp_header *hdr, uint32_t seq, uint32_t len)
{
	uint8_t bits = 0;

	if (!(p->ecn & ECN_OK))
		return 0;
	/* Neither pure acknowledgements nor what is sent again is ECN-capable (RFC 3168 6.1.4, 6.1.5). */
	if (len && !seq_lt(seq, p->snd_nxt)) {
		bits = 2;
		if (p->ecn & ECN_QUEUE_CWR) {
			p->ecn &= (uint8_t)~ECN_QUEUE_CWR;
			hdr->flags |= TCP_CWR;
		}
	}
	if (p->ecn & ECN_DEMAND_CWR)
		hdr->flags |= TCP_ECE;
	return bits;
}

int pcb_transmit(struct tcp_pcb *p, struct tcp_seg *s)
{
	const uint32_t len = seg_len(s);
	struct tcp_header hdr = { .seq = s->seq, .ack = p->rcv_nxt, .flags = s->flags };
	uint8_t ecn;

	if (s->flags & TCP_SYN)
		return transmit_syn(p, s, NULL, 0);
	if (!tcp_path(p))
		return -EHOSTUNREACH;
	options_now(p, &hdr.options);
	hdr.window = pcb_select_window(p);
	urgent_set(p, &hdr);
	ecn = ecn_of(p, &hdr, s->seq, len);
	ack_sent(p);
	if (len) {
		data_sent(p);
		p->data_segs_out += s->pcount;
		p->bytes_sent += len;
	}
	s->sent_ns = pcb_now(p);
	s->delivered = p->delivered;
	return tcp_emit(p, &hdr, &p->out, len, ecn);
}

/* Without bytes, and not kept: acknowledgements, probes, resets. */
void pcb_send_pure(struct tcp_pcb *p, uint8_t flags, uint32_t seq)
{
	struct tcp_header hdr = { .seq = seq, .ack = flags & TCP_ACK ? p->rcv_nxt : 0, .flags = flags };
	uint8_t ecn = 0;

	if (!tcp_path(p))
		return;
	options_now(p, &hdr.options);
	hdr.window = pcb_select_window(p);
	if (!(flags & TCP_RST)) {
		urgent_set(p, &hdr);
		ecn = ecn_of(p, &hdr, seq, 0);
	} else {
		hdr.options.sack_blocks = 0;
	}
	if (flags & TCP_ACK)
		ack_sent(p);
	tcp_emit(p, &hdr, NULL, 0, ecn);
}

/* A sequence number within the window that the peer told, for what carries no data. */
static uint32_t acceptable_seq(const struct tcp_pcb *p)
{
	const uint32_t end = pcb_window_end(p);

	if (!seq_lt(end, p->snd_nxt) || p->state == PCB_SYN_SENT ||
	    (p->wscale_ok && p->snd_nxt - end < 1u << p->rcv_wscale))
		return p->snd_nxt;
	return end;
}

void pcb_send_ack(struct tcp_pcb *p)
{
	if (p->state != PCB_CLOSED)
		pcb_send_pure(p, TCP_ACK, acceptable_seq(p));
}

void pcb_send_reset(struct tcp_pcb *p)
{
	pcb_tcp(p)->count.resets_out++;
	pcb_send_pure(p, TCP_RST | TCP_ACK, acceptable_seq(p));
}

/* The SYN, or the SYN-ACK, is the first segment of the ring. */
int pcb_send_syn(struct tcp_pcb *p, bool synack)
{
	struct tcp_seg *s = segq_at(&p->segs, 0);

	must(p->segs.count);
	s->flags = synack ? TCP_SYN | TCP_ACK : TCP_SYN;
	if (synack ? p->ecn & ECN_OK : p->ecn & ECN_OK && !p->retransmits)
		s->flags |= synack ? TCP_ECE : TCP_ECE | TCP_CWR;
	return transmit_syn(p, s, NULL, 0);
}

/* The first SYN of a fast open: cookie (or the wish for one) and the first bytes. */
int pcb_send_syn_fast(struct tcp_pcb *p, struct slice cookie, uint32_t data_len)
{
	struct tcp_seg *s = segq_at(&p->segs, 0);
	const struct tcp_options more = { .has_fast_open = true, .fast_open = cookie };

	s->flags = p->ecn & ECN_OK ? TCP_SYN | TCP_ECE | TCP_CWR : TCP_SYN;
	return transmit_syn(p, s, &more, data_len);
}

/* ---- the queue ---- */

/* Cuts segment i behind its first len bytes. */
bool pcb_split(struct tcp_pcb *p, uint32_t i, uint32_t len)
{
	const bool sent = i < p->segs.sent;
	const uint32_t mss = p->mss;
	struct tcp_seg *a, *b;
	uint32_t old, now;

	must(len < seg_len(segq_at(&p->segs, i)));
	if (segq_insert(p->s.host, &p->segs, i + 1) == NULL)
		return false;
	a = segq_at(&p->segs, i);
	b = segq_at(&p->segs, i + 1);
	*b = *a;
	b->seq = a->seq + len;
	a->end = b->seq;
	b->flags = a->flags;
	a->flags &= (uint8_t)~(TCP_FIN | TCP_PSH);
	if (!sent)
		return true;
	p->segs.sent++;
	old = a->pcount;
	seg_pcount_set(a, mss);
	seg_pcount_set(b, mss);
	now = a->pcount + (uint32_t)b->pcount;
	p->packets_out += now - old;
	if (a->marks & SEG_SACKED)
		p->sacked_out += now - old;
	if (a->marks & SEG_LOST)
		p->lost_out += now - old;
	if (a->marks & SEG_RETRANS)
		p->retrans_out += now - old;
	if (!p->sack_ok && p->sacked_out > 0 && now < old)
		p->sacked_out -= min_u32(p->sacked_out, old - now);
	return true;
}

static bool nagle_holds(const struct tcp_pcb *p, bool partial, unsigned nagle)
{
	if (!partial)
		return false;
	if (nagle & NAGLE_CORK)
		return true;
	/* Minshall: only while a small segment is under way already. */
	return nagle == 0 && p->packets_out && seq_gt(p->snd_sml, p->snd_una) && seq_leq(p->snd_sml, p->snd_nxt);
}

static bool nagle_passes(const struct tcp_pcb *p, const struct tcp_seg *s, uint32_t mss, unsigned nagle)
{
	if (nagle & NAGLE_PUSH || pcb_urgent_mode(p) || s->flags & TCP_FIN)
		return true;
	return !nagle_holds(p, seg_len(s) < mss, nagle);
}

static uint32_t cwnd_quota(const struct tcp_pcb *p)
{
	const uint32_t in_flight = pcb_in_flight(p);

	if (in_flight >= p->cwnd)
		return 0;
	return min_u32(max_u32(p->cwnd >> 1, 1), p->cwnd - in_flight);
}

static void new_data_sent(struct tcp_pcb *p, struct tcp_seg *s)
{
	const uint32_t before = p->packets_out;

	p->snd_nxt = s->end;
	p->segs.sent++;
	p->packets_out += s->pcount;
	if (before == 0 || p->timer_kind == TIMER_TLP)
		pcb_rearm_rto(p);
}

static void cwnd_validate(struct tcp_pcb *p, bool limited)
{
	const struct tcp_tunables *u = pcb_tune(p);
	const uint32_t now = pcb_now_ms(p);

	if (!seq_lt(p->snd_una, p->cwnd_usage_seq) || limited ||
	    (!p->is_cwnd_limited && p->packets_out > p->max_packets_out)) {
		p->is_cwnd_limited = limited;
		p->max_packets_out = p->packets_out;
		p->cwnd_usage_seq = p->snd_nxt;
	}
	if (pcb_cwnd_is_limited(p)) {
		p->cwnd_used = 0;
		p->cwnd_ms = now;
		return;
	}
	p->cwnd_used = max_u32(p->cwnd_used, p->packets_out);
	if (!u->slow_start_after_idle || (uint64_t)(now - p->cwnd_ms) * 1000 < p->rto_us)
		return;
	/* RFC 7661 in Linux' form: a window that was not used isn't one. */
	if (p->ca_state == CA_OPEN && p->write_seq - p->snd_una < p->s.sndbuf) {
		const uint32_t used = max_u32(p->cwnd_used, u->init_cwnd);

		if (used < p->cwnd) {
			if (!pcb_cwnd_reducing(p))
				p->ssthresh = max_u32(p->ssthresh, (p->cwnd >> 1) + (p->cwnd >> 2));
			p->cwnd = (p->cwnd + used) >> 1;
		}
		p->cwnd_used = 0;
	}
	p->cwnd_ms = now;
}

/* Sends what may be sent. push_one: no more than one segment (2: also beyond the congestion window, a probe). True
 * where something waits and nothing is under way, so that only a window update could help. */
bool pcb_write_xmit(struct tcp_pcb *p, uint32_t mss, unsigned nagle, int push_one)
{
	uint32_t sent = 0;
	bool cwnd_limited;

	while (p->segs.sent < p->segs.count) {
		const uint32_t i = p->segs.sent;
		struct tcp_seg *s = segq_at(&p->segs, i);
		const uint32_t len = seg_len(s);
		uint32_t quota = cwnd_quota(p), limit, window;

		if (quota == 0) {
			if (push_one != 2)
				break;
			quota = 1;
		}
		window = pcb_window_end(p) - s->seq;
		if (seq_gt(len > mss ? s->seq + mss : s->end, pcb_window_end(p)))
			break;
		if (len <= mss && !nagle_passes(p, s, mss, i + 1 == p->segs.count ? nagle : NAGLE_PUSH))
			break;
		limit = min_u32(mss, window);
		if (len > limit && !pcb_split(p, i, limit))
			break;
		s = segq_at(&p->segs, i);
		seg_pcount_set(s, mss);
		if (pcb_transmit(p, s) < 0)
			break;
		new_data_sent(p, s);
		if (seg_len(s) < mss * s->pcount)
			p->snd_sml = s->end;
		sent += s->pcount;
		if (push_one)
			break;
	}
	cwnd_limited = pcb_in_flight(p) >= p->cwnd;
	if (sent || cwnd_limited)
		cwnd_validate(p, cwnd_limited);
	if (sent) {
		if (pcb_cwnd_reducing(p))
			p->prr_out += sent;
		if (push_one != 2)
			pcb_schedule_tlp(p, false);
		return false;
	}
	return p->packets_out == 0 && p->segs.sent < p->segs.count;
}

void pcb_push_pending(struct tcp_pcb *p, uint32_t mss, unsigned nagle)
{
	if (p->state == PCB_CLOSED)
		return;
	if (pcb_write_xmit(p, mss, nagle, 0))
		pcb_check_probe_timer(p);
}

/* The end of a call that wrote: PSH, urgent pointer, and off. */
void pcb_push(struct tcp_pcb *p, int flags, uint32_t mss, unsigned nagle)
{
	struct tcp_seg *s;

	if (p->segs.sent == p->segs.count)
		return;
	s = segq_at(&p->segs, p->segs.count - 1);
	if (!(flags & MSG_MORE) || seq_gt(p->write_seq, p->pushed_seq + (p->max_window >> 1))) {
		s->flags |= TCP_PSH;
		p->pushed_seq = p->write_seq;
	}
	if (flags & MSG_OOB)
		p->snd_up = p->write_seq;
	pcb_push_pending(p, mss, flags & MSG_MORE ? NAGLE_CORK : nagle);
}

void pcb_data_snd_check(struct tcp_pcb *p)
{
	if (p->segs.sent < p->segs.count)
		pcb_push_pending(p, pcb_current_mss(p), p->nagle);
}

/* ---- again ---- */

/* Small segments behind i that fit with it into one are joined to it. */
static void collapse(struct tcp_pcb *p, uint32_t i, uint32_t space)
{
	struct tcp_seg *a = segq_at(&p->segs, i);

	if (a->pcount > 1 || a->flags & TCP_SYN || a->marks & SEG_SACKED)
		return;
	while (i + 1 < p->segs.sent) {
		struct tcp_seg *b = segq_at(&p->segs, i + 1);

		if (b->flags & TCP_SYN || b->marks & SEG_SACKED || b->pcount > 1 || seg_len(b) == 0 ||
		    a->flags & TCP_FIN || seg_len(a) + seg_len(b) > space || seq_gt(b->end, pcb_window_end(p)))
			return;
		a->end = b->end;
		a->flags |= b->flags;
		if (b->marks & SEG_LOST)
			p->lost_out -= b->pcount;
		if (b->marks & SEG_RETRANS)
			p->retrans_out -= b->pcount;
		a->marks |= b->marks & SEG_EVER_RETRANS;
		p->packets_out -= b->pcount;
		if (!p->sack_ok && p->sacked_out)
			p->sacked_out--;
		for (uint32_t k = i + 1; k + 1 < p->segs.count; k++)
			*segq_at(&p->segs, k) = *segq_at(&p->segs, k + 1);
		p->segs.count--;
		p->segs.sent--;
	}
}

static int retransmit_once(struct tcp_pcb *p, uint32_t i, uint32_t segs)
{
	struct tcp_seg *s = segq_at(&p->segs, i);
	uint32_t mss, window, len;
	int err;

	if (s->flags & TCP_SYN) {
		/* ECN isn't tried twice: something on the way may drop such SYNs (RFC 3168 6.1.1.1). */
		s->flags &= (uint8_t)~(TCP_ECE | TCP_CWR);
	} else if (seq_lt(s->seq, p->snd_una)) {
		if (!seq_gt(s->end, p->snd_una))
			return -EINVAL;
		s->seq = p->snd_una;
	}
	mss = pcb_current_mss(p);
	window = pcb_window_end(p) - s->seq;
	if ((int32_t)window <= 0) {
		if (s->seq != p->snd_una)
			return -EAGAIN;
		window = mss;
	}
	len = mss * segs;
	if (len > window) {
		len = window / mss * mss;
		if (len == 0)
			len = window;
	}
	len = min_u32(len, mss);
	if (seg_len(s) > len) {
		if (!pcb_split(p, i, len))
			return -ENOMEM;
	} else {
		collapse(p, i, min_u32(window, mss));
	}
	s = segq_at(&p->segs, i);
	p->total_retrans += s->pcount;
	p->bytes_retrans += seg_len(s);
	pcb_tcp(p)->count.retransmits += s->pcount;
	err = pcb_transmit(p, s);
	s->marks |= SEG_EVER_RETRANS;
	return err;
}

/* Sends segment i (or its first MSS) again. */
int pcb_retransmit(struct tcp_pcb *p, uint32_t i, uint32_t segs)
{
	const uint64_t was_sent = segq_at(&p->segs, i)->sent_ns;
	const int err = retransmit_once(p, i, segs);
	struct tcp_seg *s = segq_at(&p->segs, i);

	if (err == 0) {
		s->marks |= SEG_RETRANS;
		p->retrans_out += s->pcount;
	}
	if (p->retrans_stamp == 0)
		p->retrans_stamp = err == 0 ? pcb_now_ms(p) : max_u32((uint32_t)(was_sent / NS_PER_MS), 1);
	if (p->undo_retrans < 0)
		p->undo_retrans = 0;
	p->undo_retrans += s->pcount;
	return err;
}

/* A tail loss probe: sent again, but not believed to be lost. */
int pcb_probe_again(struct tcp_pcb *p, uint32_t i)
{
	return retransmit_once(p, i, 1);
}

/* What is marked lost goes out again, as far as the window has room. */
void pcb_xmit_retransmit_queue(struct tcp_pcb *p)
{
	bool rearm = false;

	if (p->packets_out == 0)
		return;
	for (uint32_t i = 0; i < p->segs.sent; i++) {
		struct tcp_seg *s = segq_at(&p->segs, i);
		const int32_t room = (int32_t)(p->cwnd - pcb_in_flight(p));

		if (room <= 0 || p->retrans_out >= p->lost_out)
			break;
		if (!(s->marks & SEG_LOST) || s->marks & (SEG_SACKED | SEG_RETRANS))
			continue;
		if (pcb_retransmit(p, i, (uint32_t)room))
			break;
		pcb_tcp(p)->count.fast_retransmits += p->ca_state == CA_RECOVERY;
		if (pcb_cwnd_reducing(p))
			p->prr_out += segq_at(&p->segs, i)->pcount;
		if (i == 0 && p->timer_kind != TIMER_REO)
			rearm = true;
	}
	if (rearm)
		pcb_set_timer(p, TIMER_RETRANS, p->rto_us);
}

/* ---- ends and probes ---- */

/* A FIN goes on the last segment that wasn't sent yet, or is one of its own. */
int pcb_send_fin(struct tcp_pcb *p)
{
	struct tcp_seg *s;

	if (p->segs.sent < p->segs.count) {
		s = segq_at(&p->segs, p->segs.count - 1);
		s->flags |= TCP_FIN;
		s->end++;
	} else {
		s = segq_insert(p->s.host, &p->segs, p->segs.count);
		if (s == NULL)
			return -ENOMEM;
		s->seq = p->write_seq;
		s->end = p->write_seq + 1;
		s->flags = TCP_ACK | TCP_FIN;
	}
	p->write_seq++;
	pcb_push_pending(p, pcb_current_mss(p), NAGLE_OFF);
	return 0;
}

/* Something that makes the peer say how its window stands. */
int pcb_write_wakeup(struct tcp_pcb *p)
{
	struct tcp_seg *s = p->segs.sent < p->segs.count ? segq_at(&p->segs, p->segs.sent) : NULL;
	uint32_t mss, room;
	int err;

	if (p->state == PCB_CLOSED)
		return -EINVAL;
	if (s && seq_lt(s->seq, pcb_window_end(p))) {
		mss = pcb_current_mss(p);
		room = pcb_window_end(p) - s->seq;
		if (seq_lt(p->pushed_seq, s->end))
			p->pushed_seq = s->end;
		s->flags |= TCP_PSH;
		if (seg_len(s) > min_u32(room, mss) && !pcb_split(p, p->segs.sent, min_u32(room, mss)))
			return -ENOMEM;
		s = segq_at(&p->segs, p->segs.sent);
		s->flags |= TCP_PSH;
		seg_pcount_set(s, mss);
		err = pcb_transmit(p, s);
		if (err == 0)
			new_data_sent(p, s);
		return err;
	}
	if (seq_in(p->snd_up, p->snd_una + 1, 0xffff))
		pcb_send_pure(p, TCP_ACK, p->snd_una);
	pcb_send_pure(p, TCP_ACK, p->snd_una - 1);
	return 0;
}
