/* asn1.c - asn1:bitstring_overflow, double_overflow, oversize_length N, absolute_offset N, relative_offset N.
 *
 * Walks the BER objects of the payload, outer and inner, in the order in which they stand; constructed ones are
 * entered by not skipping their content, so that no stack is needed and the work is linear. */
#include <errno.h>

#include "base/reader.h"
#include "rules/inspect.h"
#include "rules/parser.h"

#define OBJECTS_MAX 256

struct asn1 {
	bool bitstring, real, oversize;
	uint32_t length;
	uint32_t offset;
	bool relative;          /* to where the match before ended */
};

static uint64_t length_read(struct reader *in)
{
	uint8_t first = read_u8(in);
	uint64_t len = 0;

	if (!(first & 0x80))
		return first;
	for (int n = first & 0x7f; n > 0 && !in->ran_out; n--)
		len = len > UINT32_MAX ? UINT64_MAX : len << 8 | read_u8(in);
	return len;
}

static bool object_odd(const struct asn1 *a, uint8_t tag, uint64_t len, const struct reader *content)
{
	bool universal = !(tag & 0xe0);
	uint8_t first = peek_u8(content);

	if (a->oversize && len > a->length)
		return true;
	if (reader_left(content) == 0 || len == 0)
		return false;
	if (a->bitstring && universal && tag == 3 && (len - 1) * 8 < first)
		return true;
	return a->real && universal && tag == 9 && !(first & 0xc0) && len > 256;
}

static bool asn1_test(const struct inspect *in, const void *data, struct slice buffer)
{
	const struct asn1 *a = data;
	struct reader r;

	size_t offset = a->offset + (a->relative ? in->at : 0);

	if (offset >= buffer.len)
		return false;
	r = reader_slice(slice_skip(buffer, offset));
	for (int i = 0; i < OBJECTS_MAX && reader_left(&r) > 0; i++) {
		uint8_t tag = read_u8(&r);
		uint64_t len;

		if ((tag & 0x1f) == 0x1f)
			while ((read_u8(&r) & 0x80) && !r.ran_out)
				;
		len = length_read(&r);
		if (r.ran_out)
			return false;
		if (object_odd(a, tag, len, &r))
			return true;
		if (!(tag & 0x20))
			reader_skip(&r, len < reader_left(&r) ? len : reader_left(&r));
	}
	return false;
}

static int asn1_option(struct rule_parser *p, struct asn1 *a, struct slice word, struct slice value)
{
	uint32_t v = 0;
	bool number = text_u32(value, UINT32_MAX, &v);

	if (text_is(word, "bitstring_overflow")) {
		a->bitstring = true;
		return 0;
	}
	if (text_is(word, "double_overflow")) {
		a->real = true;
		return 0;
	}
	if (!text_is(word, "oversize_length") && !text_is(word, "absolute_offset") && !text_is(word, "relative_offset")) {
		rule_hint(p, "bitstring_overflow, double_overflow, oversize_length, absolute_offset, relative_offset");
		return rule_error(p, word.data, "asn1 doesn't know \"%.*s\"", SLICE_ARG(word));
	}
	if (!number)
		return rule_error(p, word.data, "%.*s needs a number", SLICE_ARG(word));
	if (text_is(word, "oversize_length")) {
		a->oversize = true;
		a->length = v;
	} else {
		a->offset = v;
		a->relative = text_is(word, "relative_offset");
	}
	return 0;
}

static int asn1_parse(struct rule_parser *p, const struct keyword *kw, struct slice argument, bool negated)
{
	struct asn1 *a = rule_alloc(p, sizeof(*a));
	struct slice rest = argument, part, word, value;
	struct match *m;

	(void)negated;
	if (a == NULL)
		return -ENOMEM;
	/* Options and numbers, with commas or blanks between. */
	while (text_part(&rest, ',', &part)) {
		while (text_word(&part, &word)) {
			struct slice peek = part;

			if (text_word(&peek, &value) && value.data[0] >= '0' && value.data[0] <= '9')
				part = peek;
			else if (rest.data != NULL && part.len == 0 && text_part(&(struct slice){ rest.data, rest.len }, ',', &value) &&
				 value.len > 0 && value.data[0] >= '0' && value.data[0] <= '9')
				text_part(&rest, ',', &value);
			else
				value = slice_of(NULL, 0);
			if (asn1_option(p, a, word, value) < 0)
				return -EINVAL;
		}
	}
	m = rule_match_add(p, rule_list(p), MATCH_CUSTOM);
	if (m == NULL)
		return -EINVAL;
	m->custom.keyword = kw;
	m->custom.data = a;
	m->custom.test = asn1_test;
	return 0;
}

static const struct keyword keywords[] = {
	{ .name = "asn1", .summary = "odd objects in ASN.1", .parse = asn1_parse },
};

const struct keyword_table keywords_asn1 = { keywords, sizeof(keywords) / sizeof(keywords[0]) };
