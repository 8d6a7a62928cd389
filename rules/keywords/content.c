/* content.c - contents and what changes them. */
#include <errno.h>

#include "rules/parser.h"

#define CONTENT_LEN_MAX 65535
#define REACH_MAX (1024 * 1024)

/* "ab|0d 0a|c\;" to bytes; |3 a20| is fine: blanks are nothing between bars. */
static int content_bytes(struct rule_parser *p, struct slice text, struct slice *out)
{
	uint8_t *bytes = rule_alloc(p, text.len + 1);
	bool hex = false, half = false;
	const uint8_t *bar = NULL;
	size_t n = 0;

	if (bytes == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];

		if (c == '|') {
			if (half)
				return rule_error(p, text.data + i, "half a byte is missing before the closing bar");
			hex = !hex;
			bar = text.data + i;
		} else if (hex) {
			int d = text_hex_digit(c);

			if (c == ' ' || c == '\t')
				continue;
			if (d < 0)
				return rule_error(p, text.data + i, "\"%c\" isn't a hex digit; a plain bar is |7c|", c);
			if (half)
				bytes[n++] |= (uint8_t)d;
			else
				bytes[n] = (uint8_t)(d << 4);
			half = !half;
		} else if (c == '\\') {
			if (i + 1 == text.len || !strchr(";:\"\\", text.data[i + 1]) || text.data[i + 1] == '\0') {
				rule_hint(p, "a backslash itself is \\\\ or |5c|");
				return rule_error(p, text.data + i, "a backslash protects only ; : \" and \\ in a content");
			}
			bytes[n++] = text.data[++i];
		} else if (c == '"') {
			rule_hint(p, "write \\\" or |22|");
			return rule_error(p, text.data + i, "a quote inside a content has to be protected");
		} else {
			bytes[n++] = c;
		}
	}
	if (hex)
		return rule_error(p, bar, "the bar that opens hex bytes is never closed");
	if (n == 0)
		return rule_error(p, text.data, "the content is empty");
	if (n > CONTENT_LEN_MAX)
		return rule_error(p, text.data, "the content is longer than %d bytes", CONTENT_LEN_MAX);
	*out = slice_of(bytes, n);
	return 0;
}

static int content_add(struct rule_parser *p, struct list_builder *list, struct slice argument, bool negated)
{
	struct slice bytes;
	struct match *m;

	if (content_bytes(p, argument, &bytes) < 0)
		return -EINVAL;
	m = rule_match_add(p, list, MATCH_CONTENT);
	if (m == NULL)
		return -EINVAL;
	m->content.bytes = bytes;
	if (negated)
		m->content.flags |= CONTENT_NEGATED;
	return 0;
}

static int content_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	(void)kw;
	return content_add(p, rule_list(p), argument, negated);
}

static int uricontent_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const struct word *word = lexicon_find(p->parsed->lexicon, slice_str("http.uri"));
	struct buffer buffer;
	struct word chosen;

	(void)kw;
	if (word == NULL || word->field == NULL)
		return rule_error(p, NULL, "there is no analyzer for HTTP");
	if (p->sticky)
		return rule_error(p, NULL, "uricontent can't be used while a sticky buffer is in force");
	chosen = *word;
	if (rule_field_choose(p, &chosen) < 0)
		return -EINVAL;
	word = &chosen;
	buffer = rule_field_buffer(word->field, word->analyzer);
	return content_add(p, rule_list_for(p, &buffer, rule_field_side(word->field)), argument, negated);
}

static int nocase_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)argument;
	(void)negated;
	if (c == NULL)
		return -EINVAL;
	if (c->flags & CONTENT_NOCASE)
		return rule_error(p, NULL, "this content has nocase already");
	c->flags |= CONTENT_NOCASE;
	for (size_t i = 0; i < c->bytes.len; i++) {
		uint8_t *b = (uint8_t *)c->bytes.data + i;

		if (*b >= 'A' && *b <= 'Z')
			*b |= 0x20;
	}
	return 0;
}

/* What no position modifier may come with. */
static int place_check(struct rule_parser *p, const struct content *c, uint16_t own, uint16_t against)
{
	static const struct { uint16_t flag; const char *name; } names[] = {
		{ CONTENT_STARTSWITH, "startswith" }, { CONTENT_OFFSET, "offset" }, { CONTENT_DEPTH, "depth" },
		{ CONTENT_DISTANCE, "distance" }, { CONTENT_WITHIN, "within" },
	};

	if (c->flags & own)
		return rule_error(p, NULL, "this content has %.*s already", SLICE_ARG(p->keyword));
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (c->flags & against & names[i].flag)
			return rule_error(p, NULL, "%.*s can't be used with %s on one content", SLICE_ARG(p->keyword),
					  names[i].name);
	if ((c->flags & CONTENT_NEGATED) && (c->flags & CONTENT_FAST))
		return rule_error(p, NULL, "a negated content with fast_pattern can't have %.*s", SLICE_ARG(p->keyword));
	if (c->flags & CONTENT_FAST_ONLY)
		return rule_error(p, NULL, "a content with fast_pattern:only can't have %.*s", SLICE_ARG(p->keyword));
	return 0;
}

