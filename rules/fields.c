/* fields.c - the keywords that analyzers' fields give: sticky buffers, their legacy modifiers, tests on
 * numbers, flags and fields with a test of their own. */
#include <errno.h>
#include <stdlib.h>

#include "analyzers/number.h"
#include "rules/parse.h"

/* "http1" and "http2" are both "http"; DNS may come over HTTPS; DCERPC travels in SMB. */
static const char *const relatives[][2] = { { "http", "http2" }, { "dns", "doh2" }, { "smb", "dcerpc" },
					     { "http2", "doh2" }, { "http", "doh2" } };

static bool related(const struct analyzer *a, const struct analyzer *b)
{
	for (size_t i = 0; i < sizeof(relatives) / sizeof(relatives[0]); i++) {
		const char *x = relatives[i][0], *y = relatives[i][1];

		if ((strcmp(a->name, x) == 0 && strcmp(b->name, y) == 0) ||
		    (strcmp(a->name, y) == 0 && strcmp(b->name, x) == 0))
			return true;
	}
	return false;
}

int rule_app_require(struct rule_parser *p, const struct analyzer *analyzer, const void *at)
{
	struct rule *r = p->rule;

	if (analyzer == NULL || r->app == analyzer)
		return 0;
	if (r->app == NULL) {
		r->app = analyzer;
		r->app_any_version = true;
		p->app_implied = true;
		p->app_at = at;
		return 0;
	}
	if (related(r->app, analyzer) && !(p->header_http1 && strcmp(analyzer->name, "http2") == 0)) {
		/* The narrower one: a rule on http that asks for something of HTTP/2 is about HTTP/2. */
		if (strcmp(r->app->name, "http") == 0) {
			r->app = analyzer;
			p->app_implied = true;
		}
		return 0;
	}
	rule_hint(p, "split it into two rules");
	return rule_error(p, at, "%.*s is about %s, but the rule is about %s already", SLICE_ARG(p->keyword),
			  analyzer->name, p->header_app ? p->header_app : r->app->name);
}

/* What a field's keyword asks of the direction. */
static void side_note(struct rule_parser *p, uint8_t side)
{
	if (side != SIDE_BOTH && p->direction_at == NULL)
		p->direction_at = p->keyword.data;
}

static int pick_parse(struct rule_parser *p, struct slice text, struct field_number *out)
{
	int64_t index;

	if (text_is(text, "all")) {
		out->pick = PICK_ALL;
	} else if (text_is(text, "any")) {
		out->pick = PICK_ANY;
	} else if (text_i64(text, &index) && index >= INT32_MIN && index <= INT32_MAX) {
		out->pick = PICK_INDEX;
		out->index = (int32_t)index;
	} else {
		rule_hint(p, "write any, all, or which one: 0 is the first, -1 the last");
		return rule_error(p, text.data, "\"%.*s\" doesn't say which of the values", SLICE_ARG(text));
	}
	return 0;
}

static int uint_apply(struct rule_parser *p, const struct word *word, struct slice argument)
{
	struct field_number *number = rule_alloc(p, sizeof(*number));
	struct slice rest = argument, part;
	struct condition *c;
	const char *error;

	if (number == NULL)
		return -ENOMEM;
	if (!text_part(&rest, ',', &part) || part.len == 0)
		return rule_error(p, NULL, "%.*s needs a number", SLICE_ARG(p->keyword));
	if (text_starts(part, "count") && (word->field->flags & FIELD_MULTI)) {
		number->pick = PICK_COUNT;
		part = text_trim(slice_skip(part, 5));
	}
	if (!number_test_parse(&number->test, part, number->pick == PICK_COUNT ? 32 : word->field->width,
			       word->field->names, &error)) {
		rule_hint(p, "write a number, a comparison (>10) or a range (10<>20)");
		return rule_error(p, part.data, "%.*s: %s", SLICE_ARG(part), error);
	}
	if (rest.data != NULL) {
		if (!(word->field->flags & FIELD_MULTI))
			return rule_error(p, rest.data, "%.*s has one value only", SLICE_ARG(p->keyword));
		if (pick_parse(p, text_trim(rest), number) < 0)
			return -EINVAL;
	}
	c = rule_condition_add(p, NULL, number, STAGE_TX);
	if (c == NULL)
		return -EINVAL;
	c->field = word->field;
	return 0;
}

