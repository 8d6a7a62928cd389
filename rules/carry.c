/* carry.c - what a reload leaves half way goes on.
 *
 * A transaction may be open when the rules are replaced, with rules that have seen a part of what they ask for, or that have
 * alerted. A rule that both sets have, letter for letter, goes on where it was; others are forgotten. The new set knows where
 * the rules of the one before it are; a flow follows when it is next seen. */
#include <errno.h>
#include <stdlib.h>

#include "rules/engine.h"

struct place {
	uint64_t key;
	uint32_t index;
};

static uint64_t key_of(const struct rule *r)
{
	return (uint64_t)r->gid << 32 | r->sid;
}

static int place_order(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return x->key < y->key ? -1 : x->key > y->key;
}

int rule_set_carry(struct rule_set *set, const struct rule_set *previous)
{
	struct place *places = calloc(set->count ? set->count : 1, sizeof(*places));

	set->carried = calloc(previous->count ? previous->count : 1, sizeof(*set->carried));
	if (places == NULL || set->carried == NULL) {
		free(places);
		return -ENOMEM;
	}
	for (unsigned i = 0; i < set->count; i++)
		places[i] = (struct place){ key_of(set->rules[i]), i };
	qsort(places, set->count, sizeof(*places), place_order);
	for (unsigned i = 0; i < previous->count; i++) {
		const struct rule *old = previous->rules[i];
		struct place want = { .key = key_of(old) };
		const struct place *at = bsearch(&want, places, set->count, sizeof(*places), place_order);

		set->carried[i] = at != NULL && !strcmp(set->rules[at->index]->text, old->text) ? at->index : RULE_NOT_CARRIED;
	}
	set->carried_count = previous->count;
	set->carried_from = previous->generation;
	free(places);
	return 0;
}

static void side_carry(const struct rule_set *set, struct tx_side *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < s->count; i++) {
		uint32_t index = s->rules[i].rule < set->carried_count ? set->carried[s->rules[i].rule] : RULE_NOT_CARRIED;

		if (index == RULE_NOT_CARRIED)
			continue;
		s->rules[kept] = s->rules[i];
		s->rules[kept++].rule = index;
	}
	s->count = kept;
	/* Buffers have other numbers now: what grows is scanned from its beginning. */
	memset(s->grows, 0, sizeof(s->grows));
}

void flow_carry(struct rules *r, struct rules_flow *f)
{
	bool follows = r->set->carried != NULL && f->generation == r->set->carried_from;

	f->generation = r->set->generation;
	f->sides[0].group = f->sides[1].group = NULL;
	while (!follows && f->states != NULL)
		tx_state_free(r, f, f->states);
	for (struct tx_state *s = f->states; s != NULL; s = s->next)
		for (unsigned side = 0; side < 2; side++)
			side_carry(r->set, &s->sides[side]);
}
