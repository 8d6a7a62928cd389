/* profile.h - what rules cost, measured on a sample: cheap enough to stay on.
 *
 * Every Nth judgement of a rule is timed; what it took counts N times. */
#ifndef TAPIR_RULES_PROFILE_H
#define TAPIR_RULES_PROFILE_H

#include "base/must.h"
#include "rules/engine.h"

void profile_note_begin(struct profile *p);
void profile_note_end(struct profile *p, const struct rule *rule);
void profile_note_match(struct profile *p, const struct rule *rule);

static inline void profile_begin(struct rules *r, const struct rule *rule)
{
	(void)rule;
	if (unlikely(r->profile != NULL))
		profile_note_begin(r->profile);
}

static inline void profile_end(struct rules *r, const struct rule *rule)
{
	if (unlikely(r->profile != NULL))
		profile_note_end(r->profile, rule);
}

static inline void profile_match(struct rules *r, const struct rule *rule)
{
	if (unlikely(r->profile != NULL))
		profile_note_match(r->profile, rule);
}

#endif
