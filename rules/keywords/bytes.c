/* bytes.c - numbers and lengths inside a buffer: byte_test, byte_jump, byte_extract, byte_math, isdataat,
 * dsize, bsize, urilen, absent, base64_decode. */
#include <errno.h>

#include "analyzers/number.h"
#include "rules/inspect.h"
#include "rules/parser.h"

#define OFFSET_MAX 65535
#define BYTE_OFFSET_MAX INT32_MAX
/* Digits that fit 64 bits: octal, decimal, hex with 0x. */
#define DIGITS_MAX 23

static int base_set(struct rule_parser *p, struct byte_op *op, struct slice word)
{
	if (op->base != 0)
		return rule_error(p, word.data, "two bases");
	op->base = text_is(word, "hex") ? 16 : text_is(word, "dec") ? 10 : 8;
	return 0;
}

/* Options that byte_test, byte_jump and byte_extract have in common. 1: not one of them. */
static int common_option(struct rule_parser *p, struct byte_op *op, struct slice word, struct slice value)
{
	uint32_t v;

	if (text_is(word, "relative")) {
		op->flags |= BYTE_RELATIVE;
	} else if (text_is(word, "little")) {
		op->flags |= BYTE_LITTLE;
	} else if (text_is(word, "big")) {
		op->flags &= (uint8_t)~BYTE_LITTLE;
	} else if (text_is(word, "string")) {
		op->flags |= BYTE_STRING;
		/* Also "string dec" in one. */
		if (value.len > 0 && (text_is(value, "hex") || text_is(value, "dec") || text_is(value, "oct")))
			return base_set(p, op, value);
	} else if (text_is(word, "hex") || text_is(word, "dec") || text_is(word, "oct")) {
		return base_set(p, op, word);
	} else if (text_is(word, "dce")) {
		op->flags |= BYTE_DCE;
	} else if (text_is(word, "bitmask")) {
		if (!text_u32(value, UINT32_MAX, &v))
			return rule_error(p, word.data, "bitmask needs a number of at most 32 bits");
		op->bitmask = v;
	} else {
		return 1;
	}
	if (value.len > 0 && !text_is(word, "bitmask") && !text_is(word, "string"))
		return rule_error(p, value.data, "%.*s takes no value", SLICE_ARG(word));
	return 0;
}

static int unknown_option(struct rule_parser *p, struct slice word, const char *known)
{
	rule_hint(p, "known are %s", known);
	return rule_error(p, word.data, "unknown option \"%.*s\" of %.*s", SLICE_ARG(word), SLICE_ARG(p->keyword));
}

/* How many bytes may be read, given all the options. */
static int count_check(struct rule_parser *p, const struct byte_op *op, struct slice at, bool zero_ok)
{
	int64_t n = op->count.value;

	if (op->flags & BYTE_STRING) {
		if (!op->count.is_var && n > DIGITS_MAX)
			return rule_error(p, at.data, "at most %d digits fit a number", DIGITS_MAX);
	} else if (op->base != 0) {
		rule_hint(p, "write string, dec");
		return rule_error(p, at.data, "hex, dec and oct belong to string");
	} else if (!op->count.is_var && (n > 8 || (n == 0 && !zero_ok))) {
		return rule_error(p, at.data, "between 1 and 8 bytes can be read as a number, not %lld", (long long)n);
	}
	if ((op->flags & BYTE_DCE) && (op->flags & BYTE_STRING))
		return rule_error(p, at.data, "dce can't be used with string");
	return 0;
}

/* "dce" takes the byte order from the DCERPC header: the rule is about DCERPC then. */
static int dce_require(struct rule_parser *p, const struct byte_op *op)
{
	const struct analyzer *an;

	if (!(op->flags & BYTE_DCE) || p->rule->app != NULL)
		return 0;
	an = analyzer_find("dcerpc");
	return an != NULL ? rule_app_require(p, an, NULL) : 0;
}

static int next_part(struct rule_parser *p, struct slice *rest, const char *what, struct slice *part)
{
	if (text_part(rest, ',', part) && part->len > 0)
		return 0;
	return rule_error(p, part->data, "%.*s: %s is missing", SLICE_ARG(p->keyword), what);
}

static int match_put(struct rule_parser *p, struct list_builder *list, enum match_kind kind, const struct byte_op *op)
{
	struct match *m;

	if (list == NULL)
		return -EINVAL;
	m = rule_match_add(p, list, kind);
	if (m == NULL)
		return -EINVAL;
	m->byte = *op;
	return 0;
}

