/* tcp.h - what the files of the TCP endpoint share.
 *
 * A connection is a struct tcp_pcb: a socket, and a machine that is given segments (tcp_pcb_input), calls and the
 * time, and that emits segments through one function (tcp_emit). What is due later stands as deadlines in it, the
 * earliest of which is its one timer. What is half open (a request) or in TIME_WAIT isn't a socket, but a small
 * binding in the same table.
 *
 * What is sent waits twice: its bytes in chunks, until they are acknowledged; and its segments in a ring, whose
 * first `sent` are on the wire. A segment knows when it went out last and what became of it: SACK, RACK
 * and the congestion state work on these marks, counted in packets of one MSS.
 *
 * The wire is meant to be Linux': what a peer, a fingerprint or a packetdrill script can see follows its defaults.
 * Round trips are in microseconds (srtt times 8, mdev times 4), deadlines in nanoseconds, everything else that is
 * old in milliseconds of tcp_now_ms, which is never 0. */
#ifndef TAPIR_HOST_TCP_H
#define TAPIR_HOST_TCP_H

#include <errno.h>

#include "stack/host/socket.h"
#include "stack/host/tcp/congestion.h"
#include "stack/host/tcp/tunables.h"
#include "stack/wire/seq.h"
#include "stack/wire/tcp.h"

#define TCP_INFINITE_SSTHRESH 0x7fffffffu
#define PCB_MSS_DEFAULT 536
#define PCB_MSS_MIN 88
#define PCB_MSS_MAX 65495
#define TCP_ATO_MIN_US 40000u
#define TCP_RTO_MAX_US 120000000u
#define TCP_TIMER_MIN_US 2000u
#define TCP_QUICKACKS_MAX 16
#define TCP_DUPACKS 3
#define TCP_SACKS_MAX 4
#define TCP_WSCALE_MAX 14
#define TCP_WINDOW_MAX 65535u
#define TCP_TS_SPACE 12                 /* a timestamp with its padding */
#define TCP_CHUNK_MAX 16384
#define TCP_FAST_OPEN_COOKIE 8
#define TCP_SEGMENT_MAX 65535u

/* Linux' numbers, as in /proc/net/tcp and TCP_INFO. */
enum tcp_pcb_state {
	PCB_ESTABLISHED = 1, PCB_SYN_SENT, PCB_SYN_RECV, PCB_FIN_WAIT1, PCB_FIN_WAIT2, PCB_TIME_WAIT, PCB_CLOSED,
	PCB_CLOSE_WAIT, PCB_LAST_ACK, PCB_LISTEN, PCB_CLOSING,
};

#define PCB_BIT(s) (1u << PCB_##s)

struct tcp_chunk {
	struct tcp_chunk *next;
	uint32_t seq;                   /* of data[0] */
	uint32_t len;                   /* bytes that are there */
	uint32_t cap;
	bool fin;                       /* a FIN stands behind them (out of order only) */
	uint8_t data[];
};

struct tcp_chunks {
	struct tcp_chunk *head, *tail;
};

enum tcp_seg_mark {
	SEG_SACKED = 1, SEG_RETRANS = 2 /* its last copy is still out */, SEG_LOST = 4, SEG_EVER_RETRANS = 8,
};

struct tcp_seg {
	uint64_t sent_ns;               /* its last transmission */
	uint32_t seq, end;              /* SYN and FIN included */
	uint32_t delivered;             /* the connection's count when it went out */
	uint16_t pcount;                /* packets of an MSS that it makes */
	uint8_t flags;                  /* enum tcp_flag */
	uint8_t marks;                  /* enum tcp_seg_mark */
};

/* A ring, by sequence number. */
struct tcp_segq {
	struct tcp_seg *at;
	uint32_t head, count, cap;
	uint32_t sent;                  /* the first of them that were sent */
};

static inline struct tcp_seg *segq_at(const struct tcp_segq *q, uint32_t i)
{
	return &q->at[(q->head + i) & (q->cap - 1)];
}

