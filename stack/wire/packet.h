/* packet.h - the decoded view of a frame: where each layer starts, who talks to whom.
 *
 * packet_decode walks a frame from its link layer inwards and fills one struct packet per IP
 * packet found: the outermost first, then what tunnels carry. A packet never owns bytes:
 * everything points into the frame, which must outlive it. Nothing is allocated; malformed
 * headers end the walk with an event, and nesting is bounded by PACKET_NEST_MAX. Addresses are
 * in network order as on the wire; every number is in host order. */
#ifndef TAPIR_WIRE_PACKET_H
#define TAPIR_WIRE_PACKET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "capture/frame.h"
#include "stack/wire/event.h"

#define PACKET_NEST_MAX 8       /* IP packets within one frame */
#define PACKET_EVENTS_MAX 16
#define PACKET_VLANS_MAX 3

enum side { TO_SERVER = 0, TO_CLIENT = 1 };

/* IPv4 in the first four bytes, the rest zero. */
struct ip_addr {
	union {
		uint8_t bytes[16];
		uint32_t words[4];
		uint64_t quads[2];
	};
};

enum tunnel {
	TUNNEL_NONE, TUNNEL_IPIP /* anything IP in IPv4 */, TUNNEL_GRE, TUNNEL_ERSPAN, TUNNEL_VXLAN, TUNNEL_GENEVE,
	TUNNEL_TEREDO, TUNNEL_GTPU, TUNNEL_IP6 /* anything IP in IPv6 */,
};

enum packet_flag {
	PACKET_FRAGMENT = 1 << 0,       /* no L4 header was read: payload is what follows the IP header */
	PACKET_REASSEMBLED = 1 << 1,    /* made from fragments */
	PACKET_TRUNCATED = 1 << 2,      /* the capture has less than the headers announce */
	PACKET_CSUM_UNKNOWN = 1 << 3,   /* partial, truncated, a fragment: can't be judged */
	PACKET_CSUM_BAD_IP = 1 << 4,
	PACKET_CSUM_BAD_L4 = 1 << 5,
	PACKET_INVALID = 1 << 6,        /* a header is wrong; whether there is a flow, PACKET_NO_FLOW says */
	PACKET_FROM_HOST = 1 << 7,      /* sent by our own host stack */
	PACKET_END_OF_FLOW = 1 << 8,    /* not a packet: its flow ends, last chance to inspect */
	PACKET_ICMP_ERROR = 1 << 9,     /* quotes the head of another packet (emb_*) */
	PACKET_STREAM_ADDED = 1 << 10,  /* its payload went into the stream: raw rules look there */
	PACKET_ESTABLISHED = 1 << 11,   /* its flow was established when it came */
	PACKET_WOULD_DROP = 1 << 12,    /* a rule or an exception policy drops it */
	PACKET_NO_PAYLOAD_INSPECT = 1 << 13,
	PACKET_NO_INSPECT = 1 << 14,
	PACKET_NO_FLOW = 1 << 15,       /* no L4 that makes a flow: GRE, IGMP, unknown protocols, not IP */
	PACKET_IP_CHECKED = 1 << 16,    /* packet_check_ip has judged */
	PACKET_L4_CHECKED = 1 << 17,    /* packet_check_l4 has judged */
};

/* Why a packet is dropped where tapir is inline, or would be; EVE's drop.reason. */
enum drop_reason {
	DROP_REASON_NONE, DROP_REASON_DECODE_ERROR, DROP_REASON_DEFRAG_ERROR, DROP_REASON_DEFRAG_MEMCAP,
	DROP_REASON_FLOW_MEMCAP, DROP_REASON_FLOW_DROP, DROP_REASON_EXCEPTION_FLOW_DROP, DROP_REASON_STREAM_ERROR,
	DROP_REASON_STREAM_MEMCAP, DROP_REASON_STREAM_MIDSTREAM, DROP_REASON_STREAM_REASSEMBLY,
	DROP_REASON_STREAM_URGENT, DROP_REASON_APPLAYER_ERROR, DROP_REASON_APPLAYER_MEMCAP, DROP_REASON_RULES,
	DROP_REASON_RULES_THRESHOLD, DROP_REASON_TUNNEL_PACKET, DROP_REASONS,
};

