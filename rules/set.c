/* set.c - loading a rule set from beginning to end, and its life. */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "rules/compile.h"
#include "rules/lint.h"

int compile(struct rule_set *set, const struct rule_load *load, struct rule_report *report)
{
	struct compiled *c = calloc(1, sizeof(*c));
	int err;

	if (c == NULL)
		return -ENOMEM;
	set->compiled = c;
	rules_order(set->rules, set->count, load->conf);
	c->programs = calloc(set->count ? set->count : 1, sizeof(*c->programs));
	err = c->programs == NULL ? -ENOMEM : 0;
	if (err == 0)
		err = headers_make(c, set);
	if (err == 0)
		err = classes_init(&c->classes, set);
	if (err == 0)
		err = programs_make(c, set);
	if (err == 0 && load->lint)
		rules_lint(set, report);
	else if (err == 0)
		err = databases_make(c, set, load->cache_dir, report);
	if (err < 0)
		compile_free(set);
	return err;
}

static void analyzer_plan_free(struct analyzer_plan *p)
{
	free(p->by_buffer);
	for (unsigned side = 0; side < 2; side++) {
		free(p->fields[side]);
		free(p->rules[side]);
		free(p->frame_rules[side]);
	}
}

void compile_free(struct rule_set *set)
{
	struct compiled *c = set->compiled;

	if (c == NULL)
		return;
	databases_free(c, set);
	classes_fini(&c->classes);
	for (unsigned i = 0; c->analyzers != NULL && i < c->analyzer_count; i++)
		analyzer_plan_free(&c->analyzers[i]);
	free(c->analyzers);
	free(c->headers);
	free(c->programs);
	free(c->steps);
	free(c->searches);
	free(c->ip_only.rules);
	free(c->protocol_only.rules);
	free(c->packet.rules);
	free(c->events.rules);
	free(c->no_flow.rules);
	free(c);
	set->compiled = NULL;
}

/* Any number that no other set of this process has. */
static uint64_t generation_new(const struct rule_set *set)
{
	struct hash_key key;

	return hash_key_random(&key) == 0 ? key.k0 | 1 : (uint64_t)(uintptr_t)set;
}

int rule_set_load(struct rule_set **out, const struct rule_load *load, struct rule_report *report)
{
	struct rule_set *set = calloc(1, sizeof(*set));
	int err;

	*out = NULL;
	if (set == NULL)
		return -ENOMEM;
	atomic_store(&set->refs, 1);
	set->generation = generation_new(set);
	set->inline_mode = load->inline_mode;
	err = rules_parse(set, load, report);
	if (err == 0 && !load->parse_only)
		err = compile(set, load, report);
	if (err == 0 && !load->parse_only && load->previous != NULL)
		err = rule_set_carry(set, load->previous);
	if (err < 0) {
		rule_set_put(set);
		return err;
	}
	*out = set;
	return 0;
}

struct rule_set *rule_set_get(struct rule_set *set)
{
	atomic_fetch_add(&set->refs, 1);
	return set;
}

void rule_set_put(struct rule_set *set)
{
	if (set == NULL || atomic_fetch_sub(&set->refs, 1) != 1)
		return;
	compile_free(set);
	rules_parse_free(set);
	free(set->carried);
	free(set);
}

unsigned rule_set_count(const struct rule_set *set)
{
	return set->count;
}

const struct rule *rule_set_at(const struct rule_set *set, unsigned index)
{
	return index < set->count ? set->rules[index] : NULL;
}

struct dataset_store *rule_set_datasets(const struct rule_set *set)
{
	return set->datasets;
}