static int operator_parse(struct rule_parser *p, struct slice text, struct byte_op *op)
{
	static const struct { const char *text; char op; } ops[] = {
		{ "<=", 'l' }, { ">=", 'g' }, { "=", '=' }, { "<", '<' }, { ">", '>' }, { "&", '&' }, { "^", '^' },
	};
	struct slice s = text;

	if (s.len > 0 && s.data[0] == '!') {
		op->flags |= BYTE_NEGATED;
		s = text_trim(slice_of(s.data + 1, s.len - 1));
		op->op = '=';
		if (s.len == 0)
			return 0;
	}
	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (text_is(s, ops[i].text)) {
			op->op = (uint8_t)ops[i].op;
			return 0;
		}
	}
	rule_hint(p, "operators are = < > <= >= & ^, with ! in front for not");
	return rule_error(p, text.data, "\"%.*s\" isn't an operator", SLICE_ARG(text));
}

/* A number of up to 64 bits, or a variable. */
static int value_parse(struct rule_parser *p, struct slice text, struct operand *out)
{
	uint64_t v;

	if (text_u64(text, &v)) {
		out->is_var = false;
		out->value = (int64_t)v;
		return 0;
	}
	return rule_operand(p, text, INT64_MIN, INT64_MAX, out);
}

/* What is relative belongs to the buffer of the match before it, also where a modifier named that. */
static struct list_builder *relative_list(struct rule_parser *p, bool relative)
{
	if (!p->sticky && relative && p->last_list >= 0)
		return &p->lists[p->last_list];
	return rule_list(p);
}

static int byte_test_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, count, oper, value, offset, part, word;
	struct byte_op op = { 0 };

	(void)kw;
	(void)negated;
	if (next_part(p, &rest, "the number of bytes", &count) < 0 || next_part(p, &rest, "the operator", &oper) < 0 ||
	    next_part(p, &rest, "the value", &value) < 0 || next_part(p, &rest, "the offset", &offset) < 0 ||
	    rule_operand(p, count, 0, DIGITS_MAX, &op.count) < 0 || operator_parse(p, oper, &op) < 0 ||
	    value_parse(p, value, &op.value) < 0 || rule_operand(p, offset, -BYTE_OFFSET_MAX, BYTE_OFFSET_MAX, &op.offset) < 0)
		return -EINVAL;
	while (text_part(&rest, ',', &part)) {
		int err;

		text_word(&part, &word);
		err = common_option(p, &op, word, text_trim(part));
		if (err > 0)
			return unknown_option(p, word, "relative, little, big, string, hex, dec, oct, dce, bitmask");
		if (err < 0)
			return err;
	}
	if (count_check(p, &op, count, true) < 0 || dce_require(p, &op) < 0)
		return -EINVAL;
	return match_put(p, relative_list(p, op.flags & BYTE_RELATIVE), MATCH_BYTE_TEST, &op);
}

static int byte_jump_option(struct rule_parser *p, struct byte_op *op, struct slice word, struct slice value)
{
	int64_t v;
	int err = common_option(p, op, word, value);

	if (err <= 0)
		return err;
	if (text_is(word, "align")) {
		op->flags |= BYTE_ALIGN;
	} else if (text_is(word, "from_beginning")) {
		op->flags |= BYTE_FROM_BEGINNING;
	} else if (text_is(word, "from_end")) {
		op->flags |= BYTE_FROM_END;
	} else if (text_is(word, "multiplier")) {
		if (!text_i64(value, &v) || v <= 0 || v > 65535)
			return rule_error(p, word.data, "multiplier needs a number between 1 and 65535");
		op->multiplier = (uint32_t)v;
	} else if (text_is(word, "post_offset")) {
		if (!text_i64(value, &v) || v < -65535 || v > 65535)
			return rule_error(p, word.data, "post_offset needs a number between -65535 and 65535");
		op->post_offset = (int32_t)v;
	} else {
		return unknown_option(p, word, "relative, little, big, string, hex, dec, oct, dce, bitmask, align, "
					       "multiplier, from_beginning, from_end, post_offset");
	}
	return 0;
}