/* How a TCP packet relates to what came before it. */
enum tcp_note {
	TCP_NOTE_RETRANSMISSION = 1 << 0, TCP_NOTE_SPURIOUS = 1 << 1, TCP_NOTE_KEEPALIVE = 1 << 2,
	TCP_NOTE_KEEPALIVE_ACK = 1 << 3, TCP_NOTE_WINDOW_UPDATE = 1 << 4, TCP_NOTE_EVENT = 1 << 5,
	TCP_NOTE_STATE = 1 << 6,        /* the session's state changed */
	TCP_NOTE_REUSE = 1 << 7,        /* a new session on the ports of an old one */
};

enum reject_to { REJECT_TO_SOURCE = 1, REJECT_TO_DESTINATION = 2 };

/* TCP options: RFC 9293 3.1, 7323, 2018, 7413, 2385, 5925. sack and fast_open mean nothing where
 * sack_blocks and has_fast_open are 0. */
struct tcp_options {
	bool has_mss, has_wscale, has_timestamp, sack_permitted, has_md5, has_ao, has_fast_open;
	uint8_t wscale;
	uint8_t sack_blocks;            /* 0..4 */
	uint16_t mss;
	uint32_t ts_val, ts_ecr;
	struct slice fast_open;         /* cookie; empty = request */
	uint32_t sack[4][2];
};

struct packet {
	/* from the frame */
	const uint8_t *data;            /* of a tunnelled packet: what the tunnel's header was followed by */
	uint32_t len;
	uint32_t wire_len;
	uint64_t time_ns;
	uint64_t number;                /* pcap_cnt */
	uint16_t link;                  /* a tunnelled or reassembled packet: LINK_RAW */
	uint16_t device;                /* index of the device in this run: in_iface */
	uint16_t frame_flags;           /* enum frame_flag */

	/* where it stood */
	uint8_t depth;                  /* 0 = outermost */
	uint8_t tunnel;                 /* enum tunnel: how outer carried it */
	const struct packet *outer;     /* the packet that carried this one, or NULL */
	uint8_t ip_version;             /* 4, 6, or 0: not IP (ARP, unknown), or too broken to tell */
	uint8_t proto;                  /* IP protocol of what follows the last IP header that was read */
	uint8_t vlan_count;
	uint8_t layers;                 /* headers read so far, tunnels around included */
	uint32_t flags;                 /* enum packet_flag */

	/* layers: NULL where not there */
	const uint8_t *eth;             /* the innermost Ethernet header */
	const uint8_t *arp;             /* a sound ARP packet for IPv4 over Ethernet: ip_version is 0 */
	const uint8_t *ip;              /* IP header */
	const uint8_t *l4;              /* TCP, UDP, ICMP, SCTP header */
	uint32_t ip_len;                /* the whole IP packet as its header says, cut to what is there */
	uint16_t ip_header_len;         /* with options, or with extension headers */
	uint16_t l4_header_len;
	uint16_t ether_type;            /* of the innermost L2 payload */
	uint16_t vlan[PACKET_VLANS_MAX];        /* VLAN ids, outermost first */
	uint16_t frag_next_at;          /* IPv6 fragment: where, from ip, the byte is that announces the
					 * fragment header; defragmentation puts proto there */
	uint32_t tunnel_id;             /* VNI, GRE key, session id, TEID; 0 = none */

	/* IP */
	uint8_t ttl, tos;               /* hop limit, traffic class */
	bool frag_more, frag_dont;
	uint32_t frag_id;
	uint32_t frag_offset;           /* in bytes */
	uint32_t ip_options;            /* bit set: stack/wire/ipv4.h, stack/wire/ipv6.h */
	struct ip_addr src, dst;
	uint16_t src_port, dst_port;

	/* ICMP and ICMPv6 */
	uint8_t icmp_type, icmp_code;
	uint16_t icmp_id, icmp_seq;

	struct slice payload;           /* of L4, or of IP where there is no known L4 */