struct tcp_sack {
	uint32_t start, end;
};

enum pcb_ca_state { CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS };

/* What the one retransmission timer is set for. */
enum tcp_timer { TIMER_NONE, TIMER_RETRANS, TIMER_PROBE, TIMER_TLP, TIMER_REO };

enum tcp_ack_pending { ACK_SCHED = 1, ACK_TIMER = 2, ACK_PUSHED = 4, ACK_PUSHED2 = 8, ACK_NOW = 16 };

enum tcp_nagle { NAGLE_OFF = 1, NAGLE_CORK = 2, NAGLE_PUSH = 4 };

enum tcp_ecn { ECN_OK = 1, ECN_QUEUE_CWR = 2, ECN_DEMAND_CWR = 4, ECN_SEEN = 8 };

/* Half open: what came with a SYN, until the handshake is complete. */
struct tcp_request {
	struct binding bind;            /* first: BINDING_REQUEST */
	struct tcp_request *next, *prev;        /* of those with as many SYN-ACKs sent, by deadline */
	struct tcp_pcb *listener;
	uint64_t due_ns;
	uint32_t irs, iss, ts_recent, ts_off, sent_us, window, last_oow_ms;
	uint16_t mss;
	uint8_t snd_wscale, rcv_wscale, sent, tos;
	bool wscale_ok : 1, ts_ok : 1, sack_ok : 1, ecn_ok : 1, acked : 1, cookie_wanted : 1;
};

struct tcp_time_wait {
	struct binding bind;            /* first: BINDING_TIME_WAIT */
	struct host_timer timer;
	uint32_t snd_nxt, rcv_nxt, rcv_wnd, ts_recent, ts_recent_s, ts_off, last_oow_ms;
	uint8_t rcv_wscale, tos, substate;      /* PCB_TIME_WAIT, or FIN_WAIT2 of a closed socket */
	bool ts_ok;
};

#define TCP_SYNACKS_MAX 8

/* What a listener has. */
struct tcp_listener {
	struct host_timer timer;
	struct tcp_pcb *accept_head, *accept_tail;
	struct tcp_request *first[TCP_SYNACKS_MAX], *last[TCP_SYNACKS_MAX];
	uint32_t accept_count, backlog, requests;
	uint32_t cookies_ms;            /* the queue was full last then; 0 = never */
	uint32_t fast_open_max, fast_open_count;
};

/* From the first segment that came out of order, or a window that has grown: what an idle connection doesn't need. */
struct tcp_extra {
	struct tcp_sack sacks[TCP_SACKS_MAX];
	struct tcp_cubic_state {
		uint32_t cnt, last_max, last_cwnd, last_ms, origin, k, epoch_ms, ack_cnt, tcp_cwnd;
		uint32_t delay_min_us, curr_rtt_us, end_seq, round_start_us, last_ack_us;
		uint8_t sample_cnt;
		bool found, ready;
	} cubic;
};

struct tcp_pcb {
	struct socket s;                /* first */
	struct host_timer timer;
	struct ip_path path;
	const struct tcp_congestion *ca;
	struct tcp_listener *listener;  /* own one (LISTEN), or NULL */
	struct tcp_pcb *parent;         /* the listener that it will be accepted from */
	struct tcp_pcb *accept_next;
	struct tcp_extra *extra;

	/* bytes */
	struct tcp_chunks out, in, ooo;
	struct tcp_segq segs;
	uint32_t in_charge;             /* what the receive queues cost of the receive buffer, in payload bytes */

	/* sending */
	uint32_t iss, snd_una, snd_nxt, snd_wnd, snd_wl1, snd_up, snd_sml;
	uint32_t write_seq, pushed_seq, max_window, notsent_lowat, lowat;
	uint16_t mss, mss_clamp, advmss, user_mss;      /* to send; what the peer takes; what we say; TCP_MAXSEG */
	uint16_t pmtu, mtu_low;         /* mtu_low: what passes a black hole; 0 = none was met */

