/* builder.c - which buffer a match goes to.
 *
 * Matches go to payload until a sticky buffer is named. Naming one again continues its list, unless the
 * buffer has several values: then each list is to be satisfied by one value. A legacy modifier takes
 * the content before it out of payload, into its buffer. Transforms follow a sticky buffer before its
 * first match and make it another buffer. */
#include <errno.h>
#include <stdlib.h>

#include "rules/parser.h"

static const struct buffer payload_buffer = { .kind = BUFFER_PAYLOAD, .name = "payload" };

struct buffer rule_field_buffer(const struct field *field, const struct analyzer *analyzer)
{
	return (struct buffer){ .kind = BUFFER_FIELD, .field = field, .analyzer = analyzer, .name = field->name };
}

uint8_t rule_field_side(const struct field *field)
{
	bool ts = field->flags & FIELD_TO_SERVER, tc = field->flags & FIELD_TO_CLIENT;

	if (ts && !tc)
		return TO_SERVER;
	if (tc && !ts)
		return TO_CLIENT;
	return SIDE_BOTH;
}

static bool buffer_same(const struct buffer *a, const struct buffer *b)
{
	if (a->kind != b->kind || a->field != b->field || a->analyzer != b->analyzer ||
	    a->frame_type != b->frame_type || a->packet_bytes != b->packet_bytes ||
	    a->transform_count != b->transform_count)
		return false;
	for (unsigned i = 0; i < a->transform_count; i++) {
		const struct transform *x = &a->transforms[i], *y = &b->transforms[i];

		if (x->keyword != y->keyword || strcmp(x->argument, y->argument) != 0)
			return false;
	}
	return true;
}

const struct buffer *rule_buffer_intern(struct rule_parser *p, const struct buffer *buffer)
{
	struct rule_set *set = p->set;
	struct buffer *own;

	for (unsigned i = 0; i < set->buffer_count; i++)
		if (buffer_same(set->buffers[i], buffer))
			return set->buffers[i];
	if (!parsed_grow((void **)&set->buffers, set->buffer_count, &p->parsed->buffer_cap, sizeof(own)))
		return NULL;
	own = rule_alloc(p, sizeof(*own));
	if (own == NULL)
		return NULL;
	*own = *buffer;
	own->id = set->buffer_count;
	set->buffers[set->buffer_count++] = own;
	return own;
}

static struct list_builder *list_new(struct rule_parser *p, const struct buffer *buffer, uint8_t side)
{
	struct list_builder *l;

	if (p->list_count == LISTS_MAX) {
		rule_error(p, NULL, "a rule can't look at more than %d buffers", LISTS_MAX);
		return NULL;
	}
	l = &p->lists[p->list_count++];
	l->buffer = *buffer;
	l->interned = NULL;
	l->count = 0;
	l->side = side;
	l->sticky = l->multi = false;
	l->at = p->keyword.data;
	return l;
}

/* A list for the same buffer that may be continued; -1 where there is none. */
static int list_find(const struct rule_parser *p, const struct buffer *buffer)
{
	for (unsigned i = 0; i < p->list_count; i++)
		if (!p->lists[i].multi && buffer_same(&p->lists[i].buffer, buffer))
			return (int)i;
	return -1;
}

/* Suricata lets these pass: base64_data alone, and a transform behind the last match. */
bool rule_unused_allowed(struct rule_parser *p, const struct list_builder *l)
{
	struct buffer plain = l->buffer;

	plain.transform_count = 0;
	if (l->buffer.kind != BUFFER_BASE64 && (l->buffer.transform_count == 0 || list_find(p, &plain) < 0))
		return false;
	rule_warning(p, l->at, "nothing is matched on %s here", l->buffer.name);
	return true;
}

