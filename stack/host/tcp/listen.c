/* listen.c - half-open connections, and those that wait for accept.
 *
 * A SYN makes a request: a small binding that remembers what was agreed on. Requests whose SYN-ACK went out equally often
 * were sent it in the order in which they expire, so that a list for each number of times is a list by deadline, and a
 * listener has one timer. When as many are half open as the backlog allows, SYN cookies take over. */
#include "stack/host/tcp/tcp.h"

static bool accept_full(const struct tcp_listener *l)
{
	return l->accept_count > l->backlog;
}

/* ---- the lists ---- */

static unsigned list_of(const struct tcp_request *r)
{
	return r->sent < TCP_SYNACKS_MAX ? r->sent : TCP_SYNACKS_MAX - 1;
}

static void request_unlink(struct tcp_request *r)
{
	struct tcp_listener *l = r->listener->listener;
	const unsigned n = list_of(r);

	if (r->prev)
		r->prev->next = r->next;
	else
		l->first[n] = r->next;
	if (r->next)
		r->next->prev = r->prev;
	else
		l->last[n] = r->prev;
}

static void request_link(struct tcp_request *r)
{
	struct tcp_listener *l = r->listener->listener;
	const unsigned n = list_of(r);

	r->next = NULL;
	r->prev = l->last[n];
	if (r->prev)
		r->prev->next = r;
	else
		l->first[n] = r;
	l->last[n] = r;
}

static void timer_set(struct tcp_pcb *p)
{
	struct tcp_listener *l = p->listener;
	uint64_t due = NEVER;

	for (unsigned n = 0; n < TCP_SYNACKS_MAX; n++)
		if (l->first[n] && l->first[n]->due_ns < due)
			due = l->first[n]->due_ns;
	if (due == NEVER)
		host_timer_cancel(p->s.host, &l->timer);
	else if (due != l->timer.due)
		host_timer_arm(p->s.host, &l->timer, due);
}

void tcp_request_free(struct tcp_request *r)
{
	struct tapir_host *h = r->listener->s.host;

	request_unlink(r);
	r->listener->listener->requests--;
	tcp_of(h)->count.half_open--;
	timer_set(r->listener);
	binding_release(h, &r->bind);
	host_free(h, r, sizeof(*r));
}

/* ---- SYN-ACK ---- */

static void synack_send(struct tapir_host *h, const struct tcp_pcb *l, struct tcp_request *r, uint16_t window,
			uint16_t advmss, bool cookie)
{
	struct tcp_header hdr = { .seq = r->iss, .ack = r->irs + 1, .flags = TCP_SYN | TCP_ACK, .window = window };
	uint8_t fast_open[TCP_FAST_OPEN_COOKIE];

	if (r->ecn_ok)
		hdr.flags |= TCP_ECE;
	hdr.options.has_mss = true;
	hdr.options.mss = advmss;
	hdr.options.sack_permitted = r->sack_ok;
	if (r->ts_ok) {
		hdr.options.has_timestamp = true;
		hdr.options.ts_val = (cookie ? tcp_cookie_ts(tcp_now_ms(h), r) : tcp_now_ms(h)) + r->ts_off;
		hdr.options.ts_ecr = r->ts_recent;
	}
	if (r->wscale_ok) {
		hdr.options.has_wscale = true;
		hdr.options.wscale = r->rcv_wscale;
	}
	if (r->cookie_wanted) {
		tcp_fast_open_cookie(h, &r->bind, fast_open);
		hdr.options.has_fast_open = true;
		hdr.options.fast_open = slice_of(fast_open, sizeof(fast_open));
	}
	tcp_emit_bare(h, &r->bind, &hdr, l->s.tos & 0xfc, l->s.ttl);
}

