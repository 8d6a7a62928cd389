/* internal.h - the tracker's parts, for its own files. */
#ifndef TAPIR_TRACK_INTERNAL_H
#define TAPIR_TRACK_INTERNAL_H

#include "stack/track/config.h"
#include "stack/track/defrag.h"
#include "stack/track/exception.h"
#include "stack/track/fingerprint.h"
#include "stack/track/mirror.h"
#include "stack/track/stream.h"
#include "stack/track/table.h"
#include "stack/track/tracker.h"

struct tcp_dir;

struct tracker {
	struct track_config cfg;
	struct flow_table table;
	struct defrag defrag;
	struct stream_pool pool;
	struct budget sessions;         /* connections */
	struct budget stream;           /* segments */
	struct mirror mirror;
	struct os_hosts os_hosts;
	struct tracker_stats stats;
	struct exceptions exceptions;
	uint64_t csum_seen, csum_bad;   /* for checksum_auto */
	bool csum_off;
	uint32_t contested;             /* bytes that contests hold (contest.h) */
	uint8_t *other;                 /* another reading of the piece that was pulled last */
};

/* Follows a TCP packet of flow. */
void tcp_packet(struct tracker *t, struct flow *flow, struct packet *pkt);
/* The packet starts a new connection on a flow whose old one is over. */
bool tcp_reuses(const struct tracker *t, const struct flow *flow, const struct packet *pkt);
/* By the TTLs of what comes back, pkt dies on its way to the receiver. */
bool ttl_too_small(const struct tcp_dir *back, const struct packet *pkt);
/* Client and server change places. */
void tcp_turn(struct tcp_conn *c);
/* The flow is over: what waits becomes readable. */
void tcp_end(struct tracker *t, struct flow *flow);
void tcp_release(struct tracker *t, struct flow *flow);

#endif
