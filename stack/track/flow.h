/* flow.h - both directions of a conversation.
 *
 * A flow is found by its key (addresses, ports, protocol, VLAN ids), whichever direction a packet
 * has. Side TO_SERVER is the direction of the first packet, unless TCP's handshake or the
 * mid-stream logic says otherwise. Each layer above has one opaque slot; what a slot holds is
 * freed by its layer when the worker takes the flow's end from tracker_ended(). */
#ifndef TAPIR_TRACK_FLOW_H
#define TAPIR_TRACK_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/budget.h"
#include "base/wheel.h"
#include "stack/wire/packet.h"

struct tcp_conn;        /* stack/track/tcp.h */

enum flow_slot { FLOW_ANALYSIS, FLOW_RULES, FLOW_SCRIPT, FLOW_SLOTS };

enum flow_state { FLOW_NEW, FLOW_ESTABLISHED, FLOW_CLOSED, FLOW_BYPASSED };

enum flow_end { FLOW_END_TIMEOUT, FLOW_END_FORCED, FLOW_END_SHUTDOWN, FLOW_END_TCP_REUSE };

struct flow_key {
	struct ip_addr addr[2];         /* addr[0] is the client's, addr[1] the server's */
	uint16_t port[2];
	uint8_t proto;
	uint8_t ip_version;
	uint8_t tunnel_depth;           /* decoder.recursion-level.use-for-tracking */
	uint16_t vlan[PACKET_VLANS_MAX];
	uint16_t device;                /* livedev.use-for-tracking */
};
/* ICMP has no ports: port[0] is the first packet's type (ICMPv6: and code << 8), port[1] the type that
 * answers it. ESP: the SPI's halves. */

struct flow {
	struct flow_key key;            /* side TO_SERVER sends from addr[0]:port[0] to addr[1]:port[1] */
	uint64_t id;                    /* 51 bits, for EVE */
	uint64_t first_ns, last_ns;
	uint64_t pkts[2], bytes[2];     /* by side; bytes as captured, L2 included */
	uint32_t hash;
	uint32_t lru_s;                 /* the table's: when it last moved to its list's end */
	uint8_t lru;                    /* the table's: which list, enum flow_lru in table.h */
	uint8_t seen;                   /* bit a side: it has sent something */
	uint8_t state;                  /* enum flow_state */
	uint8_t end;                    /* enum flow_end, once ended */
	uint8_t tunnel;                 /* enum tunnel that carried the first packet */
	bool emergency : 1;             /* ended early under memory pressure */
	bool midstream : 1;
	bool alerted : 1;
	bool pass : 1;                  /* a pass rule took it out of detection */
	bool no_inspect : 1;            /* bypass: neither analyzers nor rules look any more */
	bool dropped : 1;               /* a drop rule hit: every later packet is dropped */
	bool dropped_by_policy : 1;     /* or rather an exception policy did */
	bool swapped : 1;               /* sides were turned round after the first packets */
	bool has_eth : 1;
	bool talks : 1;                 /* TCP: data was taken */
	uint8_t exceptions;             /* bits of enum exception_target (exception.h) that it met */
	uint8_t drop_recorded;          /* output: bit a side, once that its packets are dropped was recorded */
	uint8_t ttl_min[2], ttl_max[2];
	uint8_t icmp_type[2], icmp_code[2];     /* by side, first seen */
	bool icmp_seen[2];
	uint8_t tcp_flags[2];           /* all seen, by side */
	uint8_t vlan_count;             /* of the first packet, whether tracked by them or not */
	uint16_t vlan[PACKET_VLANS_MAX];
	uint8_t eth[2][6];              /* MAC addresses: [0] the client's, [1] the server's */
	uint16_t device;
	struct tcp_conn *tcp;           /* NULL where not TCP */
	void *slot[FLOW_SLOTS];

	/* the table's own */
	union {
		struct timer timer;
		uint64_t ended_ns;      /* once ended: when; for a timeout, when it was due, whoever noticed later */
	};
	struct flow *hash_next;
	struct flow *lru_prev, *lru_next;
};

static inline enum side other_side(enum side s)
{
	return s == TO_SERVER ? TO_CLIENT : TO_SERVER;
}

#endif