static int depth_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)negated;
	if (c == NULL ||
	    place_check(p, c, CONTENT_DEPTH, CONTENT_STARTSWITH | CONTENT_DISTANCE | CONTENT_WITHIN) < 0 ||
	    rule_operand(p, argument, 0, 65535, &c->depth) < 0)
		return -EINVAL;
	if (!c->depth.is_var && (size_t)c->depth.value < c->bytes.len) {
		rule_hint(p, "depth:%zu or more", c->bytes.len);
		return rule_error(p, argument.data, "depth %lld is less than the content's %zu bytes",
				  (long long)c->depth.value, c->bytes.len);
	}
	c->flags |= CONTENT_DEPTH;
	return 0;
}

static int offset_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)negated;
	if (c == NULL ||
	    place_check(p, c, CONTENT_OFFSET, CONTENT_STARTSWITH | CONTENT_DISTANCE | CONTENT_WITHIN) < 0 ||
	    rule_operand(p, argument, 0, 65535, &c->offset) < 0)
		return -EINVAL;
	c->flags |= CONTENT_OFFSET;
	return 0;
}

/* What stands before a relative content must leave a place to be relative to. */
static int previous_check(struct rule_parser *p)
{
	struct match *before = rule_content_previous(p);

	if (before != NULL && before->kind == MATCH_CONTENT && (before->content.flags & CONTENT_FAST_ONLY))
		return rule_error(p, NULL, "%.*s can't be relative to a content with fast_pattern:only",
				  SLICE_ARG(p->keyword));
	return 0;
}

static int distance_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)negated;
	if (c == NULL ||
	    place_check(p, c, CONTENT_DISTANCE, CONTENT_STARTSWITH | CONTENT_DEPTH | CONTENT_OFFSET) < 0 ||
	    rule_operand(p, argument, -REACH_MAX, REACH_MAX, &c->distance) < 0)
		return -EINVAL;
	c->flags |= CONTENT_DISTANCE;
	return previous_check(p);
}

static int within_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)negated;
	if (c == NULL ||
	    place_check(p, c, CONTENT_WITHIN, CONTENT_STARTSWITH | CONTENT_DEPTH | CONTENT_OFFSET) < 0 ||
	    rule_operand(p, argument, -REACH_MAX, REACH_MAX, &c->within) < 0)
		return -EINVAL;
	if (!c->within.is_var && c->within.value < (int64_t)c->bytes.len) {
		rule_hint(p, "within:%zu or more", c->bytes.len);
		return rule_error(p, argument.data, "within %lld is less than the content's %zu bytes",
				  (long long)c->within.value, c->bytes.len);
	}
	c->flags |= CONTENT_WITHIN;
	return previous_check(p);
}

static int startswith_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)argument;
	(void)negated;
	if (c == NULL || place_check(p, c, CONTENT_STARTSWITH, CONTENT_DEPTH | CONTENT_OFFSET | CONTENT_DISTANCE |
							       CONTENT_WITHIN) < 0)
		return -EINVAL;
	c->flags |= CONTENT_STARTSWITH;
	return 0;
}

static int endswith_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c = rule_content_last(p);

	(void)kw;
	(void)argument;
	(void)negated;
	if (c == NULL || place_check(p, c, 0, 0) < 0)
		return -EINVAL;
	if (c->flags & CONTENT_ENDSWITH)
		rule_warning(p, NULL, "this content has endswith already");
	c->flags |= CONTENT_ENDSWITH;
	return 0;
}

static int rawbytes_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c;

	(void)kw;
	(void)argument;
	(void)negated;
	if (p->sticky)
		return rule_error(p, NULL, "rawbytes is about payload, but the sticky buffer %s is in force",
				  p->lists[p->current].buffer.name);
	c = rule_content_last(p);
	if (c == NULL)
		return -EINVAL;
	if (c->flags & CONTENT_RAWBYTES)
		return rule_error(p, NULL, "this content has rawbytes already");
	c->flags |= CONTENT_RAWBYTES;
	return 0;
}

static int replace_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct content *c;
	struct slice bytes;

	(void)kw;
	if (negated)
		return rule_error(p, NULL, "replace can't be negated");
	if (!p->load->inline_mode) {
		rule_warning(p, NULL, "replace has no effect: packets aren't forwarded");
		return 0;
	}
	if (p->sticky)
		return rule_error(p, NULL, "replace is about payload, but a sticky buffer is in force");
	c = rule_content_last(p);
	if (c == NULL || content_bytes(p, argument, &bytes) < 0)
		return -EINVAL;
	if (c->flags & (CONTENT_NEGATED | CONTENT_REPLACE))
		return rule_error(p, NULL, "this content can't be replaced: it is negated, or replaced already");
	if (bytes.len != c->bytes.len)
		return rule_error(p, argument.data, "replace has %zu bytes, the content %zu: they have to be as long",
				  bytes.len, c->bytes.len);
	c->replace = (uint8_t *)bytes.data;
	c->flags |= CONTENT_REPLACE;
	return 0;
}