/* A sticky buffer that nothing was matched on. */
static int current_used(struct rule_parser *p)
{
	struct list_builder *l = p->current >= 0 ? &p->lists[p->current] : NULL;

	if (l == NULL || !p->sticky || l->count > 0)
		return 0;
	if (rule_unused_allowed(p, l))
		return 0;
	rule_hint(p, "write a content, pcre or another match behind %s", l->buffer.name);
	return rule_error(p, l->at, "%s is named, but nothing is matched on it", l->buffer.name);
}

/* Now it is known which buffer this is, transforms and all: perhaps one that has a list already. */
static void transforms_close(struct rule_parser *p)
{
	const struct list_builder *l = &p->lists[p->current];

	if (!p->transform_open)
		return;
	p->transform_open = false;
	for (int other = 0; !l->multi && other < p->current; other++) {
		if (!p->lists[other].multi && p->lists[other].side == l->side &&
		    buffer_same(&p->lists[other].buffer, &l->buffer)) {
			p->lists[other].sticky = true;
			p->current = other;
			p->list_count--;
			return;
		}
	}
}

int rule_buffer_select(struct rule_parser *p, const struct buffer *buffer, uint8_t side, bool multi)
{
	struct list_builder *l;

	if (p->has_base64_data && p->current >= 0 && p->lists[p->current].buffer.kind == BUFFER_BASE64)
		return rule_error(p, NULL, "no other buffer can be named after base64_data");
	if (current_used(p) < 0)
		return -EINVAL;
	l = list_new(p, buffer, side);
	if (l == NULL)
		return -EINVAL;
	l->sticky = true;
	l->multi = multi;
	p->current = (int)p->list_count - 1;
	p->sticky = true;
	p->transform_open = true;
	return 0;
}

int rule_payload_select(struct rule_parser *p)
{
	if (current_used(p) < 0)
		return -EINVAL;
	p->current = -1;
	p->sticky = false;
	p->transform_open = false;
	return 0;
}

struct list_builder *rule_list_for(struct rule_parser *p, const struct buffer *buffer, uint8_t side)
{
	int found = list_find(p, buffer);

	return found >= 0 ? &p->lists[found] : list_new(p, buffer, side);
}

struct list_builder *rule_list(struct rule_parser *p)
{
	if (p->sticky && p->current >= 0) {
		transforms_close(p);
		return &p->lists[p->current];
	}
	return rule_list_for(p, &payload_buffer, SIDE_BOTH);
}

struct match *rule_match_add(struct rule_parser *p, struct list_builder *list, enum match_kind kind)
{
	struct match *m;

	if (list == NULL)
		return NULL;
	if (p->match_count >= MATCHES_MAX) {
		rule_error(p, NULL, "a rule can't have more than %d matches", MATCHES_MAX);
		return NULL;
	}
	if (!parsed_grow((void **)&list->matches, list->count, &list->cap, sizeof(*m))) {
		rule_error(p, NULL, "out of memory");
		return NULL;
	}
	m = &list->matches[list->count++];
	memset(m, 0, sizeof(*m));
	m->kind = (uint8_t)kind;
	m->text_at = rule_text_at(p);
	p->match_count++;
	p->last_list = (int)(list - p->lists);
	return m;
}

int rule_transform_add(struct rule_parser *p, const struct keyword *kw,
		       size_t (*apply)(const void *data, struct slice in, uint8_t *out, size_t cap), void *data,
		       struct slice argument)
{
	struct list_builder *l = p->current >= 0 ? &p->lists[p->current] : NULL;
	struct transform *t;

	if (l == NULL || !p->sticky || l->buffer.kind == BUFFER_BASE64) {
		rule_hint(p, "write it behind a sticky buffer");
		return rule_error(p, NULL, "the transform %s doesn't follow a sticky buffer", kw->name);
	}
	/* What stands before it was about the text as it was: from here on another buffer. */
	if (!p->transform_open) {
		struct list_builder *plain = l;

		l = list_new(p, &plain->buffer, plain->side);
		if (l == NULL)
			return -EINVAL;
		l->sticky = true;
		l->multi = plain->multi;
		p->current = (int)p->list_count - 1;
		p->transform_open = true;
	}
	if (l->buffer.transform_count == TRANSFORMS_MAX)
		return rule_error(p, NULL, "a buffer can't have more than %d transforms", TRANSFORMS_MAX);
	t = &l->buffer.transforms[l->buffer.transform_count++];
	t->keyword = kw;
	t->apply = apply;
	t->data = data;
	t->argument = arena_copy(&p->parsed->arena, argument);
	return t->argument != NULL ? 0 : -ENOMEM;
}

