/* tracker.h - other people's traffic: flows, TCP state, defragmentation, reassembly.
 *
 * One tracker per worker; no I/O, no clock, no globals. The worker gives each decoded packet to
 * tracker_packet and pulls what became readable from the flow's two streams; nothing calls
 * upwards. Memory is charged to the tracker's budgets; when one is spent the least valuable state
 * is shed and counted. Time is the packets' (capture time), so a file replays the same at any speed. */
#ifndef TAPIR_TRACK_TRACKER_H
#define TAPIR_TRACK_TRACKER_H

#include "base/conf.h"
#include "base/hash.h"
#include "stack/track/exception.h"
#include "stack/track/flow.h"
#include "stack/track/mirror.h"

struct tracker;

enum track_drop {
	TRACK_FOLLOWED,                 /* not a drop: it has a flow */
	TRACK_FLOWLESS,                 /* nor this: rules see it, but nothing converses this way (an ICMP
	                                 * error about no flow we know, tunnel and routing protocols) */
	TRACK_FRAGMENT_HELD,            /* waits for the rest of its datagram: followed as part of that */
	TRACK_NOT_IP,
	TRACK_INVALID,                  /* a broken header */
	TRACK_BAD_CHECKSUM,             /* the receiver would not have taken it */
	TRACK_NO_FLOW,                  /* the flow budget is spent and nothing could be evicted */
	TRACK_FRAGMENT_SHED,            /* defrag budget or policy threw it away */
	TRACK_DUPLICATE,                /* the mirror delivered it twice */
	TRACK_DROPS,
};

extern const char *const track_drop_names[TRACK_DROPS];

/* Reads Suricata's keys from conf: flow.*, flow-timeouts.*, stream.*, defrag.*, host-os-policy,
 * vlan.use-for-tracking, livedev.use-for-tracking, decoder.recursion-level; and simulate-ips (yes
 * where --simulate-ips was given or the run is inline). conf may be NULL. Memory comes out of mem. key keys every hash (and
 * the flow ids: same key and input, same ids). Returns 0 or -errno. */
int tracker_new(struct tracker **out, struct mem *mem, const struct conf *conf, const struct hash_key *key);
void tracker_free(struct tracker *t);
/* Flows cost memory here as well: where it is nearly spent, new flows make old ones go. */
void tracker_watch(struct tracker *t, const struct budget *b);

/* Each frame, before its packets: what the mirror did to it is counted. */
void tracker_frame(struct tracker *t, const struct frame *frame);
/* Follows one packet at its own time. Returns its flow, with pkt->side and flags set and stream
 * events appended to pkt->events; NULL where it has none. *why is always set. */
struct flow *tracker_packet(struct tracker *t, struct packet *pkt, enum track_drop *why);

/* The datagram that the last tracker_packet call completed (*why was TRACK_FRAGMENT_HELD), decoded
 * with cfg into set: each packet of it is to be given to tracker_packet in turn. False where none was.
 * The bytes are valid until the next fragment is given in. */
bool tracker_datagram(struct tracker *t, const struct packet *pkt, const struct packet_config *cfg,
		      struct packet_set *set);

/* Ahead of tracker_packet, some packets before: has the flow's bucket fetched; and a few packets later the flow
 * itself. Both only make what follows faster. */
void tracker_prefetch(struct tracker *t, struct packet *pkt);
void tracker_prefetch_flow(struct tracker *t, const struct packet *pkt);

/* Somebody above can't follow pkt's flow any further: what the configured policy says is done. */
void tracker_exception(struct tracker *t, enum exception_target target, struct flow *flow, struct packet *pkt);

/* Capture time moves on: timers fire. Called once a burst with the newest time. Bounded work. */
void tracker_advance(struct tracker *t, uint64_t now_ns);
/* The run is over: every flow that is left ends, for this reason. */
void tracker_finish(struct tracker *t, enum flow_end reason);
/* Flows that have ended, oldest first; NULL when there are no more. The caller pulls what is left of
 * both streams (data that was never acknowledged is readable now), frees what the slots hold, writes
 * its records, then gives the flow back with tracker_release. */
