/* parser.c - a rule's line to a struct rule.
 *
 *	action protocol source ports direction destination ports (keyword:argument; keyword; …)
 *
 * An option ends at the first semicolon that no backslash precedes, quotes or not. Its word is looked up
 * once; what the argument means is the keyword's business (rules/keywords/). Work is linear in the
 * line; a mistake ends the rule, not the file. */
#include "rules/lint.h"
#include "rules/parser.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "rules/parse.h"
#include "rules/requires.h"

/* A place in the text to line and column, counted in characters. */
static void place_of(const struct rule_text *w, const uint8_t *at, uint32_t *line, uint32_t *column)
{
	uint32_t offset = (uint32_t)(at - w->text.data), begin = 0, first = 1;

	*line = w->line;
	for (unsigned i = 0; i < w->break_count && w->breaks[i].offset <= offset; i++) {
		begin = w->breaks[i].offset;
		first = w->breaks[i].column;
		(*line)++;
	}
	*column = first;
	for (uint32_t i = begin; i < offset && i < w->text.len; i++)
		*column += (w->text.data[i] & 0xc0) != 0x80;
}

static void rule_diagnose(struct rule_parser *p, uint8_t level, const void *at, const char *fmt, va_list ap)
{
	const uint8_t *place = at;
	const uint8_t *begin = p->where.text.data;
	uint32_t line, column;
	char text[1024];

	vsnprintf(text, sizeof(text), fmt, ap);
	if (place == NULL || place < begin || place > begin + p->where.text.len)
		place = p->keyword.data != NULL ? p->keyword.data : begin;
	place_of(&p->where, place, &line, &column);
	rule_report_add(p->report, level, p->where.file, line, column, p->rule != NULL ? p->rule->sid : 0, text,
			p->hint);
	p->hint[0] = '\0';
}

int rule_error(struct rule_parser *p, const void *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	rule_diagnose(p, DIAG_ERROR, at, fmt, ap);
	va_end(ap);
	p->errors++;
	return -EINVAL;
}

int rule_skip(struct rule_parser *p, const void *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	rule_diagnose(p, DIAG_WARNING, at, fmt, ap);
	va_end(ap);
	return RULE_SKIP;
}

void rule_warning(struct rule_parser *p, const void *at, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	rule_diagnose(p, DIAG_WARNING, at, fmt, ap);
	va_end(ap);
}

void rule_hint(struct rule_parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->hint, sizeof(p->hint), fmt, ap);
	va_end(ap);
}

/* Where the option that begins at text ends: the offset of its semicolon, or text.len. */
static size_t option_end(struct slice text)
{
	size_t at = 0;

	while (at < text.len) {
		const uint8_t *end = memchr(text.data + at, ';', text.len - at);

		if (end == NULL)
			return text.len;
		at = (size_t)(end - text.data);
		if (at == 0 || text.data[at - 1] != '\\')
			return at;
		at++;
	}
	return text.len;
}

bool option_next(struct slice *rest, struct option *option)
{
	struct slice s = text_trim(*rest), whole;
	const uint8_t *colon;
	size_t end;

	if (s.len == 0)
		return false;
	end = option_end(s);
	option->terminated = end < s.len;
	whole = slice_of(s.data, end);
	*rest = slice_of(s.data + end + option->terminated, s.len - end - option->terminated);
	colon = memchr(whole.data, ':', whole.len);
	if (colon == NULL) {
		option->name = text_trim(whole);
		option->argument = slice_of(NULL, 0);
		return true;
	}
	option->name = text_trim(slice_of(whole.data, (size_t)(colon - whole.data)));
	option->argument = text_trim(slice_of(colon + 1, whole.len - (size_t)(colon - whole.data) - 1));
	return true;
}

/* Takes "!" and quotes off the argument, as far as the keyword lets it have them. */
static int argument_strip(struct rule_parser *p, uint32_t flags, struct slice *argument, bool *negated)
{
	struct slice a = *argument;

	*negated = false;
	if ((flags & KEYWORD_NEGATABLE) && a.len > 0 && a.data[0] == '!') {
		*negated = true;
		a = text_trim(slice_of(a.data + 1, a.len - 1));
	}
	if (flags & KEYWORD_RAW_ARGUMENT) {
		*argument = a;
		return 0;
	}
	if ((flags & KEYWORD_QUOTED) && (a.len == 0 || a.data[0] != '"')) {
		rule_hint(p, "write %.*s:\"…\";", SLICE_ARG(p->keyword));
		return rule_error(p, a.data, "the argument of %.*s must stand in double quotes", SLICE_ARG(p->keyword));
	}
	if (a.len > 0 && a.data[0] == '"') {
		if (!(flags & (KEYWORD_QUOTED | KEYWORD_MAY_QUOTE)))
			return rule_error(p, a.data, "%.*s takes no quotes", SLICE_ARG(p->keyword));
		if (a.len < 2 || a.data[a.len - 1] != '"') {
			if (memchr(a.data, ',', a.len) != NULL && a.len > 1 && memchr(a.data + 1, '"', a.len - 1) != NULL)
				rule_hint(p, "Snort 3 writes modifiers behind a comma; here they are options: %.*s:\"…\"; nocase;",
					  SLICE_ARG(p->keyword));
			else
				rule_hint(p, "is a semicolon missing, or one inside the quotes not escaped as \\; ?");
			return rule_error(p, a.data, "the quotes of %.*s aren't closed where the option ends",
					  SLICE_ARG(p->keyword));
		}
		a = slice_of(a.data + 1, a.len - 2);
		if (a.len == 0)
			return rule_error(p, a.data, "%.*s is empty", SLICE_ARG(p->keyword));
	}
	*argument = a;
	return 0;
}

