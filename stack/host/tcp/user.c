/* user.c - what the user of a connection does: connect, send, receive. Calls never wait: -EAGAIN says that they would have. */
#include "stack/host/tcp/tcp.h"

/* ---- connect ---- */

static int connect_again(struct tcp_pcb *p)
{
	switch (p->state) {
	case PCB_SYN_SENT:
	case PCB_SYN_RECV:
		return -EALREADY;
	case PCB_LISTEN:
		return -EISCONN;
	default:
		if (p->connect_told || p->passive)
			return -EISCONN;
		p->connect_told = true;
		return 0;
	}
}

/* AF_UNSPEC: as if it had never been connected. */
static int disconnect(struct tcp_pcb *p)
{
	struct socket *s = &p->s;

	if (p->state == PCB_LISTEN)
		pcb_listen_stop(p);
	else if (p->state != PCB_CLOSED)
		pcb_abort(p);
	chunks_clear(s->host, &p->in);
	p->in_charge = 0;
	p->rcv_shutdown = p->snd_shutdown = p->fin_received = p->connect_told = p->passive = false;
	p->srtt_us = 0;
	p->urg_data = 0;
	p->copied_seq = p->rcv_nxt = 0;
	p->write_seq = p->snd_una = p->snd_nxt = 0;
	s->bind.remote = (struct ip_addr){ 0 };
	s->bind.remote_port = 0;
	if (!s->bound) {
		s->bind.local = (struct ip_addr){ 0 };
		s->bind.local_port = 0;
	}
	s->error = 0;
	return 0;
}

/* What an earlier connection of this socket left behind. */
static void fresh(struct tcp_pcb *p)
{
	chunks_clear(p->s.host, &p->in);
	p->in_charge = 0;
	p->rcv_shutdown = p->snd_shutdown = p->fin_received = p->connect_told = p->passive = false;
	p->bytes_acked = p->bytes_received = 0;
	p->srtt_us = p->retrans_stamp = p->total_retrans = p->undo_marker = 0;
	p->ca_state = CA_OPEN;
	p->cwnd = pcb_tune(p)->init_cwnd;
	p->ssthresh = TCP_INFINITE_SSTHRESH;
	p->backoff = p->probes_out = p->urg_data = p->quick = p->pingpong = 0;
	p->ato_us = 0;
	p->any_data = p->syn_data = p->syn_data_acked = p->syn_fast_open = false;
	p->soft_error = 0;
	p->ts_recent = 0;
	p->path = (struct ip_path){ 0 };
	if (p->s.rcvbuf_locked == 0)
		p->s.rcvbuf = pcb_tune(p)->rmem[1];
}

/* A port that an earlier attempt held is bound anew; a TIME_WAIT that may be taken over goes. */
static int bind_pair(struct tcp_pcb *p)
{
	struct socket *s = &p->s;
	struct binding *b;
	int err;

	if (s->bound && s->bind.port == NULL) {
		err = binding_bind(s->host, &s->bind);
		if (err < 0)
			return err;
	}
	if (s->bind.local_port) {
		b = binding_find_pair(s->host, PROTO_TCP, s->bind.version, &s->bind.local, s->bind.local_port,
				      &s->bind.remote, s->bind.remote_port, s->bind.netif);
		if (b && b->kind == BINDING_TIME_WAIT &&
		    tcp_time_wait_reusable(s->host, (struct tcp_time_wait *)b)) {
			p->iss = tcp_time_wait_isn((struct tcp_time_wait *)b);
			tcp_time_wait_free(s->host, (struct tcp_time_wait *)b);
			pcb_tcp(p)->count.time_wait_reused++;
		}
	}
	return binding_connect(s->host, &s->bind);
}

/* Finds the way and takes the four. Undone by pcb_done. */
static int prepare(struct tcp_pcb *p, const struct endpoint *peer)
{
	struct socket *s = &p->s;
	struct ip_send how = { 0 };
	int err;

	if (peer->version == 4 && s->domain == AF_INET6 && s->bound && s->bind.version == 6 &&
	    !ip_addr_zero(&s->bind.local))
		return -ENETUNREACH;
	fresh(p);
	s->bind.version = peer->version;
	s->bind.dual = false;
	if (!s->bound) {
		s->bind.local = (struct ip_addr){ 0 };
		s->bind.local_port = 0;
	}
	how.version = peer->version;
	how.dst = peer->addr;
	socket_send_how(s, &how);
	how.src = s->bind.local;
	how.proto = PROTO_TCP;
	if (peer->scope)
		how.netif = (uint16_t)peer->scope;
	/* Linux takes the unspecified address as our own. */
	if (ip_addr_zero(&how.dst))
		how.dst = peer->version == 4 ? ip_addr_v4((const uint8_t[4]){ 127, 0, 0, 1 })
					     : ip_addr_v6((const uint8_t[16]){ [15] = 1 });
	err = ip_path_find(s->host, &p->path, &how);
	if (err < 0)
		return err;
	if (p->path.kind == IP_MULTICAST || p->path.kind == IP_BROADCAST)
		return p->path.kind == IP_BROADCAST ? -EACCES : -ENETUNREACH;
	s->bind.local = how.src;
	s->bind.remote = how.dst;
	s->bind.remote_port = peer->port;
	if (peer->scope)
		s->bind.netif = (uint16_t)peer->scope;
	p->iss = 0;
	err = bind_pair(p);
	if (err < 0) {
		s->bind.remote = (struct ip_addr){ 0 };
		s->bind.remote_port = 0;
		if (!s->bound)
			s->bind.local = (struct ip_addr){ 0 };
		return err;
	}
	return 0;
}

