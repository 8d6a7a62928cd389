/* profile_report.h - what profile.h measured. */
#ifndef TAPIR_RULES_PROFILE_REPORT_H
#define TAPIR_RULES_PROFILE_REPORT_H

#include "rules/rules.h"

struct profile_row {
	uint64_t judged;        /* how often */
	uint64_t sampled;       /* of those, timed */
	uint64_t ticks;         /* over the samples */
};

struct profile {
	unsigned one_in;
	unsigned count;
	struct profile_row *rows;       /* by rule index */
	uint64_t turn, began;
	bool timing;
};

/* Starts measuring one judgement in `one_in`. 0 or -ENOMEM. A reload ends it. */
int rules_profile_start(struct rules *r, unsigned one_in);
void rules_profile_stop(struct rules *r);
/* NULL where nothing is measured. */
const struct profile *rules_profile(const struct rules *r);

#endif
