/* receive.c - bytes in order and out of order, urgent bytes, the peer's FIN, and what our SACK blocks say.
 *
 * Out of order, chunks stand sorted and without overlaps. Where two copies of a byte differ, that of the segment that
 * starts earlier is kept, as on Linux: the tracker's reading of a Linux receiver depends on it. Each chunk is charged
 * more than its bytes, so that many small ones use up the buffer before they cost time. */
#include "stack/host/tcp/tcp.h"

#define OOO_OVERHEAD 256u
#define IN_ORDER_CHUNK 8192u

/* ---- SACK blocks ---- */

void pcb_dsack_set(struct tcp_pcb *p, uint32_t seq, uint32_t end)
{
	if (!p->sack_ok || !pcb_tune(p)->dsack)
		return;
	p->dsack_due = true;
	p->dsack = (struct tcp_sack){ seq, end };
	pcb_tcp(p)->count.dsack_out++;
}

static void dsack_extend(struct tcp_pcb *p, uint32_t seq, uint32_t end)
{
	if (!p->dsack_due) {
		pcb_dsack_set(p, seq, end);
	} else if (!seq_gt(seq, p->dsack.end) && !seq_gt(p->dsack.start, end)) {
		p->dsack.start = seq_min(p->dsack.start, seq);
		p->dsack.end = seq_max(p->dsack.end, end);
	}
}

static bool sack_join(struct tcp_sack *s, uint32_t seq, uint32_t end)
{
	if (seq_gt(seq, s->end) || seq_gt(s->start, end))
		return false;
	s->start = seq_min(s->start, seq);
	s->end = seq_max(s->end, end);
	return true;
}

/* The block that just grew comes first (RFC 2018 4). */
static void sack_new(struct tcp_pcb *p, uint32_t seq, uint32_t end)
{
	struct tcp_sack *s = p->extra->sacks, first;
	unsigned at = 0;

	if (!p->sack_ok)
		return;
	while (at < p->sack_count && !sack_join(&s[at], seq, end))
		at++;
	if (at == p->sack_count) {
		if (p->sack_count < TCP_SACKS_MAX)
			p->sack_count++;
		else
			at--;
		s[at] = (struct tcp_sack){ seq, end };
	}
	first = s[at];
	memmove(s + 1, s, at * sizeof(*s));
	s[0] = first;
	for (at = 1; at < p->sack_count;) {
		if (sack_join(&s[0], s[at].start, s[at].end)) {
			p->sack_count--;
			memmove(s + at, s + at + 1, (p->sack_count - at) * sizeof(*s));
			at = 1;
		} else {
			at++;
		}
	}
}

/* Blocks that are in order now. */
static void sack_remove(struct tcp_pcb *p)
{
	struct tcp_sack *s;
	unsigned keep = 0;

	if (p->sack_count == 0)
		return;
	s = p->extra->sacks;
	if (p->ooo.head)
		for (unsigned i = 0; i < p->sack_count; i++)
			if (seq_lt(p->rcv_nxt, s[i].start))
				s[keep++] = s[i];
	p->sack_count = (uint8_t)keep;
}

/* ---- urgent data (RFC 6093: the pointer's meaning is that of nearly everybody) ---- */

static void urgent_pointer(struct tcp_pcb *p, const struct packet *pkt)
{
	uint32_t ptr = pkt->urgent;

	if (ptr && !pcb_tune(p)->stdurg)
		ptr--;
	ptr += pkt->seq;
	if (seq_gt(p->copied_seq, ptr) || seq_lt(ptr, p->rcv_nxt))
		return;
	if (p->urg_data && !seq_gt(ptr, p->urg_seq))
		return;
	/* The byte before was urgent, too, and nobody has fetched it: it is gone. */
	if (p->urg_seq == p->copied_seq && p->urg_data && !p->s.oob_inline && p->copied_seq != p->rcv_nxt) {
		p->copied_seq++;
		p->in_charge -= p->in_charge ? 1 : 0;
		chunks_drop_before(p->s.host, &p->in, p->copied_seq);
	}
	p->urg_data = URG_NOTYET;
	p->urg_seq = ptr;
	pcb_wake(p, POLLPRI);
}