/* The SYN, and with a cookie the first bytes of m; how many of them went. */
static ssize_t syn_out(struct tcp_pcb *p, const struct socket_message *m, bool fast)
{
	struct tapir_host *h = p->s.host;
	struct tcp_fast_open_entry *e = fast ? tcp_fast_open_find(h, p->s.bind.version, &p->s.bind.remote) : NULL;
	struct slice cookie = e ? slice_of(e->cookie, e->len) : slice_of(NULL, 0);
	const bool no_cookie = pcb_tune(p)->fastopen & 4;
	struct tcp_seg *s;
	uint32_t data = 0;

	if (fast && m && m->len && (cookie.len || no_cookie)) {
		/* No more than one segment, with room for all options there are. */
		data = e && e->mss ? min_u32(e->mss, p->mss) : PCB_MSS_DEFAULT;
		data = min_u32(min_u32(data, p->mss) - 40, m->len < UINT32_MAX ? (uint32_t)m->len : UINT32_MAX);
	}
	s = segq_insert(h, &p->segs, 0);
	if (s == NULL)
		return -ENOBUFS;
	*s = (struct tcp_seg){ .seq = p->iss, .end = p->iss + 1, .pcount = 1, .flags = TCP_SYN };
	p->segs.sent = 1;
	p->packets_out = 1;
	p->write_seq = p->snd_nxt = p->iss + 1;
	if (data && chunks_append(h, &p->out, p->write_seq, m, 0, NULL, data, data)) {
		s = segq_insert(h, &p->segs, 1);
		if (s) {
			*s = (struct tcp_seg){ .seq = p->write_seq, .end = p->write_seq + data, .pcount = 1,
					       .flags = TCP_ACK | TCP_PSH, .sent_ns = pcb_now(p) };
			p->segs.sent = p->packets_out = 2;
			p->write_seq += data;
			p->snd_nxt = p->write_seq;
			p->syn_data = true;
		} else {
			chunks_clear(h, &p->out);
			data = 0;
		}
	} else {
		data = 0;
	}
	p->pushed_seq = p->write_seq;
	pcb_set_state(p, PCB_SYN_SENT);
	p->syn_fast_open = fast;
	pcb_tcp(p)->count.connects++;
	pcb_tcp(p)->count.fast_open_active += fast;
	if (fast)
		pcb_send_syn_fast(p, cookie, data);
	else
		pcb_send_syn(p, false);
	pcb_set_timer(p, TIMER_RETRANS, p->rto_us);
	return data;
}

static int start(struct tcp_pcb *p, const struct endpoint *peer)
{
	const int err = prepare(p, peer);

	if (err < 0)
		return err;
	pcb_start(p, p->iss ? p->iss : tcp_isn(p->s.host, &p->s.bind));
	p->ecn = pcb_tune(p)->ecn == 1 ? ECN_OK : 0;
	return 0;
}

int pcb_connect(struct socket *s, const struct endpoint *peer)
{
	struct tcp_pcb *p = pcb_of(s);
	ssize_t n;
	int err;

	if (peer->version == 0)
		return disconnect(p);
	if (p->state != PCB_CLOSED)
		return connect_again(p);
	if (s->error)
		return socket_error_take(s);
	err = start(p, peer);
	if (err < 0)
		return err;
	if (p->fast_open_connect && pcb_tune(p)->fastopen & 1 &&
	    (tcp_fast_open_find(s->host, s->bind.version, &s->bind.remote) || pcb_tune(p)->fastopen & 4)) {
		/* The SYN waits for the first write. */
		p->defer_connect = true;
		pcb_set_state(p, PCB_SYN_SENT);
		return 0;
	}
	n = syn_out(p, NULL, p->fast_open_connect && pcb_tune(p)->fastopen & 1);
	if (n < 0) {
		pcb_done(p);
		return (int)n;
	}
	return -EINPROGRESS;
}

