/* congestion.c - NewReno (RFC 5681, 6582), and the table of algorithms. */
#include "stack/host/tcp/congestion.h"

#include <string.h>

#include "stack/host/tcp/tcp.h"

static const struct tcp_congestion *const table[] = { &tcp_cubic, &tcp_reno };

const struct tcp_congestion *tcp_congestion_find(const char *name)
{
	for (unsigned i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(table[i]->name, name) == 0)
			return table[i];
	return NULL;
}

uint32_t tcp_slow_start(struct tcp_pcb *p, uint32_t acked)
{
	const uint32_t cwnd = p->cwnd + acked < p->ssthresh ? p->cwnd + acked : p->ssthresh;

	acked -= cwnd - p->cwnd;
	p->cwnd = cwnd < p->cwnd_clamp ? cwnd : p->cwnd_clamp;
	return acked;
}

void tcp_avoid_ai(struct tcp_pcb *p, uint32_t w, uint32_t acked)
{
	/* Credit from when w was larger is worth one packet at most. */
	if (p->cwnd_cnt >= w) {
		p->cwnd_cnt = 0;
		p->cwnd++;
	}
	p->cwnd_cnt += acked;
	if (p->cwnd_cnt >= w) {
		const uint32_t more = p->cwnd_cnt / w;

		p->cwnd_cnt -= more * w;
		p->cwnd += more;
	}
	if (p->cwnd > p->cwnd_clamp)
		p->cwnd = p->cwnd_clamp;
}

static uint32_t reno_ssthresh(struct tcp_pcb *p)
{
	return p->cwnd >> 1 > 2 ? p->cwnd >> 1 : 2;
}

static void reno_avoid(struct tcp_pcb *p, uint32_t acked)
{
	if (!pcb_cwnd_is_limited(p))
		return;
	if (p->cwnd < p->ssthresh) {
		acked = tcp_slow_start(p, acked);
		if (acked == 0)
			return;
	}
	tcp_avoid_ai(p, p->cwnd, acked);
}

const struct tcp_congestion tcp_reno = { .name = "reno", .ssthresh = reno_ssthresh, .avoid = reno_avoid };
