/* mirror.h - what a span port does to traffic: frames twice, directions out of step, VLAN tags on one direction
 * only, parts missing. Nothing of it is the fault of those who talk; an operator has to hear of it. */
#ifndef TAPIR_TRACK_MIRROR_H
#define TAPIR_TRACK_MIRROR_H

#include "capture/frame.h"
#include "stack/track/table.h"

/* Nothing but counters: workers' are summed. */
struct mirror_stats {
	uint64_t frames_duplicate;      /* packets that came twice within moments, the same copy */
	uint64_t frames_cut;            /* shorter than they were on the wire: the snap length */
	uint64_t frames_giant;          /* larger than any wire carries: put together by an offload */
	uint64_t time_backward;         /* frames earlier than one before them */
	uint64_t time_steps;            /* frames more than an hour later than the one before */
	uint64_t flows_one_way;         /* TCP that went on with one direction never seen */
	uint64_t flows_midstream;       /* TCP whose beginning wasn't seen */
	uint64_t flows_vlan_asymmetric; /* a direction that is a flow of its own because its VLAN tags differ */
	uint64_t acks_before_data;      /* data was acknowledged before it came */
	uint64_t data_after_ack;        /* and this is it, late */
	uint64_t gaps, lost_bytes;      /* acknowledged by the receiver, and never seen */
	uint64_t packets_compared;      /* with what came before, for duplicates */
};

enum duplicates_policy { DUPLICATES_AUTO, DUPLICATES_DROP, DUPLICATES_FOLLOW };

#define MIRROR_SEEN 1024
#define MIRROR_TUPLES 1024

struct mirror {
	uint8_t policy;                 /* enum duplicates_policy */
	bool doubled;                   /* auto: this mirror delivers things twice */
	uint32_t sampled, pairs;        /* since it was last decided */
	uint64_t newest_ns;
	struct mirror_stats stats;
	struct seen_packet {
		uint64_t words[2];
		uint64_t time_ns;
		uint8_t times;
	} seen[MIRROR_SEEN];
	struct seen_tuple {             /* new flows, whatever their VLAN */
		uint64_t tuple, time_ns;
		uint16_t vlan, src_low;
		bool tagged;
	} tuples[MIRROR_TUPLES];
};

void mirror_init(struct mirror *m, const struct conf *conf);
void mirror_frame(struct mirror *m, const struct frame *frame);
/* True where this is a packet's second copy, and it isn't to be followed. */
bool mirror_repeats(struct mirror *m, const struct flow_lookup *l, const struct packet *pkt);
/* A flow begins with pkt. */
void mirror_begins(struct mirror *m, const struct packet *pkt);
/* A flow has ended. */
void mirror_ends(struct mirror *m, const struct flow *flow);

#endif