	/* receiving */
	uint32_t irs, rcv_nxt, rcv_wup, rcv_wnd, copied_seq, urg_seq, rcv_ssthresh, window_clamp, fin_seq;
	uint32_t ts_recent, ts_recent_s, ts_off, tsecr, last_oow_ms;
	uint32_t drs_seq, drs_space, drs_us, drs_rtt_us, drs_rtt_seq, drs_rtt_at_us;    /* receive buffer tuning */
	struct tcp_sack dsack;
	uint16_t rcv_mss, last_seg_len, urg_data;

	/* acknowledging */
	uint64_t delack_ns, comp_ns;
	uint32_t ato_us, rcv_data_ms, comp_rcv_nxt;
	uint8_t ack_pending, quick, pingpong, comp_acks, dup_acks, sack_count;

	/* round trips and timers */
	uint8_t timer_kind, backoff;
	uint64_t timer_ns, keep_ns;
	uint32_t rto_us, rcv_ms, sent_ms, srtt_us, mdev_us, mdev_max_us, rttvar_us, rtt_seq;
	uint32_t min_rtt_us[3], min_rtt_ms[3];          /* the smallest of 5 minutes, and its runners-up */
	uint32_t user_timeout_ms, retrans_stamp, probes_ms, keep_idle_s, keep_intvl_s, linger2_s;
	uint8_t keep_cnt, syn_retries, defer_accept, retransmits, probes_out, keep_probes;

	/* congestion */
	uint8_t ca_state, rack_steps, rack_persist;
	uint32_t cwnd, ssthresh, cwnd_cnt, cwnd_used, cwnd_clamp, prior_cwnd, prior_ssthresh, cwnd_ms;
	uint32_t max_packets_out, cwnd_usage_seq, high_seq, undo_marker, tlp_high_seq;
	int32_t undo_retrans;
	uint32_t prr_delivered, prr_out;
	uint32_t packets_out, sacked_out, lost_out, retrans_out, delivered, delivered_ce, lost, total_retrans;
	uint32_t reordering, highest_sack;              /* highest_sack: the end of the highest sacked segment */
	uint32_t rack_end_seq, rack_delivered, rack_rtt_us;
	uint64_t rack_ns;

	/* for TCP_INFO */
	uint64_t bytes_acked, bytes_received, bytes_sent, bytes_retrans;
	uint32_t segs_out, segs_in, data_segs_in, data_segs_out, dsack_dups, reord_seen;

	uint16_t soft_error, fast_open_max;
	uint8_t state;                  /* enum tcp_pcb_state */
	uint8_t nagle;                  /* enum tcp_nagle */
	uint8_t ecn;                    /* enum tcp_ecn */
	uint8_t snd_wscale, rcv_wscale;
	bool ts_ok : 1, sack_ok : 1, wscale_ok : 1, dsack_due : 1, dsack_seen : 1, rack_advanced : 1, rack_dsack_seen : 1;
	bool tlp_retrans : 1, frto : 1, is_cwnd_limited : 1, any_data : 1, saw_ts : 1, fin_received : 1;
	bool rcv_shutdown : 1, snd_shutdown : 1, passive : 1, no_space : 1, connect_told : 1, defer_ack : 1;
	bool dead : 1;                  /* closed by its user: it frees itself */
	bool syn_fast_open : 1, defer_connect : 1, syn_data : 1, syn_data_acked : 1, tfo_child : 1, fast_open_connect : 1;
};

/* Urgent byte of the receive side: its value, or */
enum { URG_VALID = 0x100, URG_NOTYET = 0x200, URG_READ = 0x400 };

/* Cookies that servers gave us: the last ones, by address. */
#define TCP_FAST_OPEN_CACHE 64
struct tcp_fast_open_entry {
	struct ip_addr addr;
	uint16_t mss;
	uint8_t version, len;
	uint8_t cookie[16];
};