static int byte_jump_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, count, offset, part, word;
	struct byte_op op = { .multiplier = 1 };

	(void)kw;
	(void)negated;
	if (next_part(p, &rest, "the number of bytes", &count) < 0 || next_part(p, &rest, "the offset", &offset) < 0 ||
	    rule_operand(p, count, 0, DIGITS_MAX, &op.count) < 0 ||
	    rule_operand(p, offset, -BYTE_OFFSET_MAX, BYTE_OFFSET_MAX, &op.offset) < 0)
		return -EINVAL;
	while (text_part(&rest, ',', &part)) {
		text_word(&part, &word);
		if (byte_jump_option(p, &op, word, text_trim(part)) < 0)
			return -EINVAL;
	}
	if ((op.flags & BYTE_FROM_BEGINNING) && (op.flags & BYTE_FROM_END))
		return rule_error(p, argument.data, "a jump begins at the beginning or at the end, not both");
	if (count_check(p, &op, count, true) < 0 || dce_require(p, &op) < 0)
		return -EINVAL;
	return match_put(p, relative_list(p, op.flags & BYTE_RELATIVE), MATCH_BYTE_JUMP, &op);
}

static int byte_extract_option(struct rule_parser *p, struct byte_op *op, struct slice word, struct slice value)
{
	uint32_t v;
	int err = common_option(p, op, word, value);

	if (err <= 0)
		return err;
	if (text_is(word, "align")) {
		if (!text_u32(value, 4, &v) || (v != 2 && v != 4))
			return rule_error(p, word.data, "align needs 2 or 4");
		op->align = (uint8_t)v;
	} else if (text_is(word, "multiplier")) {
		if (!text_u32(value, 65535, &v) || v == 0)
			return rule_error(p, word.data, "multiplier needs a number between 1 and 65535");
		op->multiplier = v;
	} else {
		return unknown_option(p, word, "relative, little, big, string, hex, dec, oct, dce, align, multiplier");
	}
	return 0;
}

static int byte_extract_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, count, offset, name, part, word;
	struct list_builder *list;
	struct byte_op op = { .multiplier = 1 };
	int var;

	(void)kw;
	(void)negated;
	if (next_part(p, &rest, "the number of bytes", &count) < 0 || next_part(p, &rest, "the offset", &offset) < 0 ||
	    next_part(p, &rest, "the variable", &name) < 0 || rule_operand(p, count, 0, DIGITS_MAX, &op.count) < 0 ||
	    rule_operand(p, offset, -BYTE_OFFSET_MAX, BYTE_OFFSET_MAX, &op.offset) < 0)
		return -EINVAL;
	while (text_part(&rest, ',', &part)) {
		text_word(&part, &word);
		if (byte_extract_option(p, &op, word, text_trim(part)) < 0)
			return -EINVAL;
	}
	if (count_check(p, &op, count, true) < 0 || dce_require(p, &op) < 0)
		return -EINVAL;
	list = relative_list(p, op.flags & BYTE_RELATIVE);
	var = list != NULL ? rule_byte_var_new(p, name, list) : -EINVAL;
	if (var < 0)
		return var;
	op.result_var = (uint8_t)var;
	return match_put(p, list, MATCH_BYTE_EXTRACT, &op);
}

enum { MATH_BYTES = 1, MATH_OFFSET = 2, MATH_OPER = 4, MATH_RVALUE = 8, MATH_RESULT = 16 };

static int math_operator(struct rule_parser *p, struct slice value, struct byte_op *op)
{
	if (value.len == 1 && strchr("+-*/", value.data[0]) != NULL && value.data[0] != '\0')
		op->op = value.data[0];
	else if (text_is(value, "<<"))
		op->op = 'L';
	else if (text_is(value, ">>"))
		op->op = 'R';
	else {
		rule_hint(p, "operators are + - * / << >>");
		return rule_error(p, value.data, "\"%.*s\" isn't an operator", SLICE_ARG(value));
	}
	return 0;
}

static int math_option(struct rule_parser *p, struct byte_op *op, struct slice word, struct slice value,
		       struct slice *result, unsigned *seen)
{
	unsigned bit = text_is(word, "bytes") ? MATH_BYTES : text_is(word, "offset") ? MATH_OFFSET :
		       text_is(word, "oper") ? MATH_OPER : text_is(word, "rvalue") ? MATH_RVALUE :
		       text_is(word, "result") ? MATH_RESULT : 0;
	int err;