static int argument_expected(struct rule_parser *p, uint32_t flags, struct slice argument)
{
	if ((flags & KEYWORD_NO_ARGUMENT) && argument.len > 0)
		return rule_error(p, argument.data, "%.*s takes no argument", SLICE_ARG(p->keyword));
	if (!(flags & (KEYWORD_NO_ARGUMENT | KEYWORD_OPTIONAL_ARGUMENT)) && argument.len == 0) {
		rule_hint(p, "write %.*s:…;", SLICE_ARG(p->keyword));
		return rule_error(p, NULL, "%.*s needs an argument", SLICE_ARG(p->keyword));
	}
	return 0;
}

static int keyword_apply(struct rule_parser *p, const struct keyword *kw, struct slice argument)
{
	bool negated = false;
	int err = argument_expected(p, kw->flags, argument);

	if (err == 0 && argument.len > 0)
		err = argument_strip(p, kw->flags, &argument, &negated);
	if (err < 0)
		return err;
	if (kw->flags & KEYWORD_PACKET)
		p->rule->flags |= RULE_NEEDS_PACKET;
	return kw->parse(p, kw, argument, negated);
}

static int unknown_word(struct rule_parser *p, struct slice name)
{
	struct slice nearest = lexicon_nearest(p->parsed->lexicon, name);
	const char *snort = snort_word(name);

	if (snort != NULL)
		rule_hint(p, "%s", snort);
	else if (nearest.len > 0)
		rule_hint(p, "did you mean %.*s?", SLICE_ARG(nearest));
	return rule_error(p, name.data, "unknown keyword \"%.*s\"", (int)(name.len > 64 ? 64 : name.len),
			  (const char *)name.data);
}

static int option_parse(struct rule_parser *p, const struct option *option)
{
	const struct word *word;

	p->keyword = option->name;
	if (option->name.len == 0)
		return rule_error(p, option->name.data, "a keyword is missing here");
	word = lexicon_find(p->parsed->lexicon, option->name);
	if (word == NULL)
		return unknown_word(p, option->name);
	if (!option->terminated) {
		rule_hint(p, "end each option with a semicolon, the last one too");
		return rule_error(p, option->name.data, "%.*s isn't ended by \";\"", SLICE_ARG(option->name));
	}
	switch (word->kind) {
	case WORD_FIELD:
		return field_apply(p, word, option->argument);
	case WORD_MODIFIER:
		return modifier_apply(p, word, option->argument);
	default:
		return keyword_apply(p, word->keyword, option->argument);
	}
}

/* Splits the line into header and the text between the outer parentheses. */
static int options_find(struct rule_parser *p, struct slice *header, struct slice *options)
{
	struct slice line = text_trim(p->where.text), rest;
	const uint8_t *open = memchr(line.data, '(', line.len);

	if (open == NULL) {
		rule_hint(p, "options follow the header in parentheses: (msg:\"…\"; sid:1;)");
		return rule_error(p, line.data + line.len, "\"(\" expected here");
	}
	*header = slice_of(line.data, (size_t)(open - line.data));
	rest = slice_of(open, line.len - header->len);
	if (rest.len < 2 || rest.data[rest.len - 1] != ')') {
		rule_hint(p, "close the options with \")\"");
		return rule_error(p, rest.data + rest.len - 1, "the rule doesn't end with \")\"");
	}
	*options = slice_of(rest.data + 1, rest.len - 2);
	return 0;
}

/* The sid is wanted for messages before anything else can go wrong. */
static void identity_peek(struct rule_parser *p, struct slice text)
{
	struct option option;
	uint32_t v;

	while (option_next(&text, &option))
		if (text_is(option.name, "sid") && text_u32(option.argument, UINT32_MAX, &v))
			p->rule->sid = v;
}

static void parser_reset(struct rule_parser *p)
{
	struct list_builder lists[LISTS_MAX];
	struct rule_parser fresh = {
		.set = p->set, .parsed = p->parsed, .report = p->report, .load = p->load, .where = p->where,
		.references = p->references, .reference_cap = p->reference_cap,
		.metadata = p->metadata, .metadata_cap = p->metadata_cap,
		.current = -1, .last_list = -1,
	};

	memcpy(lists, p->lists, sizeof(lists));
	*p = fresh;
	for (unsigned i = 0; i < LISTS_MAX; i++) {
		p->lists[i].matches = lists[i].matches;
		p->lists[i].cap = lists[i].cap;
	}
}

int rule_parse(struct rule_parser *p, struct rule **out)
{
	struct slice header, options;
	struct option option;
	int err;

	*out = NULL;
	parser_reset(p);
	p->rule = rule_alloc(p, sizeof(*p->rule));
	if (p->rule == NULL)
		return -ENOMEM;
	p->rule->text = (const char *)text_trim(p->where.text).data;
	p->rule->file = p->where.file;
	p->rule->line = p->where.line;
	p->rule->gid = 1;
	p->rule->rev = 0;
	p->rule->fast_buffer = -1;
	err = options_find(p, &header, &options);
	if (err < 0)
		return err;
	identity_peek(p, options);
	err = requires_judge(p, options);
	if (err == 0)
		err = rule_header_parse(p, header);
	if (err != 0)
		return err;
	while (option_next(&options, &option)) {
		err = option_parse(p, &option);
		if (err == RULE_SKIP)
			return 1;
		if (err < 0)
			return err;
		p->order++;
	}
	p->keyword = slice_of(NULL, 0);
	err = rule_finish(p);
	if (err == 0)
		*out = p->rule;
	return err;
}

void parser_free(struct rule_parser *p)
{
	if (p == NULL)
		return;
	for (unsigned i = 0; i < LISTS_MAX; i++)
		free(p->lists[i].matches);
	free(p->references);
	free(p->metadata);
	free(p);
}