static int test_apply(struct rule_parser *p, const struct word *word, struct slice argument)
{
	struct condition *c;
	const char *error = NULL;
	char *text;
	void *parsed;

	/* Quotes around the whole are no part of it. */
	if (argument.len >= 2 && argument.data[0] == '"' && argument.data[argument.len - 1] == '"')
		argument = slice_of(argument.data + 1, argument.len - 2);
	text = strndup(argument.data ? (const char *)argument.data : "", argument.len);
	if (text == NULL)
		return -ENOMEM;
	parsed = word->field->test_parse(text, &error);
	free(text);
	if (parsed == NULL)
		return rule_error(p, argument.data, "%.*s: %s", SLICE_ARG(p->keyword), error ? error : "out of memory");
	if (word->field->test_free != NULL && parsed_own(p->parsed, word->field->test_free, parsed) < 0) {
		word->field->test_free(parsed);
		return -ENOMEM;
	}
	c = rule_condition_add(p, NULL, parsed, STAGE_TX);
	if (c == NULL)
		return -EINVAL;
	c->field = word->field;
	return 0;
}

static bool carries(const struct rule *r, const struct analyzer *an)
{
	return ((an->transports & TRANSPORT_TCP) && (r->protos[0] & 1 << 6)) ||
	       ((an->transports & TRANSPORT_UDP) && (r->protos[2] & 1 << 1));
}

/* Several analyzers may have a field of this name: the rule's own has the first say, else the first whose
 * transport the rule is about. */
int rule_field_choose(struct rule_parser *p, struct word *word)
{
	const struct analyzer *app = p->rule->app;
	const struct field *own;

	if (word->analyzer == NULL || word->analyzer == app)
		return 0;
	own = app != NULL ? field_in(app, word->field->name) : NULL;
	if (own != NULL) {
		word->field = own;
		word->analyzer = app;
		return 0;
	}
	for (unsigned i = 0; app == NULL && !carries(p->rule, word->analyzer) && i < analyzer_count(); i++) {
		own = carries(p->rule, analyzer_at(i)) ? field_in(analyzer_at(i), word->field->name) : NULL;
		if (own != NULL) {
			word->field = own;
			word->analyzer = analyzer_at(i);
			break;
		}
	}
	return rule_app_require(p, word->analyzer, p->keyword.data);
}

/* "file.data:to_client": of a buffer that both directions have. */
static int sticky_side(struct rule_parser *p, const struct field *field, struct slice argument, uint8_t *side)
{
	if (field->type != FIELD_BYTES || *side != SIDE_BOTH)
		return rule_error(p, argument.data, "%.*s takes no argument", SLICE_ARG(p->keyword));
	if (text_is(argument, "to_server") || text_is(argument, "toserver") || text_is(argument, "request")) {
		*side = TO_SERVER;
	} else if (text_is(argument, "to_client") || text_is(argument, "toclient") || text_is(argument, "response")) {
		*side = TO_CLIENT;
	} else {
		rule_hint(p, "to_server or to_client");
		return rule_error(p, argument.data, "%.*s can't be \"%.*s\"", SLICE_ARG(p->keyword), SLICE_ARG(argument));
	}
	return 0;
}

int field_apply(struct rule_parser *p, const struct word *found, struct slice argument)
{
	struct word chosen = *found, *word = &chosen;
	int err = rule_field_choose(p, word);
	const struct field *field = word->field;
	uint8_t side = rule_field_side(field);
	struct buffer buffer;

	if (err < 0)
		return err;
	side_note(p, side);
	if (field->type == FIELD_UINT) {
		err = uint_apply(p, word, argument);
	} else if (field->type == FIELD_TEST) {
		err = test_apply(p, word, argument);
	} else if (argument.len > 0 && sticky_side(p, field, argument, &side) < 0) {
		return -EINVAL;
	} else if (field->type == FIELD_FLAG) {
		struct condition *c = rule_condition_add(p, NULL, NULL, STAGE_TX);

		if (c == NULL)
			return -EINVAL;
		c->field = field;
	} else {
		buffer = rule_field_buffer(field, word->analyzer);
		/* Files: naming the buffer again means the same file. */
		return rule_buffer_select(p, &buffer, side,
					  (field->flags & (FIELD_MULTI | FIELD_FILE)) == FIELD_MULTI);
	}
	if (err == 0)
		p->conditions[p->condition_count - 1].side = side;
	return err;
}

int modifier_apply(struct rule_parser *p, const struct word *found, struct slice argument)
{
	struct word word = *found;
	struct buffer buffer;
	uint8_t side;

	if (argument.len > 0)
		return rule_error(p, argument.data, "%.*s takes no argument", SLICE_ARG(p->keyword));
	if (rule_field_choose(p, &word) < 0)
		return -EINVAL;
	buffer = rule_field_buffer(word.field, word.analyzer);
	side = rule_field_side(word.field);
	side_note(p, side);
	return rule_buffer_move(p, &buffer, side);
}
