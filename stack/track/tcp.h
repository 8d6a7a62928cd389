/* tcp.h - what the tracker knows of a TCP connection.
 *
 * Two readings stand side by side. `struct tcp_view` is the connection as a sensor reports it, with
 * Suricata's states and stream events (observe*.c): names for what is odd, no more. `struct tcp_dir`
 * is one direction as the receiving host's kernel takes it (receive.c), and it alone decides which
 * bytes are handed out. */
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

/* In the order that Suricata compares them in. */
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

enum tcp_view_flag {
	VIEW_TS = 1 << 0,               /* this side's SYN had a timestamp */
	VIEW_TS_ZERO = 1 << 1,          /* and it was 0 */
	VIEW_RST = 1 << 2,              /* a RST came for this side that it may have refused */
	VIEW_KEEPALIVE = 1 << 3,
	VIEW_GAP = 1 << 4,
};

/* One side as the observer sees it. window, next_win and wscale are what this side may send into. */
struct tcp_view {
	uint32_t isn, next_seq, last_ack, next_win, window;
	uint32_t base_seq;              /* acknowledged and handed out when this side last sent */
	uint32_t last_ts, last_ts_s;
	uint8_t flags;
	uint8_t wscale;
	uint8_t tcp_flags;              /* all that this side sent within the connection */
	uint8_t policy;                 /* enum overlap_policy of the host that sends this side */
};

enum tcp_dir_flag {
	DIR_KNOWN = 1 << 0,             /* the sequence space is known: SYN or a first packet seen */
	DIR_HEARD = 1 << 1,             /* the receiver has answered: acked and edge mean something */
	DIR_TS = 1 << 2,                /* both sides agreed on timestamps */
	DIR_EDGE = 1 << 3,              /* edge is what the receiver said */
	DIR_SENT = 1 << 4,              /* snd_nxt is complete: nothing of it was missed */
	DIR_FIN = 1 << 5,               /* the receiver has taken the FIN */
	DIR_RST = 1 << 6,               /* the receiver has taken a RST */
	DIR_IGNORED = 1 << 7,           /* stream_ignore */
	DIR_DEPTH = 1 << 8,             /* stream.reassembly.depth was reached */
	DIR_ENDED = 1 << 9,             /* PIECE_END is due once all data was handed out */
	DIR_END_GIVEN = 1 << 10,
	DIR_URGENT = 1 << 11,           /* urgent_seq is still to come */
	DIR_SIGNED = 1 << 12,           /* the sender's SYN carried MD5 or AO */
	DIR_TS_OFFERED = 1 << 13,       /* the sender's SYN carried a timestamp */
	DIR_PASSIVE = 1 << 14,          /* the receiver has answered a SYN, and not sent one before */
	DIR_GREETED = 1 << 15,          /* the receiver has taken a segment behind the handshake */
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
	uint32_t snd_una;               /* highest ACK that the sender accepted */
	uint32_t acked;                 /* the receiver's last ACK */
	uint32_t edge;                  /* right edge of the window that the receiver offered */
	uint32_t window_max;            /* largest window that the receiver offered */
	uint32_t ts_recent, ts_recent_s;
	uint32_t urgent_seq;
	uint16_t flags;
	uint16_t urgent_bytes;          /* taken out of band so far */
	uint8_t policy;                 /* enum overlap_policy of the receiver */
	uint8_t ttl;                    /* the sender's usual one here */
};

enum tcp_conn_flag {
	CONN_MIDSTREAM = 1 << 0,
	CONN_MIDSTREAM_ESTABLISHED = 1 << 1,
	CONN_MIDSTREAM_SYNACK = 1 << 2,
	CONN_TS = 1 << 3,
	CONN_WSCALE = 1 << 4,           /* the SYN offered scaling */
	CONN_SACK_OFFERED = 1 << 5,
	CONN_SACK = 1 << 6,
	CONN_4WHS = 1 << 7,
	CONN_EVASION = 1 << 8,          /* right sequence number, wrong ACK, in the handshake */
	CONN_CONFIRMED = 1 << 9,        /* the server has answered after the handshake */
	CONN_ASYNC = 1 << 10,           /* one direction only is seen */
	CONN_FAST_OPEN = 1 << 11,
	CONN_CLOSED_BY_RST = 1 << 12,
	CONN_INLINE = 1 << 13,
	CONN_ENDED = 1 << 14,
	CONN_LOSSY = 1 << 15,           /* something was missing for good, on either side */
	CONN_FAST_OPEN_IGNORED = 1 << 16,       /* the server didn't take the data that came with the SYN */
};

struct tcp_handshake;                   /* stack/track/observe.h: SYNs and SYN/ACKs that compete */

struct contest;                         /* stack/track/contest.h */

struct tcp_conn {
	struct tcp_view view[2];        /* by side */
	struct tcp_dir dir[2];          /* by sending side */
	struct tcp_handshake *handshake;
	struct contest *contests;       /* where readings differ */
	uint32_t flags;                 /* enum tcp_conn_flag */
	uint8_t state;                  /* enum tcp_state */
	uint8_t state_before;
};

/* For EVE: something that this side sent was missing for good. */
static inline bool tcp_gap(const struct tcp_conn *c, enum side side)
{
	return (c->view[side].flags & VIEW_GAP) != 0;
}

/* For EVE: Suricata counts the separate regions of its stream buffer; we have one. */
static inline unsigned tcp_regions_max(const struct tcp_conn *c, enum side side)
{
	(void)c;
	(void)side;
	return 1;
}

/* For EVE: urgent bytes of this side that were taken out of the stream. */
static inline unsigned tcp_urgent_bytes(const struct tcp_conn *c, enum side side)
{
	return c->dir[side].urgent_bytes;
}

#endif