struct tcp_counters {
	uint64_t segments_in, segments_out, bad, resets_in, resets_out, no_listener;
	uint64_t connects, accepts, established, closed, aborted, timeouts, keepalive_drops, no_memory;
	uint64_t retransmits, fast_retransmits, rto, tlp, spurious_rto, dsack_in, dsack_out, reordering;
	uint64_t paws, out_of_window, challenge_acks, challenge_limited, blind_reset, blind_syn;
	uint64_t syn_dropped, listen_overflows, cookies_sent, cookies_good, cookies_bad, synack_retrans, half_open;
	uint64_t time_wait, time_wait_reused, time_wait_overflow, ooo, ooo_dropped, rcv_pruned, zero_window_probes;
	uint64_t fast_open_active, fast_open_passive, fast_open_refused, pmtu_reduced, blackholes;
};

/* State of a host: host_state(h, &tcp_protocol). */
struct tcp {
	struct tapir_host *host;
	struct tcp_tunables tune;
	struct tcp_counters count;
	struct hash_key isn_key, ts_key, cookie_key[2], fast_open_key;
	uint32_t challenge_s, challenges;
	uint32_t time_waits;
	unsigned fast_open_at;
	struct tcp_fast_open_entry fast_open[TCP_FAST_OPEN_CACHE];
};

extern const struct host_protocol tcp_protocol;
extern const struct socket_ops tcp_socket_ops;

static inline struct tcp *tcp_of(const struct tapir_host *h)
{
	return host_state(h, &tcp_protocol);
}

static inline struct tcp *pcb_tcp(const struct tcp_pcb *p)
{
	return tcp_of(p->s.host);
}

static inline const struct tcp_tunables *pcb_tune(const struct tcp_pcb *p)
{
	return &pcb_tcp(p)->tune;
}

static inline uint64_t pcb_now(const struct tcp_pcb *p)
{
	return p->s.host->now_ns;
}

static inline uint32_t tcp_now_ms(const struct tapir_host *h)
{
	const uint32_t ms = (uint32_t)(h->now_ns / NS_PER_MS);

	return ms ? ms : 1;
}

static inline uint32_t pcb_now_ms(const struct tcp_pcb *p)
{
	return tcp_now_ms(p->s.host);
}

static inline uint32_t pcb_now_us(const struct tcp_pcb *p)
{
	return (uint32_t)(pcb_now(p) / NS_PER_US);
}

static inline bool pcb_in(const struct tcp_pcb *p, unsigned states)
{
	return (1u << p->state & states) != 0;
}

static inline uint32_t pcb_in_flight(const struct tcp_pcb *p)
{
	return p->packets_out - (p->sacked_out + p->lost_out) + p->retrans_out;
}

static inline uint32_t pcb_window_end(const struct tcp_pcb *p)
{
	return p->snd_una + p->snd_wnd;
}

/* What is left of the window that the peer was last told. */
static inline uint32_t pcb_receive_window(const struct tcp_pcb *p)
{
	const int32_t left = (int32_t)(p->rcv_wup + p->rcv_wnd - p->rcv_nxt);

	return left < 0 ? 0 : (uint32_t)left;
}

static inline bool pcb_in_slow_start(const struct tcp_pcb *p)
{
	return p->cwnd < p->ssthresh;
}

static inline bool pcb_cwnd_reducing(const struct tcp_pcb *p)
{
	return p->ca_state == CA_CWR || p->ca_state == CA_RECOVERY;
}

static inline bool pcb_urgent_mode(const struct tcp_pcb *p)
{
	return p->snd_una != p->snd_up;
}