void pcb_check_urgent(struct tcp_pcb *p, const struct packet *pkt)
{
	uint32_t at;

	if (pkt->tcp_flags & TCP_URG)
		urgent_pointer(p, pkt);
	if (p->urg_data != URG_NOTYET)
		return;
	at = p->urg_seq - pkt->seq - !!(pkt->tcp_flags & TCP_SYN);
	if (at < pkt->payload.len) {
		p->urg_data = (uint16_t)(URG_VALID | pkt->payload.data[at]);
		pcb_wake(p, POLLPRI | POLLIN);
	}
}

/* ---- the peer's FIN ---- */

void pcb_fin(struct tcp_pcb *p)
{
	p->ack_pending |= ACK_SCHED;
	p->fin_received = p->rcv_shutdown = true;
	switch (p->state) {
	case PCB_SYN_RECV:
	case PCB_ESTABLISHED:
		pcb_set_state(p, PCB_CLOSE_WAIT);
		p->pingpong = (uint8_t)pcb_tune(p)->pingpong_thresh;
		break;
	case PCB_FIN_WAIT1:
		/* Both at once: theirs came before the acknowledgement of ours. */
		pcb_send_ack(p);
		pcb_set_state(p, PCB_CLOSING);
		break;
	case PCB_FIN_WAIT2:
		pcb_send_ack(p);
		pcb_time_wait(p, PCB_TIME_WAIT, 0);
		break;
	default:
		break;
	}
	for (const struct tcp_chunk *c = p->ooo.head; c; c = c->next)
		p->in_charge -= c->len + OOO_OVERHEAD;
	chunks_clear(p->s.host, &p->ooo);
	p->sack_count = 0;
	pcb_wake(p, POLLIN | POLLRDHUP | (p->state == PCB_CLOSED ? POLLHUP | POLLOUT : 0));
}

/* ---- in order ---- */

static void measure_rcv_mss(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint16_t last = p->last_seg_len;
	uint32_t len = (uint32_t)pkt->payload.len;

	p->last_seg_len = 0;
	if (len >= p->rcv_mss) {
		p->rcv_mss = (uint16_t)min_u32(len, p->advmss);
		if (pkt->tcp_flags & TCP_PSH)
			p->ack_pending |= ACK_PUSHED;
		return;
	}
	len += pkt->l4_header_len;
	if (len >= PCB_MSS_DEFAULT + TCP_HEADER_LEN ||
	    (len >= PCB_MSS_MIN + TCP_HEADER_LEN &&
	     !(pkt->tcp_flags & (TCP_FIN | TCP_URG | TCP_SYN | TCP_PSH)))) {
		len -= TCP_HEADER_LEN + (p->ts_ok ? TCP_TS_SPACE : 0);
		p->last_seg_len = (uint16_t)len;
		if (len == last) {
			p->rcv_mss = (uint16_t)len;
			return;
		}
	}
	if (p->ack_pending & ACK_PUSHED)
		p->ack_pending |= ACK_PUSHED2;
	p->ack_pending |= ACK_PUSHED;
}

static void ecn_check(struct tcp_pcb *p, const struct packet *pkt)
{
	if (!(p->ecn & ECN_OK))
		return;
	if ((pkt->tos & 3) == 3) {
		if (!(p->ecn & ECN_DEMAND_CWR)) {
			pcb_enter_quickack(p, 2);
			p->ecn |= ECN_DEMAND_CWR;
		}
		p->ecn |= ECN_SEEN;
	} else if (pkt->tos & 3) {
		p->ecn |= ECN_SEEN;
	} else if (p->ecn & ECN_SEEN && p->rcv_mss && pkt->payload.len >= p->rcv_mss) {
		/* Not ECN-capable in the middle: probably a retransmission; answer quickly. */
		pcb_enter_quickack(p, 2);
	}
}

