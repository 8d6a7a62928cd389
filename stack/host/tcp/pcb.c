/* pcb.c - the life of a connection: its start, its states, its end, and what its user hears of it.
 *
 * Whoever ends a connection (pcb_done, pcb_fail) only takes it out of the tables: freeing is for the outermost caller
 * (a segment, a timer, a call), by pcb_release, so that nobody in between holds something that has gone. */
#include "stack/host/tcp/tcp.h"

_Static_assert(sizeof(struct tcp_pcb) <= 896, "an idle connection takes at most 1 KiB with all that refers to it");

int pcb_init(struct socket *s)
{
	struct tcp_pcb *p = pcb_of(s);
	const struct tcp_tunables *u = pcb_tune(p);

	host_timer_init(&p->timer, pcb_timer_fire);
	p->timer_ns = p->delack_ns = p->comp_ns = p->keep_ns = NEVER;
	p->state = PCB_CLOSED;
	p->s.rcvbuf = u->rmem[1];
	p->s.sndbuf = u->wmem[1];
	p->rto_us = u->rto_init_ms * 1000;
	p->mdev_us = p->rto_us;
	p->cwnd = u->init_cwnd;
	p->cwnd_clamp = UINT32_MAX;
	p->ssthresh = TCP_INFINITE_SSTHRESH;
	p->mss = PCB_MSS_DEFAULT;
	p->mss_clamp = PCB_MSS_MAX;
	p->reordering = u->reordering;
	p->rack_steps = 1;
	p->lowat = 1;
	p->notsent_lowat = UINT32_MAX;
	p->ca = u->congestion;
	p->min_rtt_us[0] = p->min_rtt_us[1] = p->min_rtt_us[2] = UINT32_MAX;
	return 0;
}

void pcb_set_state(struct tcp_pcb *p, enum tcp_pcb_state state)
{
	p->state = (uint8_t)state;
	p->s.connected = pcb_in(p, ~(PCB_BIT(CLOSED) | PCB_BIT(LISTEN) | PCB_BIT(SYN_SENT) | PCB_BIT(SYN_RECV))) ||
			 (state == PCB_SYN_RECV && p->passive);
}

struct tcp_extra *pcb_extra(struct tcp_pcb *p)
{
	if (p->extra == NULL) {
		p->extra = host_alloc(p->s.host, sizeof(*p->extra));
		if (p->extra == NULL)
			pcb_tcp(p)->count.no_memory++;
	}
	return p->extra;
}

void pcb_wake(struct tcp_pcb *p, uint32_t events)
{
	if (!p->dead)
		socket_wake(&p->s, events);
}

void pcb_write_space(struct tcp_pcb *p)
{
	if (p->no_space && pcb_poll_mask(p) & POLLOUT) {
		p->no_space = false;
		pcb_wake(p, POLLOUT);
	}
}