static inline uint32_t min_u32(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static inline uint32_t max_u32(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

/* What the ACK of a segment brought (ack.c, sack.c, recovery.c). */
enum tcp_ack_flag {
	FLAG_DATA = 1, FLAG_WIN_UPDATE = 2, FLAG_DATA_ACKED = 4, FLAG_RETRANS_ACKED = 8, FLAG_SYN_ACKED = 0x10,
	FLAG_DATA_SACKED = 0x20, FLAG_ECE = 0x40, FLAG_LOST_RETRANS = 0x80, FLAG_SLOWPATH = 0x100,
	FLAG_ORIG_SACK_ACKED = 0x200, FLAG_SND_UNA_ADVANCED = 0x400, FLAG_DSACKING = 0x800, FLAG_SACK_RENEGING = 0x2000,
	FLAG_UPDATE_TS = 0x4000, FLAG_NO_CHALLENGE = 0x8000, FLAG_DSACK_TLP = 0x20000, FLAG_SET_TIMER = 0x1000,
	FLAG_ACKED = FLAG_DATA_ACKED | FLAG_SYN_ACKED,
	FLAG_NOT_DUP = FLAG_DATA | FLAG_WIN_UPDATE | FLAG_ACKED,
	FLAG_FORWARD = FLAG_ACKED | FLAG_DATA_SACKED,
};

enum tcp_rexmit { REXMIT_NONE, REXMIT_LOST, REXMIT_NEW };

/* One ACK while it is worked on. */
struct tcp_ack {
	const struct packet *pkt;
	uint32_t prior_una, delivered, lost;    /* as they were before */
	uint32_t prior_delivered;               /* of the segment that was sent last among those delivered */
	uint32_t reord;                 /* lowest sequence number that was delivered late */
	uint64_t first_sack_ns, last_sack_ns;   /* when segments now sacked were sent; 0 = none */
	uint32_t rtt_us;                /* sample for congestion control; 0 = none */
	int32_t sack_delivered;
	unsigned flag;                  /* enum tcp_ack_flag */
	enum tcp_rexmit rexmit;
};

/* chunks.c: chunks of bytes, and the ring of segments */
bool chunks_append(struct tapir_host *h, struct tcp_chunks *b, uint32_t seq, const struct socket_message *m, size_t at,
		  const uint8_t *flat, uint32_t len, uint32_t chunk_len);
void chunks_drop_before(struct tapir_host *h, struct tcp_chunks *b, uint32_t seq);
void chunks_clear(struct tapir_host *h, struct tcp_chunks *b);
void chunks_read(const struct tcp_chunks *b, uint32_t seq, uint32_t len, uint8_t *out);
struct tcp_chunk *chunk_new(struct tapir_host *h, uint32_t seq, uint32_t cap);
void chunk_free(struct tapir_host *h, struct tcp_chunk *c);
struct tcp_seg *segq_insert(struct tapir_host *h, struct tcp_segq *q, uint32_t i);
void segq_pop(struct tcp_segq *q);
uint32_t segq_find(const struct tcp_segq *q, uint32_t seq);
void segq_fini(struct tapir_host *h, struct tcp_segq *q);

/* pcb.c: life and death of a connection */
int pcb_init(struct socket *s);
void pcb_set_state(struct tcp_pcb *p, enum tcp_pcb_state state);
/* Takes it out of every table and queue; what remains is for its user to read and to close. */
void pcb_done(struct tcp_pcb *p);
/* pcb_done, with an error that its user hears of. */
void pcb_fail(struct tcp_pcb *p, int error);
/* Frees it where it is over and nobody holds it any more: the last thing that its callers do with it. */
void pcb_release(struct tcp_pcb *p);
void pcb_abort(struct tcp_pcb *p);
struct tcp_extra *pcb_extra(struct tcp_pcb *p);
void pcb_wake(struct tcp_pcb *p, uint32_t events);
void pcb_write_space(struct tcp_pcb *p);
void pcb_shutdown_send(struct tcp_pcb *p);
/* Sequence numbers, windows and timers of a fresh connection whose path is known. */
void pcb_start(struct tcp_pcb *p, uint32_t iss);
uint32_t pcb_advmss(const struct tcp_pcb *p);
void pcb_black_hole(struct tcp_pcb *p);
uint32_t pcb_poll_mask(struct tcp_pcb *p);

/* emit.c: one segment onto the wire */
int tcp_emit(struct tcp_pcb *p, struct tcp_header *h, const struct tcp_chunks *bytes, uint32_t len, uint8_t ecn);
void tcp_emit_bare(struct tapir_host *h, const struct binding *b, struct tcp_header *hdr, uint8_t tos, uint8_t ttl);
void tcp_reply_reset(struct tapir_host *h, const struct packet *pkt);
uint32_t tcp_segment_len(const struct packet *pkt);
struct binding tcp_binding_of(const struct packet *pkt);
bool tcp_path(struct tcp_pcb *p);

/* output.c */
uint32_t pcb_current_mss(struct tcp_pcb *p);
void pcb_sync_mss(struct tcp_pcb *p, uint32_t pmtu);
uint32_t pcb_mtu_to_mss(const struct tcp_pcb *p, uint32_t mtu);
bool pcb_write_xmit(struct tcp_pcb *p, uint32_t mss, unsigned nagle, int push_one);
void pcb_push_pending(struct tcp_pcb *p, uint32_t mss, unsigned nagle);
void pcb_push(struct tcp_pcb *p, int flags, uint32_t mss, unsigned nagle);
void pcb_data_snd_check(struct tcp_pcb *p);
int pcb_transmit(struct tcp_pcb *p, struct tcp_seg *seg);
int pcb_retransmit(struct tcp_pcb *p, uint32_t i, uint32_t segs);
void pcb_xmit_retransmit_queue(struct tcp_pcb *p);
bool pcb_split(struct tcp_pcb *p, uint32_t i, uint32_t len);
int pcb_send_fin(struct tcp_pcb *p);
void pcb_send_ack(struct tcp_pcb *p);
void pcb_send_reset(struct tcp_pcb *p);
int pcb_write_wakeup(struct tcp_pcb *p);
int pcb_send_syn_fast(struct tcp_pcb *p, struct slice cookie, uint32_t data_len);
uint32_t seg_len(const struct tcp_seg *s);
int pcb_send_syn(struct tcp_pcb *p, bool synack);
void pcb_send_pure(struct tcp_pcb *p, uint8_t flags, uint32_t seq);
uint16_t pcb_options_len(struct tcp_pcb *p, struct tcp_options *o, bool syn);

/* window.c: what we offer to receive */
void tcp_initial_window(const struct tcp_tunables *u, uint32_t space, uint32_t mss, bool wscale_ok, uint32_t clamp,
			uint32_t *wnd, uint32_t *clamp_out, uint8_t *wscale);
uint32_t pcb_full_space(const struct tcp_pcb *p);
uint32_t pcb_free_space(const struct tcp_pcb *p);
uint32_t pcb_pick_window(struct tcp_pcb *p);
uint16_t pcb_select_window(struct tcp_pcb *p);
void pcb_grow_window(struct tcp_pcb *p, uint32_t len);
void pcb_init_buffers(struct tcp_pcb *p);
void pcb_rcv_space_adjust(struct tcp_pcb *p);
void pcb_rcv_rtt_measure(struct tcp_pcb *p);
void pcb_rcv_rtt_measure_ts(struct tcp_pcb *p, const struct packet *pkt);

/* input.c */
void pcb_input(struct tcp_pcb *p, const struct packet *pkt);
void pcb_cleanup_rbuf(struct tcp_pcb *p, uint32_t copied);
void pcb_challenge_ack(struct tcp_pcb *p);
bool tcp_oow_limited(struct tapir_host *h, const struct packet *pkt, uint32_t *last_ms);
bool tcp_challenge_allowed(struct tapir_host *h);
void pcb_finish_connect(struct tcp_pcb *p);
void pcb_init_transfer(struct tcp_pcb *p);
void pcb_init_metrics(struct tcp_pcb *p);
void pcb_data_snd(struct tcp_pcb *p);
void pcb_parse_syn_options(struct tcp_pcb *p, const struct packet *pkt);
void pcb_enter_quickack(struct tcp_pcb *p, unsigned max);
void pcb_clear_delack(struct tcp_pcb *p);
void pcb_incr_quickack(struct tcp_pcb *p, unsigned max);
void pcb_init_rcv_mss(struct tcp_pcb *p);

/* receive.c: bytes in and out of order */
void pcb_data_queue(struct tcp_pcb *p, const struct packet *pkt);
void pcb_check_urgent(struct tcp_pcb *p, const struct packet *pkt);
void pcb_fin(struct tcp_pcb *p);
void pcb_dsack_set(struct tcp_pcb *p, uint32_t seq, uint32_t end);
void pcb_dupack(struct tcp_pcb *p, const struct packet *pkt);
bool pcb_queue_bytes(struct tcp_pcb *p, const struct packet *pkt);

/* ack.c */
int pcb_ack(struct tcp_pcb *p, const struct packet *pkt, unsigned flag);
void pcb_rtt_sample(struct tcp_pcb *p, uint32_t us);
bool pcb_update_rtt(struct tcp_pcb *p, unsigned flag, int64_t seq_rtt, int64_t sack_rtt, int64_t ca_rtt,
		    uint32_t *sample);
void pcb_rearm_rto(struct tcp_pcb *p);
uint32_t pcb_min_rtt(const struct tcp_pcb *p);
void pcb_set_timer(struct tcp_pcb *p, enum tcp_timer kind, uint64_t in_us);
void pcb_clear_timer(struct tcp_pcb *p);
void pcb_check_probe_timer(struct tcp_pcb *p);

/* recovery.c */
void pcb_sack_tag(struct tcp_pcb *p, struct tcp_ack *a);
void pcb_fast_retrans_alert(struct tcp_pcb *p, struct tcp_ack *a, unsigned dupacks);
void pcb_enter_loss(struct tcp_pcb *p);
void pcb_enter_recovery(struct tcp_pcb *p, bool ece);
void pcb_enter_cwr(struct tcp_pcb *p);
void pcb_cwnd_reduction(struct tcp_pcb *p, uint32_t acked, uint32_t lost, unsigned flag);
void pcb_init_cwnd_reduction(struct tcp_pcb *p);
void pcb_end_cwnd_reduction(struct tcp_pcb *p);
void pcb_set_ca_state(struct tcp_pcb *p, enum pcb_ca_state state);
void pcb_try_keep_open(struct tcp_pcb *p);
void pcb_mark_lost(struct tcp_pcb *p, struct tcp_seg *s);
void pcb_clear_retrans(struct tcp_pcb *p);
void pcb_reno_limit(struct tcp_pcb *p, uint32_t more);
void pcb_slow_start_after_idle(struct tcp_pcb *p);
uint64_t pcb_probe_us(const struct tcp_pcb *p);
int pcb_probe_again(struct tcp_pcb *p, uint32_t i);
void pcb_simple_retransmit(struct tcp_pcb *p);
void pcb_check_reordering(struct tcp_pcb *p, uint32_t low_seq, bool ts);
void pcb_delivered(struct tcp_pcb *p, uint32_t n, bool ece);
void pcb_init_undo(struct tcp_pcb *p);
uint32_t pcb_seq_rtt(const struct tcp_pcb *p, uint64_t sent_ns);
bool pcb_cwnd_is_limited(const struct tcp_pcb *p);

/* rack.c */
void pcb_rack_advance(struct tcp_pcb *p, const struct tcp_seg *s);
bool pcb_rack_detect(struct tcp_pcb *p);
void pcb_rack_timeout(struct tcp_pcb *p);
void pcb_rack_update_reo(struct tcp_pcb *p, const struct tcp_ack *a);
void pcb_newreno_mark_lost(struct tcp_pcb *p, bool advanced);
bool pcb_schedule_tlp(struct tcp_pcb *p, bool advancing);
void pcb_send_tlp(struct tcp_pcb *p);

/* timer.c */
void pcb_timer_update(struct tcp_pcb *p);
void pcb_timer_fire(struct tapir_host *h, struct host_timer *t);
void pcb_keepalive_set(struct tcp_pcb *p, bool on);
void pcb_keep_reset(struct tcp_pcb *p, uint64_t in_ns);
uint32_t pcb_keep_idle_s(const struct tcp_pcb *p);
uint32_t pcb_keep_intvl_s(const struct tcp_pcb *p);
uint32_t pcb_fin_timeout_s(const struct tcp_pcb *p);
void pcb_send_delayed_ack(struct tcp_pcb *p);

/* listen.c, cookie.c */
int pcb_listen(struct socket *s, int backlog);
void pcb_listen_stop(struct tcp_pcb *p);
void pcb_listen_input(struct tcp_pcb *p, const struct packet *pkt, uint32_t iss);
void tcp_request_input(struct tapir_host *h, struct tcp_request *r, const struct packet *pkt);
void tcp_request_free(struct tcp_request *r);
int pcb_accept(struct socket *s, struct socket **out);
void pcb_accept_unlink(struct tcp_pcb *child);
/* cookie.c: a SYN-ACK's sequence number that says what its SYN said; *mss is rounded to what fits in. */
uint32_t tcp_cookie_make(struct tapir_host *h, const struct packet *pkt, uint16_t *mss);
/* The MSS that the cookie in the ACK carries; 0: it is none of ours, or too old. */
uint16_t tcp_cookie_check(struct tapir_host *h, const struct packet *pkt);
/* The rest travels in the low bits of the timestamp. */
uint32_t tcp_cookie_ts(uint32_t now_ms, const struct tcp_request *r);
bool tcp_cookie_ts_read(const struct tcp_tunables *u, uint32_t tsecr, struct tcp_request *r);

/* random.c */
uint32_t tcp_isn(struct tapir_host *h, const struct binding *b);
uint32_t tcp_ts_offset(struct tapir_host *h, const struct binding *b);

/* time_wait.c */
void pcb_time_wait(struct tcp_pcb *p, enum tcp_pcb_state substate, uint64_t for_ns);
/* True: done with. False: the SYN is good for a new connection. */
bool tcp_time_wait_input(struct tapir_host *h, struct tcp_time_wait *w, const struct packet *pkt);
bool tcp_time_wait_reusable(struct tapir_host *h, const struct tcp_time_wait *w);
void tcp_time_wait_free(struct tapir_host *h, struct tcp_time_wait *w);
/* A sequence number well beyond those of the connection that was. */
uint32_t tcp_time_wait_isn(const struct tcp_time_wait *w);

/* fast_open.c */
void tcp_fast_open_cookie(struct tapir_host *h, const struct binding *b, uint8_t out[TCP_FAST_OPEN_COOKIE]);
struct tcp_fast_open_entry *tcp_fast_open_find(struct tapir_host *h, uint8_t version, const struct ip_addr *addr);
void tcp_fast_open_note(struct tapir_host *h, uint8_t version, const struct ip_addr *addr, struct slice cookie,
			uint16_t mss);

/* info.c, options.c */
int pcb_setsockopt(struct socket *s, int level, int name, const void *value, socklen_t len);
int pcb_getsockopt(struct socket *s, int level, int name, void *value, socklen_t *len);
int pcb_info(const struct tcp_pcb *p, void *value, socklen_t *len);
void pcb_option_changed(struct socket *s, int level, int name);

/* user.c: connect, send and receive */
int pcb_connect(struct socket *s, const struct endpoint *peer);
ssize_t pcb_sendmsg(struct socket *s, struct socket_message *m);
ssize_t pcb_recvmsg(struct socket *s, struct socket_message *m);

static inline struct tcp_pcb *pcb_of(struct socket *s)
{
	return (struct tcp_pcb *)s;
}

#endif
