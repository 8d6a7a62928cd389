/* number.c - the one place where number tests are read and judged.
 *
 *	N  =N  !N  !=N  <N  <=N  >N  >=N  A-B  A<>B  !A-B  &MASK=N  &MASK!=N
 *
 * A range leaves out its ends: 2<>5 is 3 or 4. Numbers are decimal or hex and may carry a unit
 * (kib, mib, gib). A test that no number, or every number, would pass is a mistake. */
#include "analyzers/number.h"

#include <strings.h>

#include "base/text.h"

bool number_test_match(const struct number_test *t, uint64_t v)
{
	switch (t->op) {
	case '=':
		return v == t->a;
	case '!':
		return v != t->a;
	case '<':
		return v < t->a;
	case '>':
		return v > t->a;
	case 'l':
		return v <= t->a;
	case 'g':
		return v >= t->a;
	case 'r':
		return v > t->a && v < t->b;
	case 'x':
		return v <= t->a || v >= t->b;
	case '&':
		return (v & t->a) == t->b;
	case 'n':
		return (v & t->a) != t->b;
	}
	return false;
}

static bool number_read(struct slice s, uint64_t max, uint64_t *value)
{
	static const struct {
		const char *unit;
		unsigned shift;
	} units[] = { { "kib", 10 }, { "mib", 20 }, { "gib", 30 }, { "kb", 10 }, { "mb", 20 }, { "gb", 30 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		size_t len = strlen(units[i].unit);

		if (s.len > len && strncasecmp((const char *)s.data + s.len - len, units[i].unit, len) == 0 &&
		    !(s.len > 2 && s.data[1] == 'x')) {
			if (!text_u64(text_trim(slice_of(s.data, s.len - len)), value) ||
			    *value > max >> units[i].shift)
				return false;
			*value <<= units[i].shift;
			return true;
		}
	}
	return text_u64(s, value) && *value <= max;
}

static bool number_value(struct slice s, uint64_t max, const struct field_name *names, uint64_t *value)
{
	for (; names != NULL && names->text != NULL; names++) {
		if (text_is_nocase(s, names->text)) {
			*value = names->value;
			return true;
		}
	}
	return number_read(s, max, value);
}

/* "A-B" or "A<>B": where the separator stands, 0 = there is none. */
static size_t range_at(struct slice s, size_t *width)
{
	for (size_t i = 1; i < s.len; i++) {
		if (s.data[i] == '<' && i + 1 < s.len && s.data[i + 1] == '>') {
			*width = 2;
			return i;
		}
		if (s.data[i] == '-' && (s.data[i - 1] == ' ' || (s.data[i - 1] >= '0' && s.data[i - 1] <= '9') ||
					 (s.data[0] == '0' && s.len > 1 && s.data[1] == 'x'))) {
			*width = 1;
			return i;
		}
	}
	return 0;
}

static bool range_parse(struct number_test *out, struct slice s, uint64_t max, bool negated, const char **error)
{
	size_t width, at = range_at(s, &width);

	if (!number_read(text_trim(slice_head(s, at)), max, &out->a) ||
	    !number_read(text_trim(slice_skip(s, at + width)), max, &out->b)) {
		*error = "a range has two numbers, like 10<>20";
		return false;
	}
	if (out->b <= out->a || out->b - out->a < 2) {
		*error = "no number lies between the two (the ends don't count)";
		return false;
	}
	out->op = negated ? 'x' : 'r';
	return true;
}

static bool mask_parse(struct number_test *out, struct slice s, uint64_t max, const char **error)
{
	const uint8_t *eq = memchr(s.data, '=', s.len);
	struct slice mask, value;

	*error = "a bit test has the form &MASK=VALUE or &MASK!=VALUE";
	out->op = '&';
	if (eq == NULL)
		return false;
	mask = slice_of(s.data, (size_t)(eq - s.data));
	value = slice_skip(s, mask.len + 1);
	if (mask.len > 0 && mask.data[mask.len - 1] == '!') {
		out->op = 'n';
		mask.len--;
	}
	if (!number_read(text_trim(mask), max, &out->a) || !number_read(text_trim(value), max, &out->b))
		return false;
	if (out->b & ~out->a) {
		*error = "the value has bits outside the mask";
		return false;
	}
	return true;
}

/* Takes the operator off the front of *s; 0 where there is none. */
static uint8_t operator_take(struct slice *s)
{
	static const struct {
		const char *text;
		uint8_t op;
	} ops[] = { { "<=", 'l' }, { ">=", 'g' }, { "!=", '!' }, { "<", '<' }, { ">", '>' }, { "!", '!' }, { "=", '=' } };

	for (size_t i = 0; i < sizeof(ops) / sizeof(ops[0]); i++) {
		if (text_starts(*s, ops[i].text)) {
			*s = text_trim(slice_skip(*s, strlen(ops[i].text)));
			return ops[i].op;
		}
	}
	return 0;
}

bool number_test_parse(struct number_test *out, struct slice text, unsigned bits, const struct field_name *names,
		       const char **error)
{
	uint64_t max = bits >= 64 ? UINT64_MAX : ((uint64_t)1 << bits) - 1;
	struct slice s = text_trim(text);
	size_t width;
	uint8_t op;

	memset(out, 0, sizeof(*out));
	if (s.len > 0 && s.data[0] == '&')
		return mask_parse(out, slice_skip(s, 1), max, error);
	if (s.len > 0 && s.data[0] != '<' && s.data[0] != '>' && !number_value(s, max, names, &out->a)) {
		bool negated = s.data[0] == '!';
		struct slice range = negated ? text_trim(slice_skip(s, 1)) : s;

		if (range_at(range, &width) > 0 && !(names != NULL && number_value(range, max, names, &out->a)))
			return range_parse(out, range, max, negated, error);
	}
	op = operator_take(&s);
	out->op = op ? op : '=';
	if (!number_value(s, max, names, &out->a)) {
		*error = names != NULL ? "neither a number nor a known name" : "not a number that fits here";
		return false;
	}
	if ((out->op == '<' && out->a == 0) || (out->op == '>' && out->a == max)) {
		*error = "no number passes this test";
		return false;
	}
	if ((out->op == 'g' && out->a == 0) || (out->op == 'l' && out->a == max)) {
		*error = "every number passes this test";
		return false;
	}
	return true;
}