static int fast_part(struct rule_parser *p, struct slice argument, struct content *c)
{
	struct slice rest = argument, first;
	uint32_t offset, len;

	text_part(&rest, ',', &first);
	if (rest.data == NULL || !text_u32(first, 65535, &offset) || !text_u32(text_trim(rest), 65535, &len)) {
		rule_hint(p, "fast_pattern, fast_pattern:only or fast_pattern:offset,length");
		return rule_error(p, argument.data, "fast_pattern can't be \"%.*s\"", SLICE_ARG(argument));
	}
	if (offset + len > c->bytes.len)
		return rule_error(p, argument.data, "offset and length reach beyond the content's %zu bytes", c->bytes.len);
	c->fast_offset = (uint16_t)offset;
	c->fast_len = (uint16_t)len;
	return 0;
}

/* Behind a sticky buffer only that buffer counts. */
static bool fast_here(const struct rule_parser *p)
{
	for (unsigned i = 0; i < p->list_count; i++)
		for (unsigned k = 0; (!p->sticky || (int)i == p->current) && k < p->lists[i].count; k++)
			if (p->lists[i].matches[k].kind == MATCH_CONTENT &&
			    (p->lists[i].matches[k].content.flags & CONTENT_FAST))
				return true;
	return false;
}

static void fast_forget(struct rule_parser *p)
{
	for (unsigned i = 0; i < p->list_count; i++)
		for (unsigned k = 0; k < p->lists[i].count; k++)
			if (p->lists[i].matches[k].kind == MATCH_CONTENT)
				p->lists[i].matches[k].content.flags &= (uint16_t)~CONTENT_FAST;
}

static int fast_pattern_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const uint16_t places = CONTENT_OFFSET | CONTENT_DEPTH | CONTENT_DISTANCE | CONTENT_WITHIN | CONTENT_STARTSWITH;
	struct content *c;

	(void)negated;
	(void)kw;
	if (p->sticky && p->current >= 0 && p->lists[p->current].buffer.kind == BUFFER_BASE64)
		return rule_error(p, NULL, "fast_pattern can't be used with base64_data");
	c = rule_content_last(p);
	if (c == NULL)
		return -EINVAL;
	if ((c->flags & CONTENT_NEGATED) && (c->flags & places))
		return rule_error(p, NULL, "a negated content with a position can't be the fast pattern");
	if (fast_here(p)) {
		rule_hint(p, "keep the one on the rarest content");
		return rule_error(p, NULL, "fast_pattern can be used on only one content of a rule");
	}
	if (p->has_fast)
		rule_warning(p, NULL, "fast_pattern stands on two contents of different buffers: the last one counts");
	fast_forget(p);
	p->has_fast = true;
	if (text_is(argument, "only")) {
		if (c->flags & (CONTENT_NEGATED | places))
			return rule_error(p, argument.data, "fast_pattern:only is for contents without position and negation");
		c->flags |= CONTENT_FAST_ONLY;
	} else if (argument.len > 0 && fast_part(p, argument, c) < 0) {
		return -EINVAL;
	}
	c->flags |= CONTENT_FAST;
	return 0;
}

#define MODIFIER KEYWORD_MODIFIER
static const struct keyword keywords[] = {
	{ .name = "content", .summary = "bytes to find", .flags = KEYWORD_QUOTED | KEYWORD_NEGATABLE,
	  .parse = content_parse },
	{ .name = "uricontent", .summary = "content in http.uri", .flags = KEYWORD_QUOTED | KEYWORD_NEGATABLE,
	  .parse = uricontent_parse },
	{ .name = "nocase", .summary = "capitals don't matter", .flags = MODIFIER | KEYWORD_NO_ARGUMENT,
	  .parse = nocase_parse },
	{ .name = "depth", .summary = "how many bytes from the start to search", .flags = MODIFIER, .parse = depth_parse },
	{ .name = "offset", .summary = "where to begin the search", .flags = MODIFIER, .parse = offset_parse },
	{ .name = "distance", .summary = "where to begin, from the end of the match before", .flags = MODIFIER,
	  .parse = distance_parse },
	{ .name = "within", .summary = "how many bytes from the end of the match before to search", .flags = MODIFIER,
	  .parse = within_parse },
	{ .name = "startswith", .summary = "at the very start", .flags = MODIFIER | KEYWORD_NO_ARGUMENT,
	  .parse = startswith_parse },
	{ .name = "endswith", .summary = "at the very end", .flags = MODIFIER | KEYWORD_NO_ARGUMENT,
	  .parse = endswith_parse },
	{ .name = "rawbytes", .summary = "of the payload as sent", .flags = MODIFIER | KEYWORD_NO_ARGUMENT,
	  .parse = rawbytes_parse },
	{ .name = "replace", .summary = "inline: put these bytes in place of the content",
	  .flags = MODIFIER | KEYWORD_QUOTED | KEYWORD_NEGATABLE, .parse = replace_parse },
	{ .name = "fast_pattern", .summary = "search for this content first", .flags = MODIFIER | KEYWORD_OPTIONAL_ARGUMENT,
	  .parse = fast_pattern_parse },
};

const struct keyword_table keywords_content = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
