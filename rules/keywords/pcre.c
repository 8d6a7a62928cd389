/* pcre.c - pcre:"/expression/flags, flow:name".
 *
 * Small letters and A, E, G change how the expression is read; capital letters name the buffer, R makes it
 * relative. Groups may be kept: as "(?P<flow_name>…)", or by a list behind the flags. */
#include <errno.h>

#include "rules/parser.h"
#include "rules/regex.h"

#define CAPTURES_MAX 8

/* For analyzers that don't say. */
static const struct { char letter; const char *field; } letters[] = {
	{ 'U', "http.uri" }, { 'I', "http.uri.raw" }, { 'P', "http.request_body" }, { 'Q', "http.response_body" },
	{ 'H', "http.header" }, { 'D', "http.header.raw" }, { 'M', "http.method" }, { 'C', "http.cookie" },
	{ 'S', "http.stat_code" }, { 'Y', "http.stat_msg" }, { 'V', "http.user_agent" }, { 'W', "http.host" },
	{ 'Z', "http.host.raw" },
};

static const struct word *letter_field(struct rule_parser *p, char letter)
{
	const struct word *word = lexicon_letter(p->parsed->lexicon, letter);

	for (size_t i = 0; word == NULL && i < sizeof(letters) / sizeof(letters[0]); i++)
		if (letters[i].letter == letter)
			word = lexicon_find(p->parsed->lexicon, slice_str(letters[i].field));
	return word != NULL && word->field != NULL ? word : NULL;
}

struct pcre_text {
	struct slice pattern, flags, captures;
	bool negated;
};

static int pcre_split(struct rule_parser *p, struct slice argument, struct pcre_text *out)
{
	const uint8_t *last;

	if (argument.len > 0 && argument.data[0] == '!') {
		out->negated = true;
		argument = text_trim(slice_skip(argument, 1));
	}
	if (argument.len < 2 || argument.data[0] != '/') {
		rule_hint(p, "write pcre:\"/expression/flags\";");
		return rule_error(p, argument.data, "the expression doesn't begin with a slash");
	}
	last = memrchr(argument.data + 1, '/', argument.len - 1);
	while (last != NULL && last > argument.data + 1 && last[-1] == '\\') {
		const uint8_t *b = last;
		size_t slashes = 0;

		while (b > argument.data + 1 && b[-1] == '\\') {
			b--;
			slashes++;
		}
		if (slashes % 2 == 0)
			break;
		last = memrchr(argument.data + 1, '/', (size_t)(last - argument.data - 1));
	}
	if (last == NULL) {
		rule_hint(p, "write pcre:\"/expression/flags\";");
		return rule_error(p, argument.data, "the slash that ends the expression is missing");
	}
	out->pattern = slice_of(argument.data + 1, (size_t)(last - argument.data - 1));
	out->captures = slice_of(last + 1, argument.len - out->pattern.len - 2);
	text_part(&out->captures, ',', &out->flags);
	return 0;
}

static int buffer_letter(struct rule_parser *p, const uint8_t *at, const struct word **chosen)
{
	const struct word *word = letter_field(p, (char)*at);

	if (word == NULL) {
		rule_hint(p, "flags are i m s x A E G R O B and U I P Q H D M C S Y V W Z for HTTP");
		return rule_error(p, at, "unknown flag \"%c\" behind the expression", *at);
	}
	if (*chosen != NULL && *chosen != word)
		return rule_error(p, at, "the flags name two buffers");
	*chosen = word;
	return 0;
}

static int flags_parse(struct rule_parser *p, struct slice flags, struct pcre_match *m, const struct word **buffer,
		       const uint8_t **letter, bool *raw)
{
	for (size_t i = 0; i < flags.len; i++) {
		switch (flags.data[i]) {
		case 'i':
			m->options |= RE_CASELESS;
			break;
		case 'm':
			m->options |= RE_MULTILINE;
			break;
		case 's':
			m->options |= RE_DOTALL;
			break;
		case 'x':
			m->options |= RE_EXTENDED;
			break;
		case 'A':
			m->options |= RE_ANCHORED;
			break;
		case 'E':
			m->options |= RE_DOLLAR_ENDONLY;
			break;
		case 'G':
			m->options |= RE_UNGREEDY;
			break;
		case 'R':
			m->relative = true;
			break;
		case 'B':
			*raw = true;
			break;
		case 'O':
			break;
		case ' ':
			break;
		default:
			*letter = flags.data + i;
			if (buffer_letter(p, flags.data + i, buffer) < 0)
				return -EINVAL;
		}
	}
	if (*raw && *buffer != NULL)
		return rule_error(p, flags.data, "B (raw bytes) can't be used with a flag that names a buffer");
	return 0;
}

static void capture_put(struct rule_parser *p, struct pcre_match *m, uint8_t kind, struct slice name)
{
	struct pcre_capture *c = &m->captures[m->capture_count++];

	c->kind = kind;
	c->name = arena_intern(&p->parsed->arena, name);
	c->id = rule_name(p, NAME_TEXT, name, true, false);
}

static uint8_t capture_kind(struct slice word)
{
	if (text_is(word, "flow"))
		return 'f';
	if (text_is(word, "pkt"))
		return 'p';
	return text_is(word, "alert") ? 'a' : 0;
}