/* MSG_FASTOPEN: connect and send in one. */
static ssize_t send_fast(struct tcp_pcb *p, struct socket_message *m)
{
	ssize_t n;
	int err;

	if (!(pcb_tune(p)->fastopen & 1))
		return -EOPNOTSUPP;
	if (p->state != PCB_CLOSED)
		return p->state == PCB_SYN_SENT ? -EALREADY : -EISCONN;
	if (m->to == NULL)
		return -EINVAL;
	err = start(p, m->to);
	if (err < 0)
		return err;
	n = syn_out(p, m, true);
	if (n < 0) {
		pcb_done(p);
		return n;
	}
	return n ? n : -EINPROGRESS;
}

/* ---- send ---- */

static bool forced_push(const struct tcp_pcb *p)
{
	return seq_gt(p->write_seq, p->pushed_seq + (p->max_window >> 1));
}

/* The segment that more bytes go into: the last one, while it wasn't sent and has room, or a fresh one. */
static struct tcp_seg *segment_for(struct tcp_pcb *p, uint32_t mss)
{
	struct tcp_segq *q = &p->segs;
	struct tcp_seg *s = q->sent < q->count ? segq_at(q, q->count - 1) : NULL;

	if (s && seg_len(s) < mss && !(s->flags & TCP_FIN))
		return s;
	s = segq_insert(p->s.host, q, q->count);
	if (s == NULL)
		return NULL;
	s->seq = s->end = p->write_seq;
	s->flags = TCP_ACK;
	pcb_slow_start_after_idle(p);
	return s;
}

static ssize_t send_bytes(struct tcp_pcb *p, struct socket_message *m, uint32_t mss)
{
	size_t done = 0;

	while (done < m->len) {
		const uint32_t queued = p->write_seq - p->snd_una;
		struct tcp_seg *s;
		uint32_t n, chunk;

		if (queued >= p->s.sndbuf)
			break;
		s = segment_for(p, mss);
		if (s == NULL)
			return done ? (ssize_t)done : -ENOBUFS;
		n = mss - seg_len(s);
		if (n > m->len - done)
			n = (uint32_t)(m->len - done);
		chunk = m->len - done < TCP_CHUNK_MAX ? (uint32_t)(m->len - done) : TCP_CHUNK_MAX;
		if (!chunks_append(p->s.host, &p->out, p->write_seq, m, done, NULL, n, chunk)) {
			if (seg_len(s) == 0)
				p->segs.count--;
			if (p->segs.count == 0)
				segq_fini(p->s.host, &p->segs);
			return done ? (ssize_t)done : -ENOBUFS;
		}
		if (done == 0)
			s->flags &= (uint8_t)~TCP_PSH;
		s->end += n;
		p->write_seq += n;
		done += n;
		if (done == m->len || seg_len(s) < mss || m->flags & MSG_OOB)
			continue;
		if (forced_push(p)) {
			s->flags |= TCP_PSH;
			p->pushed_seq = p->write_seq;
			pcb_push_pending(p, mss, NAGLE_PUSH);
		} else if (p->segs.sent == p->segs.count - 1) {
			pcb_write_xmit(p, mss, NAGLE_PUSH, 1);
		}
	}
	return (ssize_t)done;
}

ssize_t pcb_sendmsg(struct socket *s, struct socket_message *m)
{
	struct tcp_pcb *p = pcb_of(s);
	uint32_t mss;
	ssize_t n;

	if (m->flags & MSG_FASTOPEN)
		return send_fast(p, m);
	if (p->defer_connect) {
		p->defer_connect = false;
		n = syn_out(p, m, true);
		if (n < 0)
			pcb_done(p);
		return n ? n : -EAGAIN;
	}
	if (s->error)
		return socket_error_take(s);
	if (p->state == PCB_SYN_SENT || (p->state == PCB_SYN_RECV && !p->tfo_child)) {
		p->no_space = true;
		return -EAGAIN;
	}
	if (p->snd_shutdown || p->state == PCB_LISTEN ||
	    !pcb_in(p, PCB_BIT(ESTABLISHED) | PCB_BIT(CLOSE_WAIT) | PCB_BIT(SYN_RECV)))
		return -EPIPE;
	if (m->len == 0)
		return 0;
	mss = pcb_current_mss(p);
	n = send_bytes(p, m, mss);
	if (n > 0) {
		const bool all = (size_t)n == m->len;

		pcb_push(p, all ? m->flags : m->flags & ~MSG_MORE, mss, all ? p->nagle : NAGLE_PUSH);
		if (!all)
			p->no_space = true;
		pcb_timer_update(p);
		return n;
	}
	if (n == 0) {
		p->no_space = true;
		if (p->segs.sent < p->segs.count)
			pcb_push_pending(p, mss, NAGLE_PUSH);
		return -EAGAIN;
	}
	return n;
}