	if (bit != 0 && (*seen & bit))
		return rule_error(p, word.data, "%.*s stands here twice", SLICE_ARG(word));
	*seen |= bit;
	switch (bit) {
	case MATH_BYTES:
		return rule_operand(p, value, 1, 10, &op->count);
	case MATH_OFFSET:
		return rule_operand(p, value, -OFFSET_MAX, OFFSET_MAX, &op->offset);
	case MATH_OPER:
		return math_operator(p, value, op);
	case MATH_RVALUE:
		return rule_operand(p, value, 0, UINT32_MAX, &op->value);
	case MATH_RESULT:
		*result = value;
		return 0;
	}
	if (text_is(word, "endian")) {
		if (!text_is(value, "big") && !text_is(value, "little"))
			return rule_error(p, value.data, "endian is big or little");
		op->flags |= text_is(value, "little") ? BYTE_LITTLE : 0;
		return 0;
	}
	err = common_option(p, op, word, value);
	if (err > 0)
		return unknown_option(p, word, "bytes, offset, oper, rvalue, result, relative, endian, string, dce, bitmask");
	return err;
}

static int byte_math_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, part, word, result = { 0 };
	struct list_builder *list;
	struct byte_op op = { .multiplier = 1 };
	unsigned seen = 0;
	int var;

	(void)kw;
	(void)negated;
	while (text_part(&rest, ',', &part)) {
		text_word(&part, &word);
		if (math_option(p, &op, word, text_trim(part), &result, &seen) < 0)
			return -EINVAL;
	}
	if (seen != (MATH_BYTES | MATH_OFFSET | MATH_OPER | MATH_RVALUE | MATH_RESULT)) {
		rule_hint(p, "write byte_math:bytes 4, offset 0, oper +, rvalue 1, result NAME;");
		return rule_error(p, argument.data, "byte_math needs bytes, offset, oper, rvalue and result");
	}
	if (op.op == '/' && !op.value.is_var && op.value.value == 0)
		rule_warning(p, argument.data, "division by zero: it never holds");
	if ((op.flags & BYTE_STRING) && op.base == 0) {
		rule_hint(p, "write string dec, string hex or string oct");
		return rule_error(p, argument.data, "string has no base");
	}
	if ((op.op == 'L' || op.op == 'R') && !op.value.is_var && op.value.value >= 64)
		return rule_error(p, argument.data, "a shift by 64 bits or more leaves nothing");
	if (count_check(p, &op, argument, false) < 0 || dce_require(p, &op) < 0)
		return -EINVAL;
	list = relative_list(p, op.flags & BYTE_RELATIVE);
	var = list != NULL ? rule_byte_var_new(p, result, list) : -EINVAL;
	if (var < 0)
		return var;
	op.result_var = (uint8_t)var;
	return match_put(p, list, MATCH_BYTE_MATH, &op);
}

static int isdataat_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, n, part;
	struct isdataat is = { .negated = negated };
	struct match *m;

	(void)kw;
	text_part(&rest, ',', &n);
	if (rule_operand(p, n, 0, OFFSET_MAX, &is.n) < 0)
		return -EINVAL;
	while (text_part(&rest, ',', &part)) {
		if (text_is(part, "relative"))
			is.relative = true;
		else if (!text_is(part, "rawbytes"))
			return unknown_option(p, part, "relative, rawbytes");
	}
	m = rule_match_add(p, relative_list(p, is.relative), MATCH_ISDATAAT);
	if (m == NULL)
		return -EINVAL;
	m->isdataat = is;
	return 0;
}

static int number_error(struct rule_parser *p, struct slice argument, const char *error)
{
	rule_hint(p, "write a number, a comparison (>10) or a range (10<>20)");
	return rule_error(p, argument.data, "%.*s: %s", SLICE_ARG(argument), error);
}

static bool dsize_match(struct inspect *in, const struct rule *rule, const void *data)
{
	const struct number_test *test = data;

	(void)rule;
	/* A stream end has no packet of its own. */
	if (in->pkt->flags & (PACKET_END_OF_FLOW | PACKET_NO_PAYLOAD_INSPECT))
		return false;
	return number_test_match(test, in->pkt->payload.len);
}

static int dsize_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct number_test *test = rule_alloc(p, sizeof(*test));
	const char *error;

	(void)negated;
	if (test == NULL)
		return -ENOMEM;
	if (p->has_dsize)
		return rule_error(p, NULL, "dsize stands here twice");
	if (!number_test_parse(test, argument, 16, NULL, &error))
		return number_error(p, argument, error);
	p->has_dsize = true;
	p->dsize = *test;
	return rule_condition_add(p, kw, test, STAGE_PACKET) != NULL ? 0 : -EINVAL;
}

static int bsize_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct number_test test;
	const char *error;
	struct match *m;

	(void)kw;
	(void)negated;
	if (!p->sticky) {
		rule_hint(p, "write it behind a sticky buffer; for payload there is dsize");
		return rule_error(p, NULL, "bsize has no sticky buffer before it");
	}
	if (!number_test_parse(&test, argument, 64, NULL, &error))
		return number_error(p, argument, error);
	m = rule_match_add(p, rule_list(p), MATCH_BSIZE);
	if (m == NULL)
		return -EINVAL;
	m->bsize = test;
	return 0;
}