uint32_t pcb_advmss(const struct tcp_pcb *p)
{
	const uint32_t headers = TCP_HEADER_LEN + (p->s.bind.version == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
	uint32_t mss = p->path.mtu > headers + 256 ? p->path.mtu - headers : 256;

	if (mss > PCB_MSS_MAX)
		mss = PCB_MSS_MAX;
	return p->user_mss && p->user_mss < mss ? p->user_mss : mss;
}

void pcb_start(struct tcp_pcb *p, uint32_t iss)
{
	const struct tcp_tunables *u = pcb_tune(p);
	uint32_t wnd, clamp;

	p->pmtu = (uint16_t)min_u32(p->path.mtu, UINT16_MAX);
	p->advmss = (uint16_t)pcb_advmss(p);
	if (p->user_mss)
		p->mss_clamp = p->user_mss;
	p->max_window = 0;
	pcb_sync_mss(p, p->pmtu);
	pcb_init_rcv_mss(p);
	clamp = p->window_clamp;
	if (p->s.rcvbuf_locked && (clamp == 0 || clamp > pcb_full_space(p)))
		clamp = pcb_full_space(p);
	tcp_initial_window(u, pcb_full_space(p), p->advmss, u->window_scaling != 0, clamp, &wnd, &p->window_clamp,
			   &p->rcv_wscale);
	p->rcv_wnd = wnd;
	p->rcv_ssthresh = wnd;
	p->ts_off = tcp_ts_offset(p->s.host, &p->s.bind);
	p->iss = p->snd_una = p->snd_nxt = p->snd_up = p->snd_sml = iss;
	p->write_seq = p->pushed_seq = iss;
	p->rto_us = u->rto_init_ms * 1000;
	p->retransmits = 0;
	p->rcv_ms = pcb_now_ms(p);
	p->cwnd_usage_seq = iss;
	p->undo_retrans = 0;
	p->s.error = 0;
}

static void purge(struct tcp_pcb *p)
{
	struct tapir_host *h = p->s.host;

	chunks_clear(h, &p->out);
	chunks_clear(h, &p->ooo);
	segq_fini(h, &p->segs);
	host_free(h, p->extra, sizeof(*p->extra));
	p->extra = NULL;
	p->packets_out = p->sacked_out = p->lost_out = p->retrans_out = 0;
	p->sack_count = 0;
}

void pcb_done(struct tcp_pcb *p)
{
	if (p->state == PCB_CLOSED && p->s.bind.port == NULL)
		return;
	if (p->parent && p->tfo_child && p->parent->listener->fast_open_count)
		p->parent->listener->fast_open_count--;
	p->tfo_child = false;
	p->timer_kind = TIMER_NONE;
	p->timer_ns = p->delack_ns = p->comp_ns = p->keep_ns = NEVER;
	host_timer_cancel(p->s.host, &p->timer);
	pcb_set_state(p, PCB_CLOSED);
	p->rcv_shutdown = p->snd_shutdown = true;
	purge(p);
	binding_release(p->s.host, &p->s.bind);
	pcb_tcp(p)->count.closed++;
	pcb_wake(p, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
}

void pcb_fail(struct tcp_pcb *p, int error)
{
	p->s.error = error;
	pcb_done(p);
	if (!p->dead)
		socket_wake(&p->s, POLLERR);
}

void pcb_release(struct tcp_pcb *p)
{
	struct tapir_host *h = p->s.host;

	if (p->state != PCB_CLOSED || !p->dead)
		return;
	host_timer_cancel(h, &p->timer);
	purge(p);
	chunks_clear(h, &p->in);
	socket_free(&p->s);
}

/* The hard way: the peer is told so by a RST where it knows of us. */
void pcb_abort(struct tcp_pcb *p)
{
	if (pcb_in(p, PCB_BIT(ESTABLISHED) | PCB_BIT(FIN_WAIT1) | PCB_BIT(FIN_WAIT2) | PCB_BIT(CLOSE_WAIT) |
		      PCB_BIT(SYN_RECV) | PCB_BIT(CLOSING) | PCB_BIT(LAST_ACK))) {
		pcb_send_reset(p);
		pcb_tcp(p)->count.aborted++;
	}
	pcb_done(p);
}

/* After retransmissions for nothing: maybe large packets get lost where nobody tells (RFC 4821). */
void pcb_black_hole(struct tcp_pcb *p)
{
	const struct tcp_tunables *u = pcb_tune(p);
	const uint32_t headers = TCP_HEADER_LEN + (p->s.bind.version == 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN);
	uint32_t mss;

	if (u->mtu_probing == 0)
		return;
	mss = p->mtu_low ? pcb_mtu_to_mss(p, p->mtu_low) >> 1 : u->base_mss;
	mss = max_u32(min_u32(u->base_mss, mss), u->min_snd_mss);
	p->mtu_low = (uint16_t)(mss + headers);
	pcb_tcp(p)->count.blackholes++;
	pcb_sync_mss(p, p->pmtu);
}

/* ---- what poll says ---- */

uint32_t pcb_poll_mask(struct tcp_pcb *p)
{
	const uint32_t queued = p->write_seq - p->snd_una;
	uint32_t mask = p->s.error ? POLLERR : 0, unread = p->rcv_nxt - p->copied_seq;

	if (p->state == PCB_LISTEN)
		return mask | (p->listener->accept_head ? POLLIN | POLLRDNORM : 0);
	if ((p->rcv_shutdown && p->snd_shutdown) || p->state == PCB_CLOSED)
		mask |= POLLHUP;
	if (p->rcv_shutdown)
		mask |= POLLIN | POLLRDNORM | POLLRDHUP;
	if (p->state == PCB_SYN_SENT || (p->state == PCB_SYN_RECV && !p->passive))
		return mask;
	if (p->fin_received && unread)
		unread--;
	if (p->urg_data && !p->s.oob_inline && unread && seq_in(p->urg_seq, p->copied_seq, unread))
		unread--;
	if (unread >= p->lowat)
		mask |= POLLIN | POLLRDNORM;
	if (p->snd_shutdown || p->state == PCB_CLOSED ||
	    (queued < p->s.sndbuf && p->s.sndbuf - queued >= queued >> 1 && p->write_seq - p->snd_nxt < p->notsent_lowat))
		mask |= POLLOUT | POLLWRNORM;
	else
		p->no_space = true;
	if (p->urg_data & URG_VALID)
		mask |= POLLPRI;
	return mask;
}

/* ---- ends ---- */

/* The state that follows our FIN; true where one is to be sent. */
static bool closing_state(struct tcp_pcb *p)
{
	switch (p->state) {
	case PCB_SYN_RECV:
	case PCB_ESTABLISHED:
		pcb_set_state(p, PCB_FIN_WAIT1);
		return true;
	case PCB_CLOSE_WAIT:
		pcb_set_state(p, PCB_LAST_ACK);
		return true;
	default:
		return false;
	}
}

/* Half closed: the FIN follows what is still to be sent. */
void pcb_shutdown_send(struct tcp_pcb *p)
{
	const enum tcp_pcb_state before = p->state;

	if (!closing_state(p))
		return;
	if (pcb_send_fin(p) < 0) {
		pcb_set_state(p, before);
		pcb_abort(p);
	}
}

static int op_shutdown(struct socket *s, int how)
{
	struct tcp_pcb *p = pcb_of(s);

	if (p->state == PCB_LISTEN) {
		if (how == SHUT_WR)
			return 0;
		pcb_listen_stop(p);
		pcb_wake(p, POLLIN | POLLHUP);
		return 0;
	}
	if (p->state == PCB_CLOSED)
		return -ENOTCONN;
	if (p->state == PCB_SYN_SENT) {
		pcb_done(p);
		return how == SHUT_RD ? -ENOTCONN : 0;
	}
	if (how != SHUT_WR)
		p->rcv_shutdown = true;
	if (how != SHUT_RD && !p->snd_shutdown) {
		p->snd_shutdown = true;
		if (p->state == PCB_ESTABLISHED || p->state == PCB_CLOSE_WAIT || p->state == PCB_SYN_RECV)
			pcb_shutdown_send(p);
	}
	pcb_wake(p, POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
	return 0;
}

static void close_connection(struct tcp_pcb *p)
{
	/* Bytes that came and will never be read: the peer must know (RFC 1122 4.2.2.13, RFC 2525 2.17). */
	const bool unread = p->in.head != NULL &&
			    seq_lt(p->copied_seq, p->rcv_nxt - (p->fin_received ? 1 : 0));

	p->rcv_shutdown = p->snd_shutdown = true;
	chunks_clear(p->s.host, &p->in);
	p->in_charge = 0;
	for (const struct tcp_chunk *c = p->ooo.head; c; c = c->next)
		p->in_charge += c->len;
	if ((unread && pcb_in(p, PCB_BIT(ESTABLISHED) | PCB_BIT(CLOSE_WAIT) | PCB_BIT(FIN_WAIT1) |
				 PCB_BIT(FIN_WAIT2))) ||
	    p->s.linger_s == 0) {
		pcb_abort(p);
		return;
	}
	pcb_shutdown_send(p);
	if (p->state == PCB_FIN_WAIT2) {
		const uint32_t timeout = pcb_fin_timeout_s(p);

		if (p->linger2_s == UINT32_MAX) {
			pcb_abort(p);
		} else if (timeout > 60) {
			pcb_keep_reset(p, (timeout - 60) * NS_PER_S);
		} else {
			pcb_time_wait(p, PCB_FIN_WAIT2, timeout * NS_PER_S);
		}
	}
}

static void op_close(struct socket *s)
{
	struct tcp_pcb *p = pcb_of(s);

	if (p->state == PCB_LISTEN)
		pcb_listen_stop(p);
	p->dead = true;
	if (p->state == PCB_SYN_SENT)
		pcb_done(p);
	else if (p->state != PCB_CLOSED)
		close_connection(p);
	pcb_release(p);
}

static void op_destroy(struct socket *s)
{
	struct tcp_pcb *p = pcb_of(s);

	p->dead = true;
	if (p->state == PCB_LISTEN)
		pcb_listen_stop(p);
	pcb_done(p);
	pcb_release(p);
}

static uint32_t op_poll(struct socket *s)
{
	return pcb_poll_mask(pcb_of(s));
}

static int op_bind(struct socket *s, const struct endpoint *local)
{
	int err;

	if (pcb_of(s)->state != PCB_CLOSED || s->bound)
		return -EINVAL;
	err = socket_bind_address(s, local);
	if (err < 0)
		return err;
	s->bind.local_port = local->port;
	err = binding_bind(s->host, &s->bind);
	if (err < 0) {
		s->bind.local = (struct ip_addr){ 0 };
		s->bind.local_port = 0;
		return err;
	}
	s->bound = true;
	return 0;
}

static int op_ioctl(struct socket *s, unsigned long request, void *argument)
{
	struct tcp_pcb *p = pcb_of(s);
	uint32_t unread = p->rcv_nxt - p->copied_seq;
	int value;

	switch (request) {
	case 0x541b:                    /* FIONREAD */
		if (p->state == PCB_LISTEN)
			return -EINVAL;
		if (p->fin_received && unread)
			unread--;
		/* Up to the urgent byte. */
		if (p->urg_data && !s->oob_inline && unread && seq_in(p->urg_seq, p->copied_seq, unread) &&
		    p->urg_seq != p->copied_seq)
			unread = p->urg_seq - p->copied_seq;
		value = p->state == PCB_SYN_SENT || p->state == PCB_SYN_RECV ? 0 : (int)unread;
		break;
	case 0x5411:                    /* SIOCOUTQ, TIOCOUTQ */
		if (p->state == PCB_LISTEN)
			return -EINVAL;
		value = pcb_in(p, PCB_BIT(SYN_SENT) | PCB_BIT(SYN_RECV)) ? 0 : (int)(p->write_seq - p->snd_una);
		break;
	case 0x894b:                    /* SIOCOUTQNSD */
		value = pcb_in(p, PCB_BIT(SYN_SENT) | PCB_BIT(SYN_RECV)) ? 0 : (int)(p->write_seq - p->snd_nxt);
		break;
	case 0x8905:                    /* SIOCATMARK */
		value = p->urg_data && p->urg_seq == p->copied_seq;
		break;
	default:
		return -ENOTTY;
	}
	memcpy(argument, &value, sizeof(value));
	return 0;
}

const struct socket_ops tcp_socket_ops = {
	.name = "tcp",
	.size = sizeof(struct tcp_pcb),
	.init = pcb_init,
	.bind = op_bind,
	.listen = pcb_listen,
	.accept = pcb_accept,
	.connect = pcb_connect,
	.sendmsg = pcb_sendmsg,
	.recvmsg = pcb_recvmsg,
	.shutdown = op_shutdown,
	.close = op_close,
	.destroy = op_destroy,
	.poll = op_poll,
	.setsockopt = pcb_setsockopt,
	.getsockopt = pcb_getsockopt,
	.option_changed = pcb_option_changed,
	.ioctl = op_ioctl,
};
