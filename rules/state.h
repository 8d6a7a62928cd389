/* state.h - what rules remember across packets: flowbits, xbits, flowints, thresholds, tags, datasets,
 * reputation.
 *
 * What belongs to a flow (struct flow_vars) sits in the engine's slot of that flow and needs no lock.
 * What is shared by all workers (struct rule_state) is split into stripes, each with its own lock, and is
 * touched only once a rule's bytes have matched. Every table has a keyed hash, a cap, and expiry. How the
 * engine asks is in inspect.h. */
#ifndef TAPIR_RULES_STATE_H
#define TAPIR_RULES_STATE_H

#include "rules/inspect.h"
#include "rules/set.h"

/* A text that a pcre captured into a flow or alert variable; the newest value replaces an older one. */
bool flow_vars_text_set(struct inspect *in, uint32_t id, struct slice value);

/* Forgets what has expired: called now and then (by one worker or a housekeeping thread), bounded work. */
void rule_state_expire(struct rule_state *s, uint64_t now_ns);

#endif