static int urilen_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	const struct word *word;
	struct slice rest = argument, number;
	struct number_test test;
	struct buffer buffer;
	struct word chosen;
	const char *error;
	struct match *m;

	(void)kw;
	(void)negated;
	text_part(&rest, ',', &number);
	rest = text_trim(rest);
	if (rest.len > 0 && !text_is_nocase(rest, "norm") && !text_is_nocase(rest, "raw"))
		return unknown_option(p, rest, "norm, raw");
	if (!number_test_parse(&test, number, 16, NULL, &error))
		return number_error(p, number, error);
	word = lexicon_find(p->parsed->lexicon, slice_str(text_is_nocase(rest, "raw") ? "http.uri.raw" : "http.uri"));
	if (word == NULL || word->field == NULL)
		return rule_error(p, NULL, "there is no analyzer for HTTP");
	chosen = *word;
	if (rule_field_choose(p, &chosen) < 0)
		return -EINVAL;
	word = &chosen;
	buffer = rule_field_buffer(word->field, word->analyzer);
	m = rule_match_add(p, rule_list_for(p, &buffer, rule_field_side(word->field)), MATCH_BSIZE);
	if (m == NULL)
		return -EINVAL;
	m->bsize = test;
	return 0;
}

static int absent_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct match *m;

	(void)kw;
	(void)negated;
	if (!p->sticky || p->lists[p->current].buffer.kind == BUFFER_BASE64) {
		rule_hint(p, "write it behind a sticky buffer");
		return rule_error(p, NULL, "absent has no sticky buffer before it");
	}
	if (argument.len > 0 && !text_is(argument, "or_else"))
		return unknown_option(p, argument, "or_else");
	m = rule_match_add(p, rule_list(p), MATCH_ABSENT);
	if (m == NULL)
		return -EINVAL;
	m->absent.or_else = argument.len > 0;
	return 0;
}

static int base64_decode_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct slice rest = argument, part, word;
	struct base64_op op = { 0 };
	struct match *m;

	(void)kw;
	(void)negated;
	while (text_part(&rest, ',', &part)) {
		uint32_t *number = NULL;

		text_word(&part, &word);
		part = text_trim(part);
		if (text_is(word, "bytes"))
			number = &op.bytes;
		else if (text_is(word, "offset"))
			number = &op.offset;
		else if (text_is(word, "relative"))
			op.relative = true;
		else
			return unknown_option(p, word, "bytes N, offset N, relative");
		if (number != NULL && !text_u32(part, OFFSET_MAX, number))
			return rule_error(p, word.data, "%.*s needs a number up to %d", SLICE_ARG(word), OFFSET_MAX);
	}
	m = rule_match_add(p, relative_list(p, op.relative), MATCH_BASE64_DECODE);
	if (m == NULL)
		return -EINVAL;
	m->base64 = op;
	p->has_base64_decode = true;
	return 0;
}

static const struct keyword keywords[] = {
	{ .name = "byte_test", .summary = "compares a number in the buffer", .parse = byte_test_parse },
	{ .name = "byte_jump", .summary = "moves the place where relative matches begin", .parse = byte_jump_parse },
	{ .name = "byte_extract", .summary = "puts a number of the buffer into a variable", .parse = byte_extract_parse },
	{ .name = "byte_math", .summary = "computes with a number of the buffer", .parse = byte_math_parse },
	{ .name = "isdataat", .summary = "whether the buffer reaches so far", .flags = KEYWORD_NEGATABLE,
	  .parse = isdataat_parse },
	{ .name = "dsize", .summary = "size of the packet's payload", .flags = KEYWORD_PACKET | KEYWORD_PREFILTER,
	  .parse = dsize_parse, .match = dsize_match },
	{ .name = "bsize", .summary = "size of the buffer", .parse = bsize_parse },
	{ .name = "urilen", .summary = "size of the URI", .parse = urilen_parse },
	{ .name = "absent", .summary = "the buffer isn't there", .flags = KEYWORD_OPTIONAL_ARGUMENT,
	  .parse = absent_parse },
	{ .name = "base64_decode", .summary = "decodes base64, for base64_data", .flags = KEYWORD_OPTIONAL_ARGUMENT,
	  .parse = base64_decode_parse },
};

const struct keyword_table keywords_bytes = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