	/* what the tracker adds */
	uint8_t side;                   /* enum side, once a flow is known */
	uint8_t drop_reason;            /* enum drop_reason, with PACKET_WOULD_DROP */
	uint8_t reject_to;              /* enum reject_to: who is to be told that it was refused */
	bool passed;                    /* a pass rule matched */
	uint32_t flow_hash;             /* tracker_prefetch has looked its key up; 0 = not */

	uint8_t event_count;

	/* TCP */
	uint8_t tcp_flags;              /* FIN 1 SYN 2 RST 4 PSH 8 ACK 16 URG 32 ECE 64 CWR 128 */
	uint16_t window, urgent;
	uint16_t tcp_notes;             /* enum tcp_note: what the tracker made of it */
	uint32_t seq, ack;
	struct tcp_options tcp;

	/* What follows is not cleared for each packet: only the first event_count events have a
	 * meaning, and the quoted packet only under PACKET_ICMP_ERROR. */
	uint16_t events[PACKET_EVENTS_MAX];
	/* the packet an ICMP error quotes: enough for a flow key */
	uint8_t emb_proto, emb_ip_version;
	uint16_t emb_src_port, emb_dst_port;
	struct ip_addr emb_src, emb_dst;
};

struct packet_set {
	unsigned count;
	struct packet pkts[PACKET_NEST_MAX];
};

struct wire_stats;

/* One per worker: stats is where it counts, or NULL. */
struct packet_config {
	bool verify_checksums;
	bool teredo, vxlan, geneve, gtpu;
	bool teredo_any_port;           /* by content alone */
	uint16_t vxlan_ports[4], geneve_ports[4], teredo_ports[4], gtpu_ports[4];       /* 0 = unused */
	unsigned nest_max;              /* IP packets in a frame; <= PACKET_NEST_MAX */
	unsigned layers_max;            /* decoder.max-layers: headers before L4 in a frame */
	struct wire_stats *stats;
};

/* Suricata's defaults: VXLAN 4789, Geneve 6081, Teredo 3544; GTP-U 2152. */
void packet_config_default(struct packet_config *cfg);
/* The same, then decoder.* from conf: max-layers, teredo, vxlan, geneve, gtpu {enabled, ports}. Ports are
 * numbers, lists of them ("[4789,4790]") or names from vars.port-groups ("$VXLAN_PORTS"). Returns 0,
 * or -EINVAL with *where the node that is wrong. */
struct conf;
int packet_config_load(struct packet_config *cfg, const struct conf *conf, const struct conf **where);

/* Decodes frame into set->pkts[0..count). count is at least 1: a frame that isn't IP, or is
 * broken, still gives one packet with ip_version 0 and its events. */
void packet_decode(struct packet_set *set, const struct frame *frame, const struct packet_config *cfg);
/* Decodes an IP datagram that defragmentation put together (IP header included, no longer a
 * fragment); fragment is one of its pieces and lends frame, link and tunnel. */
void packet_decode_datagram(struct packet_set *set, const struct packet *fragment, const uint8_t *data,
			    uint32_t len, const struct packet_config *cfg);

/* Checksums are verified when somebody asks, once: the answer is kept in flags. True also where
 * it can't be judged (PACKET_CSUM_UNKNOWN: a fragment, left to a NIC, not all there). */
bool packet_check_ip(struct packet *p);
bool packet_check_l4(struct packet *p);

/* What EVE's pkt_src calls a packet that came out of this tunnel: "gre tunnel". */
const char *tunnel_name(uint8_t tunnel);

/* Notes an event; more than PACKET_EVENTS_MAX are dropped (the first ones matter). */
static inline void packet_event(struct packet *p, uint16_t event)
{
	if (p->event_count < PACKET_EVENTS_MAX)
		p->events[p->event_count++] = event;
}

static inline bool ip_addr_eq(const struct ip_addr *a, const struct ip_addr *b)
{
	return a->quads[0] == b->quads[0] && a->quads[1] == b->quads[1];
}

#define IP_TEXT_MAX 46
/* Text form as EVE has it: IPv6 as eight full lower-case groups ("fe80:0000:..."). out has IP_TEXT_MAX bytes. */
void ip_addr_text(const struct ip_addr *a, uint8_t ip_version, char *out);

#endif
