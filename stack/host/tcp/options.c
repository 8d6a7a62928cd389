/* options.c - IPPROTO_TCP options, with Linux' numbers and bounds. */
#include <linux/tcp.h>

#include <netinet/in.h>

#include "stack/host/tcp/tcp.h"

#define NAME_MAX_LEN 16

static int congestion_set(struct tcp_pcb *p, const void *value, socklen_t len)
{
	char name[NAME_MAX_LEN];
	const struct tcp_congestion *ca;

	if (len < 1)
		return -EINVAL;
	if (len > sizeof(name) - 1)
		len = sizeof(name) - 1;
	memcpy(name, value, len);
	name[len] = '\0';
	ca = tcp_congestion_find(name);
	if (ca == NULL)
		return -ENOENT;
	p->ca = ca;
	if (ca->init && p->state != PCB_CLOSED && p->state != PCB_LISTEN)
		ca->init(p);
	return 0;
}

static int keep_set(struct tcp_pcb *p, int name, int value)
{
	const int max = name == TCP_KEEPCNT ? 127 : 32767;

	if (value < 1 || value > max)
		return -EINVAL;
	if (name == TCP_KEEPCNT)
		p->keep_cnt = (uint8_t)value;
	else if (name == TCP_KEEPINTVL)
		p->keep_intvl_s = (uint32_t)value;
	else
		p->keep_idle_s = (uint32_t)value;
	if (name == TCP_KEEPIDLE && p->s.keepalive)
		pcb_keepalive_set(p, true);
	return 0;
}

static int nagle_set(struct tcp_pcb *p, int name, bool on)
{
	const uint8_t bit = name == TCP_NODELAY ? NAGLE_OFF : NAGLE_CORK;

	p->nagle = (uint8_t)(on ? p->nagle | bit : p->nagle & ~bit);
	/* What waited goes now. */
	if (on == (name == TCP_NODELAY) && pcb_in(p, PCB_BIT(ESTABLISHED) | PCB_BIT(CLOSE_WAIT)))
		pcb_push_pending(p, pcb_current_mss(p), p->nagle | NAGLE_PUSH);
	return 0;
}

static int quickack_set(struct tcp_pcb *p, int value)
{
	if (!value) {
		p->pingpong = (uint8_t)pcb_tune(p)->pingpong_thresh;
		return 0;
	}
	p->pingpong = 0;
	if (pcb_in(p, PCB_BIT(ESTABLISHED) | PCB_BIT(CLOSE_WAIT)) && p->ack_pending & ACK_SCHED) {
		p->ack_pending |= ACK_PUSHED;
		pcb_cleanup_rbuf(p, 1);
		if (!(value & 1))
			p->pingpong = (uint8_t)pcb_tune(p)->pingpong_thresh;
	}
	return 0;
}

static int window_clamp_set(struct tcp_pcb *p, int value)
{
	if (value == 0) {
		if (p->state != PCB_CLOSED)
			return -EINVAL;
		p->window_clamp = 0;
		return 0;
	}
	p->window_clamp = max_u32((uint32_t)value, 2304 / 2);
	p->rcv_ssthresh = min_u32(max_u32(p->rcv_wnd, p->rcv_ssthresh), p->window_clamp);
	return 0;
}

static int fast_open_set(struct tcp_pcb *p, int value)
{
	if (value < 0 || !pcb_in(p, PCB_BIT(CLOSED) | PCB_BIT(LISTEN)))
		return -EINVAL;
	p->fast_open_max = (uint16_t)min_u32((uint32_t)value, min_u32(pcb_tune(p)->somaxconn, UINT16_MAX));
	if (p->listener)
		p->listener->fast_open_max = p->fast_open_max;
	return 0;
}

/* After how many SYN-ACKs so many seconds have passed. */
static uint8_t seconds_to_retrans(const struct tcp_pcb *p, int seconds)
{
	uint32_t timeout = pcb_tune(p)->rto_init_ms / 1000, period = max_u32(timeout, 1);
	uint8_t n = 0;

	if (seconds <= 0)
		return 0;
	timeout = period;
	n = 1;
	while ((uint32_t)seconds > period && n < 255) {
		n++;
		timeout = min_u32(timeout << 1, TCP_RTO_MAX_US / 1000000);
		period += timeout;
	}
	return n;
}