static void event_received(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t now = pcb_now_ms(p);
	const uint64_t gap_us = (uint64_t)(now - p->rcv_data_ms) * 1000;

	p->ack_pending |= ACK_SCHED;
	measure_rcv_mss(p, pkt);
	pcb_rcv_rtt_measure(p);
	if (p->ato_us == 0) {
		pcb_incr_quickack(p, TCP_QUICKACKS_MAX);
		p->ato_us = TCP_ATO_MIN_US;
	} else if (gap_us <= TCP_ATO_MIN_US / 2) {
		p->ato_us = (p->ato_us >> 1) + TCP_ATO_MIN_US / 2;
	} else if (gap_us < p->ato_us) {
		p->ato_us = min_u32((p->ato_us >> 1) + (uint32_t)gap_us, p->rto_us);
	} else if (gap_us > p->rto_us) {
		/* After so long the sender starts slowly. */
		pcb_incr_quickack(p, TCP_QUICKACKS_MAX);
	}
	p->rcv_data_ms = now;
	p->any_data = true;
	ecn_check(p, pkt);
	if (pkt->payload.len >= 128)
		pcb_grow_window(p, (uint32_t)pkt->payload.len);
}

static void rcv_advance(struct tcp_pcb *p, uint32_t to)
{
	p->bytes_received += to - p->rcv_nxt;
	p->rcv_nxt = to;
}

/* Bytes of the segment behind rcv_nxt go to the in-order queue. False: no room. */
bool pcb_queue_bytes(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t first = pkt->seq + !!(pkt->tcp_flags & TCP_SYN);
	const uint32_t skip = p->rcv_nxt - first, len = (uint32_t)pkt->payload.len - skip;

	if (len == 0)
		return true;
	if (p->in_charge && p->in_charge + len > p->s.rcvbuf)
		return false;
	if (!chunks_append(p->s.host, &p->in, p->rcv_nxt, NULL, 0, pkt->payload.data + skip, len,
			  p->in.head ? IN_ORDER_CHUNK : len))
		return false;
	p->in_charge += len;
	rcv_advance(p, p->rcv_nxt + len);
	return true;
}

/* What waited and is in order now moves over; true where it ended with a FIN. */
static bool ooo_take(struct tcp_pcb *p)
{
	const uint32_t high = p->rcv_nxt;
	struct tcp_chunk *c;
	bool fin = false;

	while ((c = p->ooo.head) != NULL && !seq_gt(c->seq, p->rcv_nxt)) {
		const uint32_t end = c->seq + c->len;

		if (seq_lt(c->seq, high))
			dsack_extend(p, c->seq, seq_min(end, high));
		p->ooo.head = c->next;
		if (p->ooo.head == NULL)
			p->ooo.tail = NULL;
		p->in_charge -= c->len + OOO_OVERHEAD;
		fin = c->fin && !seq_lt(end, p->rcv_nxt);
		if (!seq_gt(end, p->rcv_nxt)) {
			chunk_free(p->s.host, c);
		} else {
			/* The front that came in order already is cut off. */
			const uint32_t cut = p->rcv_nxt - c->seq;

			memmove(c->data, c->data + cut, c->len - cut);
			c->seq += cut;
			c->len -= cut;
			c->next = NULL;
			if (p->in.tail)
				p->in.tail->next = c;
			else
				p->in.head = c;
			p->in.tail = c;
			p->in_charge += c->len;
			rcv_advance(p, end);
		}
		if (fin)
			break;
	}
	return fin;
}

/* ---- out of order ---- */

static struct tcp_chunk *ooo_place(struct tcp_pcb *p, uint32_t seq)
{
	struct tcp_chunk *before = NULL;

	/* Nearly always at the end, else before the first. */
	if (p->ooo.tail && seq_leq(p->ooo.tail->seq, seq))
		return p->ooo.tail;
	for (struct tcp_chunk *c = p->ooo.head; c && seq_leq(c->seq, seq); c = c->next)
		before = c;
	return before;
}