/* Windows as a listener offers them; *advmss as its route allows. */
static void request_window(struct tapir_host *h, const struct tcp_pcb *l, struct tcp_request *r, uint16_t *advmss)
{
	struct ip_path path = { 0 };
	struct ip_send how = { .src = r->bind.local, .dst = r->bind.remote, .version = r->bind.version,
			       .proto = PROTO_TCP, .netif = l->s.netif };
	const uint32_t headers = TCP_HEADER_LEN + (r->bind.version == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
	uint32_t mss, wnd, clamp, mtu = 1500;

	if (ip_path_find(h, &path, &how) == 0)
		mtu = path.mtu;
	mss = mtu > headers + 256 ? mtu - headers : 256;
	if (mss > PCB_MSS_MAX)
		mss = PCB_MSS_MAX;
	if (l->user_mss && l->user_mss < mss)
		mss = l->user_mss;
	clamp = l->window_clamp;
	if (l->s.rcvbuf_locked && (clamp == 0 || clamp > pcb_full_space(l)))
		clamp = pcb_full_space(l);
	tcp_initial_window(&tcp_of(h)->tune, pcb_full_space(l), mss - (r->ts_ok ? TCP_TS_SPACE : 0), r->wscale_ok,
			   clamp, &wnd, &clamp, &r->rcv_wscale);
	r->window = wnd;
	*advmss = (uint16_t)mss;
}

static void synack_again(struct tapir_host *h, struct tcp_request *r)
{
	uint16_t advmss;

	request_window(h, r->listener, r, &advmss);
	synack_send(h, r->listener, r, (uint16_t)r->window, advmss, false);
}

static uint64_t request_timeout(const struct tcp *t, const struct tcp_request *r)
{
	const uint64_t us = (uint64_t)t->tune.rto_init_ms * 1000 << (r->sent - 1u);

	return (us < TCP_RTO_MAX_US ? us : TCP_RTO_MAX_US) * NS_PER_US;
}

static void request_fire(struct tapir_host *h, struct tcp_request *r)
{
	struct tcp *t = tcp_of(h);
	const unsigned retries = r->listener->syn_retries ? r->listener->syn_retries : t->tune.synack_retries;

	if (r->sent > retries) {
		tcp_request_free(r);
		return;
	}
	/* An ACK that wasn't taken will come again with data: that is what is waited for then. */
	if (!r->acked || r->sent > retries / 2) {
		synack_again(h, r);
		t->count.synack_retrans++;
	}
	request_unlink(r);
	r->sent++;
	r->due_ns = h->now_ns + request_timeout(t, r);
	request_link(r);
}

static void listener_fire(struct tapir_host *h, struct host_timer *timer)
{
	struct tcp_listener *l = (struct tcp_listener *)((char *)timer - offsetof(struct tcp_listener, timer));
	struct tcp_pcb *p = NULL;

	for (unsigned n = TCP_SYNACKS_MAX; n-- > 0;) {
		while (l->first[n] && l->first[n]->due_ns <= h->now_ns) {
			p = l->first[n]->listener;
			request_fire(h, l->first[n]);
		}
		if (l->first[n])
			p = l->first[n]->listener;
	}
	if (p)
		timer_set(p);
}

/* ---- listen, accept, close ---- */

int pcb_listen(struct socket *s, int backlog)
{
	struct tcp_pcb *p = pcb_of(s);
	const uint32_t max = pcb_tune(p)->somaxconn;
	const uint32_t limit = backlog < 0 || (uint32_t)backlog > max ? max : (uint32_t)backlog;
	int err;

	if (p->state == PCB_LISTEN) {
		p->listener->backlog = limit;
		return 0;
	}
	if (p->state != PCB_CLOSED || s->connected)
		return -EINVAL;
	p->listener = host_alloc(s->host, sizeof(*p->listener));
	if (p->listener == NULL)
		return -ENOBUFS;
	if (s->bind.port == NULL) {
		s->bind.dual = s->domain == AF_INET6 && !s->v6only;
		err = binding_bind(s->host, &s->bind);
		if (err < 0) {
			host_free(s->host, p->listener, sizeof(*p->listener));
			p->listener = NULL;
			return err;
		}
		s->bound = true;
	}
	host_timer_init(&p->listener->timer, listener_fire);
	p->listener->backlog = limit;
	p->listener->fast_open_max = p->fast_open_max;
	s->bind.listening = true;
	pcb_set_state(p, PCB_LISTEN);
	return 0;
}

void pcb_accept_unlink(struct tcp_pcb *child)
{
	struct tcp_listener *l = child->parent->listener;
	struct tcp_pcb *before = NULL;

	for (struct tcp_pcb *c = l->accept_head; c; before = c, c = c->accept_next) {
		if (c != child)
			continue;
		if (before)
			before->accept_next = c->accept_next;
		else
			l->accept_head = c->accept_next;
		if (l->accept_tail == c)
			l->accept_tail = before;
		l->accept_count--;
		break;
	}
	child->parent = NULL;
	child->accept_next = NULL;
}

static void accept_put(struct tcp_pcb *p, struct tcp_pcb *child)
{
	struct tcp_listener *l = p->listener;

	child->parent = p;
	child->accept_next = NULL;
	if (l->accept_tail)
		l->accept_tail->accept_next = child;
	else
		l->accept_head = child;
	l->accept_tail = child;
	l->accept_count++;
	pcb_tcp(p)->count.accepts++;
}

int pcb_accept(struct socket *s, struct socket **out)
{
	struct tcp_pcb *p = pcb_of(s), *child;

	if (p->state != PCB_LISTEN)
		return -EINVAL;
	child = p->listener->accept_head;
	if (child == NULL)
		return -EAGAIN;
	if (child->tfo_child && p->listener->fast_open_count) {
		p->listener->fast_open_count--;
	}
	pcb_accept_unlink(child);
	*out = &child->s;
	return 0;
}

/* Nobody will accept any more: half open ones are forgotten, those that wait are reset. */
void pcb_listen_stop(struct tcp_pcb *p)
{
	struct tcp_listener *l = p->listener;

	for (unsigned n = 0; n < TCP_SYNACKS_MAX; n++)
		while (l->first[n])
			tcp_request_free(l->first[n]);
	while (l->accept_head) {
		struct tcp_pcb *child = l->accept_head;

		pcb_accept_unlink(child);
		child->dead = true;
		pcb_abort(child);
		pcb_release(child);
	}
	host_timer_cancel(p->s.host, &l->timer);
	host_free(p->s.host, l, sizeof(*l));
	p->listener = NULL;
	p->s.bind.listening = false;
	pcb_done(p);
}

/* ---- from a request to a connection ---- */

static void child_init(struct tcp_pcb *c, struct tcp_pcb *l, const struct tcp_request *r, uint16_t advmss)
{
	socket_inherit(&c->s, &l->s);
	c->passive = true;
	c->s.bind.listening = false;
	c->user_mss = l->user_mss;
	c->nagle = l->nagle;
	c->ca = l->ca;
	c->keep_idle_s = l->keep_idle_s;
	c->keep_intvl_s = l->keep_intvl_s;
	c->keep_cnt = l->keep_cnt;
	c->linger2_s = l->linger2_s;
	c->user_timeout_ms = l->user_timeout_ms;
	c->notsent_lowat = l->notsent_lowat;
	c->lowat = l->lowat;
	c->pmtu = (uint16_t)min_u32(c->path.mtu ? c->path.mtu : 1500, UINT16_MAX);
	c->mss_clamp = r->mss;
	c->ts_ok = r->ts_ok;
	c->sack_ok = r->sack_ok;
	c->wscale_ok = r->wscale_ok;
	c->ecn = r->ecn_ok ? ECN_OK : 0;
	c->snd_wscale = r->snd_wscale;
	c->rcv_wscale = r->rcv_wscale;
	c->advmss = (uint16_t)(advmss - (r->ts_ok ? TCP_TS_SPACE : 0));
	c->ts_recent = r->ts_recent;
	c->ts_recent_s = (uint32_t)(pcb_now(c) / NS_PER_S);
	c->ts_off = r->ts_off;
	c->iss = r->iss;
	c->snd_una = c->snd_nxt = c->write_seq = c->pushed_seq = c->snd_up = c->snd_sml = r->iss + 1;
	c->cwnd_usage_seq = c->snd_nxt;
	c->irs = r->irs;
	c->rcv_nxt = c->rcv_wup = c->copied_seq = r->irs + 1;
	c->rcv_wnd = c->rcv_ssthresh = r->window;
	c->window_clamp = min_u32(TCP_WINDOW_MAX << r->rcv_wscale,
				  l->window_clamp ? l->window_clamp : TCP_WINDOW_MAX << TCP_WSCALE_MAX);
	c->rcv_ms = c->rcv_data_ms = pcb_now_ms(c);
	pcb_set_state(c, PCB_SYN_RECV);
}

/* A connection from what was agreed on; its binding is the caller's business. NULL: no room. */
static struct tcp_pcb *child_new(struct tcp_pcb *l, struct tcp_request *r)
{
	struct socket *s;
	struct tcp_pcb *c;
	uint16_t advmss;

	if (socket_new(&s, l->s.host, &tcp_socket_ops, l->s.domain, SOCK_STREAM, PROTO_TCP) < 0)
		return NULL;
	c = pcb_of(s);
	request_window(l->s.host, l, r, &advmss);
	child_init(c, l, r, advmss);
	return c;
}

static void child_ready(struct tcp_pcb *c)
{
	tcp_path(c);
	c->pmtu = (uint16_t)min_u32(c->path.mtu ? c->path.mtu : 1500, UINT16_MAX);
	pcb_sync_mss(c, c->pmtu);
	pcb_init_rcv_mss(c);
}

/* The ACK that completes the handshake, and may bring data, is the connection's first segment. */
static void child_first(struct tcp_pcb *l, struct tcp_pcb *c, const struct packet *pkt, uint32_t rtt_us)
{
	child_ready(c);
	accept_put(l, c);
	c->snd_wnd = (uint32_t)pkt->window << c->snd_wscale;
	c->snd_wl1 = pkt->seq;
	c->max_window = c->snd_wnd;
	pcb_sync_mss(c, c->pmtu);
	if (rtt_us)
		pcb_update_rtt(c, FLAG_SYN_ACKED, rtt_us, -1, rtt_us, NULL);
	pcb_input(c, pkt);
	pcb_wake(l, POLLIN);
}

static void complete(struct tapir_host *h, struct tcp_request *r, const struct packet *pkt)
{
	struct tcp_pcb *l = r->listener, *c;
	uint32_t rtt;

	if (accept_full(l->listener)) {
		tcp_of(h)->count.listen_overflows++;
		c = NULL;
	} else {
		c = child_new(l, r);
	}
	if (c == NULL) {
		if (tcp_of(h)->tune.abort_on_overflow) {
			tcp_reply_reset(h, pkt);
			tcp_request_free(r);
		} else {
			r->acked = true;
		}
		return;
	}
	rtt = r->sent == 1 ? (uint32_t)(h->now_ns / NS_PER_US) - r->sent_us : 0;
	if (r->sent == 1 && rtt == 0)
		rtt = 1;
	c->total_retrans = r->sent - 1u;
	if (r->sent > 2)
		c->undo_marker = c->iss;
	binding_replace(h, &r->bind, &c->s.bind);
	tcp_request_free(r);
	child_first(l, c, pkt, rtt);
}

void tcp_request_input(struct tapir_host *h, struct tcp_request *r, const struct packet *pkt)
{
	const uint32_t end = pkt->seq + tcp_segment_len(pkt), next = r->irs + 1;
	const bool saw_ts = r->ts_ok && pkt->tcp.has_timestamp;
	const bool old = saw_ts && (int32_t)(pkt->tcp.ts_val - r->ts_recent) < 0;
	uint8_t flags = pkt->tcp_flags & (TCP_SYN | TCP_RST | TCP_ACK);
	uint16_t advmss;

	if (pkt->seq == r->irs && flags == TCP_SYN && !old) {
		if (!tcp_oow_limited(h, pkt, &r->last_oow_ms))
			synack_again(h, r);
		return;
	}
	if (flags & TCP_ACK && pkt->ack != r->iss + 1) {
		tcp_reply_reset(h, pkt);
		return;
	}
	if (old || seq_lt(end, next) || seq_gt(pkt->seq, next + r->window)) {
		if (!(flags & TCP_RST) && !tcp_oow_limited(h, pkt, &r->last_oow_ms)) {
			struct tcp_header hdr = { .seq = r->iss + 1, .ack = next, .flags = TCP_ACK };

			request_window(h, r->listener, r, &advmss);
			hdr.window = (uint16_t)(r->window >> r->rcv_wscale);
			if (r->ts_ok) {
				hdr.options.has_timestamp = true;
				hdr.options.ts_val = tcp_now_ms(h) + r->ts_off;
				hdr.options.ts_ecr = r->ts_recent;
			}
			tcp_emit_bare(h, &r->bind, &hdr, r->tos, 0);
		}
		return;
	}
	if (saw_ts && !seq_gt(pkt->seq, next))
		r->ts_recent = pkt->tcp.ts_val;
	if (pkt->seq == r->irs)
		flags &= (uint8_t)~TCP_SYN;
	if (flags & (TCP_RST | TCP_SYN)) {
		if (!(flags & TCP_RST))
			tcp_reply_reset(h, pkt);
		tcp_request_free(r);
		return;
	}
	if (!(flags & TCP_ACK))
		return;
	/* TCP_DEFER_ACCEPT: an ACK without data can wait. */
	if (r->sent <= r->listener->defer_accept && end == next && pkt->payload.len == 0) {
		r->acked = true;
		return;
	}
	complete(h, r, pkt);
}

/* ---- a SYN ---- */

static void request_fill(struct tapir_host *h, struct tcp_request *r, struct tcp_pcb *l, const struct packet *pkt)
{
	const struct tcp_tunables *u = &tcp_of(h)->tune;

	r->bind = tcp_binding_of(pkt);
	r->bind.kind = BINDING_REQUEST;
	r->bind.netif = l->s.bind.netif;
	r->listener = l;
	r->irs = pkt->seq;
	r->mss = pkt->tcp.has_mss && pkt->tcp.mss ? pkt->tcp.mss : PCB_MSS_DEFAULT;
	if (l->user_mss && l->user_mss < r->mss)
		r->mss = l->user_mss;
	r->ts_ok = pkt->tcp.has_timestamp && u->timestamps;
	r->sack_ok = pkt->tcp.sack_permitted && u->sack;
	r->wscale_ok = pkt->tcp.has_wscale && u->window_scaling;
	r->snd_wscale = r->wscale_ok ? (uint8_t)min_u32(pkt->tcp.wscale, TCP_WSCALE_MAX) : 0;
	r->ts_recent = r->ts_ok ? pkt->tcp.ts_val : 0;
	r->ts_off = tcp_ts_offset(h, &r->bind);
	r->ecn_ok = (pkt->tcp_flags & (TCP_ECE | TCP_CWR)) == (TCP_ECE | TCP_CWR) && u->ecn && (pkt->tos & 3) == 0;
	r->sent = 1;
	r->sent_us = (uint32_t)(h->now_ns / NS_PER_US);
}

/* A SYN with a good cookie: the connection is there at once, with its data (RFC 7413 4.2). */
static bool fast_open(struct tapir_host *h, struct tcp_pcb *l, struct tcp_request *r, const struct packet *pkt)
{
	struct tcp *t = tcp_of(h);
	uint8_t cookie[TCP_FAST_OPEN_COOKIE];
	struct tcp_pcb *c;
	struct tcp_seg *s;
	uint32_t max = l->listener->fast_open_max;

	if (!(t->tune.fastopen & 2) || !(pkt->tcp.has_fast_open || t->tune.fastopen & 0x200))
		return false;
	if (max == 0 && t->tune.fastopen & 0x400)
		max = l->listener->backlog;
	if (max == 0 || l->listener->fast_open_count >= max)
		return false;
	if (!(t->tune.fastopen & 0x200)) {
		tcp_fast_open_cookie(h, &r->bind, cookie);
		if (!slice_eq(pkt->tcp.fast_open, slice_of(cookie, sizeof(cookie)))) {
			r->cookie_wanted = true;
			t->count.fast_open_refused += pkt->tcp.fast_open.len > 0;
			return false;
		}
	}
	c = child_new(l, r);
	if (c == NULL)
		return false;
	c->s.bind.local = r->bind.local;
	c->s.bind.remote = r->bind.remote;
	c->s.bind.local_port = r->bind.local_port;
	c->s.bind.remote_port = r->bind.remote_port;
	c->s.bind.version = r->bind.version;
	c->s.bind.netif = r->bind.netif;
	s = segq_insert(h, &c->segs, 0);
	if (s == NULL || binding_accept(h, &c->s.bind, &l->s.bind) < 0) {
		c->dead = true;
		pcb_done(c);
		pcb_release(c);
		return false;
	}
	s->seq = r->iss;
	s->end = r->iss + 1;
	s->pcount = 1;
	s->flags = TCP_SYN | TCP_ACK;
	c->segs.sent = 1;
	c->packets_out = 1;
	c->snd_una = r->iss;
	c->tfo_child = true;
	l->listener->fast_open_count++;
	child_ready(c);
	c->snd_wnd = c->max_window = pkt->window;
	c->snd_wl1 = pkt->seq;
	pcb_init_transfer(c);
	pcb_queue_bytes(c, pkt);
	c->syn_data_acked = pkt->payload.len > 0;
	t->count.fast_open_passive++;
	accept_put(l, c);
	pcb_send_syn(c, true);
	pcb_set_timer(c, TIMER_RETRANS, c->rto_us);
	if (pkt->tcp_flags & TCP_FIN && c->rcv_nxt == pkt->seq + 1 + pkt->payload.len) {
		c->rcv_nxt++;
		pcb_fin(c);
	}
	pcb_wake(l, POLLIN);
	return true;
}

static void cookie_answer(struct tapir_host *h, struct tcp_pcb *l, struct tcp_request *r, const struct packet *pkt)
{
	struct tcp_listener *lis = l->listener;
	uint16_t mss = r->mss, advmss;

	lis->cookies_ms = tcp_now_ms(h);
	if (!r->ts_ok)
		r->wscale_ok = r->sack_ok = r->ecn_ok = false;
	r->iss = tcp_cookie_make(h, pkt, &mss);
	request_window(h, l, r, &advmss);
	synack_send(h, l, r, (uint16_t)r->window, advmss, true);
	tcp_of(h)->count.cookies_sent++;
}

static void syn_input(struct tapir_host *h, struct tcp_pcb *l, const struct packet *pkt, uint32_t iss)
{
	struct tcp *t = tcp_of(h);
	struct tcp_listener *lis = l->listener;
	struct tcp_request tmp = { 0 }, *r;
	uint16_t advmss;

	request_fill(h, &tmp, l, pkt);
	if (accept_full(lis)) {
		t->count.listen_overflows++;
		t->count.syn_dropped++;
		return;
	}
	if ((lis->requests >= max_u32(lis->backlog, 1) || t->tune.syncookies == 2) && iss == 0) {
		if (t->tune.syncookies)
			cookie_answer(h, l, &tmp, pkt);
		else
			t->count.syn_dropped++;
		return;
	}
	tmp.iss = iss ? iss : tcp_isn(h, &tmp.bind);
	if (fast_open(h, l, &tmp, pkt))
		return;
	r = host_alloc(h, sizeof(*r));
	if (r == NULL) {
		t->count.no_memory++;
		t->count.syn_dropped++;
		return;
	}
	*r = tmp;
	if (binding_accept(h, &r->bind, &l->s.bind) < 0) {
		host_free(h, r, sizeof(*r));
		return;
	}
	r->due_ns = h->now_ns + request_timeout(t, r);
	request_link(r);
	lis->requests++;
	t->count.half_open++;
	timer_set(l);
	request_window(h, l, r, &advmss);
	synack_send(h, l, r, (uint16_t)r->window, advmss, false);
}

/* An ACK for which there is no request: maybe it brings a cookie back. */
static void ack_input(struct tapir_host *h, struct tcp_pcb *l, const struct packet *pkt)
{
	struct tcp *t = tcp_of(h);
	struct tcp_request r = { 0 };
	const uint32_t since = tcp_now_ms(h) - l->listener->cookies_ms;
	struct tcp_pcb *c;
	uint16_t mss;

	if (t->tune.syncookies == 0 || l->listener->cookies_ms == 0 || since > 120000 ||
	    (mss = tcp_cookie_check(h, pkt)) == 0) {
		t->count.cookies_bad += l->listener->cookies_ms && since <= 120000;
		tcp_reply_reset(h, pkt);
		return;
	}
	request_fill(h, &r, l, pkt);
	r.irs = pkt->seq - 1;
	r.iss = pkt->ack - 1;
	r.mss = mss;
	r.wscale_ok = r.sack_ok = r.ecn_ok = false;
	r.snd_wscale = 0;
	if (r.ts_ok && !tcp_cookie_ts_read(&t->tune, pkt->tcp.ts_ecr - r.ts_off, &r)) {
		t->count.cookies_bad++;
		return;
	}
	t->count.cookies_good++;
	if (accept_full(l->listener)) {
		t->count.listen_overflows++;
		return;
	}
	c = child_new(l, &r);
	if (c == NULL)
		return;
	c->s.bind.local = r.bind.local;
	c->s.bind.remote = r.bind.remote;
	c->s.bind.local_port = r.bind.local_port;
	c->s.bind.remote_port = r.bind.remote_port;
	c->s.bind.version = r.bind.version;
	c->s.bind.netif = r.bind.netif;
	if (binding_accept(h, &c->s.bind, &l->s.bind) < 0) {
		c->dead = true;
		pcb_done(c);
		pcb_release(c);
		return;
	}
	child_first(l, c, pkt, 0);
}

/* iss: what the sequence number must be (a TIME_WAIT was taken over), or 0. */
void pcb_listen_input(struct tcp_pcb *p, const struct packet *pkt, uint32_t iss)
{
	struct tapir_host *h = p->s.host;

	if (pkt->tcp_flags & TCP_RST)
		return;
	if (pkt->tcp_flags & TCP_ACK) {
		if (pkt->tcp_flags & TCP_SYN)
			tcp_reply_reset(h, pkt);
		else
			ack_input(h, p, pkt);
		return;
	}
	if (!(pkt->tcp_flags & TCP_SYN))
		return;
	if (pkt->tcp_flags & TCP_FIN && tcp_of(h)->tune.drop_synfin)
		return;
	syn_input(h, p, pkt, iss);
}
