/* congestion.h - how fast to send: one row of functions per algorithm. */
#ifndef TAPIR_HOST_TCP_CONGESTION_H
#define TAPIR_HOST_TCP_CONGESTION_H

#include <stdint.h>

struct tcp_pcb;

struct tcp_congestion {
	const char *name;
	void (*init)(struct tcp_pcb *p);                                        /* may be NULL */
	/* Slow start threshold after a loss. */
	uint32_t (*ssthresh)(struct tcp_pcb *p);
	/* So many packets were acknowledged: cwnd grows. */
	void (*avoid)(struct tcp_pcb *p, uint32_t acked);
	/* Round trip of what was just acknowledged (0 = unknown). */
	void (*acked)(struct tcp_pcb *p, uint32_t rtt_us);                      /* may be NULL */
	void (*state)(struct tcp_pcb *p, uint8_t state);                        /* may be NULL */
	/* Sends again after having had nothing to send. */
	void (*restart)(struct tcp_pcb *p);                                     /* may be NULL */
};

extern const struct tcp_congestion tcp_reno, tcp_cubic;

/* By name, NULL where there is none. */
const struct tcp_congestion *tcp_congestion_find(const char *name);
/* Slow start by acked packets; what is left of them above ssthresh. */
uint32_t tcp_slow_start(struct tcp_pcb *p, uint32_t acked);
/* One more packet each w acknowledged ones. */
void tcp_avoid_ai(struct tcp_pcb *p, uint32_t w, uint32_t acked);

#endif