struct content *rule_content_last(struct rule_parser *p)
{
	struct list_builder *l = NULL;

	if (p->sticky && p->current >= 0)
		l = &p->lists[p->current];
	else if (p->last_list >= 0)
		l = &p->lists[p->last_list];
	for (unsigned i = l != NULL ? l->count : 0; i > 0; i--)
		if (l->matches[i - 1].kind == MATCH_CONTENT)
			return &l->matches[i - 1].content;
	rule_hint(p, "write it behind the content that it changes");
	rule_error(p, NULL, "%.*s has no content before it", SLICE_ARG(p->keyword));
	return NULL;
}

struct match *rule_content_previous(struct rule_parser *p)
{
	struct list_builder *l = p->sticky && p->current >= 0 ? &p->lists[p->current] :
				 p->last_list >= 0 ? &p->lists[p->last_list] : NULL;
	bool passed = false;

	for (unsigned i = l != NULL ? l->count : 0; i > 0; i--) {
		struct match *m = &l->matches[i - 1];

		if (passed && (m->kind == MATCH_CONTENT || m->kind == MATCH_PCRE))
			return m;
		passed = passed || m->kind == MATCH_CONTENT;
	}
	return NULL;
}

int rule_buffer_move(struct rule_parser *p, const struct buffer *buffer, uint8_t side)
{
	struct list_builder *from = NULL, *to;
	struct match moved, *m;
	unsigned at = 0;

	if (p->sticky) {
		rule_hint(p, "write pkt_data; before the content, or use the sticky buffer %s", buffer->name);
		return rule_error(p, NULL, "%.*s changes a content of payload, but the sticky buffer %s is in force",
				  SLICE_ARG(p->keyword), p->lists[p->current].buffer.name);
	}
	for (unsigned i = 0; i < p->list_count; i++)
		if (p->lists[i].buffer.kind == BUFFER_PAYLOAD)
			from = &p->lists[i];
	for (unsigned i = from != NULL ? from->count : 0; i > 0 && at == 0; i--)
		if (from->matches[i - 1].kind == MATCH_CONTENT)
			at = i;
	if (at == 0) {
		rule_hint(p, "write it behind the content that is to be looked for there");
		return rule_error(p, NULL, "%.*s has no content of payload before it", SLICE_ARG(p->keyword));
	}
	moved = from->matches[at - 1];
	if (moved.content.flags & (CONTENT_RAWBYTES | CONTENT_REPLACE))
		return rule_error(p, NULL, "%.*s can't be used with %s", SLICE_ARG(p->keyword),
				  moved.content.flags & CONTENT_RAWBYTES ? "rawbytes" : "replace");
	memmove(&from->matches[at - 1], &from->matches[at], (from->count - at) * sizeof(*from->matches));
	from->count--;
	p->match_count--;
	to = rule_list_for(p, buffer, side);
	m = rule_match_add(p, to, MATCH_CONTENT);
	if (m == NULL)
		return -EINVAL;
	*m = moved;
	return 0;
}

struct condition *rule_condition_add(struct rule_parser *p, const struct keyword *kw, void *data,
				     enum condition_stage stage)
{
	struct condition *c;

	if (p->condition_count == CONDITIONS_MAX) {
		rule_error(p, NULL, "a rule can't have more than %d conditions", CONDITIONS_MAX);
		return NULL;
	}
	c = &p->conditions[p->condition_count++];
	*c = (struct condition){ .keyword = kw, .data = data, .stage = (uint8_t)stage, .side = SIDE_BOTH,
				 .text_at = rule_text_at(p) };
	return c;
}

