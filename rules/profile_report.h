/* profile_report.h - what profile.h measured. */
#ifndef TAPIR_RULES_PROFILE_REPORT_H
#define TAPIR_RULES_PROFILE_REPORT_H

#include <stdio.h>

#include "base/json.h"
#include "rules/rules.h"

struct profile_row {
	uint64_t judged;        /* how often */
	uint64_t matched;
	uint64_t sampled;       /* of those judged, timed */
	uint64_t ticks;         /* over the samples */
};

struct profile {
	unsigned one_in, left;
	unsigned count;
	struct profile_row *rows;       /* by rule index */
	uint64_t began;
	bool timing;
	uint64_t start_ticks, start_ns; /* when measuring began: what a tick is follows at the end */
};

/* Starts measuring one judgement in `one_in`. 0 or -ENOMEM. A reload starts it anew. */
int rules_profile_start(struct rules *r, unsigned one_in);
void rules_profile_stop(struct rules *r);
/* NULL where nothing is measured. */
const struct profile *rules_profile(const struct rules *r);

/* What a rule cost, in all workers together. */
struct profile_line {
	const struct rule *rule;
	uint64_t judged, matched, sampled, limit_hits;
	double ns;              /* all judgements, from those that were timed */
};
struct profile_lines {
	struct profile_line *lines;     /* those that were judged, the most expensive first */
	unsigned count;
	double ns;
};
/* Engines over one and the same set. 0 or -ENOMEM. */
int profile_lines_make(struct profile_lines *out, struct rules *const *engines, unsigned count);
void profile_lines_free(struct profile_lines *l);
/* Columns for people, max lines at most; the same as members of an open JSON object. */
void profile_lines_print(const struct profile_lines *l, unsigned max, FILE *out);
void profile_lines_json(const struct profile_lines *l, unsigned max, struct json *j);

#endif
