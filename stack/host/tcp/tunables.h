/* tunables.h - what can be set at run time, by name, with the names, units and defaults of Linux' net.ipv4.tcp_*. */
#ifndef TAPIR_HOST_TCP_TUNABLES_H
#define TAPIR_HOST_TCP_TUNABLES_H

#include <stdint.h>

#include "stack/host/host.h"

struct tcp;
struct tcp_congestion;

struct tcp_tunables {
	uint32_t timestamps, sack, dsack, window_scaling, ecn, fastopen, syncookies;
	uint32_t somaxconn, syn_retries, synack_retries, syn_linear_timeouts;
	uint32_t retries1, retries2, orphan_retries, rto_min_us, rto_init_ms, delack_max_ms, quickack;
	uint32_t init_cwnd, init_rwnd, reordering, max_reordering, recovery, early_retrans, frto;
	uint32_t slow_start_after_idle, keepalive_time, keepalive_probes, keepalive_intvl, fin_timeout;
	uint32_t time_wait, max_tw_buckets, tw_reuse, rfc1337, mtu_probing, base_mss, min_snd_mss;
	uint32_t moderate_rcvbuf, workaround_signed_windows, challenge_ack_limit;
	uint32_t invalid_ratelimit, icmp_may_rst, abort_on_overflow, insecure_rst;
	uint32_t drop_synfin, stdurg, comp_sack_delay_ns, comp_sack_nr;
	uint32_t pingpong_thresh, hystart, fast_convergence, beta;
	uint32_t rmem[3], wmem[3];
	const struct tcp_congestion *congestion;
};

extern const struct tunable tcp_tunables_table[];
void tcp_tunables_default(struct tcp *t);

#endif
