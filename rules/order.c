/* order.c - the order in which rules are judged, as Suricata has it: by action (pass, drop, reject, alert, or as
 * `action-order` says), then what sets flow state before what reads it, then by priority, then by sid. Alerts of
 * one packet are written in the same order. */
#include <stdlib.h>

#include "base/conf.h"
#include "rules/compile.h"
#include "rules/keyword.h"

/* Kinds of state in the order in which they are compared. */
static const char *const state_keywords[][2] = {
	{ "flowbits", NULL }, { "flowint", NULL }, { "flowvar", "pcre" }, { "pktvar", NULL }, { "hostbits", NULL },
	{ "xbits", NULL },
};
#define STATE_KINDS (sizeof(state_keywords) / sizeof(state_keywords[0]))

struct order_key {
	struct rule *rule;
	uint8_t action;
	uint8_t uses[STATE_KINDS];      /* 0 sets, 1 sets and reads, 2 reads, 3 neither */
};

static bool keyword_is(const struct keyword *kw, const char *name)
{
	return kw != NULL && name != NULL && strcmp(kw->name, name) == 0;
}

static uint8_t state_use(const struct rule *r, unsigned kind)
{
	bool sets = false, reads = false;

	for (unsigned i = 0; i < r->condition_count; i++) {
		const struct condition *c = &r->conditions[i];

		if (!keyword_is(c->keyword, state_keywords[kind][0]) &&
		    !keyword_is(c->keyword, state_keywords[kind][1]))
			continue;
		if (c->stage == STAGE_POST)
			sets = true;
		else
			reads = true;
	}
	return sets ? (reads ? 1 : 0) : reads ? 2 : 3;
}

static bool sets_variable(const struct rule *r, char where)
{
	for (unsigned i = 0; i < r->buffer_count; i++)
		for (unsigned j = 0; j < r->buffers[i].count; j++) {
			const struct match *m = &r->buffers[i].matches[j];

			for (unsigned k = 0; m->kind == MATCH_PCRE && k < m->pcre.capture_count; k++)
				if (m->pcre.captures[k].kind == where)
					return true;
		}
	return false;
}

static int key_compare(const void *a, const void *b)
{
	const struct order_key *x = a, *y = b;

	if (x->action != y->action)
		return x->action < y->action ? -1 : 1;
	for (unsigned i = 0; i < STATE_KINDS; i++)
		if (x->uses[i] != y->uses[i])
			return x->uses[i] < y->uses[i] ? -1 : 1;
	if (x->rule->priority != y->rule->priority)
		return x->rule->priority < y->rule->priority ? -1 : 1;
	if (x->rule->sid != y->rule->sid)
		return x->rule->sid < y->rule->sid ? -1 : 1;
	return x->rule->gid < y->rule->gid ? -1 : x->rule->gid > y->rule->gid;
}

/* ranks[action]: a missing action comes behind those that are named. */
static void action_ranks(const struct conf *conf, uint8_t ranks[8])
{
	static const char *const usual[] = { "pass", "drop", "reject", "alert" };
	const struct conf *list = conf ? conf_find(conf, "action-order") : NULL;
	const struct conf *c = list ? list->first : NULL;
	uint8_t rank = 0;

	for (unsigned i = 0; i < 8; i++)
		ranks[i] = 8;
	for (unsigned i = 0; list && list->first ? c != NULL : i < 4; i++) {
		const char *name = list && list->first ? c->value : usual[i];

		if (name && !strcmp(name, "pass"))
			ranks[ACTION_PASS] = rank++;
		else if (name && !strcmp(name, "drop"))
			ranks[ACTION_DROP] = rank++;
		else if (name && !strcmp(name, "reject"))
			ranks[ACTION_REJECT] = ranks[ACTION_REJECT_DST] = ranks[ACTION_REJECT_BOTH] = rank++;
		else if (name && !strcmp(name, "alert"))
			ranks[ACTION_ALERT] = rank++;
		c = c ? c->next : NULL;
	}
}

void rules_order(struct rule **rules, unsigned count, const struct conf *conf)
{
	struct order_key *keys = calloc(count ? count : 1, sizeof(*keys));
	uint8_t ranks[8];

	action_ranks(conf, ranks);
	for (unsigned i = 0; keys != NULL && i < count; i++) {
		keys[i].rule = rules[i];
		keys[i].action = ranks[rules[i]->action];
		for (unsigned k = 0; k < STATE_KINDS; k++)
			keys[i].uses[k] = state_use(rules[i], k);
		if (sets_variable(rules[i], 'f'))
			keys[i].uses[2] = keys[i].uses[2] == 2 ? 1 : 0;
		if (sets_variable(rules[i], 'p'))
			keys[i].uses[3] = keys[i].uses[3] == 2 ? 1 : 0;
	}
	if (keys != NULL)
		qsort(keys, count, sizeof(*keys), key_compare);
	for (unsigned i = 0; i < count; i++) {
		if (keys != NULL)
			rules[i] = keys[i].rule;
		rules[i]->index = i;
	}
	free(keys);
}
