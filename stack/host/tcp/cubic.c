/* cubic.c - CUBIC (RFC 9438): the window follows a cubic function of the time since the last loss, with its
 * plateau where that loss was; slow start ends early by HyStart (delay and ACK trains).
 *
 * Time is counted in units of 2^-10 s, windows in packets: cubes fit 64 bits. C is 41/1024, and beta 717/1024,
 * both as on Linux. */
#include "stack/host/tcp/congestion.h"

#include <string.h>

#include "stack/host/tcp/tcp.h"

#define BETA_SCALE 1024u
#define CUBE_SHIFT 40           /* C in units of the time's: 2^10 for C's scale and 3 * 2^10 for the time's */
#define C_SCALED 410u           /* 10 * 41 */
#define OFFSET_MAX (1u << 17)
#define HYSTART_CWND_MIN 16
#define HYSTART_SAMPLES_MIN 8
#define HYSTART_ACK_GAP_US 2000u
#define HYSTART_DELAY_MIN_US 4000u
#define HYSTART_DELAY_MAX_US 16000u

/* The largest r with r^3 <= a. */
static uint32_t cube_root(uint64_t a)
{
	uint64_t r = 0;

	for (int bit = 21; bit >= 0; bit--) {
		const uint64_t try = r | 1ull << bit;

		if (try * try * try <= a)
			r = try;
	}
	return (uint32_t)r;
}

static void hystart_reset(const struct tcp_pcb *p, struct tcp_cubic_state *c)
{
	c->round_start_us = c->last_ack_us = pcb_now_us(p);
	c->end_seq = p->snd_nxt;
	c->curr_rtt_us = UINT32_MAX;
	c->sample_cnt = 0;
}

/* The state comes with the first need of it, so that an idle connection has none; NULL where there is no memory. */
static struct tcp_cubic_state *cubic_of(struct tcp_pcb *p)
{
	struct tcp_cubic_state *c;

	if (pcb_extra(p) == NULL)
		return NULL;
	c = &p->extra->cubic;
	if (!c->ready) {
		*c = (struct tcp_cubic_state){ .ready = true };
		hystart_reset(p, c);
	}
	return c;
}

static void cubic_init(struct tcp_pcb *p)
{
	if (p->extra)
		p->extra->cubic.ready = false;
}

static void cubic_restart(struct tcp_pcb *p)
{
	struct tcp_cubic_state *c = p->extra ? &p->extra->cubic : NULL;
	const uint32_t idle = pcb_now_ms(p) - p->sent_ms;

	/* The time spent idle is none on the curve. */
	if (c && c->epoch_ms != 0 && (int32_t)idle > 0) {
		c->epoch_ms += idle;
		if (seq_gt(c->epoch_ms, pcb_now_ms(p)))
			c->epoch_ms = pcb_now_ms(p);
	}
}

/* Where the curve stands at time t (in 1/1024 s) since the epoch. */
static uint32_t cubic_target(const struct tcp_cubic_state *c, uint64_t t)
{
	const uint64_t apart = t < c->k ? c->k - t : t - c->k;
	const uint64_t offset = apart < OFFSET_MAX ? apart : OFFSET_MAX;
	const uint64_t delta = C_SCALED * offset * offset * offset >> CUBE_SHIFT;

	if (t < c->k)
		return delta < c->origin ? c->origin - (uint32_t)delta : 0;
	return c->origin + (uint32_t)(delta > UINT32_MAX / 2 ? UINT32_MAX / 2 : delta);
}

/* Sets cnt: after how many acknowledged packets the window grows by one. */
static void cubic_update(struct tcp_pcb *p, struct tcp_cubic_state *c, uint32_t acked)
{
	const uint32_t now = pcb_now_ms(p);
	uint32_t target, delta, scale;

	c->ack_cnt += acked;
	if (c->last_cwnd == p->cwnd && now - c->last_ms <= 31)
		return;
	/* The curve moves with time only: once a millisecond is enough. */
	if (c->epoch_ms == 0 || now != c->last_ms) {
		c->last_cwnd = p->cwnd;
		c->last_ms = now;
		if (c->epoch_ms == 0) {
			c->epoch_ms = now ? now : 1;
			c->ack_cnt = acked;
			c->tcp_cwnd = p->cwnd;
			if (c->last_max <= p->cwnd) {
				c->k = 0;
				c->origin = p->cwnd;
			} else {
				c->k = cube_root(((uint64_t)(c->last_max - p->cwnd) << CUBE_SHIFT) / C_SCALED);
				c->origin = c->last_max;
			}
		}
		target = cubic_target(c, ((uint64_t)(now - c->epoch_ms) * 1000 + c->delay_min_us) * 1024 / 1000000);
		c->cnt = target > p->cwnd ? p->cwnd / (target - p->cwnd) : 100 * p->cwnd;
		/* Without a loss so far, don't creep. */
		if (c->last_max == 0 && c->cnt > 20)
			c->cnt = 20;
	}
	/* Never slower than Reno would be. */
	scale = 8 * (BETA_SCALE + pcb_tune(p)->beta) / 3 / (BETA_SCALE - pcb_tune(p)->beta);
	delta = p->cwnd * scale >> 3;
	while (delta && c->ack_cnt > delta) {
		c->ack_cnt -= delta;
		c->tcp_cwnd++;
	}
	if (c->tcp_cwnd > p->cwnd) {
		const uint32_t cnt = p->cwnd / (c->tcp_cwnd - p->cwnd);

		if (c->cnt > cnt)
			c->cnt = cnt;
	}
	if (c->cnt < 2)
		c->cnt = 2;
}

