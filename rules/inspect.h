/* inspect.h - what a rule's conditions may look at while it is being judged. */
#ifndef TAPIR_RULES_INSPECT_H
#define TAPIR_RULES_INSPECT_H

#include "rules/rule.h"

struct rules;
struct rule_state;      /* rules/state.h: flowbits, xbits, thresholds, datasets: shared by all workers */

struct inspect {
	struct rules *rules;            /* the worker's engine */
	struct rule_state *state;
	struct flow *flow;              /* NULL: packet without a flow */
	const struct packet *pkt;       /* never NULL; at a flow's end a pseudo packet (PACKET_END_OF_FLOW) */
	struct analysis *analysis;      /* NULL where none */
	struct tx *tx;                  /* NULL while judging a packet or stream */
	uint8_t side;                   /* enum side being inspected */
	uint64_t now_ns;
	uint64_t vars[BYTE_VARS_MAX];   /* byte_extract, byte_math */
	struct slice base64;            /* what base64_decode made */
	uint64_t steps;                 /* left of the budget */
};

#endif