static void ooo_unlink_next(struct tcp_pcb *p, struct tcp_chunk *before)
{
	struct tcp_chunk *c = before ? before->next : p->ooo.head;

	if (before)
		before->next = c->next;
	else
		p->ooo.head = c->next;
	if (p->ooo.tail == c)
		p->ooo.tail = before;
	p->in_charge -= c->len + OOO_OVERHEAD;
	chunk_free(p->s.host, c);
}

/* What stands behind `at` up to its end is covered by it. */
static void ooo_trim_behind(struct tcp_pcb *p, struct tcp_chunk *at, uint32_t end)
{
	struct tcp_chunk *next;

	while ((next = at->next) != NULL && seq_lt(next->seq, end)) {
		const uint32_t next_end = next->seq + next->len;

		if (seq_lt(end, next_end)) {
			const uint32_t cut = end - next->seq;

			dsack_extend(p, next->seq, end);
			memmove(next->data, next->data + cut, next->len - cut);
			next->seq = end;
			next->len -= cut;
			p->in_charge -= cut;
			return;
		}
		dsack_extend(p, next->seq, next_end);
		at->fin |= next->fin && next_end == end;
		ooo_unlink_next(p, at);
	}
}

/* Puts bytes behind `before`, growing it where it has room. */
static struct tcp_chunk *ooo_put(struct tcp_pcb *p, struct tcp_chunk *before, uint32_t seq, const uint8_t *data,
				 uint32_t len)
{
	struct tcp_chunk *c;

	if (before && before->seq + before->len == seq && before->cap - before->len >= len && !before->fin) {
		memcpy(before->data + before->len, data, len);
		before->len += len;
		p->in_charge += len;
		return before;
	}
	/* A run of segments shares a chunk. */
	c = chunk_new(p->s.host, seq, before && before->seq + before->len == seq ? max_u32(len, IN_ORDER_CHUNK) : len);
	if (c == NULL)
		return NULL;
	memcpy(c->data, data, len);
	c->len = len;
	c->next = before ? before->next : p->ooo.head;
	if (before)
		before->next = c;
	else
		p->ooo.head = c;
	if (p->ooo.tail == before)
		p->ooo.tail = c;
	p->in_charge += len + OOO_OVERHEAD;
	return c;
}

static void queue_out_of_order(struct tcp_pcb *p, const struct packet *pkt)
{
	uint32_t seq = pkt->seq, end = seq + (uint32_t)pkt->payload.len;
	const uint32_t first = seq;
	const bool fin = pkt->tcp_flags & TCP_FIN;
	struct tcp_chunk *before, *c;

	ecn_check(p, pkt);
	p->ack_pending |= ACK_SCHED;
	if (pcb_extra(p) == NULL ||
	    (p->in_charge + (end - seq) + OOO_OVERHEAD > p->s.rcvbuf && p->in_charge > p->s.rcvbuf >> 2)) {
		pcb_tcp(p)->count.ooo_dropped++;
		return;
	}
	pcb_tcp(p)->count.ooo++;
	before = ooo_place(p, seq);
	if (before && seq_lt(seq, before->seq + before->len)) {
		const uint32_t before_end = before->seq + before->len;

		if (!seq_gt(end, before_end)) {
			before->fin |= fin && end == before_end;
			pcb_dsack_set(p, seq, end);
			return;
		}
		/* The same start: the longer one is the one that is kept. */
		dsack_extend(p, seq, before_end);
		if (seq == before->seq)
			memcpy(before->data, pkt->payload.data, before->len);
		seq = before_end;
	}
	c = before;
	if (end != seq || before == NULL || before->seq + before->len != seq)
		c = ooo_put(p, before, seq, pkt->payload.data + (seq - first), end - seq);
	if (c == NULL) {
		pcb_tcp(p)->count.ooo_dropped++;
		return;
	}
	c->fin |= fin;
	ooo_trim_behind(p, c, end);
	if (p->sack_ok && end != first)
		sack_new(p, first, end);
	pcb_grow_window(p, end - first);
}