static void cubic_avoid(struct tcp_pcb *p, uint32_t acked)
{
	struct tcp_cubic_state *c;

	if (!pcb_cwnd_is_limited(p))
		return;
	if (p->cwnd < p->ssthresh) {
		acked = tcp_slow_start(p, acked);
		if (acked == 0)
			return;
	}
	c = cubic_of(p);
	if (c)
		cubic_update(p, c, acked);
	tcp_avoid_ai(p, c ? c->cnt : p->cwnd, acked);
}

static uint32_t cubic_ssthresh(struct tcp_pcb *p)
{
	struct tcp_cubic_state *c = cubic_of(p);
	const uint32_t beta = pcb_tune(p)->beta;
	const uint32_t ssthresh = (uint32_t)((uint64_t)p->cwnd * beta / BETA_SCALE);

	if (c == NULL)
		return ssthresh > 2 ? ssthresh : 2;
	c->epoch_ms = 0;
	if (p->cwnd < c->last_max && pcb_tune(p)->fast_convergence)
		c->last_max = p->cwnd * (BETA_SCALE + beta) / (2 * BETA_SCALE);
	else
		c->last_max = p->cwnd;
	return ssthresh > 2 ? ssthresh : 2;
}

static void cubic_state(struct tcp_pcb *p, uint8_t state)
{
	if (state == CA_LOSS)
		cubic_init(p);
}

static void hystart_update(struct tcp_pcb *p, struct tcp_cubic_state *c, uint32_t rtt_us)
{
	const uint32_t now = pcb_now_us(p);
	uint32_t threshold;

	if (seq_gt(p->snd_una, c->end_seq))
		hystart_reset(p, c);
	/* A train of close ACKs that is as long as half the round trip fills the path. */
	if (now - c->last_ack_us <= HYSTART_ACK_GAP_US) {
		c->last_ack_us = now;
		if (now - c->round_start_us > c->delay_min_us >> 1) {
			c->found = true;
			p->ssthresh = p->cwnd;
		}
	}
	/* Round trips that grow say that a queue does. */
	if (c->curr_rtt_us > rtt_us)
		c->curr_rtt_us = rtt_us;
	if (c->sample_cnt < HYSTART_SAMPLES_MIN) {
		c->sample_cnt++;
		return;
	}
	threshold = c->delay_min_us >> 3;
	if (threshold < HYSTART_DELAY_MIN_US)
		threshold = HYSTART_DELAY_MIN_US;
	if (threshold > HYSTART_DELAY_MAX_US)
		threshold = HYSTART_DELAY_MAX_US;
	if (c->curr_rtt_us > c->delay_min_us + threshold) {
		c->found = true;
		p->ssthresh = p->cwnd;
	}
}

static void cubic_acked(struct tcp_pcb *p, uint32_t rtt_us)
{
	struct tcp_cubic_state *c;

	if (rtt_us == 0 || (p->extra == NULL && p->cwnd < HYSTART_CWND_MIN))
		return;
	c = cubic_of(p);
	if (c == NULL)
		return;
	/* Right after fast recovery the samples tell of its queue. */
	if (c->epoch_ms != 0 && pcb_now_ms(p) - c->epoch_ms < 1000)
		return;
	if (c->delay_min_us == 0 || c->delay_min_us > rtt_us)
		c->delay_min_us = rtt_us;
	if (!c->found && p->cwnd < p->ssthresh && pcb_tune(p)->hystart && p->cwnd >= HYSTART_CWND_MIN)
		hystart_update(p, c, rtt_us);
}

const struct tcp_congestion tcp_cubic = {
	.name = "cubic",
	.init = cubic_init,
	.ssthresh = cubic_ssthresh,
	.avoid = cubic_avoid,
	.acked = cubic_acked,
	.state = cubic_state,
	.restart = cubic_restart,
};
