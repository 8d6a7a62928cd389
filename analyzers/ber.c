/* ber.c - see ber.h. */
#include "analyzers/ber.h"

#include <stdio.h>

enum parse ber_header_read(struct reader *in, uint8_t *tag, uint32_t *len)
{
	uint8_t first;

	*tag = read_u8(in);
	first = read_u8(in);
	if (in->ran_out)
		return PARSE_MORE;
	if ((*tag & 0x1f) == 0x1f || first == 0x80 || first > 0x84)
		return PARSE_BAD;
	*len = first;
	if (first & 0x80) {
		*len = 0;
		for (unsigned i = 0; i < (first & 0x7fu); i++)
			*len = *len << 8 | read_u8(in);
	}
	return in->ran_out ? PARSE_MORE : PARSE_OK;
}

bool ber_next(struct reader *in, struct ber *out)
{
	uint32_t len;

	*out = (struct ber){ 0 };
	if (reader_left(in) == 0)
		return false;
	if (ber_header_read(in, &out->tag, &len) != PARSE_OK) {
		in->ran_out = true;
		return false;
	}
	out->value = read_slice(in, len);
	return !in->ran_out;
}

struct slice ber_expect(struct reader *in, uint8_t tag)
{
	struct ber e;

	if (ber_next(in, &e) && e.tag == tag)
		return e.value;
	in->ran_out = true;
	return slice_of(NULL, 0);
}

struct reader ber_expect_in(struct reader *in, uint8_t tag)
{
	struct reader inside = reader_slice(ber_expect(in, tag));

	inside.ran_out |= in->ran_out;
	return inside;
}

bool ber_optional(struct reader *in, uint8_t tag, struct slice *value)
{
	struct ber e;

	if (reader_left(in) == 0 || peek_u8(in) != tag || !ber_next(in, &e))
		return false;
	*value = e.value;
	return true;
}

int64_t ber_int(struct slice value)
{
	uint64_t v;

	if (value.len == 0 || value.len > 8)
		return 0;
	v = value.data[0] & 0x80 ? UINT64_MAX : 0;
	for (size_t i = 0; i < value.len; i++)
		v = v << 8 | value.data[i];
	return (int64_t)v;
}

size_t ber_oid_text(struct slice value, char *text, size_t cap)
{
	size_t len = 0;
	uint64_t part = 0;
	bool first = true;

	for (size_t i = 0; i < value.len; i++) {
		int n;

		if (part > UINT64_MAX >> 7)
			return 0;
		part = part << 7 | (value.data[i] & 0x7f);
		if (value.data[i] & 0x80)
			continue;
		if (first)
			n = snprintf(text + len, cap - len, "%u.%llu", part < 80 ? (unsigned)part / 40 : 2,
				     (unsigned long long)(part < 80 ? part % 40 : part - 80));
		else
			n = snprintf(text + len, cap - len, ".%llu", (unsigned long long)part);
		if (n < 0 || (size_t)n >= cap - len)
			return 0;
		len += (size_t)n;
		part = 0;
		first = false;
	}
	return len;
}
