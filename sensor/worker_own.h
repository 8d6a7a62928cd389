/* worker_own.h - inside of a worker, for worker.c (the packet path) and worker_life.c (the rest). */
#ifndef TAPIR_SENSOR_WORKER_OWN_H
#define TAPIR_SENSOR_WORKER_OWN_H

#include "sensor/worker.h"

/* How many frames are decoded before the first of them is followed: time for its flow to come from memory. */
#define DECODE_AHEAD 8
#define FLOW_AHEAD 4

struct worker {
	unsigned index;
	bool steered;
	bool apart;                     /* each packet of a frame has a worker; the frame may come to two */
	bool stream_bypass;             /* stream.bypass: beyond the depth, a flow isn't looked at */
	struct worker_shared *shared;
	struct mem *mem;
	struct tracker *tracker;
	struct app *app;
	struct rules *rules;            /* NULL: detection is off */
	struct records *records;
	struct packet_config decode;    /* counts into counts.wire */
	struct packet_set sets[DECODE_AHEAD];   /* of the frame being followed, and of those behind it */
	struct packet_set datagrams[DATAGRAM_NEST_MAX];
	struct packet end;              /* stands for a flow's end */
	struct alert_queue alerts;
	struct worker_counts counts;
	_Atomic uint32_t rules_generation;
	_Atomic bool stats_wanted;
	struct worker_stats snapshot;
};

/* Where this worker puts what worker `owner` follows. */
static inline struct mailbox *worker_mailbox(struct worker *w, unsigned owner)
{
	return &w->shared->mailboxes[owner * w->shared->feeder_count + w->index];
}

static inline void alert_queue_reset(struct alert_queue *q, unsigned max)
{
	q->count = 0;
	q->max = max;
	q->discarded = q->suppressed = 0;
	q->drop = q->reject = q->pass = q->tagged = false;
	q->reject_to = 0;
	q->drop_rule = NULL;
	q->drop_by_threshold = false;
}

/* A packet that isn't one: the end of a flow, as its client would send it. */
void packet_of_flow(struct packet *pkt, const struct flow *flow, enum side side, uint64_t time_ns);
/* What was decided about the packet, by rules or before: marked, and counted. */
void worker_verdict(struct worker *w, const struct flow *flow, struct packet *pkt);
/* Where others may ask for something: a snapshot, new rules; and where a device may complain. */
void worker_between_bursts(struct worker *w, struct device *device);
void worker_snapshot(struct worker *w);

#endif