static int number_set(struct tcp_pcb *p, int name, int value)
{
	switch (name) {
	case TCP_MAXSEG:
		if (value && (value < PCB_MSS_MIN || value > 32767))
			return -EINVAL;
		p->user_mss = (uint16_t)value;
		return 0;
	case TCP_NODELAY:
	case TCP_CORK:
		return nagle_set(p, name, value != 0);
	case TCP_KEEPIDLE:
	case TCP_KEEPINTVL:
	case TCP_KEEPCNT:
		return keep_set(p, name, value);
	case TCP_SYNCNT:
		if (value < 1 || value > 127)
			return -EINVAL;
		p->syn_retries = (uint8_t)value;
		return 0;
	case TCP_LINGER2:
		p->linger2_s = value < 0 ? UINT32_MAX : min_u32((uint32_t)value, 120);
		return 0;
	case TCP_DEFER_ACCEPT:
		p->defer_accept = seconds_to_retrans(p, value);
		p->defer_ack = value > 0;
		return 0;
	case TCP_WINDOW_CLAMP:
		return window_clamp_set(p, value);
	case TCP_QUICKACK:
		return quickack_set(p, value);
	case TCP_USER_TIMEOUT:
		if (value < 0)
			return -EINVAL;
		p->user_timeout_ms = (uint32_t)value;
		return 0;
	case TCP_FASTOPEN:
		return fast_open_set(p, value);
	case TCP_FASTOPEN_CONNECT:
		if (value < 0 || value > 1)
			return -EINVAL;
		if (!(pcb_tune(p)->fastopen & 1))
			return -EOPNOTSUPP;
		if (p->state != PCB_CLOSED)
			return -EINVAL;
		p->fast_open_connect = value != 0;
		return 0;
	case TCP_NOTSENT_LOWAT:
		p->notsent_lowat = value ? (uint32_t)value : UINT32_MAX;
		pcb_write_space(p);
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

int pcb_setsockopt(struct socket *s, int level, int name, const void *value, socklen_t len)
{
	struct tcp_pcb *p = pcb_of(s);
	int number, err;

	if (level == SOL_SOCKET && name == SO_RCVLOWAT && len >= sizeof(int)) {
		memcpy(&number, value, sizeof(number));
		p->lowat = number > 0 ? (uint32_t)number : 1;
		return 0;
	}
	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == TCP_CONGESTION)
		return congestion_set(p, value, len);
	if (len < sizeof(int))
		return -EINVAL;
	memcpy(&number, value, sizeof(number));
	err = number_set(p, name, number);
	if (p->state != PCB_CLOSED && p->state != PCB_LISTEN)
		pcb_timer_update(p);
	return err;
}

static int number_get(const struct tcp_pcb *p, int name, int *out)
{
	switch (name) {
	case TCP_MAXSEG:
		*out = p->user_mss && pcb_in(p, PCB_BIT(CLOSED) | PCB_BIT(LISTEN)) ? p->user_mss : p->mss;
		return 0;
	case TCP_NODELAY:
		*out = !!(p->nagle & NAGLE_OFF);
		return 0;
	case TCP_CORK:
		*out = !!(p->nagle & NAGLE_CORK);
		return 0;
	case TCP_KEEPIDLE:
		*out = (int)pcb_keep_idle_s(p);
		return 0;
	case TCP_KEEPINTVL:
		*out = (int)pcb_keep_intvl_s(p);
		return 0;
	case TCP_KEEPCNT:
		*out = p->keep_cnt ? p->keep_cnt : (int)pcb_tune(p)->keepalive_probes;
		return 0;
	case TCP_SYNCNT:
		*out = p->syn_retries ? p->syn_retries : (int)pcb_tune(p)->syn_retries;
		return 0;
	case TCP_LINGER2:
		*out = p->linger2_s == UINT32_MAX ? -1 : (int)(p->linger2_s ? p->linger2_s : pcb_tune(p)->fin_timeout);
		return 0;
	case TCP_DEFER_ACCEPT:
		*out = p->defer_accept ? (1 << p->defer_accept) - 1 : 0;
		return 0;
	case TCP_WINDOW_CLAMP:
		*out = (int)p->window_clamp;
		return 0;
	case TCP_QUICKACK:
		*out = p->pingpong < pcb_tune(p)->pingpong_thresh;
		return 0;
	case TCP_USER_TIMEOUT:
		*out = (int)p->user_timeout_ms;
		return 0;
	case TCP_FASTOPEN:
		*out = p->fast_open_max;
		return 0;
	case TCP_FASTOPEN_CONNECT:
		*out = p->fast_open_connect;
		return 0;
	case TCP_NOTSENT_LOWAT:
		*out = p->notsent_lowat == UINT32_MAX ? 0 : (int)p->notsent_lowat;
		return 0;
	default:
		return -ENOPROTOOPT;
	}
}

static int copy_out(const void *from, socklen_t from_len, void *value, socklen_t *len)
{
	if (*len > from_len)
		*len = from_len;
	memcpy(value, from, *len);
	return 0;
}

int pcb_getsockopt(struct socket *s, int level, int name, void *value, socklen_t *len)
{
	struct tcp_pcb *p = pcb_of(s);
	char ca[NAME_MAX_LEN] = { 0 };
	int number, err;

	if (level == SOL_SOCKET && name == SO_RCVLOWAT) {
		number = (int)p->lowat;
		return copy_out(&number, sizeof(number), value, len);
	}
	if (level == SOL_SOCKET && name == SO_ACCEPTCONN) {
		number = p->state == PCB_LISTEN;
		return copy_out(&number, sizeof(number), value, len);
	}
	if (level != IPPROTO_TCP)
		return -ENOPROTOOPT;
	if (name == TCP_INFO)
		return pcb_info(p, value, len);
	if (name == TCP_CONGESTION) {
		memcpy(ca, p->ca->name, strnlen(p->ca->name, sizeof(ca) - 1));
		return copy_out(ca, sizeof(ca), value, len);
	}
	err = number_get(p, name, &number);
	return err < 0 ? err : copy_out(&number, sizeof(number), value, len);
}

void pcb_option_changed(struct socket *s, int level, int name)
{
	struct tcp_pcb *p = pcb_of(s);

	if (level == SOL_SOCKET && name == SO_KEEPALIVE)
		pcb_keepalive_set(p, s->keepalive);
	/* How it is routed may have changed. */
	if (level != SOL_SOCKET || name == SO_BINDTODEVICE || name == SO_DONTROUTE || name == SO_MARK)
		p->path.generation = 0;
}
