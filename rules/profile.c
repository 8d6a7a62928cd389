/* profile.c - see profile.h. Time is the processor's own counter: it is read twice a sample, nothing else. */
#include "rules/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "rules/profile_report.h"

static uint64_t ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
#endif
}

int rules_profile_start(struct rules *r, unsigned one_in)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->one_in = one_in ? one_in : 1;
	p->count = r->set->count;
	p->rows = calloc(p->count ? p->count : 1, sizeof(*p->rows));
	if (p->rows == NULL) {
		free(p);
		return -ENOMEM;
	}
	rules_profile_stop(r);
	r->profile = p;
	return 0;
}

void rules_profile_stop(struct rules *r)
{
	if (r->profile == NULL)
		return;
	free(r->profile->rows);
	free(r->profile);
	r->profile = NULL;
}

const struct profile *rules_profile(const struct rules *r)
{
	return r->profile;
}

void profile_note_begin(struct profile *p)
{
	p->timing = ++p->turn % p->one_in == 0;
	if (p->timing)
		p->began = ticks();
}

void profile_note_end(struct profile *p, const struct rule *rule)
{
	struct profile_row *row = &p->rows[rule->index];

	row->judged++;
	if (!p->timing)
		return;
	row->sampled++;
	row->ticks += ticks() - p->began;
}
