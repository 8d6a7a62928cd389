/* inspect_bytes.h - do a list of matches hold on a buffer?
 *
 * Matches are tried in order; a content or regex whose successors are relative to it is tried at its
 * other places when they fail. Places that failed once aren't tried again (unless byte variables make
 * the difference), so that the cost is linear in bytes times matches; what can't be remembered is
 * bounded by a budget of steps that the caller sets in struct inspect. */
#ifndef TAPIR_RULES_INSPECT_BYTES_H
#define TAPIR_RULES_INSPECT_BYTES_H

#include "base/budget.h"
#include "rules/inspect.h"

/* detect.inspection-recursion-limit counts levels of Suricata's search; one of them is worth a few of our steps. With
 * the default of 3,000, a rule gets no more of 64 KiB than some 50 times what reading it takes. */
#define STEPS_A_LEVEL 8
#define STEPS_MAX_DEFAULT (3000 * STEPS_A_LEVEL)

struct bytes_scratch;   /* one a worker: places, decoded base64, regex memory */

int bytes_scratch_new(struct bytes_scratch **out, struct budget *budget, uint32_t regex_match_limit,
		      uint32_t regex_depth_limit);
void bytes_scratch_free(struct bytes_scratch *s);

struct view {
	struct slice bytes;
	uint64_t offset;        /* where bytes start in the whole value */
	bool complete;          /* nothing will follow */
};

/* Whether all of list holds on view. rule's lists on decoded base64 are judged where base64_decode stands. */
bool inspect_bytes(struct inspect *in, struct bytes_scratch *scratch, const struct rule *rule,
		   const struct buffer_list *list, const struct view *view);

/* Prepares a list once rules are loaded: searches, plans. searches: room for one per content; says how many there were. */
struct search;
unsigned inspect_bytes_plan(struct buffer_list *list, struct search *searches);

#endif