/* ---- receive ---- */

static ssize_t recv_urgent(struct tcp_pcb *p, struct socket_message *m)
{
	if (p->s.oob_inline || p->urg_data == 0 || p->urg_data == URG_READ)
		return -EINVAL;
	if (p->state == PCB_CLOSED && p->in.head == NULL && !(p->urg_data & URG_VALID))
		return -ENOTCONN;
	if (p->urg_data & URG_VALID) {
		const uint8_t byte = (uint8_t)p->urg_data;

		if (!(m->flags & MSG_PEEK))
			p->urg_data = URG_READ;
		m->out_flags |= MSG_OOB;
		if (m->len == 0) {
			m->out_flags |= MSG_TRUNC;
			return 0;
		}
		if (!(m->flags & MSG_TRUNC))
			socket_copy_out(m, 0, &byte, 1);
		return 1;
	}
	if (p->state == PCB_CLOSED || p->rcv_shutdown)
		return 0;
	return -EAGAIN;
}

/* Copies from `seq` on what is there, up to the urgent mark; *seq moves along. */
static size_t read_bytes(struct tcp_pcb *p, struct socket_message *m, uint32_t *seq)
{
	const uint32_t end = p->rcv_nxt - (p->fin_received ? 1 : 0);
	struct tcp_chunk *c = p->in.head;
	size_t done = 0;

	while (done < m->len && seq_lt(*seq, end)) {
		uint32_t at, n, urgent;

		while (c && seq_leq(c->seq + c->len, *seq))
			c = c->next;
		if (c == NULL)
			break;
		at = *seq - c->seq;
		n = c->len - at;
		if (n > m->len - done)
			n = (uint32_t)(m->len - done);
		urgent = p->urg_seq - *seq;
		if (p->urg_data && urgent < n) {
			if (urgent > 0) {
				n = urgent;
			} else if (!p->s.oob_inline) {
				/* The urgent byte isn't part of the stream. */
				if (done)
					break;
				++*seq;
				p->copied_seq += m->flags & MSG_PEEK ? 0 : 1;
				if (!(m->flags & MSG_PEEK)) {
					p->in_charge--;
					p->urg_data = p->urg_data & URG_VALID ? p->urg_data : 0;
				}
				continue;
			}
		}
		if (!(m->flags & MSG_TRUNC))
			socket_copy_out(m, done, c->data + at, n);
		*seq += n;
		done += n;
		/* Reading stops at the mark. */
		if (p->urg_data && *seq == p->urg_seq)
			break;
	}
	return done;
}

static ssize_t nothing_to_read(struct tcp_pcb *p)
{
	if (p->fin_received)
		return 0;
	if (p->s.error)
		return socket_error_take(&p->s);
	if (p->rcv_shutdown)
		return 0;
	if (p->state == PCB_CLOSED)
		return -ENOTCONN;
	return -EAGAIN;
}

ssize_t pcb_recvmsg(struct socket *s, struct socket_message *m)
{
	struct tcp_pcb *p = pcb_of(s);
	uint32_t seq = p->copied_seq;
	size_t n;

	if (p->state == PCB_LISTEN)
		return -ENOTCONN;
	if (m->flags & MSG_OOB)
		return recv_urgent(p, m);
	if (p->state == PCB_SYN_SENT || (p->state == PCB_SYN_RECV && !p->passive))
		return -EAGAIN;
	if (m->len == 0 && (p->in.head || !p->fin_received))
		return p->s.error ? socket_error_take(s) : 0;
	n = read_bytes(p, m, &seq);
	if (n == 0 && seq == p->copied_seq)
		return nothing_to_read(p);
	if (m->flags & MSG_PEEK)
		return (ssize_t)n;
	p->in_charge -= min_u32(p->in_charge, (uint32_t)n);
	p->copied_seq = seq;
	chunks_drop_before(s->host, &p->in, seq);
	/* The urgent byte was passed and fetched. */
	if (p->urg_data && seq_gt(p->copied_seq, p->urg_seq) && !(p->urg_data & URG_NOTYET))
		p->urg_data = p->urg_data & URG_READ || s->oob_inline ? 0 : p->urg_data;
	if (p->state != PCB_CLOSED) {
		pcb_rcv_space_adjust(p);
		pcb_cleanup_rbuf(p, (uint32_t)n);
		pcb_timer_update(p);
	}
	return n ? (ssize_t)n : nothing_to_read(p);
}