struct flow *tracker_ended(struct tracker *t);
void tracker_release(struct tracker *t, struct flow *flow);

/* What the flow speaks says that its client is its server: its sides are turned round, pkt's with them.
 * What could be read of both streams was pulled before. */
void tracker_turn(struct tracker *t, struct flow *flow, struct packet *pkt);

/* The flow isn't looked at any more: its state becomes FLOW_BYPASSED, with that state's timeout. */
void tracker_bypass(struct tracker *t, struct flow *flow);

enum piece_kind {
	PIECE_DATA,
	PIECE_GAP,              /* len bytes are missing for good; data is NULL */
	PIECE_END,              /* FIN, RST or the flow's end: nothing will follow */
};

struct piece {
	enum piece_kind kind;
	const uint8_t *data;    /* valid until the next tracker or stream call */
	uint32_t len;
	uint64_t offset;        /* in the stream, from 0 behind the SYN */
	const uint8_t *other;   /* as long, as another kind of receiver reads it; NULL = the same or not known */
};

/* The next readable piece of one direction of a TCP flow; false where there is none now. Data that
 * came in order points into the packet that is being followed: no copy was made. */
bool stream_pull(struct tracker *t, struct flow *flow, enum side side, struct piece *out);
/* How far the receiver has acknowledged this direction, as a stream offset: what lies below arrived for
 * certain. Rules look at a transaction's state only once the bytes that brought it there are acknowledged
 * (and then on the next packet of the same direction), as Suricata's IDS mode does. UINT64_MAX when
 * the flow has ended, in one-sided (async) flows, inline mode, and for what isn't TCP. */
uint64_t stream_acked(const struct flow *flow, enum side side);
/* How many bytes of this direction were handed out so far, gaps included. */
uint64_t stream_offset(const struct flow *flow, enum side side);
/* Nobody needs this direction any more: it is followed, but its data is neither kept nor handed out. */
void stream_ignore(struct tracker *t, struct flow *flow, enum side side);
/* stream.reassembly.depth was reached for this direction. */
bool stream_depth_reached(const struct flow *flow, enum side side);

/* "decoder.…" or "stream.…" as in EVE's anomaly.event; NULL where unknown. */
const char *event_name(uint16_t event);
/* By the name that stream-event takes ("3whs_ack_in_wrong_dir"); -1 where unknown. */
int stream_event_find(const char *name);

struct tracker_stats {
	uint64_t packets[TRACK_DROPS];
	uint64_t flows_total, flows_active, flows_tcp, flows_udp, flows_icmpv4, flows_icmpv6, flows_other;
	uint64_t flows_ended[4];                /* enum flow_end */
	uint64_t evicted, emergency_entered;
	uint64_t evicted_by[4];                 /* closed, unanswered, quiet, talking */
	uint64_t tcp_sessions, tcp_midstream, tcp_syn, tcp_synack, tcp_rst, tcp_urg;
	uint64_t os_learned;                    /* hosts that a policy was suggested for */
	uint64_t contests, contests_shed;       /* runs that receivers read differently; too many of them */
	uint64_t tcp_gaps, tcp_overlaps, tcp_overlaps_differing, tcp_bad_checksum, tcp_segments_shed;
	uint64_t tcp_queues_shed;               /* what waited behind a hole, given up for others */
	uint64_t tcp_session_denied;
	uint64_t frag_ipv4, frag_ipv6, frag_reassembled4, frag_reassembled6, frag_timeouts4, frag_timeouts6;
	uint64_t frag_shed, frag_overlaps;
	struct mirror_stats mirror;
	uint64_t exceptions[EXCEPTION_TARGETS][EXCEPTION_POLICIES];
	uint8_t exception_policies[EXCEPTION_TARGETS];          /* the same in every worker */
	struct budget flow, session, stream, defrag;    /* copies: used, high, max, denied */
};

void tracker_stats(const struct tracker *t, struct tracker_stats *out);

#endif
