/* flow_vars.c - bits, numbers and texts that rules keep with a flow. Charged to the engine's budget; when that
 * is spent, setting does nothing. */
#include <stdlib.h>

#include "rules/engine.h"
#include "rules/state.h"

#define BITS_MAX (1u << 16)
#define INTS_MAX 1024
#define TEXTS_MAX 64
#define TEXT_LEN_MAX 4096

struct flow_vars *flow_vars_of(struct inspect *in, bool make)
{
	struct flow_vars **slot = in->flow != NULL ? rules_vars_slot(in->rules, in->flow) : NULL;

	if (slot == NULL)
		return NULL;
	if (*slot == NULL && make)
		*slot = budget_get(rules_budget(in->rules), sizeof(**slot));
	return *slot;
}

void *flow_vars_grow(struct inspect *in, void **items, uint16_t *count, uint16_t *cap, size_t size, uint16_t max)
{
	uint8_t *at;

	if (*count == *cap) {
		uint16_t more = *cap ? (uint16_t)(*cap * 2) : 4;
		void *bigger;

		if (*count >= max)
			return NULL;
		bigger = budget_resize(rules_budget(in->rules), *items, *cap * size, more * size);
		if (bigger == NULL)
			return NULL;
		*items = bigger;
		*cap = more;
	}
	at = (uint8_t *)*items + *count * size;
	memset(at, 0, size);
	(*count)++;
	return at;
}

bool flow_bit_get(struct inspect *in, uint32_t id)
{
	const struct flow_vars *v = flow_vars_of(in, false);

	return v != NULL && id / 64 < v->words && (v->bits[id / 64] >> id % 64 & 1);
}

void flow_bit_set(struct inspect *in, uint32_t id)
{
	struct flow_vars *v = id < BITS_MAX ? flow_vars_of(in, true) : NULL;

	if (v == NULL)
		return;
	if (id / 64 >= v->words) {
		uint16_t words = (uint16_t)(id / 64 + 1);
		uint64_t *bits = budget_resize(rules_budget(in->rules), v->bits, v->words * sizeof(*bits),
					       words * sizeof(*bits));

		if (bits == NULL)
			return;
		memset(bits + v->words, 0, (size_t)(words - v->words) * sizeof(*bits));
		v->bits = bits;
		v->words = words;
	}
	v->bits[id / 64] |= (uint64_t)1 << id % 64;
}

void flow_bit_unset(struct inspect *in, uint32_t id)
{
	struct flow_vars *v = flow_vars_of(in, false);

	if (v != NULL && id / 64 < v->words)
		v->bits[id / 64] &= ~((uint64_t)1 << id % 64);
}

struct flow_int *flow_int_of(struct inspect *in, uint32_t id, bool make)
{
	struct flow_vars *v = flow_vars_of(in, make);
	struct flow_int *one;

	if (v == NULL)
		return NULL;
	for (unsigned i = 0; i < v->int_count; i++)
		if (v->ints[i].id == id)
			return &v->ints[i];
	if (!make)
		return NULL;
	one = flow_vars_grow(in, (void **)&v->ints, &v->int_count, &v->int_cap, sizeof(*one), INTS_MAX);
	if (one != NULL)
		one->id = id;
	return one;
}

bool flow_vars_text_set(struct inspect *in, uint32_t id, struct slice value)
{
	struct flow_vars *v = flow_vars_of(in, true);
	struct budget *b = rules_budget(in->rules);
	struct flow_text *text = NULL;
	uint8_t *copy;

	if (v == NULL)
		return false;
	value = slice_head(value, TEXT_LEN_MAX);
	for (unsigned i = 0; i < v->text_count && text == NULL; i++)
		if (v->texts[i].id == id)
			text = &v->texts[i];
	copy = budget_get_raw(b, value.len + 1);
	if (copy == NULL)
		return false;
	if (text == NULL)
		text = flow_vars_grow(in, (void **)&v->texts, &v->text_count, &v->text_cap, sizeof(*text), TEXTS_MAX);
	if (text == NULL) {
		budget_put(b, copy, value.len + 1);
		return false;
	}
	if (value.len > 0)
		memcpy(copy, value.data, value.len);
	if (text->data != NULL)
		budget_put(b, text->data, text->len + 1u);
	*text = (struct flow_text){ .id = id, .len = (uint32_t)value.len, .data = copy };
	return true;
}

void flow_vars_free(struct rule_state *state, struct flow_vars *v, struct budget *b)
{
	(void)state;
	if (v == NULL)
		return;
	for (unsigned i = 0; i < v->text_count; i++)
		budget_put(b, v->texts[i].data, v->texts[i].len + 1u);
	budget_put(b, v->bits, v->words * sizeof(*v->bits));
	budget_put(b, v->ints, v->int_cap * sizeof(*v->ints));
	budget_put(b, v->texts, v->text_cap * sizeof(*v->texts));
	budget_put(b, v->limits, v->limit_cap * sizeof(*v->limits));
	budget_put(b, v->tags, v->tag_cap * sizeof(*v->tags));
	budget_put(b, v->tx_bits, v->tx_bit_cap * sizeof(*v->tx_bits));
	budget_put(b, v, sizeof(*v));
}

static const char *name_of(const struct rule_set *set, enum name_kind kind, uint32_t id)
{
	return id < set->names[kind].count ? set->names[kind].names[id].name : NULL;
}

void rules_flow_vars(struct rules *r, const struct flow *flow,
		     void (*bit)(void *ctx, const char *name), void (*integer)(void *ctx, const char *name, uint32_t value),
		     void (*text)(void *ctx, const char *name, struct slice value), void *ctx)
{
	const struct rules_flow *f = rules_flow_of(flow);
	const struct flow_vars *v = f != NULL ? f->vars : NULL;
	const char *name;

	if (v == NULL)
		return;
	for (uint32_t id = 0; bit != NULL && id < v->words * 64u; id++)
		if ((v->bits[id / 64] >> id % 64 & 1) && (name = name_of(r->set, NAME_FLOWBIT, id)) != NULL)
			bit(ctx, name);
	for (unsigned i = 0; integer != NULL && i < v->int_count; i++)
		if ((name = name_of(r->set, NAME_FLOWINT, v->ints[i].id)) != NULL)
			integer(ctx, name, v->ints[i].value);
	for (unsigned i = 0; text != NULL && i < v->text_count; i++)
		if ((name = name_of(r->set, NAME_TEXT, v->texts[i].id)) != NULL)
			text(ctx, name, slice_of(v->texts[i].data, v->texts[i].len));
}
