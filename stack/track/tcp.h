/* tcp.h - what the tracker knows of a TCP connection.
 *
 * Two readings stand side by side. `enum tcp_state` and the fields marked as the observer's are the
 * connection as a sensor reports it: Suricata's states and stream events. `struct tcp_dir` is one
 * direction as the receiving host's kernel takes it, and decides alone which bytes are handed out. */
#ifndef TAPIR_TRACK_TCP_H
#define TAPIR_TRACK_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "stack/track/flow.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_PSH 0x08
#define TCP_ACK 0x10
#define TCP_URG 0x20
#define TCP_ECE 0x40
#define TCP_CWR 0x80

enum tcp_state {
	TCP_NONE,
	TCP_LISTEN,
	TCP_SYN_SENT,
	TCP_SYN_RECV,
	TCP_ESTABLISHED,
	TCP_FIN_WAIT1,
	TCP_FIN_WAIT2,
	TCP_TIME_WAIT,
	TCP_LAST_ACK,
	TCP_CLOSE_WAIT,
	TCP_CLOSING,
	TCP_CLOSED,
};

/* As EVE's tcp.state has it: "syn_sent", "established", ... */
const char *tcp_state_name(uint8_t state);

enum tcp_dir_flag {
	DIR_KNOWN = 1 << 0,             /* the sequence space is known: SYN or a first packet seen */
	DIR_HEARD = 1 << 1,             /* the receiver has answered: acked and edge mean something */
	DIR_TS = 1 << 2,                /* the receiver checks this direction's timestamps */
	DIR_TS_SEEN = 1 << 3,           /* ts_recent is set */
	DIR_SACK = 1 << 4,
	DIR_FIN = 1 << 5,               /* the receiver has taken the FIN */
	DIR_CLOSED = 1 << 6,            /* RST: the receiver takes nothing more */
	DIR_IGNORED = 1 << 7,           /* stream_ignore */
	DIR_DEPTH = 1 << 8,             /* stream.reassembly.depth was reached */
	DIR_ENDED = 1 << 9,             /* PIECE_END is due once all data was handed out */
	DIR_END_GIVEN = 1 << 10,
	DIR_URGENT = 1 << 11,           /* urgent_seq is still to come */
	DIR_GAP = 1 << 12,              /* something was missing for good */
	DIR_WSCALE = 1 << 13,           /* the sender offered window scaling */
};

struct segments;                        /* stack/track/stream.h */

/* What one side sends, and how far the other side's kernel has taken it. */
struct tcp_dir {
	uint64_t offset;                /* handed out, as a stream offset */
	struct segments *queue;         /* arrived, but not in order: NULL = none */
	uint32_t isn;                   /* the sender's SYN */
	uint32_t pos;                   /* handed out up to here (sequence number) */
	uint32_t rcv_nxt;               /* the receiver has everything before this */
	uint32_t snd_nxt;               /* behind the last byte the sender sent */
	uint32_t acked;                 /* highest ACK the receiver sent */
	uint32_t acked_valid;           /* highest ACK that the sender accepts */
	uint32_t edge;                  /* right edge of the window that the receiver offered */
	uint32_t max_window;            /* largest window the sender has offered */
	uint32_t ts_recent, ts_recent_s;
	uint32_t urgent_seq;
	uint16_t flags;
	uint16_t window;                /* the sender's last, unscaled */
	uint8_t wscale;                 /* of the sender's own window */
	uint8_t policy;                 /* enum overlap_policy of the receiver */
	uint8_t tcp_flags;
	uint8_t regions_max;            /* EVE's {ts,tc}_max_regions */
};

struct tcp_conn {
	struct tcp_dir dir[2];          /* by sending side */
	uint8_t state;                  /* enum tcp_state */
	uint8_t state_before;
	bool async;                     /* one direction only is seen */
	bool inline_mode;
	bool ended;
	uint16_t events_muted;
};

/* Something was missing for good in what this side sent. */
static inline bool tcp_gap(const struct tcp_conn *c, enum side side)
{
	return (c->dir[side].flags & DIR_GAP) != 0;
}

#endif
