/* exception.h - what is done where the sensor can't follow: Suricata's exception policies.
 *
 * A connection whose beginning is missing, or a budget that is spent, leaves traffic that nobody has looked
 * at. An inline sensor has to decide whether that passes; one that only watches leaves it alone unless told
 * otherwise. */
#ifndef TAPIR_TRACK_EXCEPTION_H
#define TAPIR_TRACK_EXCEPTION_H

#include "base/conf.h"
#include "stack/track/flow.h"

enum exception_policy {
	EXCEPTION_IGNORE, EXCEPTION_PASS_PACKET, EXCEPTION_PASS_FLOW, EXCEPTION_BYPASS, EXCEPTION_DROP_PACKET,
	EXCEPTION_DROP_FLOW, EXCEPTION_REJECT, EXCEPTION_POLICIES,
};

enum exception_target {
	EXCEPTION_MIDSTREAM, EXCEPTION_SSN_MEMCAP, EXCEPTION_REASSEMBLY, EXCEPTION_FLOW_MEMCAP, EXCEPTION_DEFRAG_MEMCAP,
	EXCEPTION_APP_ERROR, EXCEPTION_TARGETS,
};

struct exceptions {
	uint8_t policy[EXCEPTION_TARGETS];
	bool inline_mode;
	uint64_t applied[EXCEPTION_TARGETS][EXCEPTION_POLICIES];
};

/* "drop_flow" */
extern const char *const exception_policy_names[EXCEPTION_POLICIES];
/* As stats have them: "tcp.midstream"; and as flow records have them: "stream_midstream". */
extern const char *const exception_target_stats[EXCEPTION_TARGETS];
extern const char *const exception_target_names[EXCEPTION_TARGETS];

/* Suricata's keys: exception-policy, stream.midstream-policy, flow.memcap-policy, ... conf may be NULL. What has
 * no meaning is taken for "auto"; the edge tells. */
void exceptions_read(struct exceptions *e, const struct conf *conf, bool inline_mode, bool midstream);
/* Marks the packet, and its flow (which may be NULL), as the policy says; counts. */
void exception_apply(struct exceptions *e, enum exception_target target, struct flow *flow, struct packet *pkt);

#endif
