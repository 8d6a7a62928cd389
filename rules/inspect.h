/* inspect.h - what a rule's conditions may look at while it is being judged. */
#ifndef TAPIR_RULES_INSPECT_H
#define TAPIR_RULES_INSPECT_H

#include "rules/rule.h"

struct explain;
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
	size_t at;                      /* in the buffer: where the match before ended */
	int64_t steps;                  /* left of the budget */
	bool limit_hit;                 /* … which ran out: the rule may have matched, we don't know */
	bool regex_limit_hit;
	uint8_t capture_count;          /* by pcre, into flow, packet and alert variables: kept once the rule matches */
	struct {
		const struct pcre_capture *to;
		struct slice value;
	} captures[8];
	struct explain *explain;        /* NULL: nobody asks how far a rule got */
};

/* What rules keep in a flow besides the engine's own: flowbits, flowints, flow variables, tags (state.c). The
 * slot is NULL until state.c puts something there; charged to budget. NULL where the flow can't have any. */
struct flow_vars;
struct flow_vars **rules_vars_slot(struct rules *r, struct flow *flow);
/* state.c; vars may be NULL. */
void flow_vars_free(struct rule_state *state, struct flow_vars *vars, struct budget *budget);

/* state.c: a rule matched all the way: do its thresholds let it alert? rate_filter may change *action. */
enum threshold_answer {
	THRESHOLD_NO,           /* as if it hadn't matched */
	THRESHOLD_ALERT_IT,
	THRESHOLD_SILENT,       /* no alert, but its action (drop) holds */
};
enum threshold_answer rule_threshold(struct inspect *in, const struct rule *rule, uint8_t *action);
/* state.c: after a packet's rules were judged: tags note this packet. True where it is to be recorded (tagged). */
bool rule_tags(struct inspect *in);

#endif