/* "(?P<flow_name>…)" */
static void captures_named(struct rule_parser *p, struct slice pattern, struct pcre_match *m)
{
	const uint8_t *at = pattern.data, *end = pattern.data + pattern.len;

	while ((at = memmem(at, (size_t)(end - at), "(?P<", 4)) != NULL) {
		const uint8_t *close = memchr(at, '>', (size_t)(end - at)), *bar;
		struct slice name;

		at += 4;
		if (close == NULL || m->capture_count == CAPTURES_MAX)
			break;
		name = slice_of(at, (size_t)(close - at));
		bar = memchr(name.data, '_', name.len);
		if (bar != NULL) {
			uint8_t kind = capture_kind(slice_of(name.data, (size_t)(bar - name.data)));

			if (kind != 0)
				capture_put(p, m, kind, slice_skip(name, (size_t)(bar - name.data) + 1));
		}
	}
}

/* ", flow:name, pkt:name" */
static int captures_listed(struct rule_parser *p, struct slice list, struct pcre_match *m)
{
	struct slice part, kind;

	while (text_part(&list, ',', &part)) {
		uint8_t letter;

		text_part(&part, ':', &kind);
		letter = capture_kind(kind);
		part = text_trim(part);
		if (letter == 0 || part.len == 0) {
			rule_hint(p, "write flow:name or pkt:name, one for each group");
			return rule_error(p, kind.data, "this doesn't say where a group goes");
		}
		if (m->capture_count == CAPTURES_MAX)
			return rule_error(p, kind.data, "more than %d groups are kept", CAPTURES_MAX);
		capture_put(p, m, letter, part);
	}
	return 0;
}

static int expression_compile(struct rule_parser *p, struct slice pattern, struct pcre_match *m)
{
	char error[160];
	size_t offset = 0;
	int err;

	err = regex_compile(&m->regex, pattern, m->options, !p->load->parse_only, error, sizeof(error), &offset);
	if (err == -EINVAL)
		return rule_error(p, pattern.data + (offset <= pattern.len ? offset : 0),
				  "the expression is wrong here: %s", error);
	if (err < 0)
		return err;
	if (parsed_own(p->parsed, (void (*)(void *))regex_free, m->regex) < 0) {
		regex_free(m->regex);
		return -ENOMEM;
	}
	if (m->capture_count > regex_captures(m->regex))
		rule_warning(p, pattern.data, "%u groups are to be kept, but the expression has %u",
			     m->capture_count, regex_captures(m->regex));
	return 0;
}

/* The host is lower case: capitals never match, unless they are escapes (\S, \W). */
static int host_check(struct rule_parser *p, const struct word *word, const struct pcre_match *m)
{
	if (!(word->field->flags & FIELD_LOWER) || (m->options & RE_CASELESS))
		return 0;
	for (size_t i = 0; i < m->pattern.len; i++) {
		if (m->pattern.data[i] == '\\')
			i++;
		else if (m->pattern.data[i] >= 'A' && m->pattern.data[i] <= 'Z')
			return rule_error(p, m->pattern.data + i, "%s is lower case: an expression with capitals never matches",
					  word->field->name);
	}
	return 0;
}

static struct list_builder *pcre_list(struct rule_parser *p, const struct word *word, const uint8_t *at)
{
	struct buffer buffer;
	struct word chosen;

	if (word == NULL)
		return rule_list(p);
	if (p->sticky && p->lists[p->current].buffer.kind == BUFFER_FIELD &&
	    (strcmp(p->lists[p->current].buffer.field->name, word->field->name) == 0 ||
	     (*at == 'Q' && strcmp(p->lists[p->current].buffer.field->name, "file.data") == 0)))
		return rule_list(p);
	if (p->sticky) {
		rule_hint(p, "leave the flag out where %s is meant, or write pkt_data; before", p->lists[p->current].buffer.name);
		rule_error(p, at, "the flag names the buffer %s, but the sticky buffer %s is in force",
			   word->field->name, p->lists[p->current].buffer.name);
		return NULL;
	}
	chosen = *word;
	if (rule_field_choose(p, &chosen) < 0)
		return NULL;
	buffer = rule_field_buffer(chosen.field, chosen.analyzer);
	return rule_list_for(p, &buffer, rule_field_side(chosen.field));
}

static int pcre_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct pcre_text text = { .negated = negated };
	struct pcre_match m = { 0 };
	const struct word *word = NULL;
	const uint8_t *letter = NULL;
	struct list_builder *list;
	struct match *match;
	bool raw = false;

	(void)kw;
	m.captures = rule_alloc(p, CAPTURES_MAX * sizeof(*m.captures));
	if (m.captures == NULL)
		return -ENOMEM;
	if (pcre_split(p, argument, &text) < 0 || flags_parse(p, text.flags, &m, &word, &letter, &raw) < 0)
		return -EINVAL;
	m.pattern = text.pattern;
	m.negated = text.negated;
	captures_named(p, text.pattern, &m);
	if (text.captures.data != NULL && captures_listed(p, text.captures, &m) < 0)
		return -EINVAL;
	if (expression_compile(p, text.pattern, &m) < 0 || (word != NULL && host_check(p, word, &m) < 0))
		return -EINVAL;
	list = pcre_list(p, word, letter);
	if (list != NULL && m.relative && !p->sticky && list->count == 0) {
		rule_hint(p, "leave R out, or write a content before it");
		return rule_error(p, text.flags.data, "R is relative to a match before it in the same buffer: there is none");
	}
	match = rule_match_add(p, list, MATCH_PCRE);
	if (match == NULL)
		return -EINVAL;
	match->pcre = m;
	return 0;
}

static const struct keyword keywords[] = {
	{ .name = "pcre", .summary = "a regular expression", .flags = KEYWORD_MAY_QUOTE | KEYWORD_NEGATABLE,
	  .parse = pcre_parse },
};

const struct keyword_table keywords_pcre = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