uint32_t rule_name(struct rule_parser *p, enum name_kind kind, struct slice name, bool sets, bool reads)
{
	struct name_table *t = &p->set->names[kind];
	const char *text = arena_intern(&p->parsed->arena, name);
	uint32_t id;

	if (text == NULL)
		return UINT32_MAX;
	for (id = 0; id < t->count && t->names[id].name != text; id++)
		;
	if (id == t->count) {
		if (!parsed_grow((void **)&t->names, t->count, &t->cap, sizeof(*t->names)))
			return UINT32_MAX;
		t->names[t->count++] = (struct name_use){ .name = text, .sid = p->rule->sid };
	}
	t->names[id].set_by += sets;
	t->names[id].read_by += reads;
	return id;
}

/* Packets, with all their buffers, are judged apart from transactions: a variable of one isn't known to the other. */
static uint8_t var_space(const struct rule_parser *p)
{
	int list = p->sticky ? p->current : p->last_list;

	return list >= 0 && p->lists[list].buffer.kind == BUFFER_FIELD;
}

int rule_byte_var(struct rule_parser *p, struct slice name)
{
	for (unsigned i = 0; i < p->rule->byte_var_count; i++) {
		if (!text_is(name, p->rule->byte_vars[i]))
			continue;
		if (p->var_space[i] == var_space(p))
			return (int)i;
		rule_hint(p, "define it in the same kind of buffer");
		rule_error(p, name.data, "the byte variable \"%.*s\" is defined in %s, not here", SLICE_ARG(name),
			   p->var_space[i] ? "a buffer of the protocol" : "the packet");
		return -1;
	}
	rule_hint(p, "byte_extract or byte_math has to define it first");
	rule_error(p, name.data, "unknown byte variable \"%.*s\"", SLICE_ARG(name));
	return -1;
}

int rule_byte_var_new(struct rule_parser *p, struct slice name, const struct list_builder *list)
{
	struct rule *r = p->rule;
	const char *text;

	int64_t number;

	if (name.len == 0 || text_i64(name, &number))
		return rule_error(p, name.data, "\"%.*s\" can't be a variable's name", SLICE_ARG(name));
	for (unsigned i = 0; i < r->byte_var_count; i++)
		if (text_is(name, r->byte_vars[i]))
			return (int)i;
	if (r->byte_var_count == BYTE_VARS_MAX)
		return rule_error(p, name.data, "a rule can't have more than %d byte variables", BYTE_VARS_MAX);
	text = arena_intern(&p->parsed->arena, name);
	if (text == NULL)
		return -ENOMEM;
	r->byte_vars[r->byte_var_count] = text;
	p->var_space[r->byte_var_count] = list->buffer.kind == BUFFER_FIELD;
	return r->byte_var_count++;
}

static bool byte_var_known(const struct rule_parser *p, struct slice name)
{
	for (unsigned i = 0; i < p->rule->byte_var_count; i++)
		if (text_is(name, p->rule->byte_vars[i]))
			return true;
	return false;
}

int rule_operand(struct rule_parser *p, struct slice text, int64_t min, int64_t max, struct operand *out)
{
	int var;

	memset(out, 0, sizeof(*out));
	if (text_i64(text, &out->value)) {
		if (out->value >= min && out->value <= max)
			return 0;
		return rule_error(p, text.data, "%.*s isn't between %lld and %lld", SLICE_ARG(text), (long long)min,
				  (long long)max);
	}
	if (text.len == 0 || text.data[0] == '-' ||
	    (text.data[0] >= '0' && text.data[0] <= '9' && !byte_var_known(p, text)))
		return rule_error(p, text.data, "a number or a byte variable expected, not \"%.*s\"", SLICE_ARG(text));
	var = rule_byte_var(p, text);
	if (var < 0)
		return var;
	out->is_var = true;
	out->var = (uint8_t)var;
	return 0;
}