/* Under pressure what is out of order goes first: it will be sent again (RFC 2018 8 allows it). */
static bool prune(struct tcp_pcb *p)
{
	if (p->ooo.head == NULL)
		return false;
	for (const struct tcp_chunk *c = p->ooo.head; c; c = c->next)
		p->in_charge -= c->len + OOO_OVERHEAD;
	chunks_clear(p->s.host, &p->ooo);
	p->sack_count = 0;
	pcb_tcp(p)->count.rcv_pruned++;
	return true;
}

static void out_of_window(struct tcp_pcb *p)
{
	pcb_enter_quickack(p, TCP_QUICKACKS_MAX);
	p->ack_pending |= ACK_SCHED;
}

static void queue_in_order(struct tcp_pcb *p, const struct packet *pkt, uint32_t end)
{
	bool fin = pkt->tcp_flags & TCP_FIN, more;

	if (!pcb_queue_bytes(p, pkt) && !(prune(p) && pcb_queue_bytes(p, pkt))) {
		pcb_tcp(p)->count.no_memory++;
		p->ack_pending |= ACK_SCHED | ACK_NOW;
		return;
	}
	if (pkt->payload.len)
		event_received(p, pkt);
	if (fin)
		rcv_advance(p, end);
	more = !fin && p->ooo.head;
	if (more && ooo_take(p)) {
		rcv_advance(p, p->rcv_nxt + 1);
		fin = true;
	}
	if (more && p->ooo.head == NULL)
		p->ack_pending |= ACK_NOW;
	sack_remove(p);
	if (fin)
		pcb_fin(p);
	if (p->state != PCB_CLOSED)
		pcb_wake(p, POLLIN);
}

/* RFC 9293 3.10.7.4, seventh: the segment's text, and its FIN. */
void pcb_data_queue(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t end = pkt->seq + tcp_segment_len(pkt);

	if (pkt->seq == end)
		return;
	if (p->ecn & ECN_OK && pkt->tcp_flags & TCP_CWR) {
		p->ecn &= (uint8_t)~ECN_DEMAND_CWR;
		/* The sender has slowed down and would like to know quickly how far it got. */
		if (pkt->payload.len)
			p->ack_pending |= ACK_NOW;
	}
	if (pkt->seq == p->rcv_nxt) {
		/* A bare FIN needs no room. */
		if (pcb_receive_window(p) == 0 && pkt->payload.len)
			out_of_window(p);
		else
			queue_in_order(p, pkt, end);
		return;
	}
	if (!seq_gt(end, p->rcv_nxt)) {
		pcb_dsack_set(p, pkt->seq, end);
		out_of_window(p);
		return;
	}
	if (!seq_lt(pkt->seq, p->rcv_nxt + pcb_receive_window(p))) {
		out_of_window(p);
		return;
	}
	if (seq_lt(pkt->seq, p->rcv_nxt)) {
		pcb_dsack_set(p, pkt->seq, p->rcv_nxt);
		if (pcb_receive_window(p) == 0)
			out_of_window(p);
		else
			queue_in_order(p, pkt, end);
		return;
	}
	queue_out_of_order(p, pkt);
}

/* An acknowledgement of something that we had already, or can't take. */
void pcb_dupack(struct tcp_pcb *p, const struct packet *pkt)
{
	const uint32_t end = pkt->seq + tcp_segment_len(pkt);

	if (end != pkt->seq && seq_lt(pkt->seq, p->rcv_nxt)) {
		pcb_enter_quickack(p, TCP_QUICKACKS_MAX);
		if (p->sack_ok && pcb_tune(p)->dsack)
			pcb_dsack_set(p, pkt->seq, seq_gt(end, p->rcv_nxt) ? p->rcv_nxt : end);
	}
	pcb_send_ack(p);
}
