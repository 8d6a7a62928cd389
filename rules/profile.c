/* profile.c - see profile.h. Time is the processor's own counter: it is read twice a sample, nothing else. */
#include "rules/profile.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "rules/profile_report.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t ticks(void)
{
#ifdef __x86_64__
	return __builtin_ia32_rdtsc();
#else
	return now_ns();
#endif
}

int rules_profile_start(struct rules *r, unsigned one_in)
{
	struct profile *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -ENOMEM;
	p->one_in = p->left = one_in ? one_in : 1;
	p->start_ticks = ticks();
	p->start_ns = now_ns();
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
	p->timing = --p->left == 0;
	if (!p->timing)
		return;
	p->left = p->one_in;
	p->began = ticks();
}

void profile_note_end(struct profile *p, const struct rule *rule)
{
	struct profile_row *row = &p->rows[rule->index];

	row->judged++;
	if (!p->timing)
		return;
	p->timing = false;
	row->sampled++;
	row->ticks += ticks() - p->began;
}

void profile_note_match(struct profile *p, const struct rule *rule)
{
	p->rows[rule->index].matched++;
}

static int line_order(const void *a, const void *b)
{
	const struct profile_line *x = a, *y = b;

	if (x->ns > y->ns || x->ns < y->ns)
		return x->ns > y->ns ? -1 : 1;
	if (x->judged != y->judged)
		return x->judged > y->judged ? -1 : 1;
	return x->rule->index < y->rule->index ? -1 : 1;
}

/* How long a tick is, by now. */
static double tick_ns(const struct profile *p)
{
	uint64_t passed = ticks() - p->start_ticks;

	return passed > 0 ? (double)(now_ns() - p->start_ns) / (double)passed : 1;
}

int profile_lines_make(struct profile_lines *out, struct rules *const *engines, unsigned count)
{
	const struct rule_set *set = count ? engines[0]->set : NULL;
	unsigned rules = set ? set->count : 0;

	*out = (struct profile_lines){ 0 };
	out->lines = calloc(rules ? rules : 1, sizeof(*out->lines));
	if (out->lines == NULL)
		return -ENOMEM;
	for (unsigned i = 0; i < rules; i++) {
		struct profile_line line = { .rule = set->rules[i] };

		for (unsigned k = 0; k < count; k++) {
			const struct profile *p = engines[k]->profile;
			const struct profile_row *row = p && engines[k]->set == set ? &p->rows[i] : NULL;

			if (row == NULL || row->judged == 0)
				continue;
			line.judged += row->judged;
			line.matched += row->matched;
			line.sampled += row->sampled;
			line.limit_hits += engines[k]->limit_hits[i];
			if (row->sampled > 0)
				line.ns += (double)row->ticks * tick_ns(p) / (double)row->sampled * (double)row->judged;
		}
		if (line.judged == 0)
			continue;
		out->lines[out->count++] = line;
		out->ns += line.ns;
	}
	qsort(out->lines, out->count, sizeof(*out->lines), line_order);
	return 0;
}

void profile_lines_free(struct profile_lines *l)
{
	free(l->lines);
	*l = (struct profile_lines){ 0 };
}

void profile_lines_print(const struct profile_lines *l, unsigned max, FILE *out)
{
	fprintf(out, "%10s %6s %10s %9s %9s %7s  %s\n", "total us", "part", "judged", "matched", "ns each", "limits", "rule");
	for (unsigned i = 0; i < l->count && i < max; i++) {
		const struct profile_line *line = &l->lines[i];

		fprintf(out, "%10.0f %5.1f%% %10llu %9llu %9.0f %7llu  [%u:%u:%u] %s\n", line->ns / 1000,
			l->ns > 0 ? line->ns * 100 / l->ns : 0, (unsigned long long)line->judged,
			(unsigned long long)line->matched, line->ns / (double)line->judged,
			(unsigned long long)line->limit_hits, line->rule->gid, line->rule->sid, line->rule->rev,
			line->rule->msg ? line->rule->msg : "");
	}
	if (l->count > max)
		fprintf(out, "%10s and %u more\n", "", l->count - max);
}

void profile_lines_json(const struct profile_lines *l, unsigned max, struct json *j)
{
	json_uint(j, "rules_judged", l->count);
	json_double(j, "total_us", l->ns / 1000);
	json_array(j, "rules");
	for (unsigned i = 0; i < l->count && i < max; i++) {
		const struct profile_line *line = &l->lines[i];

		json_object(j, NULL);
		json_uint(j, "gid", line->rule->gid);
		json_uint(j, "sid", line->rule->sid);
		json_uint(j, "rev", line->rule->rev);
		json_str(j, "msg", line->rule->msg ? line->rule->msg : "");
		json_uint(j, "judged", line->judged);
		json_uint(j, "matched", line->matched);
		json_uint(j, "sampled", line->sampled);
		json_uint(j, "limit_hits", line->limit_hits);
		json_double(j, "total_us", line->ns / 1000);
		json_double(j, "ns_each", line->ns / (double)line->judged);
		json_close(j);
	}
	json_close(j);
}
